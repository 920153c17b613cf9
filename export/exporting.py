"""From a run's checkpoint to the regressor's file, its report and its model card."""

from dataclasses import dataclass
from datetime import UTC, datetime
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.keypoints import MarkerSet, keypoints_from_pose
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.normalise import size_factor
from dancepose_addon.core.fit.regressor import RegressorInfo
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.sequence import Sequence
from trainer.checkpoint import Checkpoint
from trainer.errors import CheckpointError
from trainer.evaluation import evaluate_clip, summarise
from trainer.generator import SmplRegressor
from trainer.posebook import procedural_poses

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


@dataclass(frozen=True)
class Exported:
    """Paths of the three files, and the report as JSON values."""

    model: Path
    report_path: Path
    card: Path
    report: dict[str, Any]


def export_run(
    checkpoint: Checkpoint,
    body: BodyModel,
    out: Path,
    *,
    clips: list[Sequence],
    command: str = "",
    licence: str = LICENCE,
    progress: Progress = silent,
) -> Exported:
    """Write ``out`` (.onnx), and beside it the report (.json) and the model card (.md).

    clips: recordings to verify on and to measure errors with; where there are none, points made from procedural
    poses stand in for the verification. Nothing is left where the verification fails.

    Raises:
        CheckpointError: the run was trained on another body. RegressorError: the file differs from torch.
        OutputError: a file cannot be written.
    """
    if checkpoint.body["fingerprint"] != body.fingerprint:
        raise CheckpointError(
            f"The run was trained on the body {checkpoint.body['name']} ({checkpoint.body['fingerprint']}), not on "
            f"{body.name} ({body.fingerprint}). Give that body with --body."
        )
    config = checkpoint.config
    markers = MarkerSet.from_json(checkpoint.markers, "the run's markers")
    factor = size_factor(markers.rest_points(body.rest_joints()), markers.layout)
    generator = SmplRegressor(config.model, markers.layout.count)
    generator.load_state_dict(checkpoint.best_weights)
    exact = fold(generator.eval())
    stored = rounded(exact)
    info = regressor_info(checkpoint, markers, body, licence)
    progress(0.1, "Writing the graph")
    model = build_model(
        stored, info, normalise=config.data.normalise, size_factor=factor, facing=config.model.facing
    )  # fmt: skip

    def in_torch(network: FoldedRegressor) -> TorchRegressor:
        return TorchRegressor(network, markers.layout, config.data.normalise, factor, config.model.facing)

    checked = clips or [made_up_clip(markers, body)]
    with replacing(out) as temporary:
        onnx.save(model, str(temporary))
        progress(0.3, f"Verifying on {len(checked)} clips")
        verification, regressors = verify(temporary, checked, in_torch(exact), in_torch(stored))
    report: dict[str, Any] = {
        "file": out.name,
        "bytes": out.stat().st_size,
        "written": datetime.now(UTC).strftime("%Y-%m-%d"),
        "verification": verification,
    }
    if clips:
        progress(0.7, "Measuring errors")
        report["errors"] = summarise([evaluate_clip(regressors[0], body, clip) for clip in clips], markers.layout)
    report_path, card = out.with_suffix(".json"), out.with_suffix(".md")
    _write(report_path, json.dumps(report, indent=1) + "\n")
    _write(card, model_card(info, report, command))
    progress(1.0, f"Wrote {out}")
    return Exported(out, report_path, card, report)


def regressor_info(checkpoint: Checkpoint, markers: MarkerSet, body: BodyModel, licence: str) -> RegressorInfo:
    """The file's metadata."""
    config = checkpoint.config
    table = config.to_table()
    digest = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:16]
    normalisation = NORMALISATIONS[config.data.normalise]
    if config.model.facing:
        normalisation += "; turned about the vertical so that the left-right points lie along x, and the root back"
    return RegressorInfo(
        layout=markers.layout,
        markers=markers,
        body_fingerprint=body.fingerprint,
        normalisation=normalisation,
        rotation=ROTATIONS[config.model.rotation],
        licence=licence,
        name=f"{markers.layout.name}-{config.name}",
        training={
            "config": table,
            "config_sha256": digest,
            "steps": checkpoint.step,
            "data": checkpoint.summary,
            "body": checkpoint.body["name"],
        },
    )


def made_up_clip(markers: MarkerSet, body: BodyModel, frames: int = 512) -> Sequence:
    """Points of procedural poses, for a verification without recordings."""
    pose = procedural_poses(frames, seed=1)
    return Sequence(
        np.ascontiguousarray(keypoints_from_pose(markers, body.rest_joints(), pose)), 30.0, markers.layout,
        source="procedural poses",
    )  # fmt: skip


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
