# SPDX-License-Identifier: Apache-2.0
"""Limits and spreads: the same for a dancer's mirror image."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, MIRRORED_JOINTS
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.pose.joint_limits import LIMITED, LIMITS_RAD, SPREAD_RAD, hold_forearms, twist_about
from dancepose_addon.core.fit.pose.pose_problem import limit_violation_of


def test_a_mirrored_pose_is_as_far_beyond_its_limits() -> None:
    """Mirrored by hand: the matrix between two reflections x -> -x, left and right exchanged."""
    rotvec = np.random.default_rng(0).normal(scale=1.0, size=(50 * JOINT_COUNT, 3))
    pose = Rotation.from_rotvec(rotvec).as_matrix().reshape(50, JOINT_COUNT, 3, 3).astype(np.float32)
    flip = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
    mirrored = (flip @ pose @ flip)[:, list(MIRRORED_JOINTS)]
    every = np.arange(JOINT_COUNT)
    beyond, other = np.abs(limit_violation_of(pose, every)), np.abs(limit_violation_of(mirrored, every))
    assert beyond.max() > 0.5
    assert other[:, list(MIRRORED_JOINTS)] == pytest.approx(beyond, abs=1e-4)


def test_spreads_are_mirrored() -> None:
    assert np.array_equal(SPREAD_RAD[list(MIRRORED_JOINTS)], SPREAD_RAD)
    assert (SPREAD_RAD > 0).all()


def test_limits_hold_at_rest_and_are_ranges() -> None:
    limited = LIMITS_RAD[LIMITED]
    assert (limited[:, 0] < 0).all()
    assert (limited[:, 1] > 0).all()
    rest = np.broadcast_to(np.eye(3, dtype=np.float32), (1, JOINT_COUNT, 3, 3))
    assert not limit_violation_of(rest, np.arange(JOINT_COUNT)).any()


@pytest.mark.parametrize(
    ("joint", "rotvec", "allowed"),
    [
        ("left_knee", (2.0, 0.0, 0.0), True),  # heel towards the seat
        ("left_knee", (-0.6, 0.0, 0.0), False),
        ("right_knee", (2.0, 0.0, 0.0), True),
        ("left_elbow", (0.0, -2.0, 0.0), True),  # hand forwards and to the shoulder: the left arm points to +x
        ("left_elbow", (0.0, 0.6, 0.0), False),
        ("right_elbow", (0.0, 2.0, 0.0), True),
        ("right_elbow", (0.0, -0.6, 0.0), False),
    ],
)
def test_hinges_bend_one_way(joint: str, rotvec: tuple[float, ...], *, allowed: bool) -> None:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (1, JOINT_COUNT, 3, 3)).copy()
    index = JOINT_INDEX[joint]
    pose[0, index] = Rotation.from_rotvec(rotvec).as_matrix()
    beyond = limit_violation_of(pose, np.array([index]))
    assert (np.abs(beyond).max() < 1e-5) == allowed


def test_a_forearms_twist_does_not_count_as_bend() -> None:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (3, JOINT_COUNT, 3, 3)).copy()
    elbow = JOINT_INDEX["left_elbow"]
    bend = Rotation.from_rotvec([0.0, -1.0, 0.0])
    for frame, twist in enumerate((-1.3, 0.7, 1.3)):
        pose[frame, elbow] = (bend * Rotation.from_rotvec([twist, 0.0, 0.0])).as_matrix()
    assert np.abs(limit_violation_of(pose, np.array([elbow]))).max() < 1e-5


def arms(elbow_twist: float, wrist_twist: float) -> tuple[np.ndarray, np.ndarray]:
    """A left arm bent by 70 degrees with some twist of forearm and hand, and the T-pose's joints."""
    rest = load_body().rest_joints()
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (1, JOINT_COUNT, 3, 3)).copy()
    forearm, palm = rest[20] - rest[18], rest[22] - rest[20]
    bend = Rotation.from_rotvec([0.0, -1.2, 0.0])
    pose[0, 18] = (bend * Rotation.from_rotvec(np.radians(elbow_twist) * forearm / np.linalg.norm(forearm))).as_matrix()
    pose[0, 20] = Rotation.from_rotvec(np.radians(wrist_twist) * palm / np.linalg.norm(palm)).as_matrix()
    return pose, rest


def test_an_arm_within_its_limits_stays() -> None:
    pose, rest = arms(90.0, -50.0)
    assert np.abs(hold_forearms(pose, rest) - pose).max() < 1e-6


def test_the_elbow_takes_what_the_wrist_cannot() -> None:
    pose, rest = arms(20.0, 100.0)
    held = hold_forearms(pose, rest)
    off = geodesic_angle(held[:, 18] @ held[:, 20], pose[:, 18] @ pose[:, 20])
    assert np.degrees(off).max() < 0.5  # the hand stays as it is
    palm = rest[22] - rest[20]
    assert np.degrees(twist_about(held[:, 20], palm / np.linalg.norm(palm))) == pytest.approx(55.0, abs=1.0)


@pytest.mark.parametrize("twists", [(170.0, 0.0), (170.0, 80.0), (-175.0, -80.0), (150.0, -60.0)])
def test_no_forearm_is_wrung(twists: tuple[float, float]) -> None:
    pose, rest = arms(*twists)
    held = hold_forearms(pose, rest)
    for joint, bone, most in ((18, rest[20] - rest[18], 95.0), (20, rest[22] - rest[20], 55.0)):
        quat = Rotation.from_matrix(held[0, joint]).as_quat()  # swing and twist, by hand
        twist = 2.0 * np.degrees(np.arctan2(quat[:3] @ bone / np.linalg.norm(bone), quat[3]))
        assert abs((twist + 180.0) % 360.0 - 180.0) < most + 0.5
