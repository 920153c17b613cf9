# SPDX-License-Identifier: Apache-2.0
"""Sequence: cutting, and refusing what no fit could use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.errors import InputError, LayoutError
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.sequence import (
    AudioWindow,
    KeypointSequence,
    describe_frames,
    require_whole,
    validate,
)


@pytest.fixture
def clip() -> KeypointSequence:
    """Ten frames at 25 fps; the first coordinate of every point is its frame's number."""
    points = np.zeros((10, 23, 3), np.float32)
    points[..., 0] = np.arange(10)[:, None]
    confidence = np.tile(np.arange(10, dtype=np.float32)[:, None] / 10, (1, 23))
    return KeypointSequence(points, 25.0, MD23, confidence, AudioWindow(Path("song.mp3"), 30.0, 0.4), "clip")


def test_a_cut_takes_the_music_along(clip: KeypointSequence) -> None:
    cut = clip.between(5, 8)
    assert cut.keypoints_m[:, 0, 0].tolist() == [5, 6, 7]
    assert cut.confidence is not None
    assert cut.confidence[:, 0].tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert cut.audio is not None
    assert (cut.audio.start_s, cut.audio.duration_s) == pytest.approx((30.2, 0.12))
    assert (len(cut), cut.duration_s, cut.fps) == (3, pytest.approx(0.12), 25.0)


@pytest.mark.parametrize(("start", "end", "count"), [(0, None, 10), (4, None, 6), (0, 500, 10), (9, 10, 1)])
def test_open_and_late_ends(clip: KeypointSequence, start: int, end: int | None, count: int) -> None:
    assert len(clip.between(start, end)) == count


@pytest.mark.parametrize(("start", "end"), [(10, None), (5, 5), (7, 3), (-2, None)])
def test_empty_ranges_are_refused(clip: KeypointSequence, start: int, end: int | None) -> None:
    with pytest.raises(InputError, match=r"select nothing: clip has 10 frames \(0 to 9\)"):
        clip.between(start, end)


def test_a_sound_clip_passes_unchanged(clip: KeypointSequence) -> None:
    assert validate(clip) is clip


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_frames_are_named(clip: KeypointSequence, value: float) -> None:
    points = clip.keypoints_m.copy()
    points[[3, 7, 8], 5, 1] = value
    with pytest.raises(InputError, match=r"infinite points in 3 of 10 frames \(frames 3, 7-8\)"):
        validate(replace(clip, keypoints_m=points))


def test_points_that_were_not_seen_pass_unless_all_are_needed(clip: KeypointSequence) -> None:
    points = clip.keypoints_m.copy()
    points[[3, 7, 8], 5, 1] = np.nan
    holed = replace(clip, keypoints_m=points)
    assert validate(holed) is holed
    assert require_whole(clip) is clip
    with pytest.raises(InputError, match=r"NaN points in 3 of 10 frames \(frames 3, 7-8\)"):
        require_whole(holed)


@pytest.mark.parametrize(
    ("shape", "error", "said"),
    [
        ((0, 23, 3), InputError, "zero frames"),
        ((4, 69), InputError, r"shape \(4, 69\); expected \(frames, points, 3\)"),
        ((4, 23, 2), InputError, r"shape \(4, 23, 2\)"),
        ((4, 22, 3), LayoutError, "22 key-points; md23 needs 23"),
    ],
)
def test_other_shapes_are_refused(
    clip: KeypointSequence, shape: tuple[int, ...], error: type[InputError], said: str
) -> None:
    with pytest.raises(error, match=said):
        validate(replace(clip, keypoints_m=np.zeros(shape, np.float32)))


@pytest.mark.parametrize("fps", [0.0, -25.0, np.nan, np.inf])
def test_a_rate_is_positive(clip: KeypointSequence, fps: float) -> None:
    with pytest.raises(InputError, match="frame rate"):
        validate(replace(clip, fps=fps))


def test_long_lists_of_frames_are_cut_short() -> None:
    assert describe_frames(np.array([4])) == "frame 4"
    assert describe_frames(np.arange(0, 40, 2)) == "frames 0, 2, 4, 6, 8, 10, ..."


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[[0.0, 0.0, 0.0]]], "points of type list; expected a NumPy array of numbers"),
        (np.full((10, 23, 3), "a"), "points of type <U1"),
        (np.zeros((10, 23, 3), complex), "points of type complex128"),
        (np.zeros((10, 23, 3), bool), "points of type bool"),
    ],
)
def test_points_are_an_array_of_numbers(clip: KeypointSequence, points: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        validate(replace(clip, keypoints_m=points))


@pytest.mark.parametrize("shape", [(3,), (10, 1), (23, 10)])
def test_each_point_has_its_confidence(clip: KeypointSequence, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"confidences of shape .*; expected \(10, 23\)"):
        validate(replace(clip, confidence=np.ones(shape, np.float32)))
