"""A clip's body and the poses of sampled frames, solved together.

Solving them in turn creeps: a longer thigh and a knee that bends a little more are almost the same to the points, so
each of the two moves only as far as the other has let it, and a hundred turns are not enough. Here Gauss-Newton's
equations hold both. Poses of different frames meet in the body only, so each frame's are eliminated first (the Schur
complement, Triggs et al. 2000, Bundle adjustment, section 6.1), which leaves one small system for the body:

    (H_ss - sum_t H_sp H_pp^-1 H_ps) ds = g_s - sum_t H_sp H_pp^-1 g_p,        dp_t = H_pp^-1 (g_p - H_ps ds)
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, F64
from ...skeleton.markers import keypoints_from_pose
from ..placement import mean_offset
from ..pose.levenberg_marquardt import (
    Block,
    RefineSettings,
    State,
    block_of,
    evaluate,
    moments,
    normal_equations,
    turned,
)
from .beta_bounds import solve_bounded
from .from_lengths import BETA_SPREAD_M, MOST_SHIFT_M, Shape, ShapeModel

ROUNDS: Final = 12
SHARES: Final = (1.0, 0.5, 0.25, 0.1)
"""Of a step that are tried, until one lowers the cost."""
DONE: Final = 1e-3
"""A round that lowers the cost by less than this share is the last."""
LESS_DAMPING: Final = 0.2
MORE_DAMPING: Final = 10.0


@dataclass(frozen=True)
class Sample:
    """Frames of a clip. reference: (S, 24, 3, 3), the regressor's rotations; target_m: (S, K, 3), metres; confidence:
    (S, K); settings: of the poses."""

    reference: F32
    target_m: F32
    confidence: F32
    settings: RefineSettings


@dataclass(frozen=True)
class Solved:
    """A sample posed. vector: (N,), the body's unknowns; state: its frames on it."""

    vector: F64
    shape: Shape
    problem: Block
    state: State


@dataclass(frozen=True)
class Reduced:
    """Gauss-Newton's equations for numbers that the points of all frames share, poses eliminated. hessian: (N, N);
    gradient: (N,); answer: (S, 3 A, 1 + N), how each frame's joints turn by themselves, and against each number."""

    hessian: F64
    gradient: F64
    answer: F32

    def turns(self, change: F64) -> F32:
        """How the joints turn where the numbers change so. (N,) -> (S, 3 A), radians, as ``pose.turned`` takes them."""
        turns: F32 = self.answer[..., 0] - (self.answer[..., 1:] @ change.astype(np.float32))
        return turns


def solve_shape_and_poses(
    model: ShapeModel, shape: Shape, pose_rotmat: F32, sample: Sample, *, rounds: int = ROUNDS
) -> tuple[Shape, F32]:
    """The body, and poses on it, that come nearest to the points.

    shape, pose_rotmat: where to start, (S, 24, 3, 3). A point that has shifted by MOST_SHIFT_M stays where it is then.
    Returns the shape and (S, 24, 3, 3).
    """
    solved = posed(model, model.vector(shape), pose_rotmat, sample)
    damping, still = sample.settings.damping_m**2, np.zeros(model.count, bool)
    for _ in range(rounds):
        # The better the points are met, the more is what they say of the shape worth.
        model = replace(model, beta_spread_m=float(np.clip(_residual_m(solved, sample), *BETA_SPREAD_M)))
        ridge = model.ridge(len(sample.target_m))
        reduced = reduced_equations(solved, model.columns(solved.state.pose), damping)
        change, free = np.zeros(model.count), np.flatnonzero(~still)
        hessian = reduced.hessian + np.diag(ridge)
        # Of the unknowns and not of their change, since the betas' bounds are on these.
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
    """A sample on a body, each frame in the place that suits it best. vector: (N,); pose_rotmat: (S, 24, 3, 3)."""
    shape = model.shape(vector)
    markers, rest_joints = shape.sized_markers(), shape.rest_joints(model.body)
    place = mean_offset(keypoints_from_pose(markers, rest_joints, pose_rotmat), sample.target_m, sample.confidence)
    problem = block_of(markers, rest_joints, sample.reference, sample.target_m, sample.confidence, sample.settings)
    return Solved(vector, shape, problem, evaluate(problem, pose_rotmat, place))


def cost_of(model: ShapeModel, solved: Solved) -> float:
    """Of all frames and of the body itself, squared metres."""
    frames = solved.state.cost
    return float(frames.sum(dtype=np.float64) + model.ridge(len(frames)) @ solved.vector**2)


def _residual_m(solved: Solved, sample: Sample) -> float:
    """Root mean square over the seen points, metres."""
    seen = sample.confidence > 0
    return float(np.sqrt((solved.state.distance[seen] ** 2).mean())) if seen.any() else 0.0


def reduced_equations(solved: Solved, columns: F32, damping: float) -> Reduced:
    """The equations for what the frames share. columns: (S, K, 3, N), how the points move with it."""
    frames = len(columns)
    normal = normal_equations(solved.problem, solved.state, np.full(frames, damping, np.float32))
    total = np.maximum(normal.weight.sum(axis=1), 1e-9)[:, None, None]
    columns = columns - (np.einsum("tk,tkcn->tcn", normal.weight, columns) / total)[:, None]
    crossed = moments(normal.levers, columns)
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
    """(N,), the shifts of points that have gone as far as they may."""
    still = np.zeros(model.count, bool)
    if model.adapt:
        first = 1 + model.free_betas
        length = np.linalg.norm((vector[first:] / vector[0]).reshape(-1, 3), axis=1)
        still[first:] = np.repeat(length > 0.999 * MOST_SHIFT_M, 3)
    return still
