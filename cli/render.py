# SPDX-License-Identifier: Apache-2.0
"""``dancepose render``: fit a body to a motion file and render it, in a Blender process or by the fast engine."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.options import arguments_of
from dancepose_addon.core.picture_options import PictureOptions

from .arguments import (
    BlenderOption,
    BodyOption,
    CharacterMapOption,
    CharacterOption,
    DeviceOption,
    RegressorOption,
    SourceArgument,
    number,
    with_options,
)
from .display import list_results, progress_bar
from .fast import FAST, FastOutputs, film_by_fast, fit_for_film, refuse_with_fast
from .output_checks import FILM, MOTION, PICTURE, SCENE, TABLE, VIDEO, check_files
from .renderer import run_renderer

EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="cycles|workbench|fast|auto", help="Render with this engine; auto takes the best that starts."
    ),
]
EngineTimeoutOption = Annotated[
    float | None,
    typer.Option(
        parser=number("--engine-timeout", float, 0.0, 1e5),
        metavar="S",
        help="Limit the test frame of an engine to this many seconds.",
    ),
]
SizeOption = Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Set the size of the video, pixels.")]
FpsOutOption = Annotated[
    float | None,
    typer.Option(
        metavar="F", parser=number("--fps-out", float, 1.0, 240.0), help="Set the frames per second of the video."
    ),
]
MotionOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the fitted motion here, AMASS-style .npz.")
]
ReportOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write errors, notices and timings here, .json.")
]
WorkOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Keep unfinished frames here; a stopped run resumes from them."),
]


@with_options
def render_command(
    source: SourceArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Write the video here, .mp4; with the fast engine also .gif.")
    ],
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    character: CharacterOption = None,
    character_map: CharacterMapOption = None,
    device: DeviceOption = None,
    settings: FitSettings = FitSettings(),
    picture: PictureOptions = PictureOptions(),
    engine: EngineOption = None,
    engine_timeout: EngineTimeoutOption = None,
    size: SizeOption = None,
    fps_out: FpsOutOption = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Add the music, if the motion has any.")] = True,
    motion: MotionOption = None,
    blend: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the scene here, .blend.")] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a contact sheet here, .png.")] = None,
    report: ReportOption = None,
    work: WorkOption = None,
    keep_frames: Annotated[bool, typer.Option("--keep-frames", help="Keep the PNG frames.")] = False,
    blender: BlenderOption = None,
) -> None:
    """Fit a body to a motion file and render a video of it, with its music."""
    if engine == FAST:
        refuse_with_fast(
            {
                "--blend": blend,
                "--work": work,
                "--keep-frames": keep_frames or None,
                "--blender": blender,
                "--character": character,
                "--character-map": character_map,
            }
        )
    files = {"--out": (out, FILM if engine == FAST else VIDEO), "--motion": (motion, MOTION), "--blend": (blend, SCENE)}
    files |= {"--sheet": (sheet, PICTURE), "--report": (report, TABLE)}
    # The renderer checks them again; here they are refused before a Blender is started.
    check_files(files, (source, body, regressor, reading.layout, character, character_map), folders={"--work": work})
    if engine == FAST:
        outputs = FastOutputs(out, sheet=sheet, motion=motion, report=report)
        with progress_bar() as display:
            fit = fit_for_film(
                source, reading, settings, body=body, regressor=regressor, device=device, display=display
            )
            film_by_fast(fit, outputs, picture, size=size, fps=fps_out, has_audio=audio, display=display)
        list_results({"video": out, "contact sheet": sheet, "motion": motion, "report": report})
        return
    given_options: dict[str, object] = {
        "--regressor": regressor,
        "--body": body,
        "--character": character,
        "--character-map": character_map,
        "--device": device,
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
    # A name that begins with a dash would be taken for an option.
    plain = f"./{source}" if str(source).startswith("-") else str(source)
    arguments = [
        plain,
        f"--out={out}",
        *arguments_of(reading),
        *arguments_of(settings),
        *arguments_of(picture),
        *given(given_options),
    ]
    arguments += ["--no-audio"] * (not audio) + ["--keep-frames"] * keep_frames
    with progress_bar() as display:
        run_renderer(arguments, blender=blender, display=display)
    list_results({"video": out, "contact sheet": sheet, "motion": motion, "scene": blend, "report": report})


def given(options: dict[str, object]) -> list[str]:
    """Return the options that have a value as arguments; the renderer has defaults for the others.

    They are written as ``--name=value``, so that a value may begin with a minus sign.
    """
    return [f"{name}={value}" for name, value in options.items() if value is not None]
