# SPDX-License-Identifier: Apache-2.0
"""``dancepose demo``: fit and render the bundled dance."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dancepose_addon.core.errors import MissingFileError
from dancepose_addon.core.io.example import example_folder

from .arguments import BlenderOption
from .display import list_results, progress_bar
from .output_checks import check_files
from .render import given
from .renderer import run_renderer

SIZE: Final = "576x576"


def demo_command(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Write the results here.")] = Path("demo"),
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Set the size of the video, pixels.")] = SIZE,
    blender: BlenderOption = None,
) -> None:
    """Fit and render the bundled waltz: video, contact sheet, motion, scene and report."""
    example = example_folder()
    if example is None:
        raise MissingFileError("The bundled dance is missing from this installation. Install DancePose again.")
    check_files({}, (example,), folders={"--out": out})
    results = {
        "video": out / "dance.mp4",
        "contact sheet": out / "sheet.png",
        "motion": out / "motion.npz",
        "scene": out / "dance.blend",
        "report": out / "report.json",
    }
    options: dict[str, object] = {
        "--out": results["video"],
        "--sheet": results["contact sheet"],
        "--motion": results["motion"],
        "--blend": results["scene"],
        "--report": results["report"],
        "--size": size,
    }
    with progress_bar() as display:
        run_renderer([str(example), *given(options)], blender=blender, display=display)
    list_results(dict(results))
