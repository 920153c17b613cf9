# SPDX-License-Identifier: Apache-2.0
"""Pose refinement: batched Levenberg-Marquardt on all keypoints, with the regressor's rotations as prior.

The problem is built in ``pose_problem.py``, its steps are solved in ``tree_elimination.py``.
"""

from typing import Final

import numpy as np

from ...arrays import F32
from ...progress import Progress, silent
from ...skeleton.markers import MarkerSet
from .pose_problem import Block, RefineSettings, State, block_of, evaluate, turned
from .tree_elimination import step_of

BLOCK: Final = 128
"""Frames solved together: their equations stay in the cache."""
MOST_DAMPING: Final = 100.0
"""Largest damping, squared metres per radian; steps are negligible then."""


def refine(  # noqa: PLR0913 (the arrays of one problem)
    markers: MarkerSet,
    rest_joints_m: F32,
    pose_rotmat: F32,
    translation_m: F32,
    target_m: F32,
    *,
    start_rotmat: F32 | None = None,
    confidence: F32 | None = None,
    settings: RefineSettings | None = None,
    progress: Progress = silent,
) -> tuple[F32, F32]:
    """Fit rotations and translations of every frame to the keypoints.

    Joints that carry no point keep their initial rotation.

    Args:
        markers: Attachment of the points to the body in true size.
        rest_joints_m: Rest joints of that body, (24, 3), metres.
        pose_rotmat: Prior, and initial pose unless ``start_rotmat`` is given, (T, 24, 3, 3).
        translation_m: Initial translation, (T, 3), metres.
        target_m: Keypoints, (T, K, 3), metres.
        start_rotmat: Initial pose, (T, 24, 3, 3).
        confidence: Weights in [0, 1], (T, K).
        settings: Settings of the solver.
        progress: Receives the progress.

    Returns:
        Rotations (T, 24, 3, 3) and translations (T, 3).
    """
    chosen = settings or RefineSettings()
    weight = np.ones(target_m.shape[:2], np.float32) if confidence is None else confidence
    whole = block_of(markers, rest_joints_m, pose_rotmat, target_m, weight, chosen)
    pose, translation = (pose_rotmat if start_rotmat is None else start_rotmat).copy(), translation_m.copy()
    for first in range(0, len(pose), BLOCK):
        block = slice(first, first + BLOCK)
        progress(first / len(pose), f"Refining frame {first} of {len(pose)}")
        pose[block], translation[block] = _solve(whole.part(block), pose[block], translation[block])
    return pose, translation


def _solve(problem: Block, pose: F32, translation: F32) -> tuple[F32, F32]:
    """Run Levenberg-Marquardt with a separate damping per frame; steps that raise a frame's cost are rejected."""
    state = evaluate(problem, pose, translation)
    damping = np.full(len(pose), problem.settings.damping_m**2, np.float32)
    for _ in range(problem.settings.steps):
        proposal = evaluate(problem, *_propose(problem, state, damping))
        worse = proposal.cost > state.cost
        damping = np.where(worse, np.minimum(damping * 10.0, MOST_DAMPING), damping * 0.2).astype(np.float32)
        if worse.any():
            for new, old in zip(vars(proposal).values(), vars(state).values(), strict=True):
                new[worse] = old[worse]
        state = proposal
    return state.pose, state.translation


def _propose(problem: Block, state: State, damping: F32) -> tuple[F32, F32]:
    """Return pose and translation after the damped Gauss-Newton step of each frame."""
    turn, shift = step_of(problem, state, damping)
    return turned(problem, state, turn), state.translation + shift
