# SPDX-License-Identifier: Apache-2.0
"""``dancepose demo``: fit and render the bundled dance."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import EngineError, MissingFileError
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.progress import part_of

from .arguments import BlenderOption
from .display import Display, list_results, progress_bar
from .fast import FastOutputs, FilmFitter, FilmOptions, film_by_fast, size_of
from .output_checks import check_files
from .render import given
from .renderer import run_renderer

SIZE: Final = "512x512"
STILL_S: Final = 13.0
"""Time of Blender's picture: a lunge towards the camera."""
VIDEO_SHARE: Final = 0.5
"""Share of the progress until the video is written; Blender's picture and scene are the rest."""


def demo_command(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Write the results here.")] = Path("demo"),
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Set the size of the video, pixels.")] = SIZE,
    blender: BlenderOption = None,
) -> None:
    """Fit and render the bundled waltz: video and contact sheet by the fast engine, picture and scene by Blender."""
    example = example_folder()
    if example is None:
        raise MissingFileError("The bundled dance is missing from this installation. Install DancePose again.")
    results = {
        "video": out / "dance.mp4",
        "contact sheet": out / "sheet.png",
        "motion": out / "motion.npz",
        "report": out / "report.json",
        "picture": out / "still.png",
        "scene": out / "dance.blend",
    }
    names = [path.name for path in results.values()]
    check_files({}, (example,), folders={"--out": out}, names={"--out": names})
    written = FastOutputs(
        results["video"], sheet=results["contact sheet"], motion=results["motion"], report=results["report"]
    )
    with progress_bar() as display:
        has_video = _film(example, written, size, display)
        common: dict[str, object] = {"--blend": results["scene"], "--size": size}
        picture = {"--still": results["picture"], "--at": STILL_S}
        video = {"--out": written.out, "--sheet": written.sheet, "--motion": written.motion, "--report": written.report}
        outputs = common | (picture if has_video else video)
        progress = part_of(display.progress, VIDEO_SHARE, 1.0) if has_video else display.progress
        run_renderer([str(example), *given(outputs)], blender=blender, display=Display(progress, display.notice))
    list_results(dict(results))


def _film(example: Path, outputs: FastOutputs, size: str, display: Display) -> bool:
    """Render the video with the fast engine; return False where it does not run, so that Blender has to."""
    part = Display(part_of(display.progress, 0.0, VIDEO_SHARE), display.notice)
    fitter = FilmFitter(ReadOptions(), FitSettings(), load_body(None))
    film = FilmOptions(PictureOptions(), size_of(size), fps=None, skeleton="none", labels=[""])
    try:
        film_by_fast(fitter.fit_all([example], part), outputs, film, part)
    except EngineError as error:
        display.notice(f"The fast engine does not run here, so Blender renders the video. {error}")
        return False
    display.notice(f"The video is ready: {outputs.out}")
    return True
