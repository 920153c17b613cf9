# SPDX-License-Identifier: Apache-2.0
"""``dancepose render``: fit a body to a motion file and render it, in a Blender process or by the fast engine."""

from collections.abc import Mapping
from pathlib import Path
import time
from typing import Annotated, Final

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.people import person_path
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.options import arguments_of
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.retarget.gltf_header import character_files
from dancepose_addon.core.retarget.map_file import require_character

from .arguments import (
    BlenderOption,
    BodyOption,
    CharacterMapOption,
    CharacterOption,
    DeviceOption,
    RegressorOption,
    number,
    with_options,
)
from .display import list_results, progress_bar
from .fast import (
    FastOutputs,
    FilmFitter,
    FilmOptions,
    film_by_fast,
    labels_of,
    one_of_skeletons,
    refuse_with_fast,
    refuse_with_several,
    size_of,
    uses_fast,
    wants_audio,
)
from .output_checks import FILM, MOTION, PICTURE, SCENE, TABLE, VIDEO, check_files, person_check
from .renderer import run_renderer

EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="cycles|workbench|eevee|fast|auto",
        help="Render with this engine; auto takes the best that starts, eevee needs a GPU.",
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
SkeletonOption = Annotated[
    str,
    typer.Option(
        metavar="none|over|beside",
        callback=one_of_skeletons,
        help="Draw the skeleton on the body, or in a picture beside it (fast engine).",
    ),
]
LabelsOption = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Name the sources in the picture (fast engine).")
]
AudioOption = Annotated[
    bool | None, typer.Option("--audio/--no-audio", help="Add the music, if the motion has any.", show_default="audio")
]
MotionOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the fitted motion here, AMASS-style .npz.")
]
ReportOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write errors, notices and timings here, .json.")
]
BlendOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the scene here, .blend.")]
SheetOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a contact sheet here, .png.")]
WorkOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Keep unfinished frames here; a stopped run resumes from them."),
]
CLOCK_S: Final = 2.0
"""Resolution of the times of files, at its coarsest (FAT)."""


@with_options
def render_command(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Motion files or M&D folders; several are shown in a row.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the video here, .mp4; fast: or .gif.")],
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
    skeleton: SkeletonOption = "none",
    labels: LabelsOption = None,
    audio: AudioOption = None,
    motion: MotionOption = None,
    blend: BlendOption = None,
    sheet: SheetOption = None,
    report: ReportOption = None,
    work: WorkOption = None,
    keep_frames: Annotated[bool, typer.Option("--keep-frames", help="Keep the PNG frames.")] = False,
    blender: BlenderOption = None,
) -> None:
    """Fit a body to a motion file and render a video of it, with its music."""
    by_fast = uses_fast(engine, sources, out, skeleton=skeleton, labels=labels)
    if by_fast:
        blenders = {"--blend": blend, "--work": work, "--keep-frames": keep_frames or None, "--blender": blender}
        refuse_with_fast({**blenders, "--character": character, "--character-map": character_map})
    has_audio = wants_audio(audio, out)
    require_character(character, character_map)
    if character is not None:
        picture.require_fit_for_character()
    refuse_with_several(sources, {"--motion": motion, "--report": report})
    files = {"--out": (out, FILM if by_fast else VIDEO), "--motion": (motion, MOTION), "--blend": (blend, SCENE)}
    files |= {"--sheet": (sheet, PICTURE), "--report": (report, TABLE)}
    inputs = (*sources, *settings.files, body, regressor, reading.layout, character_map, *character_files(character))
    check_files(files, inputs, folders={"--work": work})  # before a Blender is started, which checks them again
    begun_s = time.time()
    with progress_bar() as display:
        if by_fast:
            fitter = FilmFitter(reading, settings, load_body(body), regressor, device)
            film = FilmOptions(picture, size_of(size), fps_out, skeleton, labels_of(labels, sources), has_audio)
            fits = fitter.fit_all(sources, display, on_count=person_check("--motion", motion, files, inputs))
            motions = film_by_fast(fits, FastOutputs(out, sheet, motion, report), film, display)
        else:
            named: dict[str, object] = {"--regressor": regressor, "--body": body, "--device": device}
            named |= {"--engine": engine, "--engine-timeout": engine_timeout, "--size": size, "--fps-out": fps_out}
            named |= {"--motion": motion, "--character": character, "--character-map": character_map}
            named |= {"--blend": blend, "--sheet": sheet, "--report": report, "--work": work}
            groups = [*arguments_of(reading), *arguments_of(settings), *arguments_of(picture)]
            arguments = [_plain(sources[0]), f"--out={out}", *groups, *given(named)]
            arguments += ["--no-audio"] * (not has_audio) + ["--keep-frames"] * keep_frames
            run_renderer(arguments, blender=blender, display=display)
            motions = written_motions(motion, begun_s)
    results = {"video": out, "contact sheet": sheet, "motion": motion, "scene": blend, "report": report}
    list_results(results | {f"motion {n}": path for n, path in enumerate(motions if len(motions) > 1 else [], 1)})


def written_motions(motion: Path | None, begun_s: float) -> list[Path]:
    """Return the files of several persons that a renderer wrote.

    Args:
        motion: What was asked for with ``--motion``.
        begun_s: Time at which the command began; older files are of another command.
    """
    found: list[Path] = []
    while motion is not None:
        path = person_path(motion, len(found), 2)
        if not path.exists() or path.stat().st_mtime < begun_s - CLOCK_S:
            break
        found.append(path)
    return found


def _plain(source: Path) -> str:
    """Return a name that is not taken for an option where it begins with a dash."""
    return f"./{source}" if str(source).startswith("-") else str(source)


def given(options: Mapping[str, object]) -> list[str]:
    """Return the options that have a value as arguments; the renderer has defaults for the others.

    They are written as ``--name=value``, so that a value may begin with a minus sign.
    """
    return [f"{name}={value}" for name, value in options.items() if value is not None]
