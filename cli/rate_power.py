# SPDX-License-Identifier: Apache-2.0
"""``dancepose rate power``: how many raters and songs a rating needs."""

from dataclasses import replace
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dancepose.rating.records import DESIGNS, POINTS
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import OptionError

from .arguments import number
from .display import progress_bar
from .rate_collect import rating_file_of

if TYPE_CHECKING:
    from dancepose.rating.design.power import PowerCell
    from dancepose.rating.design.power_settings import PowerSettings

SYSTEMS: Final = 3
VOTES: Final = 30
SET_SIZE: Final = 4

RatingFile = Annotated[
    Path | None, typer.Argument(metavar="[RATING.toml]", help="Take design, systems, songs and votes from it.")
]
Design = Annotated[str | None, typer.Option(help=f"Design without a file: {', '.join(DESIGNS)}; default: pair.")]
Systems = Annotated[int | None, typer.Option(min=1, max=30, help="Number of systems without a file; default: 3.")]
Points = Annotated[
    int | None, typer.Option(help="Answers of a pair or mismatch page without a file: 5 (default), 3 or 2.")
]
SetSize = Annotated[
    int | None, typer.Option(min=3, max=8, help="Clips on a best-worst page without a file; default: 4.")
]
Votes = Annotated[
    int | None, typer.Option(min=1, max=1000, help="Main votes of a rater for a question without a file; default: 30.")
]
Effect = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number("--effect", float, 0.0, 100.0),
        help="Effect to find: a preference (default: .65), or a difference of scores (acr .3, sliders 5).",
    ),
]
RaterSpread = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number("--sd-rater", float, 0.0, 100.0),
        help="Spread of a system over raters: logits (.6) or points (acr .3, sliders 8).",
    ),
]
SongSpread = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number("--sd-song", float, 0.0, 100.0),
        help="Spread of a system over songs: logits (.4) or points (acr .25, sliders 6).",
    ),
]
VoteSpread = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number("--sd-vote", float, 0.0, 100.0),
        help="Spread of repeated scores of a clip, points (acr .8, sliders 15).",
    ),
]


def power_command(
    rating_file: RatingFile = None,
    design: Design = None,
    systems: Systems = None,
    points: Points = None,
    set_size: SetSize = None,
    votes: Votes = None,
    raters: Annotated[str, typer.Option(help="Numbers of raters, with commas.")] = "15,30,60,120",
    songs: Annotated[str, typer.Option(help="Numbers of songs, with commas.")] = "6,12,24",
    effect: Effect = None,
    sd_rater: RaterSpread = None,
    sd_song: SongSpread = None,
    sd_vote: VoteSpread = None,
    simulations: Annotated[int, typer.Option(min=20, max=100_000, help="Simulated ratings of every plan.")] = 100,
) -> None:
    """Simulate the plan: power over raters and songs, the smallest detectable effect, the limit of the songs."""
    from dancepose.rating.design.power import power_table

    of_plan = {
        "--design": design, "--systems": systems, "--points": points, "--set-size": set_size, "--votes": votes,
    }  # fmt: skip
    wanted_raters, wanted_songs = _numbers("--raters", raters), _numbers("--songs", songs)
    if rating_file is None:
        settings = _settings_of_options(design or "pair", systems, points, set_size, votes)
    else:
        given = [name for name, value in of_plan.items() if value is not None]
        if given:
            raise OptionError(
                f"{given[0]} has no effect: the rating file decides it. Leave out the option or the file."
            )
        settings, planned = _settings_of_file(rating_file)
        wanted_raters = sorted({*wanted_raters, planned[0]})
        wanted_songs = sorted({*wanted_songs, planned[1]} - {0, 1})
    settings = replace(
        settings, effect=effect, sd_rater=sd_rater, sd_song=sd_song, sd_vote=sd_vote, simulations=simulations
    )
    if sd_vote is not None and not settings.is_scored:
        raise OptionError("--sd-vote has no effect: only acr and sliders have scores. Leave it out.")
    with progress_bar() as display:
        cells = power_table(settings, wanted_raters, wanted_songs, display.progress)
    _print_power(settings, cells)


def _settings_of_options(
    design: str, systems: int | None, points: int | None, set_size: int | None, votes: int | None
) -> "PowerSettings":
    """Take the plan from options, and refuse those that its design does not have."""
    from dancepose.rating.design.power_settings import PowerSettings

    if design not in DESIGNS:
        raise typer.BadParameter(f"--design is {design!r}; expected {', '.join(DESIGNS)}.")
    if points is not None and points not in POINTS:
        raise typer.BadParameter(f"--points is {points}; expected 5, 3 or 2.")
    if points is not None and design not in ("pair", "mismatch"):
        raise OptionError(f"--points has no effect: {design} has no pairs. Leave it out.")
    if set_size is not None and design != "best-worst":
        raise OptionError(f"--set-size has no effect: {design} has no sets. Leave it out.")
    count = systems or SYSTEMS
    if count < 2 and design != "mismatch":
        raise OptionError(f"--systems is {count}; {design} compares at least two. Give a larger number.")
    return PowerSettings(
        count,
        points or 5,
        votes or VOTES,
        _comparisons(design, count),
        design=design,
        set_size=min(count, set_size or SET_SIZE),
    )


def _settings_of_file(rating_file: Path) -> "tuple[PowerSettings, tuple[int, int]]":
    """Take the plan from a rating file; also its numbers of raters and songs."""
    from dancepose.rating.design.power_settings import PowerSettings
    from dancepose.rating.design.rating_file import load_rating

    file = load_rating(rating_file_of(rating_file))
    count, design = len(file.system), file.rating.design
    settings = PowerSettings(
        count,
        file.rating.points,
        file.raters.votes,
        _comparisons(design, count, with_reference=file.analysis.comparisons == "reference"),
        file.analysis.alpha,
        design=design,
        set_size=min(count, file.rating.set_size),
    )
    return settings, (file.raters.count, len(file.song))


def _comparisons(design: str, systems: int, *, with_reference: bool = False) -> int:
    """Return the number of tests that Holm's correction divides alpha by.

    For mismatch it is one: the interval of a system, whether it leaves out one half.
    """
    if design == "mismatch":
        return 1
    return max(1, systems - 1 if with_reference else systems * (systems - 1) // 2)


def _print_power(settings: "PowerSettings", cells: "list[PowerCell]") -> None:
    effect = settings.wanted_effect
    tested = f"{counted(settings.comparisons, 'comparison')}, "
    what = f"true difference {effect:g} points" if settings.is_scored else f"true preference {effect:.0%}"
    level = f"alpha {settings.alpha:g} after Holm"
    if settings.design == "mismatch":
        tested, what, level = "", f"{what} for the right music", f"{1.0 - settings.alpha:.0%} interval of each system"
    print(f"{counted(settings.systems, 'system')}, {tested}{what}, {level}.")
    print(f"{'songs':>6} {'raters':>7} {'votes each':>11} {'power':>6} {'detectable':>11} {'limit of the songs':>19}")
    for cell in cells:
        detectable, limit = (_effect_text(settings, value) for value in (cell.detectable, cell.limit))
        print(f"{cell.songs:>6} {cell.raters:>7} {cell.votes:>11} {cell.power:>6.2f} {detectable:>11} {limit:>19}")
    noun = "difference" if settings.is_scored else "preference"
    print(f"Detectable: the {noun} that is found with a probability of 80 %. Limit: the same with unlimited raters.")


def _effect_text(settings: "PowerSettings", value: float) -> str:
    if settings.is_scored:
        return "none" if math.isinf(value) else f"{value:.3g}"
    return "none" if value >= 0.995 else f"{value:.0%}"


def _numbers(option: str, text: str) -> list[int]:
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 2 or found[-1] > 5000 or len(found) > 12:
        raise typer.BadParameter(f"{option} is {text!r}; expected up to 12 whole numbers from 2 to 5000, with commas.")
    return found
