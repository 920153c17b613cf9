# SPDX-License-Identifier: Apache-2.0
"""Power of a plan before anything is rendered: the plan is simulated, for several numbers of raters and songs.

Raters and songs have different preferences for every system. The spread of the estimated differences over simulated
ratings without a true difference gives their standard error; power follows from the noncentral t distribution with the
degrees of freedom of the analysis.
"""

from dataclasses import dataclass
import math
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, t as student

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress, silent

from .power_designs import RANGES, PowerDesign, power_design
from .power_settings import PowerSettings

POWER: Final = 0.8

MOST_VOTES: Final = 4_000_000
"""Of all simulations of one plan together; they take a gigabyte."""


@dataclass(frozen=True)
class PowerCell:
    """Power of a plan.

    Attributes:
        raters: Number of raters.
        songs: Number of songs.
        votes: Main votes of a rater; fewer than wanted where the songs do not suffice.
        power: Probability of finding the effect after Holm's correction at its strictest.
        detectable: Effect that is found with a probability of .8; infinite where there is none.
        limit: The same with unlimited raters: what these songs can show at best.
    """

    raters: int
    songs: int
    votes: int
    power: float
    detectable: float
    limit: float


def power_table(
    settings: PowerSettings, raters: list[int], songs: list[int], progress: Progress = silent
) -> list[PowerCell]:
    """Compute the power of every combination of raters and songs.

    Args:
        settings: What is assumed.
        raters: Numbers of raters.
        songs: Numbers of songs.
        progress: Called with the fraction done.

    Raises:
        InputError: A number is impossible.
    """
    if min(raters) < 2 or min(songs) < 2:
        raise InputError("Power needs at least two raters and two songs: results from one say nothing about others.")
    _check_effect(settings)
    design = power_design(settings)
    shown = {"sliders": settings.systems, "best-worst": settings.set_size}.get(settings.design, 1)
    votes = settings.simulations * max(raters) * min(settings.votes, design.cells(max(songs))) * shown
    if votes > MOST_VOTES:
        raise InputError(
            f"{settings.simulations} simulations of {max(raters)} raters are {votes} votes, of at most {MOST_VOTES} "
            "(limit). Choose fewer of them."
        )
    cells = [(n_raters, n_songs) for n_songs in songs for n_raters in raters]
    found = []
    for number, (n_raters, n_songs) in enumerate(cells):
        progress(number / len(cells), f"{n_raters} raters, {n_songs} songs")
        found.append(power_of(settings, n_raters, n_songs))
    progress(1.0, "simulated")
    return found


def _check_effect(settings: PowerSettings) -> None:
    effect = settings.wanted_effect
    if settings.is_scored:
        low, high = RANGES[settings.design]
        if not 0.0 < effect < high - low:
            raise InputError(
                f"--effect is {effect:g}; expected a difference of mean scores above 0 and below {high - low:g}."
            )
    elif not 0.5 < effect < 1.0:
        raise InputError(f"--effect is {effect:g}; expected a preference between .5 and 1, such as .65.")


def power_of(settings: PowerSettings, raters: int, songs: int) -> PowerCell:
    """Compute the power of one plan."""
    design = power_design(settings)
    votes = min(settings.votes, design.cells(songs))
    rng = np.random.default_rng([settings.seed, raters, songs])
    differences = design.differences(raters, songs, votes, rng)
    error = math.sqrt(float(np.mean(differences**2)))
    effect = design.from_effect(settings.wanted_effect)
    return PowerCell(
        raters=raters,
        songs=songs,
        votes=votes,
        power=_power(effect, error, min(raters, songs) - 1, settings),
        detectable=_detectable(error, min(raters, songs) - 1, settings, design),
        limit=_detectable(design.song_error(songs), songs - 1, settings, design),
    )


def _power(effect: float, error: float, freedom: int, settings: PowerSettings) -> float:
    critical = student.ppf(1.0 - 0.5 * settings.alpha / settings.comparisons, freedom)
    found = nct.sf(critical, freedom, effect / error)
    return float(found) if np.isfinite(found) else float(effect / error > critical)


def _detectable(error: float, freedom: int, settings: PowerSettings, design: PowerDesign) -> float:
    """Return the effect that is found with a probability of `POWER`."""
    if error <= 0.0:
        return design.to_effect(0.0)
    most = 60.0 * error
    if _power(most, error, freedom, settings) < POWER:
        return math.inf
    effect = brentq(lambda size: _power(size, error, freedom, settings) - POWER, 0.0, most)
    return design.to_effect(float(effect))
