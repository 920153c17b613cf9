# SPDX-License-Identifier: Apache-2.0
"""Best and worst of a set: the sequential best-worst logit.

P(best = i) = exp(l_i) / sum over the set; P(worst = j) = exp(-l_j) / sum over the set without i. Source:
A. A. J. Marley and J. J. Louviere, Journal of Mathematical Psychology 49 (2005).
"""

from dataclasses import dataclass

import numpy as np

from .cluster_robust import RobustCovariance, cluster_covariance
from .pair_estimates import PSEUDO_VOTE, worth_matrix
from .pair_tables import SEPARATED, Floats, Ints
from .two_way_bootstrap import BootstrapSamples, resampling_weights


@dataclass(frozen=True)
class SetVotes:
    """Votes on sets.

    Attributes:
        systems: Names of the systems.
        shown: Whether each system was shown, (N, S).
        best: Index of the best, (N,).
        worst: Index of the worst, (N,).
        rater: Index of the rater, (N,).
        song: Index of the song, (N,).
    """

    systems: tuple[str, ...]
    shown: np.ndarray
    best: Ints
    worst: Ints
    rater: Ints
    song: Ints


@dataclass(frozen=True)
class SetEstimate:
    """Result of the best-worst logit.

    Attributes:
        systems: Names.
        reference: Index of the system whose worth is 0.
        theta: Worths without the reference's, (S-1,).
        covariance: Of theta.
        log_likelihood: At the maximum.
        is_penalised: Whether the data are separated, so that a penalty was added.
    """

    systems: tuple[str, ...]
    reference: int
    theta: Floats
    covariance: RobustCovariance
    log_likelihood: float
    is_penalised: bool

    @property
    def to_worths(self) -> Floats:
        """Matrix from theta to the worths, (S, S-1)."""
        return worth_matrix(len(self.systems), self.reference, len(self.theta))


def estimate_sets(votes: SetVotes, *, reference: int = 0) -> SetEstimate:
    """Estimate worths from best-worst votes."""
    weights = np.ones(len(votes.best))
    theta, value, is_finite = fit_weighted_sets(votes, weights, reference, 0.0)
    penalty = 0.0 if is_finite else PSEUDO_VOTE
    if penalty:
        theta, value, _ = fit_weighted_sets(votes, weights, reference, penalty)
    scores, _, hessian = _derivatives(votes, theta, reference)
    curvature = _weighted(hessian, weights) + penalty * np.eye(len(theta))
    covariance = cluster_covariance(scores, np.linalg.inv(curvature), votes.rater, votes.song)
    return SetEstimate(votes.systems, reference, theta, covariance, value, bool(penalty))


def bootstrap_sets(votes: SetVotes, estimate: SetEstimate, *, seed: int, resamples: int) -> BootstrapSamples:
    """Fit resampled votes; separated resamples are penalised."""
    rng = np.random.default_rng(seed)
    weights = resampling_weights(votes.rater, votes.song, resamples, rng)
    rows, separated = [], 0
    for each in weights:
        theta, _, is_finite = fit_weighted_sets(votes, each, estimate.reference, 0.0)
        if not is_finite:
            separated += 1
            theta, _, _ = fit_weighted_sets(votes, each, estimate.reference, PSEUDO_VOTE)
        rows.append(theta)
    return BootstrapSamples(np.array(rows), seed, separated)


def fit_weighted_sets(
    votes: SetVotes, weights: Floats, reference: int, penalty: float = 0.0
) -> tuple[Floats, float, bool]:
    """Maximise the likelihood of weighted votes.

    Args:
        votes: The votes.
        weights: How often each vote counts, (N,).
        reference: Index of the system whose worth is 0.
        penalty: Of a ridge.

    Returns:
        Estimates (S-1,), log-likelihood, and whether the estimates are finite.
    """
    theta = np.zeros(len(votes.systems) - 1)
    value = -np.inf
    for _ in range(60):
        scores, logs, hessian = _derivatives(votes, theta, reference)
        value = float(weights @ logs)
        gradient = weights @ scores - penalty * theta
        curvature = _weighted(hessian, weights) + penalty * np.eye(len(theta))
        step = np.linalg.solve(curvature + 1e-12 * np.eye(len(theta)), gradient)
        theta = theta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(theta).max() > SEPARATED:
            return theta, value, False
        if gradient @ step < 1e-10:
            return theta, value, True
    return theta, value, False


def _weighted(hessian: Floats, weights: Floats) -> Floats:
    return np.einsum("n,npq->pq", weights, hessian)


def _derivatives(votes: SetVotes, theta: Floats, reference: int) -> tuple[Floats, Floats, Floats]:
    """Return scores (N, P), log-likelihoods (N,), and minus the Hessians (N, P, P)."""
    count = len(votes.systems)
    matrix = worth_matrix(count, reference, len(theta))
    worths = matrix @ theta
    rows = np.arange(len(votes.best))
    left = votes.shown.copy()
    left[rows, votes.best] = False
    first = np.where(votes.shown, np.exp(worths), 0.0)
    second = np.where(left, np.exp(-worths), 0.0)
    logs = worths[votes.best] - np.log(first.sum(1)) - worths[votes.worst] - np.log(second.sum(1))
    first /= first.sum(1, keepdims=True)
    second /= second.sum(1, keepdims=True)
    unit = np.eye(count)
    scores = (unit[votes.best] - first - unit[votes.worst] + second) @ matrix
    hessian = np.zeros((len(rows), count, count))
    for p in (first, second):
        hessian += p[:, :, None] * unit - p[:, :, None] * p[:, None, :]
    return scores, logs, matrix.T @ hessian @ matrix
