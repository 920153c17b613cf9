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

from ...arrays import F32, F64, Flags
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
from .from_lengths import BETA_SPREAD_M, Shape, ShapeModel, bordered

ROUNDS: Final = 12
SHARES: Final = (1.0, 0.5, 0.25, 0.1)
"""Step sizes tried by the backtracking line search."""
PART_OF_STEP: Final = 0.3
"""Share of a step that is tried where the whole step raises a frame's cost."""
DONE: Final = 1e-2
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

    A point whose shift reaches the model's bound stays there, until its step is back inwards.

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
    bound = np.zeros(model.count, bool)
    damping = np.full(len(pose_rotmat), sample.settings.damping_m**2, np.float32)
    for _ in range(rounds):
        # The smaller the residual, the more weight the points have against the shape prior.
        model = replace(model, beta_spread_m=float(np.clip(_residual_m(solved, sample), *BETA_SPREAD_M)))
        pose, before = solved.state.pose, cost_of(model, solved)
        reduced = reduced_equations(solved, model.body_columns(pose), damping, model.places(pose))
        change = _change(model, solved, reduced, np.zeros_like(bound))
        still = bound & _outwards(model, solved.vector, change)
        if still.any():
            change = _change(model, solved, reduced, still)
        for share in SHARES:
            vector = solved.vector + share * change
            vector[still] *= vector[0] / solved.vector[0]
            vector = model.vector(model.shape(vector))
            tried, farther = _tried(model, solved, vector, reduced.turns(share * change), sample)
            if cost_of(model, tried) < before:
                bound = _at_bound(model, vector)
                solved, damping = tried, damping * np.where(farther, MORE_DAMPING, LESS_DAMPING).astype(np.float32)
                break
        else:
            damping *= np.float32(MORE_DAMPING)
            continue
        if before - cost_of(model, solved) < DONE * before:
            break
    return model.shape(solved.vector, _residual_m(solved, sample)), solved.state.pose


def _change(model: ShapeModel, solved: Solved, reduced: Reduced, still: NDArray[np.bool_]) -> F64:
    """Return the step of the body, (N,), without the unknowns that are ``still``."""
    ridge = model.ridge(len(solved.state.pose))
    change, free = np.zeros(model.count), np.flatnonzero(~still)
    hessian = reduced.hessian + np.diag(ridge)
    # In terms of the unknowns, not of their change, since the bounds of the betas apply to these.
    gradient = reduced.gradient - ridge * solved.vector + hessian @ solved.vector
    gradient = gradient[free] - hessian[np.ix_(free, np.flatnonzero(still))] @ solved.vector[still]
    found = solve_bounded(hessian[np.ix_(free, free)], gradient, model.free_betas)
    change[free] = found - solved.vector[free]
    return change


def _tried(model: ShapeModel, solved: Solved, vector: F64, turn: F32, sample: Sample) -> tuple[Solved, Flags]:
    """Pose the sample on a changed body, each frame by its whole step or by part of it, whichever is better.

    Without this the one frame with the worst step limits the steps of all.

    Returns:
        The sample posed, and the frames that the whole step made worse, (S,).
    """
    tried = posed(model, vector, turned(solved.problem, solved.state, turn), sample)
    farther = tried.state.cost > solved.state.cost
    if farther.any():
        part = posed(model, vector, turned(solved.problem, solved.state, np.float32(PART_OF_STEP) * turn), sample)
        tried = replace(tried, state=tried.state.merged(part.state, part.state.cost < tried.state.cost))
    return tried, farther


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


def reduced_equations(solved: Solved, columns: F32, damping: float | F32, places: F32 | None = None) -> Reduced:
    """Build the equations of the unknowns that the frames share.

    Moment arms and residuals are relative to their weighted means, so that constants added to columns drop out of their
    products: that of a point's own place, which moves this point only, is left out where it does.

    Args:
        solved: The posed sample.
        columns: Derivatives of the points by the unknowns, (S, K, 3, N).
        damping: Damping of the poses, one or (S,).
        places: Derivatives of each point by its own place on the body, (S, K, 3, 3), which are 3 K more unknowns.
    """
    frames = len(columns)
    settled = np.broadcast_to(np.asarray(damping, np.float32), frames)
    normal = normal_equations(solved.problem, solved.state, settled)
    total = np.maximum(normal.weight.sum(axis=1), 1e-9)
    columns = columns - (np.einsum("tk,tkcn->tcn", normal.weight, columns) / total[:, None, None])[:, None]
    weighted = columns * normal.weight[..., None, None]
    crossed = moments(normal.moment_arms, columns)
    flat, residual = weighted.reshape(-1, columns.shape[-1]).astype(np.float64), normal.residual
    hessian = flat.T @ columns.reshape(flat.shape).astype(np.float64)
    gradient = flat.T @ residual.reshape(-1)
    if places is not None:
        crossed = np.concatenate([crossed, _place_moments(normal.moment_arms, places)], axis=-1)
        hessian = bordered(hessian, weighted, places, normal.weight, total)
        pull = np.swapaxes(places, -1, -2) @ (residual * normal.weight[..., None])[..., None]
        gradient = np.concatenate([gradient, pull.sum(axis=0, dtype=np.float64).reshape(-1)])
    answer = np.linalg.solve(normal.hessian, np.concatenate([normal.gradient[..., None], crossed], axis=-1))
    answered = (np.swapaxes(crossed, 1, 2) @ answer).sum(axis=0, dtype=np.float64)
    return Reduced(hessian=hessian - answered[:, 1:], gradient=gradient - answered[:, 0], answer=answer)


def _place_moments(moment_arms: F32, places: F32) -> F32:
    """Return the moments of the columns of ``places``, (S, 3 A, 3 K); ``moment_arms`` (S, 3 A, K) are weighted."""
    frames, rows, points = moment_arms.shape
    arms = np.repeat(moment_arms.reshape(frames, 3, rows // 3, points), 3, axis=-1)
    moved = np.swapaxes(places, 1, 2).reshape(frames, 3, 1, 3 * points)
    found = np.empty_like(arms)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        found[:, axis] = arms[:, first] * moved[:, second] - arms[:, second] * moved[:, first]
    return found.reshape(frames, rows, 3 * points)


def _outwards(model: ShapeModel, vector: F64, change: F64) -> NDArray[np.bool_]:
    """Return which shifts of points would grow by a change of the unknowns, (N,)."""
    first = 1 + model.free_betas
    found = np.zeros(model.count, bool)
    if model.adapt:
        moved = vector + change
        now, then = (np.linalg.norm((v[first:] / v[0]).reshape(-1, 3), axis=1) for v in (vector, moved))
        found[first:] = np.repeat(then >= now, 3)
    return found


def _at_bound(model: ShapeModel, vector: F64) -> NDArray[np.bool_]:
    """Return which shifts of points have reached their bound, (N,)."""
    still = np.zeros(model.count, bool)
    if model.adapt:
        first = 1 + model.free_betas
        length = np.linalg.norm((vector[first:] / vector[0]).reshape(-1, 3), axis=1)
        still[first:] = np.repeat(length > 0.999 * model.most_shift_m, 3)
    return still
