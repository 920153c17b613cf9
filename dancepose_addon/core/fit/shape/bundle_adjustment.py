# SPDX-License-Identifier: Apache-2.0
"""Joint solution of a clip's body and the poses of sampled frames.

Alternating between the two converges slowly: a longer thigh and a slightly more flexed knee change the points in almost
the same way, so each solution moves only as far as the other allows, and a hundred rounds are not enough. Here one
Gauss-Newton system holds both. Poses of different frames interact through the body only, so the poses are eliminated
first (Schur complement; Triggs et al. 2000, Bundle adjustment, section 6.1), which leaves a small system for the body:

    (H_ss - sum_t H_sp H_pp^-1 H_ps) ds = g_s - sum_t H_sp H_pp^-1 g_p,        dp_t = H_pp^-1 (g_p - H_ps ds)
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, F64
from ..pose.normal_equations import moments, normal_equations
from ..pose.pose_problem import (
    Block,
    RefineSettings,
    State,
    block_of,
    evaluate,
    shifted,
    turned,
)
from .beta_bounds import solve_bounded
from .from_lengths import BETA_SPREAD_M, Shape, ShapeModel

ROUNDS: Final = 12
SHARES: Final = (1.0, 0.5, 0.25, 0.1)
"""Step sizes tried by the backtracking line search."""
DONE: Final = 1e-3
"""The solver stops when a round lowers the cost by less than this share."""
LESS_DAMPING: Final = 0.2
MORE_DAMPING: Final = 10.0


@dataclass(frozen=True)
class Sample:
    """Sampled frames of a clip.

    Attributes:
        reference: The regressor's rotations, (S, 24, 3, 3).
        target_m: Keypoints, (S, K, 3), metres.
        confidence: (S, K).
        settings: Settings of the pose solver.
    """

    reference: F32
    target_m: F32
    confidence: F32
    settings: RefineSettings


@dataclass(frozen=True)
class Solved:
    """A posed sample.

    Attributes:
        vector: Unknowns of the body, (N,).
        shape: The body.
        problem: Least-squares problem of the frames.
        state: The frames posed on the body.
    """

    vector: F64
    shape: Shape
    problem: Block
    state: State


@dataclass(frozen=True)
class Reduced:
    """Gauss-Newton equations of the shared unknowns, with the poses eliminated.

    Attributes:
        hessian: (N, N).
        gradient: (N,).
        answer: Change of each frame's joints by itself and per shared unknown, (S, 3 A, 1 + N).
    """

    hessian: F64
    gradient: F64
    answer: F32

    def turns(self, change: F64) -> F32:
        """Return the rotations of the joints for a change of the shared unknowns.

        Args:
            change: (N,).

        Returns:
            Rotation vectors as ``levenberg_marquardt.turned`` takes them, (S, 3 A), radians.
        """
        turns: F32 = self.answer[..., 0] - (self.answer[..., 1:] @ change.astype(np.float32))
        return turns


def solve_shape_and_poses(
    model: ShapeModel, shape: Shape, pose_rotmat: F32, sample: Sample, *, rounds: int = ROUNDS
) -> tuple[Shape, F32]:
    """Solve the body, and poses on it, that are nearest to the points.

    A point whose shift reaches the model's bound stays at that bound.

    Args:
        model: The unknowns of the body.
        shape: Initial body.
        pose_rotmat: Initial poses, (S, 24, 3, 3).
        sample: The frames.
        rounds: Largest number of Gauss-Newton steps.

    Returns:
        The body, and poses (S, 24, 3, 3).
    """
    solved = posed(model, model.vector(shape), pose_rotmat, sample)
    damping, still = sample.settings.damping_m**2, np.zeros(model.count, bool)
    for _ in range(rounds):
        # The smaller the residual, the more weight the points have against the shape prior.
        model = replace(model, beta_spread_m=float(np.clip(_residual_m(solved, sample), *BETA_SPREAD_M)))
        ridge = model.ridge(len(sample.target_m))
        reduced = reduced_equations(solved, model.columns(solved.state.pose), damping)
        change, free = np.zeros(model.count), np.flatnonzero(~still)
        hessian = reduced.hessian + np.diag(ridge)
        # In terms of the unknowns, not of their change, since the bounds of the betas apply to these.
        gradient = reduced.gradient - ridge * solved.vector + hessian @ solved.vector
        gradient = gradient[free] - hessian[np.ix_(free, np.flatnonzero(still))] @ solved.vector[still]
        found = solve_bounded(hessian[np.ix_(free, free)], gradient, model.free_betas)
        change[free] = found - solved.vector[free]
        turn, before = reduced.turns(change), cost_of(model, solved)
        for share in SHARES:
            vector = solved.vector + share * change
            vector[still] *= vector[0] / solved.vector[0]
            vector = model.vector(model.shape(vector))
            tried = posed(model, vector, turned(solved.problem, solved.state, np.float32(share) * turn), sample)
            if cost_of(model, tried) < before:
                still |= _at_bound(model, vector)
                solved, damping = tried, damping * LESS_DAMPING
                break
        else:
            damping *= MORE_DAMPING
            continue
        if before - cost_of(model, solved) < DONE * before:
            break
    return model.shape(solved.vector, _residual_m(solved, sample)), solved.state.pose


def posed(model: ShapeModel, vector: F64, pose_rotmat: F32, sample: Sample) -> Solved:
    """Pose a sample on a body, with the best translation of each frame.

    Args:
        model: The unknowns of the body.
        vector: Their values, (N,).
        pose_rotmat: (S, 24, 3, 3).
        sample: The frames.
    """
    shape = model.shape(vector)
    markers, rest_joints = shape.sized_markers(), shape.rest_joints(model.body)
    problem = block_of(markers, rest_joints, sample.reference, sample.target_m, sample.confidence, sample.settings)
    state = evaluate(problem, pose_rotmat, np.zeros((len(pose_rotmat), 3), np.float32))
    weight = sample.confidence / np.maximum(sample.confidence.sum(axis=1, keepdims=True), 1e-6)
    offset = np.einsum("tk,tkc->tc", weight, state.residual).astype(np.float32)
    return Solved(vector, shape, problem, shifted(problem, state, offset))


def cost_of(model: ShapeModel, solved: Solved) -> float:
    """Return the cost of all frames and of the body, squared metres."""
    frames = solved.state.cost
    return float(frames.sum(dtype=np.float64) + model.ridge(len(frames)) @ solved.vector**2)


def _residual_m(solved: Solved, sample: Sample) -> float:
    """Return the root mean square residual of the visible points, metres."""
    seen = sample.confidence > 0
    return float(np.sqrt((solved.state.distance[seen] ** 2).mean())) if seen.any() else 0.0


def reduced_equations(solved: Solved, columns: F32, damping: float) -> Reduced:
    """Build the equations of the unknowns that the frames share.

    Args:
        solved: The posed sample.
        columns: Derivatives of the points by the unknowns, (S, K, 3, N).
        damping: Damping of the poses.
    """
    frames = len(columns)
    normal = normal_equations(solved.problem, solved.state, np.full(frames, damping, np.float32))
    total = np.maximum(normal.weight.sum(axis=1), 1e-9)[:, None, None]
    columns = columns - (np.einsum("tk,tkcn->tcn", normal.weight, columns) / total)[:, None]
    crossed = moments(normal.moment_arms, columns)
    answer = np.linalg.solve(normal.hessian, np.concatenate([normal.gradient[..., None], crossed], axis=-1))

    count = columns.shape[-1]
    flat = columns.reshape(-1, count).astype(np.float64)
    weighted = (columns * normal.weight[..., None, None]).reshape(-1, count).astype(np.float64)
    rows, answers = crossed.reshape(-1, count).astype(np.float64), answer.reshape(-1, 1 + count).astype(np.float64)
    return Reduced(
        hessian=weighted.T @ flat - rows.T @ answers[:, 1:],
        gradient=weighted.T @ normal.residual.reshape(-1) - rows.T @ answers[:, 0],
        answer=answer,
    )


def _at_bound(model: ShapeModel, vector: F64) -> NDArray[np.bool_]:
    """Return which shifts of points have reached their bound, (N,)."""
    still = np.zeros(model.count, bool)
    if model.adapt:
        first = 1 + model.free_betas
        length = np.linalg.norm((vector[first:] / vector[0]).reshape(-1, 3), axis=1)
        still[first:] = np.repeat(length > 0.999 * model.most_shift_m, 3)
    return still
