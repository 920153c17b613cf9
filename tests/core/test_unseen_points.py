# SPDX-License-Identifier: Apache-2.0
"""Points at exactly zero: unseen, or the root that all others are relative to."""

import numpy as np
import pytest

from dancepose_addon.core.skeleton.layouts import BODY25, SMPL22
from dancepose_addon.core.skeleton.recording import PointRecording
from dancepose_addon.core.skeleton.unseen_points import mask_unseen

FRAMES = 10


def recording(*, centred: bool) -> PointRecording:
    """Random points about the origin, or 5 m away from it."""
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (FRAMES, 22, 3)) + (0.0 if centred else 5.0)
    return PointRecording(points, "array", "clip.npy", layout="smpl22", fps=30.0)


def unseen_in(found: PointRecording) -> set[tuple[int, int]]:
    return {(int(frame), int(point)) for frame, point in np.argwhere(np.isnan(found.points).all(axis=2))}


def test_points_that_are_zero_now_and_then_are_unseen() -> None:
    clip = recording(centred=True)
    clip.points[3, 7] = clip.points[4, [8, 9]] = 0.0
    clip.points[5, 10, 1] = 0.0  # one coordinate
    found = mask_unseen(clip, None)
    assert unseen_in(found) == {(3, 7), (4, 8), (4, 9)}
    finding = found.findings[-1]
    assert (finding.topic, finding.value) == ("unseen points", f"{3 / 220:.1%}")
    assert finding.why.endswith("(points 7, 8, 9)")


def test_the_root_that_others_are_relative_to_is_seen() -> None:
    clip = recording(centred=True)
    clip.points[:, 0] = 0.0
    assert mask_unseen(clip, None) is clip
    clip.points[2, 5] = 0.0
    assert unseen_in(mask_unseen(clip, None)) == {(2, 5)}
    clip.points[:, 6] = 0.0  # never seen; the pelvis is the root
    assert unseen_in(mask_unseen(clip, None)) == {(2, 5), *((frame, 6) for frame in range(FRAMES))}


def test_a_point_at_zero_far_from_the_others_is_unseen() -> None:
    clip = recording(centred=False)
    clip.points[:, 0] = 0.0
    assert unseen_in(mask_unseen(clip, None)) == {(frame, 0) for frame in range(FRAMES)}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_or_none_at_zero_is_left_alone(value: float) -> None:
    clip = PointRecording(np.full((FRAMES, SMPL22.count, 3), value), "array", "clip.npy", layout="smpl22", fps=30.0)
    assert mask_unseen(clip, None) is clip


@pytest.mark.parametrize("value", [-1.0, 9999.0])
def test_whole_numbers_that_fill_a_point_are_unseen(value: float) -> None:
    clip = recording(centred=True)
    clip.points[3, 7] = clip.points[4, [8, 9]] = value
    clip.points[5, 10] = 0.25  # no whole number
    clip.points[6, 10] = 0.25
    clip.points[7, 11] = 3.0  # once
    found = mask_unseen(clip, None)
    assert unseen_in(found) == {(3, 7), (4, 8), (4, 9)}
    assert f"they are exactly {value:g}, and so taken for unseen" in found.findings[-1].why


def test_many_points_are_named_by_the_first_four() -> None:
    clip = recording(centred=False)
    clip.points[0, 1:7] = 0.0
    assert mask_unseen(clip, None).findings[-1].why.endswith("(points 1, 2, 3, 4, ...)")
    clip = recording(centred=False)
    clip.points[0, 1:5] = 0.0
    assert mask_unseen(clip, None).findings[-1].why.endswith("(points 1, 2, 3, 4)")


def test_of_several_points_that_are_always_zero_the_root_is_seen() -> None:
    hips = BODY25.keypoints.index("mid_hip")
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (FRAMES, 25, 3))
    points[:, [2, hips]] = 0.0
    clip = PointRecording(points, "array", "clip.npy", fps=30.0)
    for layout in ("body25", None):
        assert unseen_in(mask_unseen(clip, layout)) == {(frame, 2) for frame in range(FRAMES)}
    points[:, hips] = 1.0
    assert mask_unseen(clip, "body25") is clip
