"""``dancepose fit``: skeleton motion to a motion file, without Blender."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.pipeline import fit as fit_sequence
from dancepose_addon.core.fit.pose.levenberg_marquardt import REFINE_STEPS
from dancepose_addon.core.fit.settings import parse_betas, settings_from
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.theta import as_fitted
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import validate
from dancepose_addon.inference import open_for

from .arguments import (
    AdaptOption,
    BetasOption,
    BodyOption,
    DeviceOption,
    FootLockOption,
    FpsOption,
    FramesOption,
    LayoutOption,
    LevelOption,
    ReadOption,
    RefineOption,
    RegressorOption,
    SmoothOption,
    SourceArgument,
    parse_frames,
)
from .display import list_results, progress_bar


def fit(
    source: SourceArgument,
    out: Annotated[Path, typer.Option("--out", help="The motion to write, AMASS-style .npz.")],
    report: Annotated[Path | None, typer.Option(help="Also write errors and timings, .json.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw errors, contacts and the worst frames, .png.")] = None,
    frames: FramesOption = None,
    layout: LayoutOption = None,
    fps: FpsOption = None,
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
    refine: RefineOption = REFINE_STEPS,
    betas: BetasOption = None,
    adapt: AdaptOption = False,
    smooth: SmoothOption = 0.0,
    level: LevelOption = True,
    foot_lock: FootLockOption = False,
    read: ReadOption = None,
) -> None:
    """Fit a body to skeleton motion and write its motion."""
    settings = settings_from(
        refine=refine, betas=_betas(betas), adapt=adapt, smooth=smooth, level=level, foot_lock=foot_lock
    )
    chosen_body = load_body(body)
    hints = Hints(layout=layout, fps=fps).with_text(read)
    opened = open_source(source, body=chosen_body, frames=parse_frames(frames), hints=hints)
    with progress_bar() as display:
        if isinstance(opened, BodyMotion):
            result = as_fitted(opened, chosen_body)
        else:
            sequence, chosen = open_for(validate(opened), regressor, device=device or "auto")
            result = fit_sequence(
                sequence, regressor=chosen, body=chosen_body, settings=settings, progress=display.progress
            )
        for notice in result.report["notices"]:
            display.notice(notice)
    result.motion.save(out, rest_pelvis_m=result.motion.scale * chosen_body.rest_joints(result.motion.betas)[0])
    if report is not None:
        with replacing(report) as temporary:
            temporary.write_text(json.dumps(result.report, indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        from dancepose.plots.fit_plot import draw_fit

        draw_fit(plot, result, chosen_body)
    errors = ", ".join(f"{stage} {table['mean']:.1f} mm" for stage, table in result.report["error_mm"].items())
    told = f"mean distance to the points: {errors}" if errors else f"theta as it is in {result.report['provider']}"
    print(f"{result.report['frames']} frames; {told}.")
    list_results({"motion": out, "report": report, "plot": plot})


def _betas(text: str | None) -> tuple[float, ...] | None:
    try:
        return None if text is None else parse_betas(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} are not betas; write numbers between commas, as 0.3,-1.2.") from None
