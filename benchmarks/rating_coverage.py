# SPDX-License-Identifier: Apache-2.0
"""Coverage of intervals and family-wise error of comparisons, on simulated ratings.

    python -m benchmarks.rating_coverage [--out benchmarks/results/rating_coverage.md] [--simulations 1000]

Raters and songs have different preferences for each system. The truth is the worth that unlimited votes of unlimited
raters on unlimited songs would give. About five minutes on one processor.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import norm, wilcoxon

from dancepose.rating.design.dealing import balanced_sides, deal
from dancepose.rating.statistics.cluster_robust import Precision, cluster_covariance
from dancepose.rating.statistics.cumulative_link import SymmetricLink
from dancepose.rating.statistics.davidson import DavidsonLink
from dancepose.rating.statistics.multiple_comparisons import holm
from dancepose.rating.statistics.pair_estimates import estimate_pairs, worth_matrix
from dancepose.rating.statistics.pair_tables import (
    Floats,
    PairDesign,
    PairLink,
    PairVotes,
    count_tables,
    fit_tables,
    gradient_and_hessian,
    pair_design,
    score_table,
)
from dancepose.rating.statistics.two_way_bootstrap import bootstrap_pairs

ALPHA = 0.05
BOOTSTRAPPED = 60
RESAMPLES = 200
"""Simulations whose bootstraps are made, and the resamples of each."""
WITH_BOOTSTRAP = ("sds (0, 0)", "sds (.6, .4)", "6 songs")
"""Scenarios with the bootstrap, which takes most of the time."""


@dataclass(frozen=True)
class Scenario:
    """A simulated rating.

    Attributes:
        name: In the table.
        systems, songs, raters, votes: Its size; votes are those of one rater.
        sd_rater, sd_song: Spread of the worths of a system between raters and between songs, logits.
        range: Difference of worth between the best and the worst system, logits.
        link: Model of an answer.
        shape: Its thresholds or tie parameter.
    """

    name: str
    systems: int = 6
    songs: int = 12
    raters: int = 30
    votes: int = 30
    sd_rater: float = 0.6
    sd_song: float = 0.4
    range: float = 1.2
    link: PairLink = SymmetricLink(5)
    shape: tuple[float, ...] = (0.45, 1.6)

    @property
    def worths(self) -> Floats:
        """Typical worths, (systems,)."""
        return np.linspace(0.0, self.range, self.systems)


BASE = Scenario("6 systems, 12 songs, 30 raters x 30 votes, 5 points")
DAVIDSON = replace(BASE, link=DavidsonLink(has_ties=True), shape=(-0.6,))
COVERAGE = (
    replace(BASE, name="sds (0, 0)", sd_rater=0.0, sd_song=0.0),
    replace(BASE, name="sds (.6, 0)", sd_song=0.0),
    replace(BASE, name="sds (0, .4)", sd_rater=0.0),
    replace(BASE, name="sds (.6, .4)"),
    replace(BASE, name="3 systems", systems=3),
    replace(DAVIDSON, name="3 points, 5 % ties", shape=(-2.25,)),
    replace(DAVIDSON, name="3 points, 50 % ties", shape=(0.75,)),
    replace(BASE, name="forced", link=DavidsonLink(has_ties=False), shape=()),
    replace(BASE, name="15 raters", raters=15),
    replace(BASE, name="6 songs", songs=6),
)
NULL = tuple(replace(entry, range=0.0) for entry in COVERAGE)


@dataclass(frozen=True)
class Simulated:
    """Votes of many simulations of one plan: indices (N,), outcomes (B, N)."""

    first: np.ndarray
    second: np.ndarray
    rater: np.ndarray
    song: np.ndarray
    outcome: np.ndarray

    def votes(self, number: int, systems: int) -> PairVotes:
        """Return the votes of one simulation."""
        names = tuple(f"system {k}" for k in range(systems))
        return PairVotes(names, self.first, self.second, self.outcome[number], self.rater, self.song)


def simulate(scenario: Scenario, count: int, rng: np.random.Generator) -> Simulated:
    """Draw the votes of ``count`` ratings."""
    pairs = [(i, j) for i in range(scenario.systems) for j in range(i + 1, scenario.systems)]
    dealt = deal(len(pairs), scenario.songs, scenario.raters, scenario.votes, rng)
    sides = np.array(balanced_sides(dealt, pairs, rng)).reshape(-1, 2)
    song = np.array([cell[1] for cells in dealt for cell in cells])
    rater = np.repeat(np.arange(scenario.raters), scenario.votes)
    by_rater = rng.normal(0.0, scenario.sd_rater, (count, scenario.raters, scenario.systems))
    by_song = rng.normal(0.0, scenario.sd_song, (count, scenario.songs, scenario.systems))
    first, second = sides.T
    eta = scenario.worths[first] - scenario.worths[second]
    eta = eta + by_rater[:, rater, first] - by_rater[:, rater, second]
    eta = eta + by_song[:, song, first] - by_song[:, song, second]
    shape = np.tile(np.array(scenario.shape), (count, 1))
    cumulated = np.exp(scenario.link.log_probabilities(eta, shape)).cumsum(axis=2)
    outcome = (rng.random((count, len(song), 1)) > cumulated[:, :, :-1]).sum(axis=2)
    return Simulated(first, second, rater, song, outcome)


def truth_of(scenario: Scenario, design: PairDesign) -> Floats:
    """Return what the model estimates from unlimited votes, (P,)."""
    spread = np.sqrt(2.0 * (scenario.sd_rater**2 + scenario.sd_song**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(81)  # type: ignore[no-untyped-call]
    worths = scenario.worths
    eta = (worths[design.cells[:, 0]] - worths[design.cells[:, 1]])[None, :] + spread * nodes[:, None]
    shape = np.tile(np.array(scenario.shape), (len(nodes), 1))
    p = np.exp(scenario.link.log_probabilities(eta, shape))
    counts = 1e4 * np.einsum("n,nck->ck", weights / weights.sum(), p)
    return fit_tables(scenario.link, design, counts[None]).theta[0]


def contrasts_of(systems: int, size: int) -> Floats:
    """Return all differences of worths as contrasts, (M, P)."""
    worth = worth_matrix(systems, 0, size)
    return np.array([worth[i] - worth[j] for i in range(systems) for j in range(i + 1, systems)])


def estimates(scenario: Scenario, drawn: Simulated) -> Iterator[tuple[Floats, Floats, Floats, Precision]]:
    """Fit every simulation; yield contrasts' estimates, truth, errors by raters alone, and the two-way precision."""
    systems = scenario.systems
    code, cell = np.unique(drawn.first * systems + drawn.second, return_inverse=True)
    design = pair_design(np.stack([code // systems, code % systems], axis=1), systems, 0, has_side=True)
    link, count = scenario.link, len(drawn.outcome)
    tables = np.concatenate(
        [count_tables(cell, outcome, np.ones((1, len(cell))), len(code), link.outcomes) for outcome in drawn.outcome]
    )
    fitted = fit_tables(link, design, tables)
    assert fitted.converged.all()
    truth = truth_of(scenario, design)
    contrasts = contrasts_of(systems, len(truth))
    for number in range(count):
        theta = fitted.theta[number]
        _, hessian = gradient_and_hessian(link, design, tables[number][None], theta[None])
        scores = score_table(link, design, theta)[cell, drawn.outcome[number]]
        covariance = cluster_covariance(scores, np.linalg.inv(-hessian[0]), drawn.rater, drawn.song)
        rater = np.sqrt(np.einsum("mp,pq,mq->m", contrasts, covariance.rater, contrasts))
        yield contrasts @ theta, contrasts @ truth, rater, covariance.precision(contrasts)


def coverage_row(scenario: Scenario, simulations: int, seed: int) -> str:
    """Return the row of one scenario: coverage of four intervals."""
    rng = np.random.default_rng(seed)
    hits: dict[str, list[float]] = {"naive": [], "rater": [], "two-way": [], "boot": []}
    z = norm.ppf(1.0 - 0.5 * ALPHA)
    drawn = simulate(scenario, simulations, rng)
    truth = np.empty(0)
    for estimate, truth, rater, precision in estimates(scenario, drawn):
        off = np.abs(estimate - truth)
        hits["naive"].append(float((off <= z * precision.naive).mean()))
        hits["rater"].append(float((off <= z * rater).mean()))
        hits["two-way"].append(float((off <= precision.half_widths(ALPHA)).mean()))
    bootstrapped = min(BOOTSTRAPPED, simulations) if scenario.name in WITH_BOOTSTRAP else 0
    for number in range(bootstrapped):
        votes = drawn.votes(number, scenario.systems)
        found = estimate_pairs(votes, scenario.link)
        contrasts = contrasts_of(scenario.systems, len(found.theta))
        interval = bootstrap_pairs(votes, found, seed=number, resamples=RESAMPLES).intervals(contrasts, ALPHA)
        hits["boot"].append(float(((interval[:, 0] <= truth) & (truth <= interval[:, 1])).mean()))
    cells = [f"{np.mean(each):.3f} ({np.std(each) / np.sqrt(len(each)):.3f})" if each else "" for each in hits.values()]
    return f"| {scenario.name} | {' | '.join(cells)} |"


def error_row(scenario: Scenario, simulations: int, seed: int) -> str:
    """Return the row of one scenario without differences: how often anything is called significant."""
    rng = np.random.default_rng(seed)
    drawn = simulate(scenario, simulations, rng)
    wrong: dict[str, list[bool]] = {"naive": [], "rater": [], "two-way": [], "votes": [], "means": []}
    pairs = [(i, j) for i in range(scenario.systems) for j in range(i + 1, scenario.systems)]
    for number, (estimate, _, rater, precision) in enumerate(estimates(scenario, drawn)):
        wrong["naive"].append(bool((holm(2.0 * norm.sf(np.abs(estimate) / precision.naive)) < ALPHA).any()))
        wrong["rater"].append(bool((holm(2.0 * norm.sf(np.abs(estimate) / rater)) < ALPHA).any()))
        wrong["two-way"].append(bool((holm(precision.p_values(estimate)) < ALPHA).any()))
        answers = (scenario.link.outcomes - 1) / 2 - drawn.outcome[number]
        pooled, means = [], []
        for i, j in pairs:
            forward = (drawn.first == i) & (drawn.second == j)
            backward = (drawn.first == j) & (drawn.second == i)
            signed = np.where(forward, answers, -answers)[forward | backward]
            whose = drawn.rater[forward | backward]
            by_rater = np.bincount(whose, signed) / np.maximum(np.bincount(whose), 1)
            pooled.append(_wilcoxon(signed))
            means.append(_wilcoxon(by_rater[np.bincount(whose) > 0]))
        wrong["votes"].append(bool((holm(np.array(pooled)) < ALPHA).any()))
        wrong["means"].append(bool((holm(np.array(means)) < ALPHA).any()))
    cells = [f"{np.mean(each):.3f} ({np.std(each) / np.sqrt(len(each)):.3f})" for each in wrong.values()]
    return f"| {scenario.name} | {' | '.join(cells)} |"


def _wilcoxon(values: Floats) -> float:
    return float(wilcoxon(values, method="approx").pvalue) if np.any(values) else 1.0


def main() -> None:
    """Simulate, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--simulations", type=int, default=400)
    given = parser.parse_args()
    lines = [
        "# Coverage and family-wise error of rating intervals",
        "",
        f"`python -m benchmarks.rating_coverage --simulations {given.simulations}`. {BASE.name}; standard",
        "deviations of a system's worth of .6 between raters and .4 between songs, unless the row names another.",
        f"Monte-Carlo errors in parentheses. The bootstrap: {BOOTSTRAPPED} simulations of {RESAMPLES} resamples.",
        "",
        "The two-way interval is that of the analysis: t, and never narrower than with independent votes.",
        "",
        "Coverage of 95 % intervals, mean over all differences of two systems:",
        "",
        "| scenario | Wald, votes independent | raters dependent | **two-way, t** | raters-by-songs bootstrap |",
        "|---|---|---|---|---|",
    ]
    for number, scenario in enumerate(COVERAGE):
        lines.append(coverage_row(scenario, given.simulations, number))
        print(lines[-1], flush=True)
    lines += [
        "",
        "Family-wise error at .05 after Holm's correction, all systems equal:",
        "",
        "| scenario | Wald | raters dependent | **two-way, t** | Wilcoxon over votes | Wilcoxon over rater means |",
        "|---|---|---|---|---|---|",
    ]
    for number, scenario in enumerate(NULL):
        lines.append(error_row(scenario, given.simulations, 100 + number))
        print(lines[-1], flush=True)
    if given.out is not None:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
