# SPDX-License-Identifier: Apache-2.0
"""``dancepose fit``: fit a body to a motion file, without Blender."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.fit.evaluation.people_contact import describe_people_contact
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.people import person_path
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.fitting import fit_people, require_used

from .arguments import BodyOption, DeviceOption, RegressorOption, SourceArgument, with_options
from .display import list_results, progress_bar
from .output_checks import MOTION, PLOT, TABLE, check_files, person_check


@with_options
def fit_command(
    source: SourceArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the motion here, AMASS-style .npz.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write errors, notices and timings here, .json.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw errors, contacts and four frames here, .png, .pdf, .svg or .jpg."),
    ] = None,
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
    settings: FitSettings = FitSettings(),
) -> None:
    """Fit a body to a motion file and write the motion; of several persons, one file each (OUT-1, OUT-2)."""
    outputs = {"--out": (out, MOTION), "--report": (report, TABLE), "--plot": (plot, PLOT)}
    inputs = (source, body, regressor, reading.layout, *settings.files)
    check_files(outputs, inputs)
    others = {name: output for name, output in outputs.items() if name != "--out"}
    with progress_bar() as display:
        fits = fit_people(
            source,
            body=load_body(body),
            hints=reading.hints(),
            frames=reading.frame_range(),
            regressor=regressor,
            device=device or "auto",
            settings=settings,
            progress=display.progress,
            on_count=person_check("--out", out, others, inputs),
        )
        require_used(fits, regressor=regressor, device=device, keep_contacts=settings.keep_contacts)
        for notice in (notice for fit in fits for notice in fit.report["notices"]):
            display.notice(notice)
    result = fits[0]
    outs = [person_path(out, number, len(fits)) for number in range(len(fits))]
    for fit, path in zip(fits, outs, strict=True):
        fit.save(path)
    if len(fits) > 1:
        result.report["other_persons"] = [fit.report for fit in fits[1:]]
    if report is not None:
        result.save_report(report)
    if plot is not None:
        from dancepose.plots.fit_plot import draw_fit

        draw_fit(plot, result)
    for fit in fits:
        who = f"Person {fit.report['person'][0]}: " if len(fits) > 1 else ""
        print(f"{who}{counted(fit.report['frames'], 'frame')}; {summary_of(fit)}.")
    for pair in result.report.get("people", []):
        print(describe_people_contact(pair))
    motions = {"motion" if len(fits) == 1 else f"motion {number + 1}": path for number, path in enumerate(outs)}
    list_results({**motions, "report": report, "plot": plot})


def summary_of(result: FitResult) -> str:
    """Return what a fit came to, in one clause."""
    errors = ", ".join(f"{stage} {table['mean']:.1f} mm" for stage, table in result.report["error_mm"].items())
    if errors:
        return f"mean distance to the keypoints: {errors}"
    return f"SMPL parameters taken from the file ({result.report['provider']})"
