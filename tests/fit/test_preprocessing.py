# SPDX-License-Identifier: Apache-2.0
"""What a fit sees: holes, jumps and noise that were put there on purpose."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.intervals import runs_of
from dancepose_addon.core.fit.temporal.preprocessing import Gap, _jumps, estimate_noise, prepare
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .known import known_clip

FPS = 25.0


@pytest.fixture(scope="module")
def dance(body: BodyModel) -> KeypointSequence:
    return known_clip(body, frames=200).sequence


def clip_of(points_m: np.ndarray, confidence: np.ndarray | None = None) -> KeypointSequence:
    return KeypointSequence(points_m.astype(np.float32), FPS, SMPL24, confidence, source="clip")


def test_a_whole_clip_is_left_alone(dance: KeypointSequence) -> None:
    prepared = prepare(dance)
    assert prepared.points_m is dance.keypoints_m
    assert prepared.seen.all()
    assert prepared.gaps == ()


def test_gaps_on_straight_lines_are_bridged_exactly() -> None:
    time = np.arange(60.0)[:, None, None] / FPS
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, 24, 3)) + time * (0.8 + random.normal(scale=0.03, size=(1, 24, 3)))
    points = truth.copy()
    points[20:32, 20] = np.nan
    points[24:27, 5:9] = np.nan
    prepared = prepare(clip_of(points))
    assert np.abs(prepared.points_m - truth).max() < 1e-5
    assert not prepared.seen[20:32, 20].any()
    assert set(prepared.gaps) == {Gap(20, 20, 31, "missing"), *(Gap(k, 24, 26, "missing") for k in range(5, 9))}


def test_bridges_follow_a_dance(dance: KeypointSequence) -> None:
    """Half as far off as straight lines are, at least; and bones keep about their length."""
    points = dance.keypoints_m.copy()
    for start in range(20, 180, 20):
        points[start : start + 8, 20] = np.nan
    prepared = prepare(replace(dance, keypoints_m=points))
    hole = np.isnan(points[:, 20, 0])
    frames = np.arange(len(points))
    straight = np.stack([np.interp(frames, frames[~hole], points[~hole, 20, axis]) for axis in range(3)], axis=1)
    truth = dance.keypoints_m[:, 20]
    off = np.linalg.norm(prepared.points_m[hole, 20] - truth[hole], axis=1)
    assert off.mean() < 0.5 * np.linalg.norm(straight[hole] - truth[hole], axis=1).mean()
    # No pop at its ends or within: no step is longer than the dance's own.
    steps, own = (np.linalg.norm(np.diff(path, axis=0), axis=1) for path in (prepared.points_m[:, 20], truth))
    assert steps.max() < 1.2 * own.max()
    assert np.array_equal(prepared.points_m[~hole], points[~hole])


def test_holes_at_the_ends_and_points_never_seen(dance: KeypointSequence) -> None:
    points = dance.keypoints_m.copy()
    points[:5, 15] = points[-4:, 15] = points[:, 22] = np.nan
    prepared = prepare(replace(dance, keypoints_m=points))
    assert np.isfinite(prepared.points_m).all()
    assert np.linalg.norm(prepared.points_m[:5, 15] - dance.keypoints_m[:5, 15], axis=1).max() < 0.1
    assert Gap(22, 0, 199, "missing") in prepared.gaps
    assert (prepared.confidence[:, 22] == 0).all()


def test_low_confidence_is_a_hole_and_other_confidence_is_kept(dance: KeypointSequence) -> None:
    confidence = np.full((200, 24), 0.7, np.float32)
    confidence[50:60, 3] = 0.1
    prepared = prepare(replace(dance, confidence=confidence))
    assert prepared.gaps == (Gap(3, 50, 59, "missing"),)
    assert (prepared.confidence[50:60, 3] == 0).all()
    assert np.delete(prepared.confidence, 3, axis=1) == pytest.approx(0.7)


@pytest.mark.parametrize("point", [20, 18, 7])
def test_only_the_point_that_is_away_from_its_neighbours_is_a_jump(dance: KeypointSequence, point: int) -> None:
    """A wrist, an elbow and an ankle, in a clip too sparse for paths to be judged: its neighbours stay as they are."""
    points = dance.keypoints_m.copy()
    points[50:53, point] += np.array([0.7, 0.6, -0.7], np.float32)
    prepared = prepare(replace(dance, keypoints_m=points, fps=4.0))
    assert prepared.gaps == (Gap(point, 50, 52, "jump"),)


def test_points_thrown_off_for_a_frame_are_found(dance: KeypointSequence) -> None:
    random = np.random.default_rng(1)
    points, thrown = dance.keypoints_m.copy(), set()
    for frame in random.choice(np.arange(3, 197), 10, replace=False):
        point = int(random.integers(24))
        way = random.normal(size=3)
        points[frame, point] += 0.5 * way / np.linalg.norm(way)
        thrown.add((point, int(frame)))
    prepared = prepare(replace(dance, keypoints_m=points))
    assert {gap.why for gap in prepared.gaps} == {"jump"}
    found = {(gap.point, frame) for gap in prepared.gaps for frame in range(gap.first, gap.last + 1)}
    assert found == thrown
    assert np.linalg.norm(prepared.points_m - dance.keypoints_m, axis=2).max() < 0.05


@pytest.mark.parametrize(("away_m", "jumps"), [(0.19, 0), (0.21, 1), (0.4, 1)])
def test_a_jump_is_farther_than_twenty_centimetres(away_m: float, jumps: int) -> None:
    """From a point that stands still: it leaves its place for one frame of 20, or at an end, where none is seen."""
    points = np.zeros((20, 3, 3), np.float32)
    points[9, 1, 2] = away_m
    points[0, 2, 0] = points[19, 2, 0] = away_m
    found = _jumps(points, np.ones((20, 3), bool), 25.0)
    assert found.sum() == jumps
    assert found[9, 1] == bool(jumps)
    assert not _jumps(points[9:11], np.ones((2, 3), bool), 25.0).any()
    unseen = np.ones((20, 3), bool)
    unseen[9, 1] = False
    assert not _jumps(points, unseen, 25.0).any()


def test_sharp_moves_are_no_jumps(dance: KeypointSequence) -> None:
    """A whole body that stops dead from 5 m/s, and a body that turns back at once."""
    time = np.arange(200) / FPS
    for path in (np.minimum(5.0 * time, 20.0), 5.0 * np.abs(time - 4.0)):
        points = dance.keypoints_m + np.float32(path)[:, None, None] * np.array([1, 0, 0], np.float32)
        assert prepare(replace(dance, keypoints_m=points)).gaps == ()


def test_a_body_that_jumps_with_its_bones_whole_was_measured(dance: KeypointSequence) -> None:
    """One frame of another part of the dance, as in an estimate from video: no bone changes its length."""
    points = dance.keypoints_m.copy()
    points[60] = points[150] + [0.3, 0.0, 0.4]
    prepared = prepare(clip_of(points))
    assert prepared.seen.all()
    points[60, 20] += [0.0, 0.5, 0.0]
    assert [gap for gap in prepare(clip_of(points)).gaps if gap.point == 20] == [Gap(20, 60, 60, "jump")]


@pytest.mark.parametrize("noise", [0.001, 0.02])
def test_noise_is_estimated(noise: float) -> None:
    time = np.arange(1500.0)[:, None, None] / FPS
    random = np.random.default_rng(2)
    motion = 0.3 * np.sin(2 * np.pi * random.uniform(0.3, 0.7, (1, 24, 1)) * time + random.uniform(0, 6, (1, 24, 3)))
    points = (motion + random.normal(scale=noise, size=motion.shape)).astype(np.float32)
    seen = np.ones(points.shape[:2], bool)
    assert estimate_noise(points, seen) == pytest.approx(noise, rel=0.05)
    seen[::7] = False
    points[::7] = 99.0  # what was not seen does not count
    assert estimate_noise(points, seen) == pytest.approx(noise, rel=0.05)


def test_a_body_that_spins_is_not_noisy(dance: KeypointSequence) -> None:
    """Twice a second about the vertical: fourth differences alone would take it for several millimetres of noise."""
    angle = 4.0 * np.pi * np.arange(len(dance))[:, None] / FPS
    turns = Rotation.from_euler("y", angle).as_matrix()
    spun = np.einsum("tij,tkj->tki", turns, dance.keypoints_m).astype(np.float32)
    seen = np.ones(spun.shape[:2], bool)
    assert estimate_noise(dance.keypoints_m, seen) < 1e-4
    assert estimate_noise(spun, seen) < 1e-3


def test_clips_too_short_for_noise() -> None:
    assert estimate_noise(np.zeros((4, 24, 3), np.float32), np.ones((4, 24), bool)) == 0.0
    assert prepare(clip_of(np.zeros((1, 24, 3)))).gaps == ()


def test_a_second_without_any_point_is_bridged_and_more_is_refused(dance: KeypointSequence) -> None:
    points = dance.keypoints_m.copy()
    points[60:85] = np.nan
    assert np.isfinite(prepare(replace(dance, keypoints_m=points)).points_m).all()
    points[85] = points[3] = np.nan
    with pytest.raises(InputError, match=r"in 27 of 200 frames \(frames 3, 60-85\); up to 1 s can be bridged"):
        prepare(replace(dance, keypoints_m=points))
    with pytest.raises(InputError, match=r"200 of 200 frames \(frames 0-199\)"):
        prepare(replace(dance, keypoints_m=points * np.nan))


def test_runs() -> None:
    flags = np.array([1, 1, 0, 0, 1, 0, 1], bool)
    assert runs_of(flags) == [(0, 1), (4, 4), (6, 6)]
    assert runs_of(~flags) == [(2, 3), (5, 5)]
    assert runs_of(np.zeros(3, bool)) == []


def test_sparse_frames_have_no_noise_and_no_jumps(body: BodyModel) -> None:
    """At 5.9 frames a second (music & dance of 2018) a hand is half a metre elsewhere in the next frame."""
    time_s = np.arange(60) / 5.9
    swing = 0.5 * np.sin(2.0 * np.pi * 1.4 * time_s)
    points = joint_markers(SMPL24).rest_points(body.rest_joints()) + np.zeros((60, 1, 1), np.float32)
    points[:, 20:24, 1] += swing[:, None]
    found = prepare(KeypointSequence(points.astype(np.float32), 5.9, SMPL24))
    assert found.noise_m == 0.0
    assert not [gap for gap in found.gaps if gap.why == "jump" and gap.point in (22, 23)]
