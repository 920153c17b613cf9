# SPDX-License-Identifier: Apache-2.0
"""Ordered answers: the cumulative logit model, for pairs with symmetric thresholds and for regression.

Sources: P. McCullagh, Journal of the Royal Statistical Society B 42 (1980); A. Agresti, Applied Statistics 41 (1992),
for paired comparisons.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .pair_tables import Floats, Ints

TINY: Final = 1e-300


@dataclass(frozen=True)
class SymmetricLink:
    """P(answer <= k) = F(eta + tau_k), F the logistic function and tau symmetric about 0.

    Attributes:
        outcomes: 5 (thresholds -t2, -t1, t1, t2) or 3 (-t1, t1).
    """

    outcomes: int = 5

    @property
    def shapes(self) -> int:
        """Number of thresholds above 0."""
        return (self.outcomes - 1) // 2

    def start(self, shares: Floats) -> Floats:
        """Return the thresholds for equal systems and the observed shares."""
        folded = 0.5 * (shares + shares[::-1])
        return np.asarray(logit(np.cumsum(folded)[self.shapes : -1]))

    def is_valid(self, shape: Floats) -> NDArray[np.bool_]:
        """Whether 0 < t1 < t2."""
        steps = np.diff(shape, axis=-1, prepend=0.0)
        return np.isfinite(shape).all(axis=-1) & (steps > 0.0).all(axis=-1)

    def log_probabilities(self, eta: Floats, shape: Floats) -> Floats:
        """Return log P, (B, C, K)."""
        return np.log(np.maximum(self._probabilities(eta, shape), TINY))

    def derivatives(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of log P in (eta, t1, ...)."""
        p = np.maximum(self._probabilities(eta, shape), TINY)
        upper = expit(self._places(eta, shape))
        density = upper * (1.0 - upper)
        slope = density * (1.0 - 2.0 * upper)
        directions = self._directions()  # (K-1, 1+T): change of each place with eta and the thresholds
        first = density[..., None] * directions
        second = slope[..., None, None] * (directions[:, :, None] * directions[:, None, :])
        first = np.diff(first, axis=2, prepend=0.0, append=0.0)
        second = np.diff(second, axis=2, prepend=0.0, append=0.0)
        gradient = first / p[..., None]
        return gradient, second / p[..., None, None] - gradient[..., :, None] * gradient[..., None, :]

    def _probabilities(self, eta: Floats, shape: Floats) -> Floats:
        place = self._places(eta, shape)
        lower, upper = expit(place), expit(-place)
        # The difference of the smaller tails keeps its digits where both are near 1.
        middle = np.where(place[..., 1:] < 0.0, lower[..., 1:] - lower[..., :-1], upper[..., :-1] - upper[..., 1:])
        return np.concatenate([lower[..., :1], middle, upper[..., -1:]], axis=-1)

    def _places(self, eta: Floats, shape: Floats) -> Floats:
        tau = np.concatenate([-shape[:, ::-1], shape], axis=1)
        return eta[:, :, None] + tau[:, None, :]

    def _directions(self) -> Floats:
        count = self.shapes
        below, above = -np.eye(count)[::-1], np.eye(count)
        return np.hstack([np.ones((2 * count, 1)), np.vstack([below, above])])


@dataclass(frozen=True)
class LinkFit:
    """A cumulative logit regression P(y <= k) = F(tau_k - x beta).

    Attributes:
        beta: Coefficients, (L,).
        thresholds: Ordered, (K-1,).
        log_likelihood: At the maximum.
        covariance: Inverse of the observed information of (thresholds, beta), (K-1+L, K-1+L).
        scores: Gradient of every vote's log-likelihood in (thresholds, beta), (N, K-1+L).
    """

    beta: Floats
    thresholds: Floats
    log_likelihood: float
    covariance: Floats
    scores: Floats


def fit_cumulative_link(outcome: Ints, columns: Floats, outcome_count: int) -> LinkFit:
    """Fit a cumulative logit regression by Newton's method.

    Args:
        outcome: Answers from 0 to K-1, (N,); each must occur.
        columns: Regressors without an intercept, (N, L).
        outcome_count: K.
    """
    shares = np.bincount(outcome, minlength=outcome_count) / len(outcome)
    theta = np.concatenate([logit(np.cumsum(shares)[:-1]), np.zeros(columns.shape[1])])
    value, scores, hessian = _regression(theta, outcome, columns, outcome_count)
    for _ in range(100):
        gradient = scores.sum(axis=0)
        step = np.linalg.solve(-hessian, gradient)
        factor = 1.0
        while factor > 1e-6:
            new = theta + factor * step
            if (np.diff(new[: outcome_count - 1]) > 0.0).all():
                new_value, new_scores, new_hessian = _regression(new, outcome, columns, outcome_count)
                if new_value >= value - 1e-10 * abs(value):
                    break
            factor *= 0.5
        else:
            break
        theta, value, scores, hessian = new, new_value, new_scores, new_hessian
        if gradient @ step < 1e-12:
            break
    split = outcome_count - 1
    return LinkFit(theta[split:], theta[:split], float(value), np.linalg.inv(-hessian), scores)


def ordered_terms(eta: Floats, outcome: Ints, thresholds: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return what derivatives of P(y) = F(tau_y - eta) - F(tau_{y-1} - eta) are made of.

    Returns:
        P, and density and slope of F at the upper and lower threshold of each answer, five times (N,).
    """
    ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
    upper, lower = ends[outcome + 1] - eta, ends[outcome] - eta
    f_upper, f_lower = expit(upper), expit(lower)
    p = np.where(lower > 0.0, expit(-lower) - expit(-upper), f_upper - f_lower)
    d_upper, d_lower = f_upper * (1.0 - f_upper), f_lower * (1.0 - f_lower)
    return np.maximum(p, TINY), d_upper, d_lower, d_upper * (1.0 - 2.0 * f_upper), d_lower * (1.0 - 2.0 * f_lower)


def _regression(theta: Floats, outcome: Ints, columns: Floats, outcome_count: int) -> tuple[float, Floats, Floats]:
    split = outcome_count - 1
    p, d_up, d_low, s_up, s_low = ordered_terms(columns @ theta[split:], outcome, theta[:split])
    place = np.eye(outcome_count + 1)[:, 1:-1]
    upper = np.hstack([place[outcome + 1], -columns])
    lower = np.hstack([place[outcome], -columns])
    scores = (d_up[:, None] * upper - d_low[:, None] * lower) / p[:, None]
    hessian = (upper.T * (s_up / p)) @ upper - (lower.T * (s_low / p)) @ lower - scores.T @ scores
    return float(np.log(p).sum()), scores, hessian
