# SPDX-License-Identifier: Apache-2.0
"""Mixed models of ordered answers with crossed random effects, by Laplace's approximation.

eta = X beta + sum over terms of sd_g Z_g v_g with v standard normal. For every set of parameters the mode of v is found
by Newton's method; log L = log p(y, v) - 1/2 log det H at that mode. With one scalar term, adaptive Gauss-Hermite
quadrature replaces the approximation. Sources: D. Bates et al., Journal of Statistical Software 67 (2015);
J. C. Pinheiro and D. M. Bates, Journal of Computational and Graphical Statistics 4 (1995), for the quadrature.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack

from .cumulative_link import ordered_terms
from .pair_tables import Floats, Ints, PairLink

INNER_STEPS: Final = 40
SMALLEST_LOG_SD: Final = -6.0


class AnswerFamily(Protocol):
    """Log-likelihood of answers as a function of eta."""

    @property
    def shapes(self) -> int:
        """Number of shape parameters, unconstrained."""

    def terms(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
        """Return log P and its first and second derivative in eta, three times (N,)."""


@dataclass(frozen=True)
class OrderedFamily:
    """P(y <= k) = F(tau_k - eta) with free thresholds, given as the first and the logs of the steps.

    Attributes:
        outcome: Answers from 0, (N,).
        shapes: Number of thresholds.
    """

    outcome: Ints
    shapes: int

    def thresholds(self, shape: Floats) -> Floats:
        """Return the thresholds."""
        return np.cumsum(np.concatenate([shape[:1], np.exp(shape[1:])]))

    def terms(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
        """Return log P and its derivatives."""
        p, d_up, d_low, s_up, s_low = ordered_terms(eta, self.outcome, self.thresholds(shape))
        first = (d_low - d_up) / p
        return np.log(p), first, (s_up - s_low) / p - first**2


@dataclass(frozen=True)
class PairFamily:
    """Answers on pairs under a `PairLink`; thresholds are given by the logs of their steps.

    Attributes:
        outcome: Answers from 0, (N,).
        link: The model of an answer.
        has_thresholds: Whether its shape parameters are thresholds.
    """

    outcome: Ints
    link: PairLink
    has_thresholds: bool

    @property
    def shapes(self) -> int:
        """Number of shape parameters."""
        return self.link.shapes

    def natural(self, shape: Floats) -> Floats:
        """Return the link's own shape parameters."""
        return np.cumsum(np.exp(shape)) if self.has_thresholds else shape

    def terms(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
        """Return log P and its derivatives."""
        natural = self.natural(shape)[None]
        rows = np.arange(len(eta))
        log_p = self.link.log_probabilities(eta[None], natural)[0, rows, self.outcome]
        first, second = self.link.derivatives(eta[None], natural)
        return log_p, first[0, rows, self.outcome, 0], second[0, rows, self.outcome, 0, 0]


@dataclass(frozen=True)
class MixedFit:
    """Result of a mixed model.

    Attributes:
        beta: Fixed effects, (L,).
        errors: Their standard errors, (L,).
        covariance: Of the fixed effects, (L, L).
        shape: Unconstrained shape parameters.
        sds: Standard deviations of the terms.
        log_likelihood: At the maximum.
        is_converged: Whether the maximum was found.
    """

    beta: Floats
    errors: Floats
    covariance: Floats
    shape: Floats
    sds: Floats
    log_likelihood: float
    is_converged: bool


def indicator(index: Ints, sign: Floats | None = None, columns: int | None = None) -> csr_matrix:
    """Return the matrix of a random term: one entry in every row.

    Args:
        index: Level of every row, (N,).
        sign: Entry of every row; None: 1.
        columns: Number of levels.
    """
    values = np.ones(len(index)) if sign is None else sign
    width = int(index.max()) + 1 if columns is None else columns
    return csr_matrix((values, (np.arange(len(index)), index)), shape=(len(index), width))


def fit_mixed(
    family: AnswerFamily, columns: Floats, terms: list[csr_matrix], start: Floats, *, points: int = 1
) -> MixedFit:
    """Fit a mixed model.

    Args:
        family: The answers.
        columns: Fixed effects, (N, L).
        terms: Matrices (N, levels) of the random terms.
        start: Start of (shape, beta), such as the estimates without random effects.
        points: Quadrature points; more than 1 with one term of one level a row only.
    """
    likelihood = _Likelihood(family, columns, terms, points)
    first = np.concatenate([start, np.full(len(terms), np.log(0.5))])
    found = minimize(likelihood, first, method="BFGS", options={"gtol": 1e-4, "maxiter": 300})
    theta = np.asarray(found.x)
    fixed = slice(family.shapes, family.shapes + columns.shape[1])
    # A variance at its lower end is no parameter of the curvature.
    free = [k for k in range(len(theta)) if k < fixed.stop or theta[k] > np.log(0.02)]
    hessian = _curvature(likelihood, theta, free)
    try:
        inverse = np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        inverse = np.full_like(hessian, np.nan)
    covariance = inverse[fixed, fixed]
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    is_converged = bool(np.isfinite(errors).all() and (np.diag(covariance) > 0).all())
    sds = np.exp(np.maximum(theta[fixed.stop :], SMALLEST_LOG_SD))
    return MixedFit(theta[fixed], errors, covariance, theta[: fixed.start], sds, -float(found.fun), is_converged)


class _Likelihood:
    """Minus the log-likelihood; remembers the last mode as the next start."""

    def __init__(self, family: AnswerFamily, columns: Floats, terms: list[csr_matrix], points: int) -> None:
        self.family, self.columns, self.terms, self.points = family, columns, terms, points
        self.sizes = [term.shape[1] for term in terms]
        self.stacked = hstack(terms).tocsr()
        self.mode = np.zeros(sum(self.sizes))

    def __call__(self, theta: Floats) -> float:
        shapes, fixed = self.family.shapes, self.columns.shape[1]
        shape, beta = theta[:shapes], theta[shapes : shapes + fixed]
        sds = np.exp(np.clip(theta[shapes + fixed :], SMALLEST_LOG_SD, 3.0))
        scale = np.repeat(sds, self.sizes)
        offset = self.columns @ beta
        factor, value = self._find_mode(offset, scale, shape)
        if not np.isfinite(value):
            return 1e10
        if self.points > 1:
            return -self._quadrature(offset, scale, shape, np.diag(factor) ** 2)
        return -(value - float(np.log(np.diag(factor)).sum()))

    def _joint(self, mode: Floats, offset: Floats, scale: Floats, shape: Floats) -> tuple[float, Floats, Floats]:
        log_p, first, second = self.family.terms(offset + self.stacked @ (scale * mode), shape)
        return float(log_p.sum() - 0.5 * mode @ mode), first, second

    def _find_mode(self, offset: Floats, scale: Floats, shape: Floats) -> tuple[Floats, float]:
        """Return the Cholesky factor of H at the mode, and log p(y, v) there."""
        mode = self.mode
        value, first, second = self._joint(mode, offset, scale, shape)
        if not np.isfinite(value):
            mode = np.zeros_like(mode)
            value, first, second = self._joint(mode, offset, scale, shape)
        for _ in range(INNER_STEPS):
            factor = np.linalg.cholesky(self._curvature_of_modes(second, scale))
            gradient = scale * (self.stacked.T @ first) - mode
            step = np.linalg.solve(factor.T, np.linalg.solve(factor, gradient))
            decrement = float(gradient @ step)
            length = 1.0
            while True:
                tried = mode + length * step
                new_value, new_first, new_second = self._joint(tried, offset, scale, shape)
                if new_value >= value - 1e-9 or length < 1e-6:
                    break
                length *= 0.5
            mode, value, first, second = tried, new_value, new_first, new_second
            if decrement < 1e-10:
                break
        self.mode = mode
        return np.linalg.cholesky(self._curvature_of_modes(second, scale)), value

    def _curvature_of_modes(self, second: Floats, scale: Floats) -> Floats:
        weighted = self.stacked.multiply(np.maximum(-second, 0.0)[:, None]).tocsr()
        return np.eye(len(scale)) + scale[:, None] * (self.stacked.T @ weighted).toarray() * scale

    def _quadrature(self, offset: Floats, scale: Floats, shape: Floats, curvature: Floats) -> float:
        nodes, weights = np.polynomial.hermite.hermgauss(self.points)  # type: ignore[no-untyped-call]
        level = self.stacked.indices
        width = np.sqrt(2.0 / curvature)
        logs = []
        for node, weight in zip(nodes, weights, strict=True):
            place = self.mode + width * node
            log_p, _, _ = self.family.terms(offset + scale[level] * place[level], shape)
            inside = np.bincount(level, log_p, minlength=len(place)) - 0.5 * place**2
            logs.append(np.log(weight) + node**2 + inside + np.log(width) - 0.5 * np.log(2.0 * np.pi))
        stacked = np.array(logs)
        top = stacked.max(axis=0)
        return float((top + np.log(np.exp(stacked - top).sum(axis=0))).sum())


def _curvature(function: Callable[[Floats], float], theta: Floats, free: list[int]) -> Floats:
    """Return the Hessian of a function in some of its arguments, by central differences."""
    step = 1e-3 * np.maximum(1.0, np.abs(theta[free]))
    count = len(free)
    hessian = np.empty((count, count))

    def at(i: int, si: float, j: int, sj: float) -> float:
        moved = theta.copy()
        moved[free[i]] += si * step[i]
        moved[free[j]] += sj * step[j]
        return function(moved)

    middle = function(theta)
    for i in range(count):
        hessian[i, i] = (at(i, 1.0, i, 0.0) - 2.0 * middle + at(i, -1.0, i, 0.0)) / step[i] ** 2
        for j in range(i):
            mixed = at(i, 1.0, j, 1.0) - at(i, 1.0, j, -1.0) - at(i, -1.0, j, 1.0) + at(i, -1.0, j, -1.0)
            hessian[i, j] = hessian[j, i] = mixed / (4.0 * step[i] * step[j])
    return hessian
