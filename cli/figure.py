# SPDX-License-Identifier: Apache-2.0
"""``dancepose figure``: several poses of each motion in one picture."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import OptionError
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.picture_options import PictureOptions

from .arguments import BodyOption, DeviceOption, RegressorOption, number, with_options
from .display import list_results, progress_bar
from .fast import FilmFitter
from .output_checks import PICTURE, check_files


@with_options
def figure_command(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Motion files or M&D folders, one row of poses for each.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the picture here, .png.")],
    poses: Annotated[
        int | None,
        typer.Option(min=1, max=24, help="Draw this many poses, evenly spaced in time.", show_default="6"),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="S,...", help="Draw the poses at these seconds instead.")] = None,
    spacing: Annotated[
        float | None,
        typer.Option(
            parser=number("--spacing", float, 0.3, 5.0),
            metavar="M",
            help="Set the distance from pose to pose, metres.",
            show_default="1.1",
        ),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Leave poses where they were danced, and let earlier ones fade.")
    ] = False,
    width: Annotated[
        int, typer.Option(min=64, max=8192, metavar="PX", help="Set the longer side of a motion's row.")
    ] = 3000,
    background: Annotated[
        bool, typer.Option("--background/--transparent", help="Draw floor and wall, or leave them transparent.")
    ] = False,
    reading: ReadOptions = ReadOptions(),
    regressor: RegressorOption = None,
    body: BodyOption = None,
    device: DeviceOption = None,
    settings: FitSettings = FitSettings(),
    picture: PictureOptions = PictureOptions(),
) -> None:
    """Draw several poses of each motion in one picture of print size (fast engine)."""
    check_files({"--out": (out, PICTURE)}, (*sources, body, regressor, reading.layout, *settings.files))
    times = _times_of(at)
    if times is not None and poses is not None:
        raise OptionError("--at and --poses both choose the poses. Omit one of them.")
    if in_place and spacing is not None:
        raise OptionError("--spacing has no effect with --in-place. Omit one of them.")
    _require_shown(picture, background=background)
    from dancepose.film_request import group_of
    from dancepose.sequence_figure import FigureOptions, write_figure

    options = FigureOptions(
        poses=poses or FigureOptions.poses,
        times_s=times,
        spacing_m=0.0 if in_place else spacing or FigureOptions.spacing_m,
        width_px=width // 2 * 2,
        transparent=not background,
        picture=picture,
    )
    with progress_bar() as display:
        fitter = FilmFitter(reading, settings, load_body(body), regressor, device)
        fits = fitter.fit_all(sources, display)
        size = write_figure(out, [group_of(people) for people in fits], options)
        display.progress(1.0, f"{size[0]} x {size[1]} pixels")
    list_results({"figure": out})


def _require_shown(picture: PictureOptions, *, background: bool) -> None:
    """Refuse options of what a figure does not show.

    Raises:
        OptionError: One of them is given.
    """
    if picture.camera != PictureOptions.camera:
        raise OptionError("--camera has no effect in a figure. Omit it.")
    given = {"--backdrop": picture.backdrop is not None, "--floor": picture.floor != PictureOptions.floor}
    found = [name for name, is_given in given.items() if is_given]
    if found and not background:
        raise OptionError(f"{found[0]} has no effect with --transparent, the default. Add --background, or omit it.")


def _times_of(text: str | None) -> tuple[float, ...] | None:
    """Return the times that ``--at`` lists.

    Raises:
        typer.BadParameter: The text is not a list of seconds.
    """
    if text is None:
        return None
    try:
        times = tuple(float(part) for part in text.split(","))
    except ValueError:
        times = ()
    if not times or not all(time == time and 0.0 <= time < 1e6 for time in times) or len(times) > 24:
        raise typer.BadParameter(f"{text!r} is not a list of up to 24 seconds; write 0.5,1,2.", param_hint="'--at'")
    return times
