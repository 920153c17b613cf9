# SPDX-License-Identifier: Apache-2.0
"""``dancepose evaluate``: measure the errors of a regressor on recordings and on motion with known rotations."""

from collections.abc import Callable, Iterable
from functools import partial
import os
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.errors import OptionError, OutputError
from dancepose_addon.core.stored_tables import has_keys

from .arguments import BodyOption, DeviceOption, known_layout, number
from .display import list_results, progress_bar
from .output_checks import EVALUATION_FILES, check_files

RegressorArgument = Annotated[
    Path | None, typer.Argument(help="The .onnx file; by default the bundled one for --layout.")
]
LayoutOption = Annotated[
    str, typer.Option("--layout", metavar="NAME", help="Set the layout of the regressor and of the recordings.")
]
MotionOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="Measure on recorded keypoints: a folder of clips, or one clip; repeatable."),
]
KnownOption = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Measure on motion with known rotations: a folder of CMU .bvh or AMASS .npz."),
]
HoldOutOption = Annotated[
    float | None,
    typer.Option(
        "--hold-out",
        metavar="SHARE",
        parser=number("--hold-out", float, 0.0, 1.0),
        help="Measure on this share of --known instead of the share that training held out.",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Write tables (.json) and plots (.png) here.")
]


def evaluate_command(
    regressor: RegressorArgument = None,
    layout: LayoutOption = "md23",
    motion: MotionOption = None,
    known: KnownOption = None,
    hold_out: HoldOutOption = None,
    out: OutOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
) -> None:
    """Measure the errors of a regressor without refinement: per clip, point and joint, and the worst frames."""
    from dancepose.trainer.device import require_torch

    if not motion and known is None:
        raise typer.BadParameter("No data to measure on; give --motion, --known or both.")
    if hold_out is not None and known is None:
        raise OptionError("--hold-out has no effect without --known. Add --known, or omit --hold-out.")
    kinds = [kind for kind, given in (("recorded", motion), ("known", known)) if given]
    inputs = (regressor, *(motion or ()), known, body, layout)
    written = [f"{kind}{end}" for kind in kinds for end in EVALUATION_FILES]
    check_files({}, inputs, folders={"--out": out}, names={"--out": written})
    if out is not None:
        _require_own(out, kinds)
    known_layout(layout)
    require_torch()
    from dancepose.trainer.data.recordings import clip_names, read_clips
    from dancepose.trainer.evaluation import regressor_metrics as metrics
    from dancepose.trainer.evaluation.evaluation_report import format_evaluation, write_evaluation
    from dancepose_addon.core.body.model_io import load_body
    from dancepose_addon.core.printable_text import escaped_lines
    from dancepose_addon.inference import open_regressor

    opened = open_regressor(regressor, layout=layout, device=device or "auto")
    model = load_body(body)
    share = opened.info.training.get("config", {}).get("data", {}).get("holdout", 0.0) if hold_out is None else hold_out
    results: dict[str, Path | None] = {}
    with progress_bar() as display:
        for kind in ("recorded", "known"):
            work: list[Callable[[], metrics.ClipErrors]] = []
            if kind == "recorded" and motion:
                clips = read_clips(tuple(motion), layout)
                work = [
                    partial(metrics.evaluate_clip, opened, model, clip, name)
                    for clip, name in zip(clips, clip_names(clips), strict=True)
                ]
            elif kind == "known" and known is not None:
                held_out = metrics.load_known_clips(known, model, holdout=share)
                work = [partial(metrics.evaluate_known, opened, model, clip) for clip in held_out]
            if not work:
                continue
            errors = []
            for index, measure in enumerate(work):
                display.progress(index / len(work), f"Measuring {kind} motion: clip {index + 1} of {len(work)}")
                errors.append(measure())
            table = metrics.summarise(errors, opened.info.layout)
            print(escaped_lines(format_evaluation(kind, table)))
            if out is not None:
                results |= write_evaluation(errors, table, opened.info.layout, out, kind)
    list_results(results)


def _require_own(out: Path, kinds: Iterable[str]) -> None:
    """Refuse to replace files of an evaluation's names that no evaluation wrote."""
    for kind in kinds:
        files = [out / f"{kind}{end}" for end in EVALUATION_FILES]
        found = next(filter(os.path.lexists, files), None)
        if found is not None and not has_keys(files[0], "clips", "frames", "by_clip"):
            raise OutputError(f"{found} is of no evaluation, and would be replaced. Choose an empty or new folder.")
