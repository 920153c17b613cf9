"""A clip's body and the poses of sampled frames, solved together.

Solving them in turn creeps: a longer thigh and a knee that bends a little more are almost the same to the points, so each
of the two moves only as far as the other has let it, and a hundred turns are not enough. Here Gauss-Newton's equations
hold both. Poses of different frames meet in the body only, so each frame's are eliminated first (the Schur complement,
Triggs et al. 2000, Bundle adjustment, section 6.1), which leaves one small system for the body:

    (H_ss - sum_t H_sp H_pp^-1 H_ps) ds = g_s - sum_t H_sp H_pp^-1 g_p,        dp_t = H_pp^-1 (g_p - H_ps ds)
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..body.keypoints import keypoints_from_pose
from .pose import Block, Normal, RefineSettings, State, block_of, evaluate, moments, normal_equations, turned
from .shape import MOST_SHIFT_M, Shape, ShapeModel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

ROUNDS: Final = 12
SHARES: Final = (1.0, 0.5, 0.25, 0.1)
"""Of a step that are tried, until one lowers the cost."""
DONE: Final = 1e-3
"""A round that lowers the cost by less than this share is the last."""
LESS_DAMPING: Final = 0.2
MORE_DAMPING: Final = 10.0


@dataclass(frozen=True)
class _Solved:
    """vector: (N,), of the body; state: its frames posed on it; cost: of all frames and the body's own."""

    vector: F64
    shape: Shape
    problem: Block
    state: State
    cost: float


def solve_shape_and_poses(
    model: ShapeModel,
    shape: Shape,
    pose_rotmat: F32,
    reference: F32,
    target_m: F32,
    confidence: F32,
    settings: RefineSettings,
    *,
    rounds: int = ROUNDS,
) -> tuple[Shape, F32]:
    """The body, and poses on it, that come nearest to the points.

    shape, pose_rotmat: where to start, (S, 24, 3, 3); reference: (S, 24, 3, 3), the regressor's; target_m: (S, K, 3),
    metres; confidence: (S, K); settings: of the poses. A point that has shifted by MOST_SHIFT_M stays where it is then.
    Returns the shape and (S, 24, 3, 3).
    """

    def posed(vector: F64, pose: F32) -> _Solved:
        return _posed(model, vector, pose, reference, target_m, confidence, settings)

    solved = posed(model.vector(shape), pose_rotmat)
    damping, still = settings.damping_m**2, np.zeros(model.count, bool)
    for _ in range(rounds):
        normal = normal_equations(solved.problem, solved.state, np.full(len(target_m), damping, np.float32))
        change, turn = _step(model, solved, normal, still)
        before = solved.cost
        for share in SHARES:
            vector = _bounded(model, solved.vector + share * change)
            tried = posed(vector, turned(solved.problem, solved.state, np.float32(share) * turn))
            if tried.cost < before:
                still |= _at_bound(model, vector)
                solved, damping = tried, damping * LESS_DAMPING
                break
        else:
            damping *= MORE_DAMPING
            continue
        if before - solved.cost < DONE * before:
            break
    seen = confidence > 0
    residual = float(np.sqrt((solved.state.distance[seen] ** 2).mean())) if seen.any() else float("nan")
    return model.shape(solved.vector, residual), solved.state.pose


def _posed(
    model: ShapeModel,
    vector: F64,
    pose: F32,
    reference: F32,
    target_m: F32,
    confidence: F32,
    settings: RefineSettings,
) -> _Solved:
    shape = model.shape(vector)
    markers, rest_joints = shape.sized_markers(), shape.rest_joints(model.body)
    apart = target_m - keypoints_from_pose(markers, rest_joints, pose)
    share = confidence / np.maximum(confidence.sum(axis=1, keepdims=True), 1e-6)
    place = np.einsum("tk,tkc->tc", share, apart).astype(np.float32)
    problem = block_of(markers, rest_joints, reference, target_m, confidence, settings)
    state = evaluate(problem, pose, place)
    own = float(model.ridge(len(target_m)) @ vector**2)
    return _Solved(vector, shape, problem, state, float(state.cost.sum(dtype=np.float64)) + own)


def _step(model: ShapeModel, solved: _Solved, normal: Normal, still: NDArray[np.bool_]) -> tuple[F64, F32]:
    """How the body changes, (N,), and how the frames' joints turn, (S, 3 A). still: (N,), what is not to change."""
    table = model.columns(solved.state.pose)
    total = np.maximum(normal.weight.sum(axis=1), 1e-9)[:, None, None]
    table -= (np.einsum("tk,tkcn->tcn", normal.weight, table) / total)[:, None]
    crossed = moments(normal.levers, table)
    answer = np.linalg.solve(normal.hessian, np.concatenate([normal.gradient[..., None], crossed], axis=-1))

    count, ridge = model.count, model.ridge(len(table))
    flat = table.reshape(-1, count).astype(np.float64)
    weighted = (table * normal.weight[..., None, None]).reshape(-1, count).astype(np.float64)
    rows, answers = crossed.reshape(-1, count).astype(np.float64), answer.reshape(-1, 1 + count).astype(np.float64)
    hessian = weighted.T @ flat + np.diag(ridge) - rows.T @ answers[:, 1:]
    gradient = weighted.T @ normal.residual.reshape(-1) - ridge * solved.vector - rows.T @ answers[:, 0]
    change, free = np.zeros(count), np.flatnonzero(~still)
    change[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
    return change, answer[..., 0] - (answer[..., 1:] @ change.astype(np.float32))


def _bounded(model: ShapeModel, vector: F64) -> F64:
    return model.vector(model.shape(vector)) if model.adapt else vector


def _at_bound(model: ShapeModel, vector: F64) -> NDArray[np.bool_]:
    """(N,), the shifts of points that have gone as far as they may."""
    still = np.zeros(model.count, bool)
    if model.adapt:
        first = 1 + model.free_betas
        length = np.linalg.norm((vector[first:] / vector[0]).reshape(-1, 3), axis=1)
        still[first:] = np.repeat(length > 0.999 * MOST_SHIFT_M, 3)
    return still
