# SPDX-License-Identifier: Apache-2.0
"""Worths of systems from pairwise votes, with two-way cluster-robust covariance and the two-way bootstrap."""

from dataclasses import dataclass

import numpy as np

from .cluster_robust import RobustCovariance, cluster_covariance
from .cumulative_link import SymmetricLink
from .davidson import DavidsonLink
from .pair_tables import (
    Floats,
    PairDesign,
    PairLink,
    PairVotes,
    cells_of,
    count_tables,
    fit_tables,
    gradient_and_hessian,
    pair_design,
    score_table,
)

PSEUDO_VOTE: float = 0.5
"""Votes that are added to every pair that was shown, spread over its answers, where the data are separated."""


@dataclass(frozen=True)
class PairEstimate:
    """Result of a pairwise model.

    Attributes:
        systems: Names.
        reference: Index of the system whose worth is 0.
        link: The model of an answer.
        design: Ordered pairs and columns.
        counts: Votes, (C, K).
        theta: Estimates: worths without the reference's, side, shape, (P,).
        log_likelihood: At the maximum.
        covariance: Of theta.
        is_penalised: Whether the data are separated, so that pseudo-votes were added.
    """

    systems: tuple[str, ...]
    reference: int
    link: PairLink
    design: PairDesign
    counts: Floats
    theta: Floats
    log_likelihood: float
    covariance: RobustCovariance
    is_penalised: bool

    @property
    def worths(self) -> Floats:
        """Worths of all systems in logits, (systems,)."""
        return self.to_worths @ self.theta

    @property
    def to_worths(self) -> Floats:
        """Matrix from theta to the worths, (systems, P)."""
        return worth_matrix(len(self.systems), self.reference, len(self.theta))

    @property
    def side(self) -> tuple[float, float] | None:
        """Side bias in logits and its standard error, if it was estimated."""
        if not self.design.has_side:
            return None
        contrast = np.zeros((1, len(self.theta)))
        contrast[0, len(self.systems) - 1] = 1.0
        return float(self.theta[len(self.systems) - 1]), float(self.covariance.precision(contrast).errors(0.05)[0])

    @property
    def shape(self) -> Floats:
        """Tie parameter or thresholds."""
        return self.theta[self.design.columns.shape[1] :]


def worth_matrix(systems: int, reference: int, size: int) -> Floats:
    """Return the matrix from estimates (worths without the reference's first) to all worths."""
    matrix = np.zeros((systems, size))
    matrix[np.delete(np.arange(systems), reference), np.arange(systems - 1)] = 1.0
    return matrix


def link_for(points: int) -> PairLink:
    """Return the model for 5-point, 3-point and forced answers."""
    return SymmetricLink(5) if points == 5 else DavidsonLink(has_ties=points == 3)


def estimate_pairs(votes: PairVotes, link: PairLink, *, reference: int = 0, has_side: bool = True) -> PairEstimate:
    """Estimate worths.

    Args:
        votes: The votes.
        link: The model of an answer.
        reference: Index of the system whose worth is 0.
        has_side: Whether to estimate the side bias.
    """
    cells, cell = cells_of(votes)
    design = pair_design(cells, len(votes.systems), reference, has_side=has_side)
    counts = count_tables(cell, votes.outcome, np.ones((1, len(cell))), len(cells), link.outcomes)
    fitted = fit_tables(link, design, counts)
    used = counts
    is_penalised = not fitted.converged[0]
    if is_penalised:
        used = with_pseudo_votes(counts, cells)
        design = pair_design(both_ways(cells), len(votes.systems), reference, has_side=has_side)
        fitted = fit_tables(link, design, used)
        cells, cell = both_ways(cells), _cells_in(both_ways(cells), votes)
    theta = fitted.theta[0]
    _, hessian = gradient_and_hessian(link, design, used, fitted.theta)
    scores = score_table(link, design, theta)[cell, votes.outcome]
    covariance = cluster_covariance(scores, np.linalg.inv(-hessian[0]), votes.rater, votes.song)
    return PairEstimate(
        votes.systems, reference, link, design, used[0], theta, float(fitted.log_likelihood[0]), covariance,
        is_penalised,
    )  # fmt: skip


def both_ways(cells: np.ndarray) -> np.ndarray:
    """Return ordered pairs in both orders, sorted, each once."""
    return np.unique(np.vstack([cells, cells[:, ::-1]]), axis=0)


def with_pseudo_votes(counts: Floats, cells: np.ndarray) -> Floats:
    """Add `PSEUDO_VOTE` to every pair that was shown, half of it to each order, spread evenly over the answers.

    That bounds the estimates of separated data, as Firth's penalty does, and favours no system and no side.

    Args:
        counts: (B, C, K).
        cells: Ordered pairs, (C, 2).

    Returns:
        Counts for the cells of `both_ways`.
    """
    doubled = both_ways(cells)
    found = np.full((len(counts), len(doubled), counts.shape[2]), 0.5 * PSEUDO_VOTE / counts.shape[2])
    index = {tuple(pair): number for number, pair in enumerate(doubled.tolist())}
    found[:, [index[tuple(pair)] for pair in cells.tolist()]] += counts
    return found


def _cells_in(cells: np.ndarray, votes: PairVotes) -> np.ndarray:
    index = {tuple(pair): number for number, pair in enumerate(cells.tolist())}
    return np.array([index[pair] for pair in zip(votes.first.tolist(), votes.second.tolist(), strict=True)])
