# SPDX-License-Identifier: Apache-2.0
"""Contribution of each choice of the best preset: one setting changed at a time, short runs of equal length.

    python -m benchmarks.ablations --poses POSES --known FOLDER --motion M&D-FOLDER [--row NAME] [--steps N]

POSES is the output of `dancepose poses FOLDER --apart 35 --fps 30`; FOLDER contains CMU's recordings. Rows vary the
preset as it was before natural poses were thinned to 9 mm (EARLIER): all ten layouts, and more augmented poses.

Every row is a separate training, and its results are stored as JSON in ``benchmarks/results/ablations``; rows with
results are not run again. ``benchmarks/ablations.md`` is written from these results. All errors are of the regressor
alone: mean local rotation error and mean vertex error on natural clips that no row is trained on, for smpl24 and md23,
and mean key-point error on recorded clips (for rows trained on recordings: those of the test split).
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import tempfile
import time
from typing import Any, Final

import torch

from dancepose.export.run_regressor import RunRegressor, regressors_of
from dancepose.trainer.checkpoint import load_checkpoint
from dancepose.trainer.config import Config, load_config
from dancepose.trainer.data.batches import load_data
from dancepose.trainer.data.recordings import read_clips, split_clips
from dancepose.trainer.evaluation.regressor_metrics import (
    KnownClip,
    evaluate_clip,
    evaluate_known,
    load_known_clips,
    summarise,
)
from dancepose.trainer.loop import TrainOptions, train
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body

FOLDER: Final = Path(__file__).parent / "results" / "ablations"
TABLE: Final = Path(__file__).parent / "ablations.md"
HOLDOUT: Final = 0.15
TEN: Final = "md23+smpl24+smpl22+coco17+body25+h36m17+kinect25+azure32+smplh52+smplx55"
"""The layouts of the time, since later ones would change the batch."""
EARLIER: Final = (
    f"data.layout={TEN}", "data.procedural_share=0.3", "augment.recombine=0.25", "augment.noisy_share=0.6",
)  # fmt: skip
SHORT: Final = ("data.procedural_poses=20000", "optim.ema_decay=0.99")
"""Settings of short runs, which need a faster moving average."""


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        title: Title in the table.
        preset: Preset of the run.
        settings: Overrides of the preset.
        scale: Factor of the number of steps, for runs of equal work.
        motion: Whether it is trained on recordings.
        steps: Number of steps instead of the common one, or None.
    """

    title: str
    preset: str = "best"
    settings: tuple[str, ...] = ()
    scale: float = 1.0
    motion: bool = False
    steps: int | None = None


ROWS: Final = {
    "best": Row("best: one network for all ten layouts"),
    "seed": Row("another seed (noise of the figures)", settings=("seed=1",)),
    "local": Row("local instead of global rotations", settings=("model.frame=local",)),
    "points": Row("input: points only", settings=("model.features=points",)),
    "directions": Row("input: points and directions, no planes", settings=("model.features=directions",)),
    "rotvec": Row("rotation vectors instead of 6D", settings=("model.rotation=rotvec", "model.frame=local")),
    "heading": Row("without rotation to face +z", settings=("model.facing=false",)),
    "adversarial": Row("with the adversarial term, 0.07", settings=("loss.lambda_adv=0.07",)),
    "no-rotation": Row(
        "without rotation terms (positions only)", settings=("loss.lambda_rotation=0", "loss.lambda_global=0")
    ),
    "no-local": Row("without the local rotation term", settings=("loss.lambda_rotation=0",)),
    "no-global": Row("without the global rotation term", settings=("loss.lambda_global=0",)),
    "mean-target": Row("L_3d to the mean body's points", settings=("loss.target=mean",)),
    "no-average": Row("without averaged weights", settings=("optim.ema_decay=0",)),
    "constant": Row("constant learning rate 1e-3, no schedule", settings=("optim.schedule=constant", "optim.lr=1e-3")),
    "slow": Row("peak learning rate 1e-3", settings=("optim.lr=1e-3",)),
    "no-decay": Row("no weight decay", settings=("optim.weight_decay=0",)),
    "no-procedural": Row("without procedural poses", settings=("data.procedural_share=0",)),
    "no-variation": Row(
        "poses neither recombined nor perturbed", settings=("augment.recombine=0", "augment.joint_noise_deg=0")
    ),
    "no-shapes": Row("one body shape", settings=("augment.betas_std=0",)),
    "no-noise": Row(
        "without sensor errors",
        settings=("augment.noise_m=0", "augment.displaced=0", "augment.gap=0", "augment.offset_m=0"),
    ),
    "float32": Row("products in float32", settings=("optim.bf16_matmul=false",)),
    "narrow": Row("width 512", settings=("model.width=512",)),
    "deep": Row("three blocks", settings=("model.blocks=3",)),
    "alone-smpl24": Row("smpl24 only, equal number of steps", settings=("data.layout=smpl24",)),
    "alone-smpl24-share": Row("smpl24 only, a sixth of the steps", settings=("data.layout=smpl24",), scale=1 / 6),
    "alone-md23": Row("md23 only, equal number of steps", settings=("data.layout=md23",)),
    "alone-md23-share": Row("md23 only, a sixth of the steps", settings=("data.layout=md23",), scale=1 / 6),
    "paper": Row("paper preset, 14,000 of its 20,000 steps", preset="paper", motion=True, steps=14000),
    "recordings": Row(
        "best, md23, 70 % of each batch recorded, twice the steps (a recipe: not shipped)",
        settings=("data.layout=md23", "data.motion_share=0.7", "loss.lambda_adv=0.07"),
        motion=True,
        steps=22000,
    ),
}  # fmt: skip


def run_row(
    row: Row,
    common_steps: int,
    body: BodyModel,
    poses: Path,
    known: Sequence[KnownClip],
    motion: tuple[Path, ...],
    folder: Path,
) -> dict[str, Any]:
    """Train and evaluate one row.

    Args:
        row: The row.
        common_steps: Number of steps of most rows.
        body: The body.
        poses: Natural poses.
        known: Clips with known rotations.
        motion: Folders of recordings.
        folder: Folder of the run; an interrupted run is resumed.

    Returns:
        JSON values.
    """
    steps = row.steps or max(1, round(row.scale * common_steps))
    settings = row.settings if row.steps else (*SHORT, *row.settings)
    if "optim.ema_decay=0" in row.settings:
        settings = (SHORT[0], *row.settings)
    if row.preset == "best":
        settings = (*EARLIER, *settings)
    config = load_config(row.preset, (*settings, f"data.holdout={HOLDOUT}", f"optim.steps={steps}"))
    data = load_data(config, body, motion=motion if row.motion else (), poses=poses)
    began_s = time.perf_counter()
    checkpoint = load_checkpoint(train(config, data, body, folder, TrainOptions(resume=True)))
    table: dict[str, Any] = {
        "title": row.title,
        "preset": row.preset,
        "settings": list(settings),
        "steps": steps,
        "batch": config.optim.batch,
        "seconds": round(time.perf_counter() - began_s, 1),
    }
    for regressor in regressors_of(checkpoint, body):
        name = regressor.info.layout.name
        if name in ("smpl24", "md23"):
            table[name] = _short(
                summarise([evaluate_known(regressor, body, clip) for clip in known], regressor.info.layout)
            )
        if name == "md23" and motion:
            table["recorded"] = _recorded(regressor, config, body, motion, trained_on=row.motion)
    return table


def _recorded(
    regressor: RunRegressor, config: Config, body: BodyModel, motion: tuple[Path, ...], *, trained_on: bool
) -> dict[str, Any]:
    clips = read_clips(motion, "md23")
    if trained_on:
        _, test = split_clips([Path(clip.source).name for clip in clips], config)
        clips = [clips[index] for index in test]
    return _short(summarise([evaluate_clip(regressor, body, clip) for clip in clips], regressor.info.layout))


def _short(table: dict[str, Any]) -> dict[str, Any]:
    wanted = ("clips", "frames", "mean_mm", "p95_frame_mm", "forward", "backward", "rotation_deg", "pve_mm")
    return {key: table[key] for key in wanted if key in table}


def table_of(results: dict[str, dict[str, Any]]) -> str:
    """Format all results as Markdown."""
    head = ["smpl24: degrees", "vertices, mm", "md23: degrees", "vertices, mm", "M&D, mm", "forward / backward, mm"]
    lines = [
        "# Ablations", "",
        (__doc__ or "").split("\n\n")[0], "",
        "Made by `python -m benchmarks.ablations --poses POSES --known CMU --motion M&D` from the numbers in",
        "`benchmarks/results/ablations`, which contain each run's settings. Natural motion: CMU, 9 of 58 clips held",
        "out (rotations and vertices are measured on these). M&D: 22 clips of the 2019 release; a row trained on",
        "recordings is measured on the 4 clips of its test split. The runs are short: the ranking may differ after ten",
        "hours. Rows of `best` vary the preset as it was with natural poses thinned to 35 mm and more augmented poses,",
        "for all ten layouts (`EARLIER` in the program, `poses --apart 35 --fps 30`). Later changes are described in",
        "docs/train.md.",
        "",
        "| run | steps x batch | " + " | ".join(head) + " |",
        "|---|---|" + "---|" * len(head),
    ]  # fmt: skip
    lines += [_line({**results[name], "title": ROWS[name].title}) for name in ROWS if name in results]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> str:
    cells = [row["title"], f"{row['steps']} x {row['batch']}"]
    for layout in ("smpl24", "md23"):
        found = row.get(layout)
        cells += [f"{found['rotation_deg']:.2f}", f"{found['pve_mm']:.1f}"] if found else ["", ""]
    recorded = row.get("recorded")
    if recorded:
        cells += [f"{recorded['mean_mm']:.1f}", f"{recorded['forward']['mean_mm']} / {recorded['backward']['mean_mm']}"]
    else:
        cells += ["", ""]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run the missing rows and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=Path, help="Natural poses to learn from.")
    parser.add_argument("--known", type=Path, help="CMU .bvh folder: what is held out of it is measured on.")
    parser.add_argument("--motion", type=Path, action="append", default=[], help="Folder of M&D clips.")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="Only this row. Repeatable.")
    parser.add_argument("--runs", type=Path, help="Keep the runs here; one that was broken off continues.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if arguments.poses is not None and arguments.known is not None:
        body = load_body(None)
        known = load_known_clips(arguments.known, body, holdout=HOLDOUT)
        for name in arguments.row or ROWS:
            path = FOLDER / f"{name}.json"
            if path.is_file() or (ROWS[name].motion and not arguments.motion):
                continue
            with tempfile.TemporaryDirectory() as temporary_folder:
                result = run_row(
                    ROWS[name], arguments.steps, body, arguments.poses, known, tuple(arguments.motion),
                    (arguments.runs or Path(temporary_folder)) / name,
                )  # fmt: skip
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(_line(result), flush=True)
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    with replacing(TABLE) as temporary:
        temporary.write_text(table_of(results), encoding="utf-8")
    print(f"{TABLE}: {len(results)} of {len(ROWS)} rows")


if __name__ == "__main__":
    main()
