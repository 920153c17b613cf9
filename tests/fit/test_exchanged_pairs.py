# SPDX-License-Identifier: Apache-2.0
"""Exchanges of mirrored points, frame by frame and by hand."""

import numpy as np
import pytest

from dancepose_addon.core.fit.temporal import exchanges
from dancepose_addon.core.fit.temporal.exchanges import (
    Exchange,
    describe_exchanges,
    repair_exchanges,
    without_exchanges,
)
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.sequence import KeypointSequence

WRISTS = (20, 21)


def still(frames: int = 60) -> np.ndarray:
    """(T, 24, 3): wrists a metre apart, everything else in one place."""
    points = np.zeros((frames, 24, 3), np.float32)
    points[:, 20, 0], points[:, 21, 0] = 0.5, -0.5
    points[:, 20, 1] = np.arange(frames) / 1000.0
    return points


def exchanged(first: int, last: int, frames: int = 60) -> np.ndarray:
    points = still(frames)
    points[first : last + 1, WRISTS] = points[first : last + 1, WRISTS[::-1]]
    return points


@pytest.mark.parametrize(
    ("first", "last", "repaired"), [(20, 29, True), (20, 30, False), (1, 4, True), (0, 4, False), (50, 59, False)]
)
def test_short_exchanges_inside_a_clip_are_repaired(first: int, last: int, *, repaired: bool) -> None:
    """Half a second is ten frames; at the ends of a clip it is open which part is right."""
    points = exchanged(first, last)
    confidence = np.ones((60, 24), np.float32)
    confidence[first : last + 1, 20] = 0.25
    found = repair_exchanges(points, confidence, SMPL24, fps=20.0)
    assert found.found == (Exchange(WRISTS, first, last, repaired),)
    np.testing.assert_array_equal(found.points_m, still() if repaired else points)
    assert found.confidence[first, 21 if repaired else 20] == 0.25
    assert not found.passing.any()


def test_what_is_rarer_is_the_exchange() -> None:
    found = repair_exchanges(exchanged(10, 50), np.ones((60, 24), np.float32), SMPL24, fps=20.0)
    assert [(one.first, one.last, one.repaired) for one in found.found] == [(0, 9, False), (51, 59, False)]


def test_slow_and_short_clips_are_left() -> None:
    points = exchanged(20, 25)
    confidence = np.ones((60, 24), np.float32)
    assert repair_exchanges(points, confidence, SMPL24, fps=9.9).found == ()
    assert len(repair_exchanges(points, confidence, SMPL24, fps=12.0).found) == 1
    assert repair_exchanges(points[19:21], confidence[:2], SMPL24, fps=20.0).found == ()


def test_jumps_to_each_others_paths() -> None:
    """Both jump by 12 cm at least, and an exchange leaves less than 35 percent of the jumps."""

    def jumps(*steps: tuple[float, float], apart: float = 1.0) -> list[bool]:
        path = np.zeros((len(steps) + 1, 2, 3))
        path[0, 1, 0] = apart
        for number, step in enumerate(steps):
            path[number + 1, :, 0] = step
        return exchanges._jumps(path).tolist()

    assert jumps((1.0, 0.0)) == [True]
    assert jumps((0.0, 1.0)) == [False]
    assert jumps((0.13, 0.0), apart=0.13) == [True]
    assert jumps((0.11, 0.0), apart=0.11) == [False]
    assert jumps((0.7, 0.2)) == [True]  # left over are 0.3 + 0.2 of 0.7 + 0.8, 33 percent
    assert jumps((0.68, 0.22)) == [False]  # 0.32 + 0.22 of 0.68 + 0.78, 37 percent
    assert jumps((0.8, 0.15)) == [True]
    assert jumps((0.8, 0.9)) == [False]  # one jumps, by 0.8, the other by 0.1
    assert jumps((np.nan, 0.0)) == [False]


def test_frames_around_a_change() -> None:
    flags = np.zeros(20, bool)
    flags[10:] = True
    clear = np.ones(20, bool)
    clear[8:13] = False
    assert np.flatnonzero(exchanges._around_changes(flags, clear, 9)).tolist() == [8, 9, 10, 11, 12]
    assert np.flatnonzero(exchanges._around_changes(flags, np.zeros(20, bool), 3)).tolist() == [7, 8, 9, 10, 11]
    assert np.flatnonzero(exchanges._around_changes(flags, np.zeros(20, bool), 50)).tolist() == list(range(20))
    assert not exchanges._around_changes(np.ones(20, bool), clear, 9).any()


def test_pairs_of_a_layout() -> None:
    pairs = exchanges._pairs(SMPL24)
    assert WRISTS in pairs
    assert len(pairs) == 9
    assert exchanges._head_pairs(SMPL24) == []
    head = exchanges._head_pairs(MD23)
    assert all(MD23.joints[a] == MD23.joints[b] == 15 for a, b in head)
    assert head
    left = exchanges._left_side(SMPL24)
    assert {1, 20} <= left
    assert not {0, 2, 21} & left


def test_frames_in_which_points_pass_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = KeypointSequence(exchanged(20, 25), 20.0, SMPL24)
    assert len(without_exchanges(sequence)) == 60
    np.testing.assert_array_equal(without_exchanges(sequence).keypoints_m, still())
    whole = repair_exchanges(sequence.keypoints_m, np.ones((60, 24), np.float32), SMPL24, fps=20.0)
    whole.passing[7, 3] = True
    monkeypatch.setattr(exchanges, "repair_exchanges", lambda *_, **__: whole)
    assert len(without_exchanges(sequence)) == 59


def test_sentences_about_exchanges() -> None:
    found = (Exchange((1, 2), 5, 9, True), Exchange((4, 5), 30, 30, False), Exchange((1, 2), 20, 21, True))
    first, second = describe_exchanges(found, SMPL24)
    assert "exchanged back: left_hip and right_hip (2 stretches, 7 frames, the first at 5)" in first
    assert "may be exchanged in the recording: left_knee and right_knee (1 stretch, 1 frame, the first at 30)" in second
    assert describe_exchanges((), SMPL24) == []
    many = tuple(Exchange((2 * n + 1, 2 * n + 2), 1, 1, True) for n in range(6))
    assert "; 2 more pairs (6 stretches" in describe_exchanges(many, SMPL24)[0]
    assert "more pairs" not in describe_exchanges(many[:4], SMPL24)[0]
