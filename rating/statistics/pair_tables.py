# SPDX-License-Identifier: Apache-2.0
"""Pairwise votes as tables of counts, and maximum likelihood for many tables at once.

Every model of a pair has the linear predictor eta = worth(first) - worth(second) + side, and up to two more parameters
that shape the answers (ties, thresholds). Its log-likelihood is concave, so Newton's method with halved steps finds the
maximum. Bootstraps and simulations fit thousands of tables; all of them take their steps together.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STEPS: Final = 60
TOLERANCE: Final = 1e-9
"""Of the Newton decrement, in units of log-likelihood."""
SEPARATED: Final = 12.0
"""A worth or side of this size, in logits, is taken as infinite: the data are separated."""
BATCH: Final = 256
"""Tables that are fitted at a time, to bound memory."""


class PairLink(Protocol):
    """The distribution of an answer, given eta and the shape parameters."""

    @property
    def outcomes(self) -> int:
        """Number of answers K, from "first is much better" to "second is much better"."""

    @property
    def shapes(self) -> int:
        """Number of shape parameters T."""

    def start(self, shares: Floats) -> Floats:
        """Return start values (T,) from the shares of the outcomes (K,)."""

    def is_valid(self, shape: Floats) -> NDArray[np.bool_]:
        """Return for shape parameters (..., T) whether they are allowed, (...)."""

    def log_probabilities(self, eta: Floats, shape: Floats) -> Floats:
        """Return log P, (B, C, K), for eta (B, C) and shape parameters (B, T)."""

    def derivatives(self, eta: Floats, shape: Floats) -> tuple[Floats, Floats]:
        """Return gradient (B, C, K, 1+T) and Hessian (B, C, K, 1+T, 1+T) of log P in (eta, shape)."""


@dataclass(frozen=True)
class PairVotes:
    """Votes on pairs.

    Attributes:
        systems: Names of the systems.
        first: Index of the left system, (N,).
        second: Index of the right system, (N,).
        outcome: Answer as an index from 0 (first is much better) to K-1, (N,).
        rater: Index of the rater, (N,).
        song: Index of the song, (N,).
    """

    systems: tuple[str, ...]
    first: Ints
    second: Ints
    outcome: Ints
    rater: Ints
    song: Ints


@dataclass(frozen=True)
class PairDesign:
    """Ordered pairs that were shown, and the columns of the linear predictor.

    Attributes:
        cells: Ordered pairs (first, second), (C, 2).
        columns: Design matrix of eta, (C, L): one column for each system but the reference, then the side.
        has_side: Whether the last column is the side.
    """

    cells: Ints
    columns: Floats
    has_side: bool


@dataclass(frozen=True)
class TableFit:
    """Maximum likelihood estimates of B tables.

    Attributes:
        theta: Estimates, (B, P): worths without the reference's, side if any, shape.
        log_likelihood: (B,).
        converged: Whether the maximum is finite and was found, (B,).
    """

    theta: Floats
    log_likelihood: Floats
    converged: NDArray[np.bool_]


def pair_design(cells: Ints, system_count: int, reference: int, *, has_side: bool) -> PairDesign:
    """Make the design of ordered pairs.

    Args:
        cells: Ordered pairs (first, second), (C, 2).
        system_count: Number of systems.
        reference: Index of the system whose worth is 0.
        has_side: Whether to estimate the side bias.
    """
    full = np.zeros((len(cells), system_count))
    rows = np.arange(len(cells))
    full[rows, cells[:, 0]] += 1.0
    full[rows, cells[:, 1]] -= 1.0
    columns = np.delete(full, reference, axis=1)
    if has_side:
        columns = np.hstack([columns, np.ones((len(cells), 1))])
    return PairDesign(cells, columns, has_side)


def cells_of(votes: PairVotes) -> tuple[Ints, Ints]:
    """Return the ordered pairs that occur, (C, 2), and the cell of every vote, (N,)."""
    count = len(votes.systems)
    codes, cell = np.unique(votes.first * count + votes.second, return_inverse=True)
    return np.stack([codes // count, codes % count], axis=1), cell.reshape(-1)


def count_tables(cell: Ints, outcome: Ints, weights: Floats, cell_count: int, outcome_count: int) -> Floats:
    """Sum weights into tables.

    Args:
        cell: Cell of every vote, (N,).
        outcome: Answer of every vote, (N,).
        weights: Weight of every vote in every table, (B, N).
        cell_count: C.
        outcome_count: K.

    Returns:
        Counts, (B, C, K).
    """
    code = cell * outcome_count + outcome
    order = np.argsort(code, kind="stable")
    present, starts = np.unique(code[order], return_index=True)
    tables = np.zeros((len(weights), cell_count * outcome_count))
    tables[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return tables.reshape(len(weights), cell_count, outcome_count)


def fit_tables(link: PairLink, design: PairDesign, counts: Floats, start: Floats | None = None) -> TableFit:
    """Find the maximum likelihood estimates of many tables.

    Args:
        link: The model of an answer.
        design: The ordered pairs.
        counts: Counts or weights, (B, C, K).
        start: Where to start, (P,); None: equal systems and the observed shares.
    """
    parts = [_fit_batch(link, design, counts[first : first + BATCH], start) for first in range(0, len(counts), BATCH)]
    return TableFit(
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.log_likelihood for part in parts]),
        np.concatenate([part.converged for part in parts]),
    )


def _fit_batch(link: PairLink, design: PairDesign, counts: Floats, start: Floats | None) -> TableFit:
    linear = design.columns.shape[1]
    if start is None:
        shares = counts.sum(axis=(0, 1)) + 0.5
        start = np.concatenate([np.zeros(linear), link.start(shares / shares.sum())])
    theta = np.tile(start, (len(counts), 1))
    value = _log_likelihood(link, design, counts, theta)
    converged = np.zeros(len(counts), bool)
    active = np.arange(len(counts))
    for _ in range(MOST_STEPS):
        gradient, hessian = gradient_and_hessian(link, design, counts[active], theta[active])
        step, is_regular = _newton_step(gradient, hessian)
        done = (np.einsum("bp,bp->b", gradient, step) < TOLERANCE) & is_regular
        # One more step after the criterion costs little and gives all digits.
        new_theta, new_value, moved = _halved_step(
            link, design, counts[active], theta[active], step, value[active], linear
        )
        theta[active], value[active] = new_theta, new_value
        converged[active] = done & (np.abs(new_theta[:, :linear]).max(axis=1, initial=0.0) < SEPARATED)
        lost = np.abs(new_theta[:, :linear]).max(axis=1, initial=0.0) >= SEPARATED
        active = active[~done & ~lost & (moved | ~is_regular)]
        if not len(active):
            break
    return TableFit(theta, value, converged)


def _newton_step(gradient: Floats, hessian: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return steps (B, P), and whether each curvature is that of a proper maximum."""
    size = gradient.shape[1]
    scale = np.abs(np.einsum("bpp->bp", hessian)).max(axis=1)
    ridge = 1e-12 * np.maximum(scale, 1e-6)[:, None, None] * np.eye(size)
    step = np.linalg.solve(ridge - hessian, gradient[..., None])[..., 0]
    smallest = np.linalg.eigvalsh(-hessian)[:, 0]
    return step, smallest > 1e-10 * np.maximum(scale, 1e-300)


def _halved_step(
    link: PairLink, design: PairDesign, counts: Floats, theta: Floats, step: Floats, value: Floats, linear: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Take steps, halved until no likelihood falls; return new places, values, and whether they moved."""
    # A step of more than five logits is a sign of separation: its direction matters, not its length.
    longest = np.abs(step).max(axis=1)
    factor = np.minimum(1.0, 5.0 / np.maximum(longest, 1e-300))
    slack = 1e-10 * np.maximum(np.abs(value), 1.0)
    for _ in range(30):
        new = theta + factor[:, None] * step
        valid = link.is_valid(new[:, linear:])
        tried = np.where(valid[:, None], new, theta)
        new_value = np.where(valid, _log_likelihood(link, design, counts, tried), -np.inf)
        good = new_value >= value - slack
        if good.all():
            break
        factor = np.where(good, factor, 0.5 * factor)
    return np.where(good[:, None], tried, theta), np.where(good, new_value, value), good


def _log_likelihood(link: PairLink, design: PairDesign, counts: Floats, theta: Floats) -> Floats:
    linear = design.columns.shape[1]
    log_p = link.log_probabilities(theta[:, :linear] @ design.columns.T, theta[:, linear:])
    return np.einsum("bck,bck->b", counts, log_p)


def gradient_and_hessian(link: PairLink, design: PairDesign, counts: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Return gradient (B, P) and Hessian (B, P, P) of the log-likelihood of tables (B, C, K) at theta (B, P)."""
    columns = design.columns
    linear = columns.shape[1]
    first, second = link.derivatives(theta[:, :linear] @ columns.T, theta[:, linear:])
    slope = np.einsum("bck,bcks->bcs", counts, first)
    curve = np.einsum("bck,bckst->bcst", counts, second)
    gradient = np.concatenate([slope[:, :, 0] @ columns, slope[:, :, 1:].sum(axis=1)], axis=1)
    hessian = np.empty((len(theta), theta.shape[1], theta.shape[1]))
    hessian[:, :linear, :linear] = np.einsum("cl,bc,cm->blm", columns, curve[:, :, 0, 0], columns, optimize=True)
    hessian[:, :linear, linear:] = np.einsum("cl,bct->blt", columns, curve[:, :, 0, 1:])
    hessian[:, linear:, :linear] = np.swapaxes(hessian[:, :linear, linear:], 1, 2)
    hessian[:, linear:, linear:] = curve[:, :, 1:, 1:].sum(axis=1)
    return gradient, hessian


def score_table(link: PairLink, design: PairDesign, theta: Floats) -> Floats:
    """Return the gradient of one vote's log-likelihood for every cell and outcome, (C, K, P), at theta (P,)."""
    columns = design.columns
    linear = columns.shape[1]
    first, _ = link.derivatives((columns @ theta[:linear])[None], theta[None, linear:])
    slope = first[0]
    return np.concatenate([slope[:, :, :1] * columns[:, None, :], slope[:, :, 1:]], axis=2)
