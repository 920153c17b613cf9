# SPDX-License-Identifier: Apache-2.0
"""Least squares for a body's scale and betas, with the betas held to the range of people.

Unknowns are x = (s, s beta, ...), in which posed points are linear. The bound |beta_i| <= b is then |x_i| <= b x_0. It
is part of the solve (an active-set method, Nocedal and Wright 2006, Numerical Optimization, section 16.5), not a clip
afterwards, so the scale and the other betas make up for what a bounded beta cannot do.
"""

from typing import Final

import numpy as np

from ...arrays import F64, Indices

BETA_BOUND: Final = 3.0
"""Betas are standard deviations of people: 99.7 % of them are within this."""
MOST_CHANGES: Final = 60
"""Bounds that are set or released before the solve is ended, so that it cannot cycle."""


def solve_bounded(hessian: F64, gradient: F64, beta_count: int, *, bound: float = BETA_BOUND) -> F64:
    """Minimise x.H.x / 2 - g.x with every beta within its bound.

    Args:
        hessian: (N, N), positive definite.
        gradient: (N,).
        beta_count: B, how many of the unknowns after the first are s beta.
        bound: greatest size of a beta.

    Returns:
        (N,), the unknowns.
    """
    side = np.zeros(len(gradient), int)
    solution = np.zeros(len(gradient))
    for _ in range(MOST_CHANGES):
        basis = _free_basis(side, bound)
        reduced = basis.T @ hessian @ basis
        solution = basis @ np.linalg.solve(reduced, basis.T @ gradient)
        betas = solution[1 : 1 + beta_count]
        excess = np.abs(betas) - bound * abs(solution[0])
        excess[side[1 : 1 + beta_count] != 0] = 0.0
        worst = int(np.argmax(excess)) if beta_count else 0
        if beta_count and excess[worst] > 1e-9 * abs(solution[0]):
            side[1 + worst] = 1 if betas[worst] > 0 else -1
            continue
        # A bound whose force points inwards is no longer needed.
        force = (gradient - hessian @ solution) * side
        inwards = int(np.argmin(force))
        if force[inwards] >= -1e-9 * np.abs(gradient).max():
            break
        side[inwards] = 0
    return solution


def _free_basis(side: Indices, bound: float) -> F64:
    """Columns of the unknowns that are free; a beta at its bound follows the scale.

    Args:
        side: (N,), 1 or -1 where a beta is at its upper or lower bound, else 0.
        bound: greatest size of a beta.

    Returns:
        (N, F).
    """
    basis = np.eye(len(side))
    basis[:, 0] += bound * side
    return basis[:, side == 0]
