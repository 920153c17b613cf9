# SPDX-License-Identifier: Apache-2.0
"""``dancepose view``: motions and their music in one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.figure_file import FIGURES
from dancepose_addon.core.body.looks import LOOKS
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.printable_text import escaped

from .arguments import BodyOption, DeviceOption, RegressorOption, with_options
from .display import list_results, progress_bar
from .fast import FilmFitter, labels_of
from .output_checks import PAGE, check_files


@with_options
def view_command(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Motion files or M&D folders, side by side.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the page here, .html.")],
    labels: Annotated[str | None, typer.Option(metavar="NAME,...", help="Name the sources in the page.")] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Add the music, if a motion has any.")] = True,
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
    settings: FitSettings = FitSettings(),
    look: Annotated[str, typer.Option(metavar="casual|mannequin|plain", help="Dress the body, or not.")] = "casual",
    figure: Annotated[
        str, typer.Option(metavar="neutral|female|male", help="Draw this figure where the look is casual.")
    ] = "neutral",
) -> None:
    """Write a page that plays motions in three dimensions with their music, in any browser, without a network."""
    if look not in LOOKS:
        raise typer.BadParameter(f"{look!r} is not one of {', '.join(LOOKS)}.", param_hint="'--look'")
    if figure not in FIGURES:
        raise typer.BadParameter(f"{figure!r} is not one of {', '.join(FIGURES)}.", param_hint="'--figure'")
    check_files({"--out": (out, PAGE)}, (*sources, body, regressor, reading.layout, *settings.files))
    from dancepose.film_request import group_of
    from dancepose.web_viewer import write_viewer

    names = labels_of(labels, sources)
    with progress_bar() as display:
        fits = FilmFitter(reading, settings, load_body(body), regressor, device).fit_all(sources, display)
        audios = [fit.sequence.audio for fit, *_ in fits if fit.sequence.audio is not None]
        notices = write_viewer(
            out,
            [group_of(people, label=name) for people, name in zip(fits, names, strict=True)],
            title=", ".join(filter(None, names)) or escaped(sources[0].stem),
            audio=audios[0] if audio and audios else None,
            picture=PictureOptions(look=look, figure=figure),
        )
        for notice in notices:
            display.notice(notice)
        display.progress(1.0, f"Wrote {out}")
    list_results({"page": out})
