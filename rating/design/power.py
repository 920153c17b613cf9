# SPDX-License-Identifier: Apache-2.0
"""Power of a plan before anything is rendered: the plan is simulated, for several numbers of raters and songs.

Raters and songs have different preferences for every system. The spread of the estimated differences over simulated
ratings without a true difference gives their standard error; power follows from the noncentral t distribution with the
degrees of freedom of the analysis.
"""

from dataclasses import dataclass
from itertools import combinations
import math
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, t as student

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress, silent

from ..statistics.pair_estimates import link_for, worth_matrix
from ..statistics.pair_fit import preference
from ..statistics.pair_tables import Floats, PairLink, count_tables, fit_tables, pair_design
from .dealing import balanced_sides, deal

TYPICAL_SHAPE: Final = {5: (0.45, 1.6), 3: (-0.6,), 2: ()}
"""Thresholds or tie parameter with about 18 % ties between equal systems."""
POWER: Final = 0.8

MOST_VOTES: Final = 4_000_000
"""Of all simulations of one plan together; they take a gigabyte."""


@dataclass(frozen=True)
class PowerSettings:
    """What is assumed.

    Attributes:
        systems: Number of systems.
        points: Answers of a pair.
        votes: Main votes of a rater.
        comparisons: Comparisons of the question that Holm's correction divides alpha by.
        alpha: Family-wise error.
        effect: Preference between two systems whose power is shown, P(preferred | no tie).
        sd_rater: Spread of a system's worth between raters, logits.
        sd_song: Spread of a system's worth between songs, logits.
        simulations: Simulated ratings of every plan.
        seed: Seed.
    """

    systems: int
    points: int
    votes: int
    comparisons: int
    alpha: float = 0.05
    effect: float = 0.65
    sd_rater: float = 0.6
    sd_song: float = 0.4
    simulations: int = 100
    seed: int = 0


@dataclass(frozen=True)
class PowerCell:
    """Power of a plan.

    Attributes:
        raters: Number of raters.
        songs: Number of songs.
        votes: Main votes of a rater; fewer than wanted where the songs do not suffice.
        power: Probability of finding the effect after Holm's correction at its strictest.
        detectable: Preference that is found with a probability of .8.
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
    if not 0.5 < settings.effect < 1.0:
        raise InputError(f"--effect is {settings.effect:g}; expected a preference between .5 and 1, such as .65.")
    pairs = settings.systems * (settings.systems - 1) // 2
    votes = settings.simulations * max(raters) * min(settings.votes, pairs * max(songs))
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


def power_of(settings: PowerSettings, raters: int, songs: int) -> PowerCell:
    """Compute the power of one plan."""
    pairs = list(combinations(range(settings.systems), 2))
    votes = min(settings.votes, len(pairs) * songs)
    link, shape = link_for(settings.points), np.array(TYPICAL_SHAPE[settings.points])
    rng = np.random.default_rng([settings.seed, raters, songs])
    differences = _simulated_differences(settings, raters, songs, votes, rng)
    error = math.sqrt(float(np.mean(differences**2)))
    shrunk = _attenuation(link, shape, settings)
    effect = brentq(lambda eta: preference(link, shape, eta) - settings.effect, 0.0, 30.0)
    # With unlimited votes of unlimited raters, differences still vary between songs.
    song_error = shrunk * settings.sd_song * math.sqrt(2.0 / songs)
    return PowerCell(
        raters=raters,
        songs=songs,
        votes=votes,
        power=_power(effect, error, min(raters, songs) - 1, settings),
        detectable=_detectable(error, min(raters, songs) - 1, settings, link, shape),
        limit=_detectable(song_error, songs - 1, settings, link, shape),
    )


def _simulated_differences(
    settings: PowerSettings, raters: int, songs: int, votes: int, rng: np.random.Generator
) -> Floats:
    """Return estimated differences of all pairs of equal systems, (simulations, pairs)."""
    count, size = settings.simulations, settings.systems
    pairs = list(combinations(range(size), 2))
    dealt = deal(len(pairs), songs, raters, votes, rng)
    first, second = np.array(balanced_sides(dealt, pairs, rng)).reshape(-1, 2).T
    song = np.array([cell[1] for cells in dealt for cell in cells])
    rater = np.repeat(np.arange(raters), votes)
    by_rater = rng.normal(0.0, settings.sd_rater, (count, raters, size))
    by_song = rng.normal(0.0, settings.sd_song, (count, songs, size))
    eta = by_rater[:, rater, first] - by_rater[:, rater, second] + by_song[:, song, first] - by_song[:, song, second]
    link, shape = link_for(settings.points), np.array(TYPICAL_SHAPE[settings.points])
    cumulated = np.exp(link.log_probabilities(eta, np.tile(shape, (count, 1)))).cumsum(axis=2)
    outcome = (rng.random((*eta.shape, 1)) > cumulated[:, :, :-1]).sum(axis=2)
    codes, cell = np.unique(first * size + second, return_inverse=True)
    design = pair_design(np.stack([codes // size, codes % size], axis=1), size, 0, has_side=False)
    ones = np.ones((1, len(cell)))
    tables = np.concatenate([count_tables(cell, each, ones, len(codes), link.outcomes) for each in outcome])
    # A twentieth of a vote in every cell keeps small simulated ratings finite.
    fitted = fit_tables(link, design, tables + 0.05 / link.outcomes)
    worth = worth_matrix(size, 0, fitted.theta.shape[1])
    return fitted.theta @ np.array([worth[i] - worth[j] for i, j in pairs]).T


def _attenuation(link: PairLink, shape: Floats, settings: PowerSettings) -> float:
    """Return how much averaging over raters and songs shrinks a small difference, in logits of preference."""
    spread = math.sqrt(2.0 * (settings.sd_rater**2 + settings.sd_song**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)  # type: ignore[no-untyped-call]
    small = 0.1

    def mean(eta: float) -> Floats:
        places = (eta + spread * nodes)[None]
        return np.asarray(weights / weights.sum() @ np.exp(link.log_probabilities(places, shape[None]))[0])

    design = pair_design(np.array([[0, 1], [1, 0]]), 2, 1, has_side=False)
    counts = 1e4 * np.stack([mean(small), mean(-small)])
    return float(fit_tables(link, design, counts[None]).theta[0, 0]) / small


def _power(effect: float, error: float, freedom: int, settings: PowerSettings) -> float:
    critical = student.ppf(1.0 - 0.5 * settings.alpha / settings.comparisons, freedom)
    found = nct.sf(critical, freedom, effect / error)
    return float(found) if np.isfinite(found) else float(effect / error > critical)


def _detectable(error: float, freedom: int, settings: PowerSettings, link: PairLink, shape: Floats) -> float:
    """Return the preference that is found with a probability of `POWER`."""
    if error <= 0.0:
        return 0.5
    most = 60.0 * error
    if _power(most, error, freedom, settings) < POWER:
        return 1.0
    effect = brentq(lambda eta: _power(eta, error, freedom, settings) - POWER, 0.0, most)
    return preference(link, shape, float(effect))
