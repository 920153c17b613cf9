# SPDX-License-Identifier: Apache-2.0
"""Contacts between hands as they are found in a recording, and marker tables of one layout that differ by a turn."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.fit.hand_contacts import _has_hand, _touches
from dancepose_addon.core.fit.reference_poses import for_table
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers
from tests.support.posing import random_pose

FRAMES, FPS = 40, 20.0


def person(left_m: np.ndarray, *, joint: str = "hand", unseen: tuple[int, ...] = ()) -> SimpleNamespace:
    """Two points: the left hand at (left_m, 0, 0) and the right hand far away, attached to hand or wrist."""
    points = np.zeros((FRAMES, 2, 3), np.float32)
    points[:, 0, 0] = left_m
    points[:, 1, 1] = 5.0 + 10.0 * points[:, 0, 0]
    confidence = np.ones((FRAMES, 2), np.float32)
    confidence[list(unseen), 0] = 0.0
    weights = np.zeros((2, 24), np.float32)
    weights[[0, 1], [JOINT_INDEX[f"left_{joint}"], JOINT_INDEX[f"right_{joint}"]]] = 1.0
    return SimpleNamespace(
        keypoints_m=points,
        confidence=confidence,
        motion=SimpleNamespace(fps=FPS),
        markers=SimpleNamespace(weights=weights),
    )


POINTS = [([0], [1]), ([0], [1])]
STILL = np.zeros(FRAMES)


def apart(near: slice, metres: float) -> np.ndarray:
    away = np.full(FRAMES, 1.0)
    away[near] = metres
    return away


@pytest.mark.parametrize("joints", [("hand", "hand"), ("hand", "wrist"), ("wrist", "wrist")])
def test_hands_nearer_than_a_limit_touch(joints: tuple[str, str]) -> None:
    """18 cm between wrists, less between hands."""
    both = joints == ("hand", "hand")
    inside, outside = (0.09, 0.17) if both else (0.17, 0.19)
    for metres, found in ((inside, 1), (outside, 0)):
        fits = [person(STILL, joint=joints[0]), person(apart(slice(10, 20), metres), joint=joints[1])]
        touches = _touches(fits, POINTS)
        assert len(touches) == found
        if touches:
            assert touches[0].ends == ((0, 0), (1, 0))
            assert np.flatnonzero(touches[0].in_contact).tolist() == list(range(10, 20))
            np.testing.assert_allclose(touches[0].offset_m[:, 0], -apart(slice(10, 20), metres), rtol=1e-6)


@pytest.mark.parametrize(("frames", "counts"), [(1, False), (2, True), (3, True)])
def test_a_touch_lasts_a_tenth_of_a_second(frames: int, *, counts: bool) -> None:
    """Two frames at 20 fps."""
    away = apart(slice(10, 10 + frames), 0.05)
    away[30:36] = 0.05
    (touch,) = _touches([person(STILL), person(away)], POINTS)
    expected = [*range(10, 10 + frames if counts else 10), *range(30, 36)]
    assert np.flatnonzero(touch.in_contact).tolist() == expected


def test_hands_that_are_not_seen_do_not_touch() -> None:
    away = apart(slice(10, 30), 0.05)
    (touch,) = _touches([person(STILL, unseen=(15,)), person(away, unseen=(20, 21))], POINTS)
    assert np.flatnonzero(touch.in_contact).tolist() == [*range(10, 15), *range(16, 20), *range(22, 30)]


def test_hands_of_one_person_do_not_count_and_each_pair_does() -> None:
    fits = [person(STILL), person(apart(slice(10, 20), 0.05))]
    for fit in fits:
        fit.keypoints_m[10:20, 1] = fit.keypoints_m[10:20, 0]
    assert [touch.ends for touch in _touches(fits, POINTS)] == [
        ((0, 0), (1, 0)), ((0, 0), (1, 1)), ((0, 1), (1, 0)), ((0, 1), (1, 1)),
    ]  # fmt: skip
    assert _touches(fits, [([0], []), ([], [1])])[0].ends == ((0, 0), (1, 1))


def test_which_layouts_show_hands() -> None:
    assert _has_hand(person(STILL), 0)
    assert not _has_hand(person(STILL, joint="wrist"), 0)


def two_tables(body: BodyModel) -> tuple[MarkerSet, MarkerSet, int, np.ndarray]:
    """Three markers on the head; in the second table they are turned about the head's joint, and one elsewhere too."""
    head, knee = JOINT_INDEX["head"], JOINT_INDEX["left_knee"]
    markers = joint_markers(MD23)
    weights, offsets = np.zeros_like(markers.weights), np.full_like(markers.offsets_m, 0.05)
    weights[:, 0] = 1.0
    weights[:3] = 0.0
    weights[:3, head] = 1.0
    weights[3] = 0.0
    weights[3, knee] = 1.0
    offsets[:3] = [[0.1, 0.0, 0.0], [0.0, 0.12, 0.02], [-0.05, 0.0, 0.1]]
    turn = Rotation.from_rotvec([0.2, 0.1, -0.3]).as_matrix()
    turned = offsets.copy()
    turned[:3] = offsets[:3] @ turn.T
    turned[3] += 0.03  # one point on a joint does not determine a turn
    return MarkerSet(MD23, weights, offsets), MarkerSet(MD23, weights, turned), head, turn


def test_rotations_follow_a_marker_table_that_is_turned(body: BodyModel) -> None:
    trained, used, head, turn = two_tables(body)
    pose = random_pose(5, 6)
    found = for_table(pose, trained, used, body.rest_joints())
    np.testing.assert_allclose(found[:, head], pose[:, head] @ turn.T, atol=1e-5)
    others = [joint for joint in range(1, 24) if joint != head]
    np.testing.assert_array_equal(found[:, others], pose[:, others])
    np.testing.assert_array_equal(found[:, 0], pose[:, 0])


def test_points_that_are_shared_with_another_joint_do_not_count(body: BodyModel) -> None:
    trained, used, head, _ = two_tables(body)
    pose = random_pose(5, 6)
    for weight, turned in ((0.85, False), (0.95, True)):
        weights = trained.weights.copy()
        weights[:3, head], weights[:3, 0] = weight, 1.0 - weight
        for first, second in ((replace(trained, weights=weights), used), (trained, replace(used, weights=weights))):
            found = for_table(pose, first, second, body.rest_joints())
            assert (not np.array_equal(found[:, head], pose[:, head])) is turned


def test_the_same_table_changes_nothing(body: BodyModel) -> None:
    trained, _, _, _ = two_tables(body)
    pose = random_pose(5, 6)
    assert for_table(pose, trained, trained, body.rest_joints()) is pose
