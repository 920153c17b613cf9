# SPDX-License-Identifier: Apache-2.0
"""Limbs moved by two bones: the end is where it was asked for, and bends as it bent before."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, forward_kinematics
from dancepose_addon.core.fit.pose.two_bone_ik import REACH, _angle, bend_limb
from tests.support.posing import random_pose

LEG = tuple(JOINT_INDEX[f"left_{name}"] for name in ("hip", "knee", "ankle"))
ARM = tuple(JOINT_INDEX[f"right_{name}"] for name in ("shoulder", "elbow", "wrist"))
FRAMES = 40


def bent(
    body: BodyModel, limb: tuple[int, ...], move: np.ndarray, pose: np.ndarray, **more: object
) -> tuple[np.ndarray, ...]:
    """Global rotations and joints before and after."""
    turned, joints = forward_kinematics(body.rest_joints(), pose)
    changed = pose.copy()
    bend_limb(changed, turned, joints, move.astype(np.float32), limb, **more)  # type: ignore[arg-type]
    others = [joint for joint in range(24) if joint not in limb]
    np.testing.assert_array_equal(changed[:, others], pose[:, others])
    return turned, joints, *forward_kinematics(body.rest_joints(), changed)


@pytest.mark.parametrize("limb", [LEG, ARM], ids=["leg", "arm"])
def test_the_end_moves_as_asked_and_keeps_its_rotation(body: BodyModel, limb: tuple[int, ...]) -> None:
    pose = random_pose(3, FRAMES, angle=0.8)
    pose[:, limb[1]] = Rotation.from_rotvec([0.9, 0.3, 0.2] if limb is LEG else [0.2, 1.0, 0.3]).as_matrix()
    move = np.random.default_rng(1).uniform(-0.04, 0.04, (FRAMES, 3))
    turned, joints, after_turned, after = bent(body, limb, move, pose)
    first, middle, last = limb
    np.testing.assert_allclose(after[:, last], joints[:, last] + move, atol=2e-4)
    np.testing.assert_allclose(after_turned[:, last], turned[:, last], atol=1e-4)
    np.testing.assert_allclose(after[:, first], joints[:, first], atol=1e-6)
    # The knee stays on its side of the line from hip to ankle, in a plane that swings with it.
    before_axis = np.cross(joints[:, middle] - joints[:, first], joints[:, last] - joints[:, middle])
    after_axis = np.cross(after[:, middle] - after[:, first], after[:, last] - after[:, middle])
    cosine = (
        (before_axis * after_axis).sum(1) / np.linalg.norm(before_axis, axis=1) / np.linalg.norm(after_axis, axis=1)
    )
    assert cosine.min() > 0.9


def test_no_move_changes_nothing(body: BodyModel) -> None:
    pose = random_pose(3, FRAMES, angle=0.8)
    pose[:, LEG[1]] = Rotation.from_rotvec([0.9, 0.3, 0.2]).as_matrix()
    turned, joints, after_turned, after = bent(body, LEG, np.zeros((FRAMES, 3)), pose)
    np.testing.assert_allclose(after, joints, atol=1e-5)
    np.testing.assert_allclose(after_turned, turned, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_straight_limb_bends_about_the_axis_that_is_named(body: BodyModel, axis: int) -> None:
    """The rest pose made straight: the shin continues the thigh, and the foot is lifted by 10 cm."""
    straight = body.rest_joints().astype(np.float64)
    hip, knee, ankle = LEG
    thigh = straight[knee] - straight[hip]
    shin = np.linalg.norm(straight[ankle] - straight[knee])
    pose = np.tile(np.eye(3, dtype=np.float32), (2, 24, 1, 1))
    _, joints = forward_kinematics(body.rest_joints(), pose)
    turned = pose.copy()
    joints = joints.copy()
    joints[:, ankle] = joints[:, knee] + (shin * thigh / np.linalg.norm(thigh)).astype(np.float32)
    move = np.float32(-0.1 * thigh / np.linalg.norm(thigh))
    changed = pose.copy()
    bend_limb(changed, turned, joints, np.tile(move, (2, 1)), LEG, straight_axis=axis)
    rotvec = Rotation.from_matrix(changed[0, knee]).as_rotvec()
    along = np.abs(rotvec) / np.linalg.norm(rotvec)
    if axis != 1:  # the second axis points along the leg, about which it cannot bend
        assert along.argmax() == axis
        assert along[axis] > 0.95


def test_targets_out_of_reach_straighten_the_limb(body: BodyModel) -> None:
    pose = random_pose(3, FRAMES, angle=0.8)
    _, joints = forward_kinematics(body.rest_joints(), pose)
    way = np.tile([0.0, -5.0, 0.3], (FRAMES, 1))
    _, _, _, after = bent(body, LEG, way, pose)
    hip, knee, ankle = LEG
    whole = np.linalg.norm(after[:, knee] - after[:, hip], axis=1) + np.linalg.norm(
        after[:, ankle] - after[:, knee], axis=1
    )
    np.testing.assert_allclose(np.linalg.norm(after[:, ankle] - after[:, hip], axis=1), REACH * whole, rtol=1e-4)
    assert 0.999 < REACH < 1.0
    aim = joints[:, ankle] + way - joints[:, hip]
    reached = after[:, ankle] - after[:, hip]
    cosine = (aim * reached).sum(1) / np.linalg.norm(aim, axis=1) / np.linalg.norm(reached, axis=1)
    np.testing.assert_allclose(cosine, 1.0, atol=1e-5)


def test_the_end_turns_in_the_world(body: BodyModel) -> None:
    pose = random_pose(3, FRAMES, angle=0.8)
    turn = Rotation.from_rotvec([0.2, -0.5, 0.1]).as_matrix().astype(np.float32)
    turned, _, after_turned, _ = bent(body, LEG, np.zeros((FRAMES, 3)), pose, turn=np.tile(turn, (FRAMES, 1, 1)))
    np.testing.assert_allclose(after_turned[:, LEG[2]], turn @ turned[:, LEG[2]], atol=1e-4)


def test_angles_of_triangles() -> None:
    sides = [np.float32([value]) for value in (3.0, 4.0, 5.0)]
    assert np.degrees(_angle(sides[0], sides[1], sides[2]))[0] == pytest.approx(90.0, abs=1e-3)
    assert np.degrees(_angle(sides[1], sides[2], sides[0]))[0] == pytest.approx(36.87, abs=1e-2)
    one = np.float32([1.0])
    assert np.degrees(_angle(one, one, one))[0] == pytest.approx(60.0, abs=1e-3)
    assert np.degrees(_angle(one, one, 3 * one))[0] == pytest.approx(180.0)
