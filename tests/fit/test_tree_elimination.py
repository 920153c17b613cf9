# SPDX-License-Identifier: Apache-2.0
"""Steps solved up the kinematic tree, against a dense solve of the same equations."""

import numpy as np
import pytest

from dancepose_addon.core.fit.pose.normal_equations import normal_equations
from dancepose_addon.core.fit.pose.pose_problem import Block, RefineSettings, State, block_of, evaluate
from dancepose_addon.core.fit.pose.tree_elimination import levels_of, step_of
from dancepose_addon.core.skeleton.layouts import COCO17, MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, keypoints_from_pose, markers_for
from tests.fit.known import flowing_pose
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)
FRAMES = 6


def problem_of(markers: MarkerSet) -> tuple[Block, State]:
    """Points of a motion, some of them unseen, and a pose that is off by some tenths of a radian."""
    random, rest = np.random.default_rng(1), BODY.rest_joints()
    points = keypoints_from_pose(markers, rest, flowing_pose(3, FRAMES))
    confidence = random.uniform(0.0, 1.0, points.shape[:2]).astype(np.float32)
    confidence[2, :4] = 0.0
    confidence[3] = 0.0  # a frame without any point
    pose = flowing_pose(4, FRAMES)
    problem = block_of(markers, rest, flowing_pose(5, FRAMES), points, confidence, RefineSettings(noise_m=0.01))
    return problem, evaluate(problem, pose, np.zeros((FRAMES, 3), np.float32))


def dense_step(problem: Block, state: State, damping: np.ndarray, stiffness: np.ndarray, pull: np.ndarray):  # type: ignore[no-untyped-def]
    """Solved with the translation eliminated first, in double precision."""
    normal = normal_equations(problem, state, damping)
    hessian = normal.hessian.astype(np.float64)
    for frame in range(FRAMES):
        hessian[frame] += np.diag(np.tile(stiffness[frame], 3))
    turn = np.linalg.solve(hessian, (normal.gradient + pull)[..., None])[..., 0]
    arms = normal.moment_arm_mean.reshape(FRAMES, 3, -1)
    moved = np.cross(turn.reshape(FRAMES, 3, -1), arms, axis=1).sum(axis=2)
    return turn, normal.residual_mean - moved


@pytest.mark.parametrize(("layout", "is_tree"), [(MD23, True), (SMPL24, True), (COCO17, True)])
def test_steps_are_those_of_a_dense_solve(layout, *, is_tree: bool) -> None:  # type: ignore[no-untyped-def]
    problem, state = problem_of(markers_for(layout))
    assert (levels_of(problem.carriers) is not None) == is_tree
    random, joints = np.random.default_rng(2), len(problem.carriers.joints)
    damping = np.linspace(0.002, 0.004, FRAMES).astype(np.float32)
    stiffness = random.uniform(0.0, 1e-3, (FRAMES, joints)).astype(np.float32)
    pull = random.normal(scale=1e-3, size=(FRAMES, 3 * joints)).astype(np.float32)
    turn, shift = step_of(problem, state, damping, stiffness, pull)
    expected, expected_shift = dense_step(problem, state, damping, stiffness, pull)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(turn, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(shift, expected_shift, atol=1e-4)


def test_a_point_between_two_branches_is_solved_densely() -> None:
    """A marker that both thighs carry couples them."""
    markers = markers_for(MD23)
    weights = markers.weights.copy()
    weights[2] = 0.0
    weights[2, [1, 2]] = 0.5
    problem, state = problem_of(MarkerSet(MD23, weights, markers.offsets_m))
    assert levels_of(problem.carriers) is None
    joints = len(problem.carriers.joints)
    damping, nothing = np.full(FRAMES, 0.003, np.float32), np.zeros((FRAMES, 3 * joints), np.float32)
    turn, shift = step_of(problem, state, damping)
    expected, expected_shift = dense_step(problem, state, damping, nothing[:, :joints], nothing)
    np.testing.assert_allclose(turn, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(shift, expected_shift, atol=1e-4)
