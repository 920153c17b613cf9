# SPDX-License-Identifier: Apache-2.0
"""Trunks and limbs turned onto points without a network, piece by piece against SciPy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.fit import rest_pose_regressor as geometry
from dancepose_addon.core.skeleton.layouts import SMPL24

RANDOM = np.random.default_rng(6)
REST, JOINTS = geometry._rest(SMPL24)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([1, 1, 1], [0, 1, 2]), ([0, 1, 0, 0, 1], [1, 1, 1, 1, 4]), ([0, 0, 1], [2, 2, 2]), ([1, 0, 0], [0, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)  # fmt: skip
def test_the_last_known_frame(known: list[int], expected: list[int]) -> None:
    assert geometry._nearest_known(np.array(known, bool)).tolist() == expected


def test_shortest_rotations() -> None:
    before, after = RANDOM.normal(size=(2, 50, 3))
    after[0] = 3.0 * before[0]
    found = geometry._swing(before, after)
    unit = after / np.linalg.norm(after, axis=1, keepdims=True)
    turned = (found @ before[..., None])[..., 0] / np.linalg.norm(before, axis=1, keepdims=True)
    np.testing.assert_allclose(turned, unit, atol=1e-9)
    cosine = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    angles = Rotation.from_matrix(found).magnitude()
    np.testing.assert_allclose(angles, np.arccos(np.clip(cosine, -1.0, 1.0)), atol=1e-6)


def test_means_of_what_is_wholly_seen() -> None:
    points = RANDOM.normal(size=(3, 2, 3))
    points[1, 0, 2] = np.nan
    found, seen = geometry._mean(points)
    assert seen.tolist() == [True, False, True]
    np.testing.assert_allclose(found[[0, 2]], points[[0, 2]].mean(axis=1))
    assert not found[1].any()


def test_points_that_show_a_joint() -> None:
    """Of joint centres the joint itself: its parent is further away than a joint's points are."""
    elbow, wrist = JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"]
    assert geometry._shown(SMPL24, REST, JOINTS, elbow, wrist) == [wrist]
    near = REST.copy()
    near[elbow] = REST[wrist]
    assert geometry._shown(SMPL24, near, JOINTS, elbow, wrist) == [elbow, wrist]
    assert geometry._shown(SMPL24, near, JOINTS, JOINT_INDEX["left_hip"], wrist) == [wrist]


def test_the_rotation_size_and_place_of_a_trunk() -> None:
    """Arms and legs anywhere; a frame with too few points takes the rotation before it."""
    turns = Rotation.random(5, random_state=3).as_matrix()
    place = RANDOM.normal(size=(5, 3))
    points = 1.3 * np.einsum("tij,kj->tki", turns, REST) + place[:, None]
    limbs = [
        JOINT_INDEX[f"{side}_{part}"]
        for side in ("left", "right")
        for part in ("knee", "ankle", "elbow", "wrist", "hand", "foot")
    ]
    points[:, limbs] += RANDOM.normal(size=(5, len(limbs), 3))
    points[2] = np.nan
    points[2, 0] = [1.0, 2.0, 3.0]
    points[3, JOINT_INDEX["neck"]] = np.nan
    turn, scale, at = geometry._trunk(points, REST, SMPL24, JOINTS)
    np.testing.assert_allclose(turn, turns[[0, 1, 1, 3, 4]], atol=1e-6)
    assert scale == pytest.approx(1.3)
    np.testing.assert_allclose(at[[0, 1, 3, 4]], place[[0, 1, 3, 4]], atol=1e-6)
    np.testing.assert_allclose(at[2], points[2, 0] - 1.3 * turns[1] @ REST[0], atol=1e-6)
    assert geometry._trunk(100.0 * points, REST, SMPL24, JOINTS)[1] == 3.0
    assert geometry._trunk(0.01 * points, REST, SMPL24, JOINTS)[1] == 0.3
    assert geometry._trunk(points * np.nan, REST, SMPL24, JOINTS)[1] == 1.0
    mirrored = geometry._trunk(points * [-1.0, 1.0, 1.0], REST, SMPL24, JOINTS)[0]
    np.testing.assert_allclose(np.linalg.det(mirrored), 1.0)


def test_limbs_follow_their_points_and_unseen_ones_the_trunk() -> None:
    """A bent elbow: the upper arm and the forearm point where they did; an unseen leg hangs as in rest."""
    regressor = geometry.rest_pose_regressor(SMPL24)
    points = np.repeat(REST[None], 2, axis=0)
    bend = Rotation.from_rotvec([0.0, -1.1, 0.0]).as_matrix()
    elbow = JOINT_INDEX["left_elbow"]
    for name in ("left_wrist", "left_hand"):
        points[1, JOINT_INDEX[name]] = REST[elbow] + bend @ (REST[JOINT_INDEX[name]] - REST[elbow])
    points[:, [JOINT_INDEX["right_knee"], JOINT_INDEX["right_ankle"], JOINT_INDEX["right_foot"]]] = np.nan
    pose = regressor(points.astype(np.float32))
    np.testing.assert_allclose(pose[0], np.broadcast_to(np.eye(3), (24, 3, 3)), atol=1e-4)
    forearm = REST[JOINT_INDEX["left_wrist"]] - REST[elbow]
    np.testing.assert_allclose(pose[1, elbow] @ forearm, bend @ forearm, atol=1e-4)
    for name in ("left_shoulder", "right_hip", "right_knee", "right_elbow", "left_hip"):
        np.testing.assert_allclose(pose[1, JOINT_INDEX[name]], np.eye(3), atol=1e-4)
