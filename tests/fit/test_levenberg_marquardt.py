# SPDX-License-Identifier: Apache-2.0
"""Refinement: its normal equations against finite differences, its result against known motion."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS, BodyModel
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.pose import levenberg_marquardt, normal_equations, pose_problem
from dancepose_addon.core.fit.pose.levenberg_marquardt import refine
from dancepose_addon.core.fit.pose.pose_problem import RefineSettings
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose
from tests.support.posing import slow_transforms


def _rest_joints(rng: np.random.Generator) -> np.ndarray:
    rest = rng.normal(size=(24, 3)) * 0.04
    for joint in range(1, 24):
        rest[joint] += rest[PARENTS[joint]] + [0.0, 0.15, 0.0]
    return rest.astype(np.float32)


def _two_bone_markers(rng: np.random.Generator) -> MarkerSet:
    weights = joint_markers(MD23).weights.copy()
    weights[3, 17], weights[3, 14] = 0.6, 0.4
    return MarkerSet(MD23, weights, (rng.normal(size=(23, 3)) * 0.05).astype(np.float32))


def _turns(rng: np.random.Generator, frames: int, angle: float) -> np.ndarray:
    return (
        Rotation.from_rotvec(rng.normal(size=(frames * 24, 3)) * angle).as_matrix().reshape(-1, 24, 3, 3).astype("f4")
    )


def _problem(rng: np.random.Generator, *, frames: int = 2, settings: RefineSettings) -> pose_problem.Block:
    rest, markers = _rest_joints(rng), _two_bone_markers(rng)
    carriers = pose_problem.build_carriers(markers, rest)
    target = keypoints_from_pose(markers, rest, _turns(rng, frames, 0.4))
    confidence = rng.uniform(0.2, 1.0, target.shape[:2]).astype(np.float32)
    prior = rng.uniform(1e-3, 1e-2, (len(carriers.joints), 3)).astype(np.float32)
    return pose_problem.Block(carriers, rest, _turns(rng, frames, 0.4), target, confidence, prior, settings)


def _turned(pose: np.ndarray, joint: int, axis: int, angle: float) -> np.ndarray:
    """A turn of one joint about a world axis through its centre, written as a local one: G^T exp(w) G R."""
    above, parent = np.eye(3), PARENTS[joint]
    while parent >= 0:
        above = pose[parent] @ above
        parent = PARENTS[parent]
    turned = pose.copy()
    turned[joint] = above.T @ Rotation.from_rotvec(angle * np.eye(3)[axis]).as_matrix() @ above @ pose[joint]
    return turned


def _points(problem: pose_problem.Block, markers: MarkerSet, pose: np.ndarray) -> np.ndarray:
    """Double precision, without the code under test. pose: (24, 3, 3) -> (K, 3)."""
    world = slow_transforms(problem.rest_joints_m.astype(np.float64), pose)
    rest = markers.rest_points(problem.rest_joints_m).astype(np.float64)
    points = np.zeros((len(rest), 3))
    for point, joint in zip(*np.nonzero(markers.weights), strict=True):
        local = np.append(rest[point] - problem.rest_joints_m[joint], 1.0)
        points[point] += markers.weights[point, joint] * (world[joint] @ local)[:3]
    return points


def test_levers_are_the_derivatives_of_the_points() -> None:
    rng = np.random.default_rng(0)
    problem = _problem(rng, frames=1, settings=RefineSettings())
    markers, pose = _two_bone_markers(_after_rest(0)), _turns(rng, 1, 0.5).astype(np.float64)
    carriers = problem.carriers
    state = pose_problem.evaluate(problem, pose.astype(np.float32), np.zeros((1, 3), np.float32))
    points = problem.target_m - state.residual
    arms = normal_equations.moment_arms_of(carriers, points, state.carried, state.joints).reshape(
        3, len(carriers.joints), -1
    )
    for index, joint in enumerate(carriers.joints):
        for axis in range(3):
            numeric = _derivative(problem, markers, pose[0], joint, axis)
            assert np.cross(np.eye(3)[axis], arms[:, index].T) == pytest.approx(numeric, abs=1e-5)


def _after_rest(seed: int) -> np.random.Generator:
    """A generator in the state in which _problem takes its markers from it."""
    rng = np.random.default_rng(seed)
    _rest_joints(rng)
    return rng


def _derivative(problem: pose_problem.Block, markers: MarkerSet, pose: np.ndarray, joint: int, axis: int) -> np.ndarray:
    ahead, back = (_points(problem, markers, _turned(pose, joint, axis, angle)) for angle in (1e-4, -1e-4))
    return (ahead - back) / 2e-4


def test_normal_equations_follow_from_the_jacobian() -> None:
    """H = J^T W J with translation eliminated, J by finite differences in double precision."""
    rng = np.random.default_rng(5)
    problem = _problem(rng, frames=1, settings=RefineSettings())
    markers, pose = _two_bone_markers(_after_rest(5)), _turns(rng, 1, 0.5).astype(np.float64)
    joints = problem.carriers.joints
    weight = problem.confidence[0].astype(np.float64)
    columns = [_derivative(problem, markers, pose[0], joint, axis) for axis in range(3) for joint in joints]
    jacobian = np.stack(columns) - np.einsum("k,nkc->nc", weight / weight.sum(), np.stack(columns))[:, None]
    expected = np.einsum("k,akc,bkc->ab", weight, jacobian, jacobian)

    state = pose_problem.evaluate(problem, pose.astype(np.float32), np.zeros((1, 3), np.float32))
    arms = normal_equations.moment_arms_of(
        problem.carriers, problem.target_m - state.residual, state.carried, state.joints
    )
    arms -= (arms @ problem.confidence[:, :, None]) / weight.sum()
    product = (arms * problem.confidence[:, None]) @ np.swapaxes(arms, 1, 2)
    found = normal_equations.crossed(product, len(joints))[0]
    assert found == pytest.approx(expected, abs=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("pull", [False, True])
def test_a_step_solves_the_normal_equations_of_the_whole_cost(*, pull: bool) -> None:
    """A heavily damped step is the cost's steepest descent: minus half its gradient, over the damping."""
    rng = np.random.default_rng(6)
    # Huber's bend is inside the range of distances, and limits are far off: random poses are beyond all of them.
    settings = RefineSettings(outlier_m=0.1, limit_m_per_rad=0.0)
    problem = _problem(rng, frames=1, settings=settings)
    pose = _turns(rng, 1, 0.5)
    # The pull's derivative is that of small angles.
    near = (pose @ _turns(rng, 1, 0.03)).astype(np.float32)
    problem = replace(problem, reference=near, prior=np.float32(30.0 if pull else 0.0) * problem.prior)
    place = pose_problem.evaluate(problem, pose, np.zeros((1, 3), np.float32))
    damping = np.float32(1e4)
    state = pose_problem.evaluate(problem, pose, _best_place(problem, place))
    proposed, _ = levenberg_marquardt._propose(problem, state, np.array([damping]))
    for joint in problem.carriers.joints[::3]:
        step = Rotation.from_matrix(pose[0, joint].T @ proposed[0, joint]).as_rotvec() * damping
        costs = np.array(
            [
                [_cost(problem, pose, joint, sign * 3e-3 * np.eye(3)[axis], state.translation) for sign in (1, -1)]
                for axis in range(3)
            ]
        )
        slope = (costs[:, 0] - costs[:, 1]) / 6e-3
        assert step == pytest.approx(-0.5 * slope, abs=0.02 * np.abs(slope).max() + 2e-4)


def _best_place(problem: pose_problem.Block, state: pose_problem.State) -> np.ndarray:
    """Where translation alone cannot lower the cost any more: weighted means, with Huber's weights."""
    place = np.zeros((1, 3))
    for _ in range(50):
        residual = state.residual[0] - place
        weight = problem.confidence[0] * np.minimum(1.0, problem.settings.outlier_m / np.linalg.norm(residual, axis=1))
        place += (weight[:, None] * residual).sum(axis=0) / weight.sum()
    return place.astype(np.float32)


def _cost(problem: pose_problem.Block, pose: np.ndarray, joint: int, rotvec: np.ndarray, place: np.ndarray) -> float:
    turned = pose.copy()
    turned[0, joint] = pose[0, joint] @ Rotation.from_rotvec(rotvec).as_matrix().astype(np.float32)
    return float(pose_problem.evaluate(problem, turned, place).cost[0])


def test_no_frame_becomes_worse() -> None:
    rng = np.random.default_rng(7)
    problem = _problem(rng, frames=40, settings=RefineSettings(steps=1, damping_m=1e-4))
    pose, place = _turns(rng, 40, 1.2), np.zeros((40, 3), np.float32)
    costs = [pose_problem.evaluate(problem, pose, place).cost]
    for _ in range(6):
        pose, place = levenberg_marquardt._solve(problem, pose, place)
        costs.append(pose_problem.evaluate(problem, pose, place).cost)
    assert (np.diff(costs, axis=0) <= 1e-6).all()
    assert np.median(costs[-1]) < 0.3 * np.median(costs[0])


def test_frames_do_not_know_of_each_other() -> None:
    rng = np.random.default_rng(8)
    rest, markers = _rest_joints(rng), _two_bone_markers(rng)
    start = _turns(rng, 140, 0.4)
    target = keypoints_from_pose(markers, rest, _turns(rng, 140, 0.4))
    place = np.zeros((140, 3), np.float32)
    settings = RefineSettings(steps=4)
    together, where = refine(markers, rest, start, place, target, settings=settings)
    for frame in (0, 77, 139):
        one = slice(frame, frame + 1)
        alone, there = refine(markers, rest, start[one], place[one], target[one], settings=settings)
        assert np.degrees(geodesic_angle(alone, together[one])).max() < 0.1
        assert np.abs(there - where[one]).max() < 1e-3


@pytest.mark.parametrize("side", ["left", "right"])
def test_limits_keep_a_knee_from_bending_forwards(side: str, body: BodyModel) -> None:
    """Points that ask for a knee bent forwards by 60 degrees get less of it than without limits."""
    markers, knee = joint_markers(SMPL24), JOINT_INDEX[f"{side}_knee"]
    truth = np.broadcast_to(np.eye(3, dtype=np.float32), (1, 24, 3, 3)).copy()
    start = truth.copy()
    truth[0, knee] = Rotation.from_rotvec([np.radians(-60), 0, 0]).as_matrix()
    target = keypoints_from_pose(markers, body.rest_joints(), truth)
    bends = []
    for limit in (0.0, 1.0):
        settings = RefineSettings(steps=10, limit_m_per_rad=limit, outlier_m=1.0)
        pose, _ = refine(markers, body.rest_joints(), start, np.zeros((1, 3), np.float32), target, settings=settings)
        bends.append(np.degrees(Rotation.from_matrix(pose[0, knee]).as_rotvec()[0]))
    assert bends[0] < -50.0
    assert bends[1] > -20.0


@pytest.mark.parametrize("layout", ["joints", "markers"])
def test_refine_reaches_points_that_a_body_can_reach(layout: str) -> None:
    rng = np.random.default_rng(1)
    rest = _rest_joints(rng)
    markers = joint_markers(SMPL24) if layout == "joints" else _two_bone_markers(rng)
    truth = _turns(rng, 300, 0.5)
    start = (truth @ _turns(rng, 300, 0.1)).astype(np.float32)
    shift = rng.normal(size=(300, 3)).astype(np.float32)
    target = keypoints_from_pose(markers, rest, truth, shift)
    settings = RefineSettings(steps=8, noise_m=0.001, limit_m_per_rad=0.0, damping_m=0.002, outlier_m=1.0)
    pose, translation = refine(markers, rest, start, shift + np.float32(0.03), target, settings=settings)
    reached = keypoints_from_pose(markers, rest, pose, translation)
    assert np.linalg.norm(reached - target, axis=-1).mean() < 1e-3
    # Twist about single bones and joints that carry no point cannot be seen: they keep the start's error.
    assert geodesic_angle(pose, truth).mean() < 0.75 * geodesic_angle(start, truth).mean()
    assert np.abs(np.linalg.det(pose) - 1).max() < 1e-3


def test_a_stray_point_does_not_drag_the_body() -> None:
    rng = np.random.default_rng(2)
    rest = _rest_joints(rng)
    markers = joint_markers(SMPL24)
    truth = _turns(rng, 20, 0.3)
    target = keypoints_from_pose(markers, rest, truth)
    stray = target.copy()
    stray[:, 21] += np.float32(0.5)
    errors = []
    for outlier in (0.03, 100.0):
        settings = RefineSettings(steps=8, outlier_m=outlier)
        pose, translation = refine(markers, rest, truth, np.zeros((20, 3), np.float32), stray, settings=settings)
        reached = keypoints_from_pose(markers, rest, pose, translation)
        errors.append(np.delete(np.linalg.norm(reached - target, axis=-1), 21, axis=1).mean())
    assert errors[0] < 0.5 * errors[1]


def test_points_without_confidence_are_left_to_the_prior() -> None:
    rng = np.random.default_rng(3)
    rest = _rest_joints(rng)
    markers = joint_markers(SMPL24)
    truth = _turns(rng, 5, 0.3)
    target = keypoints_from_pose(markers, rest, truth)
    target[:, [20, 22]] = 9.0
    confidence = np.ones((5, 24), np.float32)
    confidence[:, [20, 22]] = 0.0
    settings = RefineSettings(limit_m_per_rad=0.0)  # random poses are beyond what joints can do
    place = np.zeros((5, 3), np.float32)
    pose, _ = refine(markers, rest, truth, place, target, confidence=confidence, settings=settings)
    assert np.degrees(geodesic_angle(pose, truth)).max() < 0.5
