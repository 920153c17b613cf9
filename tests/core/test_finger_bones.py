# SPDX-License-Identifier: Apache-2.0
"""Bones of a character's finger against SMPL+H's three joints, by hand."""

import numpy as np
from scipy.spatial.transform import Rotation

from dancepose_addon.core.retarget.finger_transfer import _of_bones, _rest_turns

STRAIGHT = np.array([[0.0, 0.0, 0.0], [0.03, 0.0, 0.0], [0.05, 0.0, 0.0], [0.07, 0.0, 0.0]])
UP = Rotation.from_rotvec([0.0, 0.0, np.pi / 2.0]).as_matrix()


def test_bones_follow_one_two_or_three_joints() -> None:
    joints = [Rotation.from_rotvec([[0.0, 0.0, angle]]).as_matrix() for angle in (0.2, 0.6, 1.4)]
    assert [float(turn[0, 1, 0]) for turn in _of_bones(joints, 3)] == [float(turn[0, 1, 0]) for turn in joints]
    assert _of_bones(joints, 1)[0] is joints[1]
    halves = [Rotation.from_matrix(turn[0]).as_rotvec()[2] for turn in _of_bones(joints, 2)]
    np.testing.assert_allclose(halves, [0.4, 1.0], atol=1e-9)


def test_rest_poses_of_bones() -> None:
    """SMPL's finger points along y, the character's along x: every bone turns by 90 degrees,
    the last as that before."""
    places = STRAIGHT[:3] @ UP.T
    for count in (2, 3):
        for turn in _rest_turns(STRAIGHT[:count], places, np.eye(3)):
            np.testing.assert_allclose(turn, UP, atol=1e-9)
    bent = places.copy()
    bent[2] = places[1] + [0.02, 0.0, 0.0]
    turns = _rest_turns(STRAIGHT[:3], bent, np.eye(3))
    np.testing.assert_allclose(turns[0] @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(turns[1] @ [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_array_equal(turns[2], turns[1])
    # Two bones follow three joints: the first points from the knuckle to the last joint.
    way = bent[2] - bent[0]
    turned = _rest_turns(STRAIGHT[:2], bent, np.eye(3))[0] @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(turned, way / np.linalg.norm(way), atol=1e-9)


def test_bones_of_no_length_keep_the_hands_turn() -> None:
    wrist = Rotation.from_rotvec([0.1, 0.2, 0.3]).as_matrix()
    places = STRAIGHT[:3] @ UP.T
    for heads, joints in ((np.zeros((3, 3)), places), (STRAIGHT[:3], np.zeros((3, 3)))):
        for turn in _rest_turns(heads, joints, wrist):
            np.testing.assert_array_equal(turn, wrist)
    for turn in _rest_turns(STRAIGHT[:1], places, wrist):
        np.testing.assert_array_equal(turn, wrist)
