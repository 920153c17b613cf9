# SPDX-License-Identifier: Apache-2.0
"""``dancepose calibrate``: learn how the points of a layout are attached to the body."""

from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError, OptionError
from dancepose_addon.core.skeleton.layout_file import table_of, write_layout
from dancepose_addon.core.skeleton.markers import MarkerSet, layout_with
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .arguments import MAX_SEED, BodyOption, ReadOption, known_layout, number
from .display import list_results, progress_bar
from .output_checks import LAYOUT, PLOT, TABLE, check_files

MotionArgument = Annotated[
    Path, typer.Argument(help="Folder of recorded clips (M&D folders or array files), or one clip.")
]
LayoutOption = Annotated[
    str, typer.Option("--layout", metavar="NAME", help="Set the layout of the clips: a name or a .toml file.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the marker table (.json) or the layout (.toml) here."),
]
FramesOption = Annotated[
    int,
    typer.Option(
        "--frames", metavar="N", parser=number("--frames", int, 20), help="Learn from N frames of all clips together."
    ),
]
TestClipOption = Annotated[
    list[str] | None,
    typer.Option("--test-clip", metavar="CLIP", help="Test on this clip instead of learning from it; repeatable."),
]
StartOption = Annotated[
    Path | None,
    typer.Option("--start", metavar="FILE", help="Refine this marker table (.json) with the poses of the fit instead."),
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the points on the body here, .png, .pdf, .svg or .jpg."),
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write residuals per point and clip here, .json.")
]
GuessOption = Annotated[
    bool,
    typer.Option("--guess", help="Estimate first which bones the points of an unknown layout are attached to."),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed",
        parser=number("--seed", int, 0, MAX_SEED),
        metavar="N",
        help="Set the random seed of the choice of frames.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads", metavar="N", parser=number("--threads", int, 1), help="Limit torch to N processor threads."
    ),
]


def calibrate_command(
    context: typer.Context,
    motion: MotionArgument,
    layout: LayoutOption = "md23",
    out: OutOption = None,
    frames: FramesOption = 1600,
    test_clip: TestClipOption = None,
    start: StartOption = None,
    plot: PlotOption = None,
    report: ReportOption = None,
    guess: GuessOption = False,
    read: ReadOption = None,
    body: BodyOption = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Learn from recordings how the points of a layout are attached to the body.

    With --guess, OUT (.toml) becomes a layout of these points; check it with the printed table and --plot.
    """
    from dancepose.trainer.device import choose_device, require_torch

    outputs = {"--out": (out, (".json", *LAYOUT)), "--report": (report, TABLE), "--plot": (plot, PLOT)}
    _require_effect(context, guess=guess, start=start)
    check_files(outputs, (motion, start, body, known_layout(layout)))
    require_torch()
    choose_device("cpu", threads)
    from dancepose.trainer.calibration.calibration_report import (
        calibration_report,
        format_calibration,
        provenance,
        require_clips,
        split,
    )
    from dancepose.trainer.calibration.solve import CalibrationSettings, calibrate as learn
    from dancepose.trainer.data.recordings import clip_paths, read_clips
    from dancepose_addon.core.body.model_io import load_body
    from dancepose_addon.core.fit.temporal.exchanges import without_exchanges

    model = load_body(body)
    require_clips([path.name for path in clip_paths(motion)], tuple(test_clip or ()))
    before = None if start is None else MarkerSet.load(start)
    if guess:
        layout = str(_guess(motion, out, read, model, seed))
    learning, checking = split(read_clips((motion,), layout), tuple(test_clip or ()))
    if before is not None:
        _solve_again(before, learning, checking, model, out)
        return
    learning, checking = ([without_exchanges(clip) for clip in clips] for clips in (learning, checking))
    settings = CalibrationSettings(frames=frames, seed=seed)
    with progress_bar() as display:
        found = learn(learning, model, settings, held_out=checking, progress=display.progress)
    markers = replace(found.markers, provenance=provenance(found, learning, settings))
    summary = calibration_report(found, learning, checking, settings)
    _write_markers(out, markers)
    if report is not None:
        with replacing(report) as temporary:
            temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        _draw(plot, markers, model)
    print(format_calibration(summary))
    list_results({"markers": out, "report": report, "picture": plot})


def _require_effect(context: typer.Context, *, guess: bool, start: Path | None) -> None:
    """Refuse options that the way of learning does not use."""
    unused = {"read": "--guess"} if not guess else {"layout": "", "start": ""}
    if start is not None and not guess:
        unused |= dict.fromkeys(("frames", "seed", "plot", "report"), "")
    for name, needed in unused.items():
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        if needed:
            raise OptionError(f"--{name} has no effect without {needed}. Add {needed}, or omit --{name}.")
        raise OptionError(f"--{name} has no effect with {'--guess' if guess else '--start'}. Omit one of them.")


def _write_markers(out: Path | None, markers: MarkerSet) -> None:
    """Write a layout if the name ends in .toml, else a marker table; write nothing without a name."""
    if out is None:
        return
    if out.suffix == ".toml":
        write_layout(out, table_of(layout_with(markers)))
        return
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(markers.to_json(), indent=1) + "\n", encoding="utf-8")


def _draw(plot: Path, markers: MarkerSet, body: BodyModel) -> None:
    from dancepose.trainer.calibration.calibration_plot import plot_markers

    with replacing(plot) as temporary:
        plot_markers(markers, body, temporary)


def _guess(motion: Path, out: Path | None, read: str | None, body: BodyModel, seed: int) -> Path:
    """Write the most likely layout of the points to ``out``, print it, and return its path."""
    from dancepose.trainer.calibration.guess_bones import guess_assignment
    from dancepose.trainer.calibration.guessed_layout import describe_guess, layout_table
    from dancepose.trainer.calibration.unlabelled_points import read_unlabelled
    from dancepose_addon.core.skeleton.recording import Hints

    if out is None or out.suffix != ".toml":
        raise InputError("--guess writes a layout. Give --out with a name that ends in .toml.")
    names, points = read_unlabelled(motion, Hints().with_text(read))
    with progress_bar() as display:
        found = guess_assignment(points, body, seed=seed, progress=display.progress)
    print(describe_guess(found, names))
    write_layout(out, layout_table(found, names, points, body, out.stem))
    return out


def _solve_again(
    before: MarkerSet,
    learning: Sequence[KeypointSequence],
    checking: Sequence[KeypointSequence],
    body: BodyModel,
    out: Path | None,
) -> None:
    """Refine a marker table with the poses of the fit, and print the residuals before and after."""
    from dancepose.trainer.calibration.joint_refinement import ROUNDS, polish, residual_mm
    from dancepose_addon.inference import open_regressor

    regressor = open_regressor(None, layout=before.layout.name)
    with progress_bar() as display:
        after = polish(before, learning, body, regressor, progress=display.progress)
    said = []
    for name, clips in (("", learning), (" on clips not learned from", checking)):
        if clips:
            left = [residual_mm(table, clips, body, regressor) for table in (before, after)]
            said.append(f"{left[0]:.2f} to {left[1]:.2f} mm{name}")
    text = f"{ROUNDS} rounds with the fit on {counted(len(learning), 'clip')}: mean residual from {', '.join(said)}"
    _write_markers(out, replace(after, provenance=f"{before.provenance}; {text}"))
    print(text)
    list_results({"markers": out})
