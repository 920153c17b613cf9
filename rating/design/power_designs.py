# SPDX-License-Identifier: Apache-2.0
"""Simulated votes of every design without a true difference, and what the analysis estimates from them."""

from itertools import combinations
import math
from typing import Final, Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from dancepose_addon.core.errors import InputError

from ..statistics.best_worst import SetVotes, fit_weighted_sets
from ..statistics.pair_estimates import link_for, worth_matrix
from ..statistics.pair_fit import preference
from ..statistics.pair_tables import Floats, Ints, PairLink, count_tables, fit_tables, pair_design
from ..statistics.sliders import centred_scores
from .dealing import Cell, balanced_sides, deal
from .power_settings import PowerSettings
from .rating_plan import sets_of_systems

TYPICAL_SHAPE: Final = {5: (0.45, 1.6), 3: (-0.6,), 2: ()}
"""Thresholds or tie parameter with about 18 % ties between equal systems."""
RANGES: Final = {"acr": (1.0, 5.0), "sliders": (0.0, 100.0)}
SMOOTHING: Final = 0.05
"""Votes that are added to the outcomes of every cell, which keeps small simulated ratings finite."""
SHRINKAGE: Final = (16.0 * math.sqrt(3.0) / (15.0 * math.pi)) ** 2
"""Of logits that are averaged over normal effects: S. L. Zeger, K.-Y. Liang and P. S. Albert, Biometrics 44 (1988)."""


class PowerDesign(Protocol):
    """What power needs to know about a design."""

    def cells(self, songs: int) -> int:
        """Return the number of different pages of a question."""

    def differences(self, raters: int, songs: int, votes: int, rng: np.random.Generator) -> Floats:
        """Return estimates whose true value is 0, (simulations, contrasts)."""

    def from_effect(self, effect: float) -> float:
        """Return the estimate that an effect leads to."""

    def to_effect(self, difference: float) -> float:
        """Return the effect of an estimate."""

    def song_error(self, songs: int) -> float:
        """Return the standard error with unlimited votes of unlimited raters: songs still differ."""


class PairPower:
    """Pairs of systems."""

    def __init__(self, settings: PowerSettings) -> None:
        self.settings = settings
        self.pairs = list(combinations(range(settings.systems), 2))
        self.link, self.shape = link_for(settings.points), np.array(TYPICAL_SHAPE[settings.points])

    def cells(self, songs: int) -> int:
        """Return the number of different pages of a question."""
        return len(self.pairs) * songs

    def differences(self, raters: int, songs: int, votes: int, rng: np.random.Generator) -> Floats:
        """Return estimates whose true value is 0, (simulations, contrasts)."""
        size = self.settings.systems
        dealt = deal(len(self.pairs), songs, raters, votes, rng)
        first, second = np.array(balanced_sides(dealt, self.pairs, rng)).reshape(-1, 2).T
        by_rater, by_song, rater, song = _effects(self.settings, dealt, songs, rng)
        eta = (
            by_rater[:, rater, first] - by_rater[:, rater, second] + by_song[:, song, first] - by_song[:, song, second]
        )
        outcome = _answers(self.link, self.shape, eta, rng)
        codes, cell = np.unique(first * size + second, return_inverse=True)
        design = pair_design(np.stack([codes // size, codes % size], axis=1), size, 0, has_side=False)
        ones = np.ones((1, len(cell)))
        tables = np.concatenate([count_tables(cell, each, ones, len(codes), self.link.outcomes) for each in outcome])
        fitted = fit_tables(self.link, design, tables + SMOOTHING / self.link.outcomes)
        worth = worth_matrix(size, 0, fitted.theta.shape[1])
        return fitted.theta @ np.array([worth[i] - worth[j] for i, j in self.pairs]).T

    def from_effect(self, effect: float) -> float:
        """Return the estimate that an effect leads to."""
        return float(brentq(lambda eta: preference(self.link, self.shape, eta) - effect, 0.0, 30.0))

    def to_effect(self, difference: float) -> float:
        """Return the effect of an estimate."""
        return preference(self.link, self.shape, difference)

    def song_error(self, songs: int) -> float:
        """Return the standard error with unlimited votes of unlimited raters."""
        settings = self.settings
        spread = math.sqrt(2.0 * (settings.spread_of_raters**2 + settings.spread_of_songs**2))
        shrunk = _attenuation(self.link, self.shape, spread)
        return shrunk * settings.spread_of_songs * math.sqrt(2.0 / songs)


class SetPower:
    """The best and the worst of sets, by the sequential best-worst logit."""

    def __init__(self, settings: PowerSettings) -> None:
        self.settings = settings
        self.sets = sets_of_systems(settings.systems, settings.set_size)
        self.pairs = list(combinations(range(settings.systems), 2))

    def cells(self, songs: int) -> int:
        """Return the number of different pages of a question."""
        return len(self.sets) * songs

    def differences(self, raters: int, songs: int, votes: int, rng: np.random.Generator) -> Floats:
        """Return estimates whose true value is 0, (simulations, contrasts)."""
        dealt = deal(len(self.sets), songs, raters, votes, rng)
        group = np.array([cell[0] for cells in dealt for cell in cells])
        by_rater, by_song, rater, song = _effects(self.settings, dealt, songs, rng)
        members = np.array(self.sets)[group]
        worth = by_rater[:, rater[:, None], members] + by_song[:, song[:, None], members]
        best = (worth + rng.gumbel(size=worth.shape)).argmax(axis=2)
        against = rng.gumbel(size=worth.shape) - worth
        np.put_along_axis(against, best[..., None], -np.inf, axis=2)
        worst = against.argmax(axis=2)
        size = members.shape[1]
        table, code = self._outcomes(size)
        kinds = code[best, worst] + group * size * (size - 1)
        theta = []
        for each in kinds:
            weights = np.bincount(each, minlength=len(table.best)) + SMOOTHING / (size * (size - 1))
            theta.append(fit_weighted_sets(table, weights, 0)[0])
        matrix = worth_matrix(self.settings.systems, 0, self.settings.systems - 1)
        return np.array(theta) @ np.array([matrix[i] - matrix[j] for i, j in self.pairs]).T

    def _outcomes(self, size: int) -> tuple[SetVotes, Ints]:
        """Return one vote of every possible kind, and the number of a kind by the places of best and worst."""
        orders = [(best, worst) for best in range(size) for worst in range(size) if best != worst]
        code = np.zeros((size, size), dtype=np.int64)
        for number, (best, worst) in enumerate(orders):
            code[best, worst] = number
        kinds = [(members, members[best], members[worst]) for members in self.sets for best, worst in orders]
        shown = np.zeros((len(kinds), self.settings.systems), dtype=bool)
        for row, (members, _, _) in zip(shown, kinds, strict=True):
            row[list(members)] = True
        zeros = np.zeros(len(kinds), dtype=np.int64)
        names = tuple(map(str, range(self.settings.systems)))
        best_of, worst_of = (np.array([kind[n] for kind in kinds]) for n in (1, 2))
        return SetVotes(names, shown, best_of, worst_of, zeros, zeros), code

    def from_effect(self, effect: float) -> float:
        """Return the estimate that an effect leads to."""
        return float(logit(effect))

    def to_effect(self, difference: float) -> float:
        """Return the effect of an estimate."""
        return float(expit(difference))

    def song_error(self, songs: int) -> float:
        """Return the standard error with unlimited votes of unlimited raters."""
        settings = self.settings
        variance = 2.0 * (settings.spread_of_raters**2 + settings.spread_of_songs**2)
        return settings.spread_of_songs * math.sqrt(2.0 / songs) / math.sqrt(1.0 + SHRINKAGE * variance)


class ScorePower:
    """Scores of single clips (``acr``), or of all systems on one page (``sliders``)."""

    def __init__(self, settings: PowerSettings) -> None:
        self.settings = settings
        self.is_paged = settings.design == "sliders"

    def cells(self, songs: int) -> int:
        """Return the number of different pages of a question."""
        return songs if self.is_paged else songs * self.settings.systems

    def differences(self, raters: int, songs: int, votes: int, rng: np.random.Generator) -> Floats:
        """Return estimates whose true value is 0, (simulations, contrasts)."""
        settings, count = self.settings, self.settings.systems
        dealt = deal(1 if self.is_paged else count, songs, raters, votes, rng)
        by_rater, by_song, rater, song = _effects(settings, dealt, songs, rng)
        system = np.array([cell[0] for cells in dealt for cell in cells])
        page = np.arange(len(system))
        if self.is_paged:
            system = np.tile(np.arange(count), len(page))
            rater, song, page = (np.repeat(each, count) for each in (rater, song, page))
        low, high = RANGES[settings.design]
        # Raters and songs differ in level as well, by as much as systems vary in them.
        level = rng.normal(0.0, settings.spread_of_raters, (len(by_rater), raters))[:, rater]
        level += rng.normal(0.0, settings.spread_of_songs, (len(by_song), songs))[:, song]
        noise = rng.normal(0.0, settings.spread_of_votes, level.shape)
        wanted = 0.5 * (low + high) + level + by_rater[:, rater, system] + by_song[:, song, system] + noise
        score = np.clip(np.rint(wanted), low, high)
        if self.is_paged:
            score = np.array([centred_scores(each, page) for each in score])
        shown = np.bincount(system, minlength=count)
        means = score @ np.eye(count)[system] / np.maximum(shown, 1)
        return np.stack([means[:, i] - means[:, j] for i, j in combinations(range(count), 2)], axis=1)

    def from_effect(self, effect: float) -> float:
        """Return the estimate that an effect leads to."""
        return effect

    def to_effect(self, difference: float) -> float:
        """Return the effect of an estimate."""
        return difference

    def song_error(self, songs: int) -> float:
        """Return the standard error with unlimited votes of unlimited raters."""
        return self.settings.spread_of_songs * math.sqrt(2.0 / songs)


class MismatchPower:
    """A dance with its own and with other music: the share that prefers its own, of the votes that are not ties."""

    def __init__(self, settings: PowerSettings) -> None:
        self.settings = settings
        self.link, self.shape = link_for(settings.points), np.array(TYPICAL_SHAPE[settings.points])

    def cells(self, songs: int) -> int:
        """Return the number of different pages of a question."""
        return songs * self.settings.systems

    def differences(self, raters: int, songs: int, votes: int, rng: np.random.Generator) -> Floats:
        """Return estimates whose true value is 0, (simulations, contrasts)."""
        count = self.settings.systems
        dealt = deal(count, songs, raters, votes, rng)
        by_rater, by_song, rater, song = _effects(self.settings, dealt, songs, rng)
        system = np.array([cell[0] for cells in dealt for cell in cells])
        outcome = _answers(self.link, self.shape, by_rater[:, rater, system] + by_song[:, song, system], rng)
        half = self.link.outcomes // 2
        columns = np.eye(count)[system]
        wins = (outcome < half) @ columns + SMOOTHING / 2.0
        losses = (outcome >= self.link.outcomes - half) @ columns + SMOOTHING / 2.0
        return np.asarray(wins / (wins + losses) - 0.5)

    def from_effect(self, effect: float) -> float:
        """Return the estimate that an effect leads to."""
        return effect - 0.5

    def to_effect(self, difference: float) -> float:
        """Return the effect of an estimate."""
        return min(1.0, 0.5 + difference)

    def song_error(self, songs: int) -> float:
        """Return the standard error with unlimited votes of unlimited raters."""
        settings = self.settings
        small = 0.1
        slope = (preference(self.link, self.shape, small) - 0.5) / small
        spread = math.sqrt(settings.spread_of_raters**2 + settings.spread_of_songs**2)
        shrunk = _attenuation(self.link, self.shape, spread)
        return slope * shrunk * settings.spread_of_songs * math.sqrt(1.0 / songs)


def power_design(settings: PowerSettings) -> PowerDesign:
    """Return the design that settings name.

    Raises:
        InputError: It cannot give a result.
    """
    least = {"pair": 2, "best-worst": 3, "sliders": 2, "acr": 2}.get(settings.design, 1)
    if settings.systems < least:
        raise InputError(
            f"A {settings.design} rating compares at least {least} systems; found {settings.systems}. Use another "
            "design."
        )
    if settings.design == "pair":
        return PairPower(settings)
    if settings.design == "best-worst":
        return SetPower(settings)
    return MismatchPower(settings) if settings.design == "mismatch" else ScorePower(settings)


def _effects(
    settings: PowerSettings, dealt: list[list[Cell]], songs: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Ints, Ints]:
    """Draw what raters and songs think of systems; with the rater and song of every page.

    Returns:
        (simulations, raters, systems), (simulations, songs, systems), (pages,), (pages,).
    """
    count, size = settings.simulations, settings.systems
    song = np.array([cell[1] for cells in dealt for cell in cells])
    rater = np.repeat(np.arange(len(dealt)), [len(cells) for cells in dealt])
    by_rater = rng.normal(0.0, settings.spread_of_raters, (count, len(dealt), size))
    by_song = rng.normal(0.0, settings.spread_of_songs, (count, songs, size))
    return by_rater, by_song, rater, song


def _answers(link: PairLink, shape: Floats, eta: Floats, rng: np.random.Generator) -> Ints:
    """Draw answers for differences of worths, (simulations, pages)."""
    cumulated = np.exp(link.log_probabilities(eta, np.tile(shape, (len(eta), 1)))).cumsum(axis=2)
    return np.asarray((rng.random((*eta.shape, 1)) > cumulated[:, :, :-1]).sum(axis=2))


def _attenuation(link: PairLink, shape: Floats, spread: float) -> float:
    """Return how much averaging over normal effects shrinks a small difference, in logits of preference."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)  # type: ignore[no-untyped-call]
    small = 0.1

    def mean(eta: float) -> Floats:
        places = (eta + spread * nodes)[None]
        return np.asarray(weights / weights.sum() @ np.exp(link.log_probabilities(places, shape[None]))[0])

    design = pair_design(np.array([[0, 1], [1, 0]]), 2, 1, has_side=False)
    counts = 1e4 * np.stack([mean(small), mean(-small)])
    return float(fit_tables(link, design, counts[None]).theta[0, 0]) / small
