"""Refinement: its Jacobian against finite differences, its result against known motion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.keypoints import MarkerSet, joint_markers, keypoints_from_pose
from dancepose_addon.core.body.model import PARENTS
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit import pose as pose_module
from dancepose_addon.core.fit.pose import RefineSettings, refine
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24


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


def test_levers_are_the_derivatives_of_the_points() -> None:
    rng = np.random.default_rng(0)
    rest, markers = _rest_joints(rng), _two_bone_markers(rng)
    pose = _turns(rng, 1, 0.5).astype(np.float64)
    carriers = pose_module._carriers(markers, rest)
    step = 1e-3
    for index, joint in enumerate(carriers.joints):
        for axis in range(3):
            points = []
            for sign in (1, -1):
                # A turn about a world axis, written as a local one: G_parent^T exp(w) G_parent R_local.
                above = np.eye(3)
                parent = PARENTS[joint]
                chain = []
                while parent >= 0:
                    chain.append(parent)
                    parent = PARENTS[parent]
                for ancestor in reversed(chain):
                    above = above @ pose[0, ancestor]
                turned = pose.copy()
                world = Rotation.from_rotvec(sign * step * np.eye(3)[axis]).as_matrix()
                turned[0, joint] = above.T @ world @ above @ pose[0, joint]
                points.append(keypoints_from_pose(markers, rest.astype(np.float64), turned)[0].astype(np.float64))
            numeric = (points[0] - points[1]) / (2 * step)
            analytic = _analytic_column(carriers, rest, pose.astype(np.float32), index, axis)
            assert analytic == pytest.approx(numeric, abs=3e-4)


def _analytic_column(carriers, rest, pose, index, axis) -> np.ndarray:  # type: ignore[no-untyped-def]
    global_rotmat, joints = pose_module.forward_kinematics(rest, pose)
    carried = (global_rotmat[:, carriers.bone] @ carriers.local_m[..., None])[..., 0] + joints[:, carriers.bone]
    lever = carriers.below[None, :, :, None] * (carried[:, None] - joints[:, carriers.joints][:, :, None])
    lever = np.einsum("tapc,pk->tack", lever, carriers.sums)
    rows = pose_module._jacobian(lever, np.ones((1, carriers.sums.shape[1]), np.float32))
    return rows[0, 3 * index + axis]


@pytest.mark.parametrize("layout", ["joints", "markers"])
def test_refine_reaches_points_that_a_body_can_reach(layout: str) -> None:
    rng = np.random.default_rng(1)
    rest = _rest_joints(rng)
    markers = joint_markers(SMPL24) if layout == "joints" else _two_bone_markers(rng)
    truth = _turns(rng, 300, 0.5)
    start = (truth @ _turns(rng, 300, 0.1)).astype(np.float32)
    shift = rng.normal(size=(300, 3)).astype(np.float32)
    target = keypoints_from_pose(markers, rest, truth, shift)
    settings = RefineSettings(steps=8, prior_m_per_rad=0.003, damping_m=0.002, outlier_m=1.0)
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
    pose, _ = refine(markers, rest, truth, np.zeros((5, 3), np.float32), target, confidence=confidence)
    assert np.degrees(geodesic_angle(pose, truth)).max() < 0.5
