"""``dancepose calibrate``: learn where the points of a layout ride on the body."""

from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layout_file import table_of, write_layout
from dancepose_addon.core.skeleton.markers import MarkerSet, layout_with
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .arguments import BodyOption, ReadOption
from .display import list_results, progress_bar
from .output_checks import LAYOUT, PLOT, TABLE, check_files


def calibrate_command(
    motion: Annotated[Path, typer.Argument(help="Folder of recorded clips (M&D folders or array files), or one clip.")],
    layout: Annotated[str, typer.Option("--layout", help="Layout of the clips, by name or as a .toml.")] = "md23",
    out: Annotated[Path | None, typer.Option("--out", help="Marker table to write, .json; or layout, .toml.")] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=20, help="Frames to learn from, of all clips together.")
    ] = 1600,
    hold_out: Annotated[
        list[str] | None,
        typer.Option("--hold-out", help="Name of a clip to check on and not to learn from. Repeatable."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Marker table, .json, to solve again with the poses of the fit; none is learned."),
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Also draw the points on the body, .png.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write residuals per point and clip, .json.")
    ] = None,
    guess: Annotated[
        bool,
        typer.Option("--guess", help="The points are of no known layout: first find out which bones they ride on."),
    ] = False,
    read: ReadOption = None,
    body: BodyOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the choice of frames.")] = 0,
    threads: Annotated[int | None, typer.Option("--threads", help="Processor threads for torch.", min=1)] = None,
) -> None:
    """Learn from recordings where the points of a layout ride on the body.

    With --guess, OUT (.toml) becomes a layout of these points; whether it is right is seen from the table and --plot.
    """
    from dancepose.trainer.device import choose_device, require_torch

    outputs = {"--out": (out, (".json", *LAYOUT)), "--report": (report, TABLE), "--plot": (plot, PLOT)}
    check_files(outputs, (motion, start, body, layout))
    require_torch()
    choose_device("cpu", threads)
    from dancepose.trainer.calibration.calibration_report import (
        calibration_report,
        format_calibration,
        provenance,
        split,
    )
    from dancepose.trainer.calibration.solve import CalibrationSettings, calibrate as learn
    from dancepose.trainer.data.recordings import read_clips
    from dancepose_addon.core.body.model_io import load_body

    model = load_body(body)
    if guess:
        layout = str(_guess(motion, out, read, model, seed))
    settings = CalibrationSettings(frames=frames, seed=seed)
    learning, checking = split(read_clips((motion,), layout), tuple(hold_out or ()))
    if start is not None:
        _solve_again(start, learning, checking, model, out)
        return
    with progress_bar() as display:
        found = learn(learning, model, settings, held_out=checking, progress=display.progress)
    markers = replace(found.markers, provenance=provenance(found, learning, settings))
    summary = calibration_report(found, learning, checking, settings)
    _write_markers(out, markers)
    if report is not None:
        with replacing(report) as temporary:
            temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        from dancepose.trainer.calibration.calibration_plot import plot_markers

        with replacing(plot) as temporary:
            plot_markers(markers, model, temporary)
    print(format_calibration(summary))
    list_results({"markers": out, "report": report, "picture": plot})


def _write_markers(out: Path | None, markers: MarkerSet) -> None:
    """As a layout where the name ends in .toml, else as a marker table; nothing where there is no name."""
    if out is None:
        return
    if out.suffix == ".toml":
        write_layout(out, table_of(layout_with(markers)))
        return
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(markers.to_json(), indent=1) + "\n", encoding="utf-8")


def _guess(motion: Path, out: Path | None, read: str | None, body: BodyModel, seed: int) -> Path:
    """Write the layout that the points are likely of to ``out``, say what it is, and return its path."""
    from dancepose.trainer.calibration.guess_bones import guess_assignment
    from dancepose.trainer.calibration.guessed_layout import describe_guess, layout_table
    from dancepose.trainer.calibration.unlabelled_points import read_unlabelled
    from dancepose_addon.core.skeleton.recording import Hints

    if out is None or out.suffix != ".toml":
        raise InputError("--guess makes a layout: give --out with a name that ends in .toml.")
    names, points = read_unlabelled(motion, Hints().with_text(read))
    with progress_bar() as display:
        found = guess_assignment(points, body, seed=seed, progress=display.progress)
    print(describe_guess(found, names))
    write_layout(out, layout_table(found, names, points, body, out.stem))
    return out


def _solve_again(
    start: Path,
    learning: Sequence[KeypointSequence],
    checking: Sequence[KeypointSequence],
    body: BodyModel,
    out: Path | None,
) -> None:
    """A table after ``dancepose.trainer.calibration.joint_refinement``, with what the fit leaves before and after."""
    from dancepose.trainer.calibration.joint_refinement import ROUNDS, polish, residual_mm
    from dancepose_addon.inference import open_regressor

    before = MarkerSet.load(start)
    regressor = open_regressor(None, layout=before.layout.name)
    with progress_bar() as display:
        after = polish(before, learning, body, regressor, progress=display.progress)
    said = []
    for name, clips in (("", learning), (" on clips not learned from", checking)):
        if clips:
            left = [residual_mm(table, clips, body, regressor) for table in (before, after)]
            said.append(f"{left[0]:.2f} to {left[1]:.2f} mm{name}")
    text = f"{ROUNDS} rounds with the fit on {len(learning)} clips: mean residual from {', '.join(said)}"
    _write_markers(out, replace(after, provenance=f"{before.provenance}; {text}"))
    print(text)
    list_results({"markers": out})
