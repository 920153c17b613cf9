"""``dancepose render``: skeleton motion to a video, in a Blender process."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.fit.pose.levenberg_marquardt import REFINE_STEPS

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
from .worker import run_headless

OptionalPath = Path | None


def render(
    source: SourceArgument,
    out: Annotated[Path, typer.Option("--out", help="The video to write, .mp4.")],
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
    engine: Annotated[
        str | None, typer.Option(metavar="study|preview|auto", help="Cycles, Workbench, or the best that starts here.")
    ] = None,
    engine_timeout: Annotated[
        float | None, typer.Option(min=0.0, metavar="S", help="For an engine's test frame.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Picture size in pixels.")] = None,
    fps_out: Annotated[float | None, typer.Option(min=1.0, help="Frames per second of the video.")] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With the music, where there is any.")] = True,
    motion: Annotated[OptionalPath, typer.Option(help="Also write the fitted motion, AMASS-style .npz.")] = None,
    blend: Annotated[OptionalPath, typer.Option(help="Also write the scene, .blend.")] = None,
    sheet: Annotated[OptionalPath, typer.Option(help="Also write a contact sheet, .png.")] = None,
    report: Annotated[OptionalPath, typer.Option(help="Also write errors and timings, .json.")] = None,
    work: Annotated[OptionalPath, typer.Option(help="Folder for frames; a killed run goes on from them.")] = None,
    keep_frames: Annotated[bool, typer.Option("--keep-frames", help="Keep the PNG frames.")] = False,
    blender: Annotated[OptionalPath, typer.Option(help="A Blender program, instead of the bpy wheel.")] = None,
) -> None:
    """Fit a body to skeleton motion and render it, with its music."""
    parse_frames(frames)
    options: dict[str, object] = {
        "--frames": frames,
        "--layout": layout,
        "--fps": fps,
        "--regressor": regressor,
        "--body": body,
        "--device": device,
        "--refine": refine,
        "--read": read,
        "--betas": betas,
        "--smooth": smooth or None,
        "--engine": engine,
        "--engine-timeout": engine_timeout,
        "--size": size,
        "--fps-out": fps_out,
        "--motion": motion,
        "--blend": blend,
        "--sheet": sheet,
        "--report": report,
        "--work": work,
    }
    wanted = flags(no_audio=not audio, keep_frames=keep_frames, adapt=adapt, no_level=not level, foot_lock=foot_lock)
    with progress_bar() as display:
        run_headless([str(source), "--out", str(out), *given(options), *wanted], blender=blender, display=display)
    list_results({"video": out, "contact sheet": sheet, "motion": motion, "scene": blend, "report": report})


def flags(**wanted: bool) -> list[str]:
    """Options without a value: those that are wanted."""
    return [f"--{name.replace('_', '-')}" for name, on in wanted.items() if on]


def given(options: dict[str, object]) -> list[str]:
    """The options that have a value, as arguments. Those without are left to render.py's own defaults.

    Written as ``--name=value``, so that a value may begin with a dash.
    """
    return [f"{name}={value}" for name, value in options.items() if value is not None]
