# SPDX-License-Identifier: Apache-2.0
"""Export a checkpoint to a regressor file with report and model cards."""

from dataclasses import dataclass
from datetime import UTC, datetime
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import onnx
import torch

from dancepose.trainer.body.layout_batch import LayoutBatch, build_layout_batch
from dancepose.trainer.checkpoint import Checkpoint
from dancepose.trainer.data.recordings import clip_names
from dancepose.trainer.evaluation.evaluation_plot import plot_frames
from dancepose.trainer.evaluation.regressor_metrics import (
    ClipErrors,
    KnownClip,
    evaluate_clip,
    evaluate_known,
    seen_through,
    summarise,
)
from dancepose.trainer.mocap.procedural_poses import procedural_poses
from dancepose.trainer.model.generator import build_generator
from dancepose.trainer.training_errors import CheckpointError
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.regressor import HEADING_BLIND, PoseRegressor, RegressorInfo
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.markers import MarkerSet
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .exported_files import cards_beside, report_beside
from .folding import FoldedRegressor, fold, rounded
from .graph import build_model
from .model_card import model_card
from .verification import TorchRegressor, verify

LICENCE: Final = (
    "Free for any use. If it was trained on motion from mocap.cs.cmu.edu, acknowledge that site; the database was "
    "created with funding from NSF EIA-0196217. Weights trained on other data carry that data's terms."
)
NORMALISATIONS: Final = {
    "max": "centred on the mean of the frame's points, divided by the clip's largest coordinate",
    "size": "centred on the mean of the frame's points, divided by the clip's mean sum of edge lengths times a factor",
}
ROTATIONS: Final = {
    "rotvec": "24 rotation vectors, Rodrigues' formula",
    "rot6d": "24 pairs of columns, Gram-Schmidt (Zhou et al. 2019)",
}
FRAMES: Final = {
    "local": ", against the parent",
    "global": ", against the world, from which those against the parent follow",
}


@dataclass(frozen=True)
class Exported:
    """Result of an export.

    Attributes:
        model: Path of the .onnx file.
        report_path: Path of the report.
        cards: Paths of the model cards.
        report: The report as JSON values.
    """

    model: Path
    report_path: Path
    cards: tuple[Path, ...]
    report: dict[str, Any]


@dataclass(frozen=True)
class Truths:
    """Ground truth to measure a regressor with.

    Attributes:
        clips: Recordings of any layouts.
        known: Motion whose pose is known.
    """

    clips: tuple[KeypointSequence, ...] = ()
    known: tuple[KnownClip, ...] = ()


def export_run(
    checkpoint: Checkpoint,
    body: BodyModel,
    out: Path,
    *,
    truths: Truths,
    command: str = "",
    licence: str = LICENCE,
    pictures: Path | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write the regressor, and beside it the report (.json) and a model card (.md) for each layout.

    Nothing is left behind if the verification fails.

    Args:
        checkpoint: Checkpoint of the run.
        body: The body that it was trained on.
        out: File to write, .onnx.
        truths: What to verify on and to measure errors with. Without any, verification uses procedural poses.
        command: Commands that trained it, for the model cards.
        licence: Licence of the weights.
        pictures: Folder for a picture of each layout's worst and median frames, or None.
        progress: Called with the fraction done and a message.

    Returns:
        Paths and report.

    Raises:
        CheckpointError: The run was trained on another body.
        RegressorError: The file differs from torch.
        OutputError: A file cannot be written.
        ConfigError: Pictures without matplotlib.
    """
    if checkpoint.body["fingerprint"] != body.fingerprint:
        raise CheckpointError(
            f"The run was trained on the body {checkpoint.body['name']} ({checkpoint.body['fingerprint']}), not on "
            f"{body.name} ({body.fingerprint}). Give that body with --body."
        )
    config = checkpoint.config
    tables = checkpoint.marker_sets
    layout_batch = build_layout_batch(body, tables, torch.eye(3).repeat(1, 24, 1, 1))
    exact = _folded(checkpoint, layout_batch)
    stored = rounded(exact)
    progress(0.05, "Writing the graph")
    model = build_model(
        stored,
        regressor_info(checkpoint, tables, body, licence),
        layout_batch,
        config.model,
        normalise=config.data.normalise,
    )
    report: dict[str, Any] = {"file": out.name, "written": datetime.now(UTC).strftime("%Y-%m-%d"), "layouts": {}}
    rows, measured = report["layouts"], {}
    with replacing(out) as temporary:
        onnx.save(model, str(temporary))
        for index, markers in enumerate(tables):
            progress(0.1 + 0.8 * index / len(tables), f"Verifying and measuring {markers.layout.name}")
            recorded = [clip for clip in truths.clips if clip.layout == markers.layout]
            seen = [seen_through(clip, markers, body) for clip in truths.known]
            folded = (exact.only(index), stored.only(index))
            references = [
                TorchRegressor(f, layout_batch.only(index), config.model, config.data.normalise) for f in folded
            ]
            checked = recorded or seen or [made_up_clip(markers, body)]
            verification, regressors = verify(temporary, checked, *references)
            row = rows[markers.layout.name] = {"verification": verification}
            measured[markers.layout.name] = _measure(row, regressors[0], body, recorded, truths.known)
    report["bytes"] = out.stat().st_size
    report_path = report_beside(out)
    _write(report_path, json.dumps(report, indent=1) + "\n")
    cards = cards_beside(out, [markers.layout.name for markers in tables])
    for markers, card in zip(tables, cards, strict=True):
        name = markers.layout.name
        info = regressor_info(checkpoint, tables, body, licence, markers)
        picture = None
        if pictures is not None and measured[name]:
            picture = plot_frames(measured[name], markers.layout, pictures / f"{name}.png")
        _write(card, model_card(info, rows[name], command, file=out.name, picture=picture))
    progress(1.0, f"Wrote {out}")
    return Exported(out, report_path, tuple(cards), report)


def _folded(checkpoint: Checkpoint, layout_batch: LayoutBatch) -> FoldedRegressor:
    generator = build_generator(checkpoint.config, layout_batch)
    checkpoint.load_weights(generator, checkpoint.best)
    return fold(generator.eval())


def _measure(
    row: dict[str, Any],
    regressor: PoseRegressor,
    body: BodyModel,
    recorded: list[KeypointSequence],
    known: tuple[KnownClip, ...],
) -> list[ClipErrors]:
    """Add errors to a layout's row; return those with known pose if there are any, else those of recordings."""
    layout = regressor.info.layout
    named = zip(recorded, clip_names(recorded), strict=True)
    recorded_errors = [evaluate_clip(regressor, body, clip, name) for clip, name in named]
    known_errors = [evaluate_known(regressor, body, clip) for clip in known]
    if recorded_errors:
        row["recorded"] = summarise(recorded_errors, layout)
    if known_errors:
        row["known"] = summarise(known_errors, layout)
    return known_errors or recorded_errors


def regressor_info(
    checkpoint: Checkpoint, tables: list[MarkerSet], body: BodyModel, licence: str, markers: MarkerSet | None = None
) -> RegressorInfo:
    """Return the metadata of the file from the viewpoint of one of its layouts (the first by default)."""
    config = checkpoint.config
    chosen = tables[0] if markers is None else markers
    table = config.to_table()
    digest = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:16]
    normalisation = NORMALISATIONS[config.data.normalise]
    if config.model.facing:
        normalisation += f"; {HEADING_BLIND} so that the left-right points lie along x, and the root back"
    return RegressorInfo(
        layout=chosen.layout,
        markers=chosen,
        shared=tuple(tables) if len(tables) > 1 else (),
        body_fingerprint=body.fingerprint,
        normalisation=normalisation,
        rotation=ROTATIONS[config.model.rotation] + FRAMES[config.model.frame],
        licence=licence,
        name=config.name if len(tables) > 1 else f"{chosen.layout.name}-{config.name}",
        training={
            "config": table,
            "config_sha256": digest,
            "steps": checkpoint.step,
            "data": {key: value for key, value in checkpoint.summary.items() if key != "twist_model"},
            # What the rotations follow, for the fit; see ``core.fit.regressor.twist_of``.
            **({"twist_model": checkpoint.summary["twist_model"]} if "twist_model" in checkpoint.summary else {}),
            "body": checkpoint.body["name"],
        },
    )


def made_up_clip(markers: MarkerSet, body: BodyModel, frames: int = 512) -> KeypointSequence:
    """Return points of procedural poses, for a verification without recordings."""
    pose = procedural_poses(frames, seed=1)
    return seen_through(KnownClip("procedural poses", pose), markers, body)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
