# SPDX-License-Identifier: Apache-2.0
"""Least squares over a whole clip: every frame's joints coupled to those of the frames before and after.

The cost is that of each frame (``levenberg_marquardt``) plus, for every joint, its turn between neighbouring frames,

    sum_t cost_t + sum_t sum_j c_j (a^2 + a^6 / (3 f^4)),    a = angle of R_tj^T R_(t+1)j,  f = FAST_RAD

so what the points do not show (where a head nods, how a wrist is turned about the forearm) is continuous, and what
they do show outweighs the coupling. Gauss-Newton's equations are block-tridiagonal: a frame's block is its own Hessian,
and blocks of neighbouring frames are joined by the coupling's stiffness. Each step is one sweep of red-black
Gauss-Seidel (Golub and Van Loan 2013, Matrix Computations, section 11.2), which costs a quarter of block elimination
and leaves the same residuals and turns after one step more. World axes turn little between two frames, so a joint's
turns on both frames are taken in the same axes in the Hessian; the gradient is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...arrays import F32
from ...body.frames_last import antisymmetric, frames_first, frames_last, product, trace_of
from ...skeleton.markers import MarkerSet
from .joint_limits import SPREAD_RAD
from .pose_problem import (
    Block,
    RefineSettings,
    State,
    block_of,
    evaluate,
    turned,
)
from .tree_elimination import step_of

COUPLING_M: Final = 0.008
"""Residual that costs as much as a rotation by SPREAD_RAD between two frames at COUPLING_FPS."""
COUPLING_FPS: Final = 25.0
FAST_RAD: Final = float(np.radians(28.0))
"""A turn between two frames at COUPLING_FPS beyond which the coupling stiffens, with the fourth power of the turn:
no person turns a joint by 1,000 degrees a second, but least squares that change branches do."""
LEAST_COSINE: Final = 0.01
WHOLE_COSINE: Final = 0.99999
BUILT: Final = 128
"""Frames whose equations are solved at once."""
WINDOW: Final = 1000
"""Frames solved together; of each window the last OVERLAP are solved again with the next."""
OVERLAP: Final = 40
START_DAMPING: Final = 0.5
"""Of the settings' damping: frames come from a solution that is close."""
LESS_DAMPING: Final = 0.3
ACCEPTED: Final = 0.97
"""A step that leaves more than this share of the cost is applied only to the frames that it improves."""


@dataclass(frozen=True)
class _Clip:
    """A window of a clip to solve.

    Attributes:
        problem: Its frames.
        coupling: Coupling of each solved joint, (A,), squared metres per squared radian.
        fast_rad: FAST_RAD at the clip's rate, radians.
        before: Local rotations of the frame before the window, (A, 3, 3), or None.
        after: Local rotations of the frame after the window, (A, 3, 3), or None.
    """

    problem: Block
    coupling: F32
    fast_rad: float
    before: F32 | None
    after: F32 | None


def refine_coupled(  # noqa: PLR0913 (the arrays of one problem)
    markers: MarkerSet,
    rest_joints_m: F32,
    reference_rotmat: F32,
    pose_rotmat: F32,
    translation_m: F32,
    target_m: F32,
    confidence: F32,
    settings: RefineSettings,
    *,
    fps: float,
    coupling_m: float = COUPLING_M,
) -> tuple[F32, F32]:
    """Fit rotations and translations of all frames together.

    Args:
        markers: the layout's attachment on the body in its true size.
        rest_joints_m: (24, 3), metres, in true size.
        reference_rotmat: (T, 24, 3, 3), the regressor's rotations.
        pose_rotmat: (T, 24, 3, 3), where to start.
        translation_m: (T, 3), metres.
        target_m: (T, K, 3), metres.
        confidence: (T, K) in [0, 1].
        settings: as for single frames; ``steps`` of Gauss-Newton.
        fps: frames per second of these frames.
        coupling_m: see COUPLING_M.

    Returns:
        pose_rotmat and translation_m of the same shapes.
    """
    pose, translation = pose_rotmat.copy(), translation_m.copy()
    spread = SPREAD_RAD.mean(axis=1)
    count = len(pose)
    for first in range(0, count, WINDOW - OVERLAP):
        last = min(count, first + WINDOW)
        frames = slice(first, last)
        problem = block_of(
            markers, rest_joints_m, reference_rotmat[frames], target_m[frames], confidence[frames], settings
        )
        joints = problem.carriers.joints
        coupling = np.square(coupling_m / spread[joints]) * np.float32(fps / COUPLING_FPS)
        clip = _Clip(
            problem,
            coupling.astype(np.float32),
            FAST_RAD * max(1.0, COUPLING_FPS / fps) ** 0.5,
            pose[first - 1, joints] if first else None,
            pose[last, joints] if last < count else None,
        )
        pose[frames], translation[frames] = _solve_window(clip, pose[frames], translation[frames])
        if last == count:
            break
    return pose, translation


def _solve_window(clip: _Clip, pose: F32, translation: F32) -> tuple[F32, F32]:
    """Run Gauss-Newton with a separate damping per frame; steps that raise the cost are rejected."""
    settings = clip.problem.settings
    state = evaluate(clip.problem, pose, translation)
    turns = _turns(clip, state)
    cost = _frame_cost(clip, state, turns)
    damping = np.full(len(pose), START_DAMPING * settings.damping_m**2, np.float32)
    for _ in range(settings.steps):
        proposal = evaluate(clip.problem, *_propose(clip, state, turns, damping))
        new_turns = _turns(clip, proposal)
        new_cost = _frame_cost(clip, proposal, new_turns)
        worse = new_cost > cost
        damping = np.where(worse, damping * 10.0, damping * LESS_DAMPING).astype(np.float32)
        if worse.any() and new_cost.sum() > ACCEPTED * cost.sum():
            # Frames for which the step is too long keep their state, if that lowers the total cost.
            proposal = proposal.merged(state, worse)
            new_turns = _turns(clip, proposal)
            new_cost = _frame_cost(clip, proposal, new_turns)
        if new_cost.sum() < cost.sum():
            state, turns, cost = proposal, new_turns, new_cost
    return state.pose, state.translation


def _turns(clip: _Clip, state: State) -> F32:
    """Return each joint's rotation from frame to frame in its own axes.

    The first and the last are those from and to the frames next to the window.

    Returns:
        Rotation vectors, (T + 1, A, 3), radians.
    """
    local = state.pose[:, clip.problem.carriers.joints]
    before = local[:1] if clip.before is None else clip.before[None]
    after = local[-1:] if clip.after is None else clip.after[None]
    padded = np.concatenate([before, local, after])
    turns = np.empty((len(local) + 1, *local.shape[1:3]), np.float32)
    for first in range(0, len(turns), BUILT):
        some = slice(first, first + BUILT)
        rotation = frames_last(padded[first : first + BUILT + 1])
        between = product(np.swapaxes(rotation[..., :-1], 1, 2), rotation[..., 1:])
        half = np.sqrt(np.clip((1.0 + trace_of(between)) / 4.0, LEAST_COSINE**2, 1.0))
        angle_share = 2.0 * np.arccos(half) / np.maximum(2.0 * half * np.sqrt(1.0 - half**2), 1e-4)
        sine = antisymmetric(between) * np.where(half < WHOLE_COSINE, angle_share, 1.0)[:, None]
        turns[some] = frames_first(sine)
    return turns


def _frame_cost(clip: _Clip, state: State, turns: F32) -> F32:
    """Return the cost of each frame with half of its couplings, (T,)."""
    square = np.einsum("tac,tac->ta", turns, turns)
    coupled = (square * (1.0 + square**2 / (3.0 * clip.fast_rad**4))) @ clip.coupling
    return np.asarray(state.cost + 0.5 * (coupled[:-1] + coupled[1:]), np.float32)


def _stiffness(clip: _Clip, turns: F32) -> F32:
    """Half the slope of a coupling over its turn: its weight in Gauss-Newton's equations. (T + 1, A)."""
    square = np.einsum("tac,tac->ta", turns, turns)
    stiffness: F32 = clip.coupling * (1.0 + square**2 / clip.fast_rad**4)
    return stiffness


def _propose(clip: _Clip, state: State, turns: F32, damping: F32) -> tuple[F32, F32]:
    """The damped step of all frames together: new pose and translation."""
    frames = len(state.pose)
    # Each frame is pulled along the turn to the next frame, and back along the turn from the one before.
    stiffness = _stiffness(clip, turns)
    forces = turns * stiffness[..., None]
    pull = np.swapaxes((state.global_rotmat @ (forces[1:] - forces[:-1])[..., None])[..., 0], 1, 2).reshape(frames, -1)
    stiffness[0] *= clip.before is not None
    stiffness[-1] *= clip.after is not None
    around = stiffness[:-1] + stiffness[1:]
    translation = state.translation.copy()

    def solve(some: slice, given: F32) -> F32:
        problem, posed = clip.problem.part(some), state.part(some)
        turn, shift = step_of(problem, posed, damping[some], around[some], pull[some] + given)
        translation[some] += shift
        return turn

    turn = sweep_red_black(solve, np.tile(stiffness[1:-1], (1, 3)))
    return turned(clip.problem, state, turn), translation


def sweep_red_black(solve: Callable[[slice, F32], F32], coupling: F32) -> F32:
    """Solve B_t x_t - C_(t-1) x_(t-1) - C_t x_(t+1) = r_t approximately: even frames alone, then odd ones given these.

    Args:
        solve: Solves B_t x_t = r_t + g_t for some frames, BUILT at a time, given g, (F, N).
        coupling: (T - 1, N), the diagonals of C.

    Returns:
        x, (T, N).
    """
    count = len(coupling) + 1
    solution = np.zeros((count, coupling.shape[1]), coupling.dtype)
    for odd in (0, 1):
        for first in range(odd, count, 2 * BUILT):
            frames = slice(first, min(first + 2 * BUILT, count), 2)
            given = np.zeros_like(solution[frames])
            if odd:
                given += coupling[first - 1 :: 2][: len(given)] * solution[first - 1 :: 2][: len(given)]
                after = solution[first + 1 :: 2][: len(given)]
                given[: len(after)] += coupling[frames][: len(after)] * after
            solution[frames] = solve(frames, given)
    return solution
