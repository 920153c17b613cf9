# SPDX-License-Identifier: Apache-2.0
"""Procedural poses: rotations, repeatable, and of people rather than of anything."""

import numpy as np
import pytest

from dancepose.trainer.mocap.poses import mirror_pose, without_heading
from dancepose.trainer.mocap.procedural_poses import procedural_poses
from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle
from tests.support.bodies import person_joints

COUNT = 3000


@pytest.fixture(scope="module")
def poses() -> np.ndarray:
    return procedural_poses(COUNT, seed=0)


def test_rotations_by_a_seed(poses: np.ndarray) -> None:
    assert poses.shape == (COUNT, 24, 3, 3)
    assert poses.dtype == np.float32
    assert np.allclose(poses @ np.swapaxes(poses, -1, -2), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(poses), 1.0, atol=1e-5)
    assert np.array_equal(procedural_poses(50, seed=7), procedural_poses(50, seed=7))
    assert not np.allclose(procedural_poses(50, seed=7), procedural_poses(50, seed=8))


def test_knees_bend_back_and_elbows_forward(poses: np.ndarray) -> None:
    for side, sign in (("left", 1.0), ("right", -1.0)):
        # The shin, hanging down at rest, seen from the thigh; the forearm, pointing out, from the upper arm.
        shin = poses[:, JOINT_INDEX[f"{side}_knee"]] @ [0.0, -1.0, 0.0]
        forearm = poses[:, JOINT_INDEX[f"{side}_elbow"]] @ [sign, 0.0, 0.0]
        assert shin[:, 2].max() < 0.0
        assert np.abs(shin[:, 0]).max() < 1e-3
        assert forearm[:, 2].min() > 0.0
        assert np.abs(forearm[:, 1]).max() < 1e-3


def test_dancers_stand_up(poses: np.ndarray) -> None:
    _, joints = forward_kinematics(person_joints(), poses)
    head, pelvis = joints[:, JOINT_INDEX["head"]], joints[:, 0]
    feet = joints[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]]
    lower = feet[np.arange(COUNT), feet[..., 1].argmin(axis=1)]
    assert np.mean(head[:, 1] > pelvis[:, 1] + 0.3) > 0.97
    assert np.mean(pelvis[:, 1] > lower[:, 1] + 0.3) > 0.97
    # The lower foot is under the body and not far out to a side.
    assert np.median(np.linalg.norm((lower - pelvis)[:, [0, 2]], axis=-1)) < 0.35


def test_no_side_and_no_heading_is_preferred(poses: np.ndarray) -> None:
    def places(pose: np.ndarray) -> np.ndarray:
        return forward_kinematics(person_joints(), without_heading(pose))[1]

    difference = places(poses).mean(axis=0) - places(mirror_pose(poses)).mean(axis=0)
    assert np.abs(difference).max() < 0.03
    assert np.linalg.norm((poses[:, 0] @ [0.0, 0.0, 1.0]).mean(axis=0)[[0, 2]]) < 0.06


def test_no_two_poses_are_alike(poses: np.ndarray) -> None:
    apart = geodesic_angle(poses[:300, None], poses[None, :300]).mean(axis=-1)
    assert apart[~np.eye(300, dtype=bool)].min() > np.radians(3.0)
