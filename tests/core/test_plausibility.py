# SPDX-License-Identifier: Apache-2.0
"""Limbs, misplaced joints and frame rates of the default body's own points, changed by known amounts."""

from itertools import pairwise

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.plausibility import find_misplaced, judge_rate, measure_limbs

FRAMES = 12


def rest(scale: float = 1.0) -> np.ndarray:
    """(FRAMES, 24, 3): the default body's joints, standing still."""
    return np.repeat(scale * load_body().rest_joints()[None].astype(np.float64), FRAMES, axis=0)


def moved(name: str, by_m: float, *, down: bool = True) -> np.ndarray:
    points = rest()
    points[:, JOINT_INDEX[name], 1 if down else 2] -= by_m
    return points


@pytest.mark.parametrize("scale", [1.0, 100.0, 0.0254])
def test_limbs_of_the_body_itself(scale: float) -> None:
    found = measure_limbs(rest(scale), SMPL24)
    assert found.scale == pytest.approx(scale, rel=1e-6)
    assert found.is_human


def test_limbs_that_are_not_seen_do_not_count() -> None:
    points = rest(2.0)
    points[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_elbow"]]] = np.nan
    # Four of the eight limbs remain, fewer than six.
    assert not measure_limbs(points, SMPL24).is_human
    assert measure_limbs(points, SMPL24).scale == 1.0
    points = rest(2.0)
    points[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]] = np.nan
    assert measure_limbs(points, SMPL24).is_human
    assert measure_limbs(points, SMPL24).scale == pytest.approx(2.0)
    points[0] = np.nan
    assert measure_limbs(points, SMPL24).is_human


def test_points_in_one_place_are_nobody() -> None:
    assert not measure_limbs(np.zeros((FRAMES, 24, 3)), SMPL24).is_human


@pytest.mark.parametrize(("factor", "human"), [(1.5, True), (2.2, False)])
def test_longer_legs_on_both_sides(*, factor: float, human: bool) -> None:
    """Thighs and shins longer by a factor: half of the limbs, so the mean of |log| from the median is half its log."""
    points = rest()
    for side in ("left", "right"):
        for upper, lower in (("hip", "knee"), ("knee", "ankle")):
            first, second = JOINT_INDEX[f"{side}_{upper}"], JOINT_INDEX[f"{side}_{lower}"]
            points[:, second] = points[:, first] + factor * (rest()[:, second] - rest()[:, first])
    found = measure_limbs(points, SMPL24)
    assert 0.5 * np.log(factor) < 0.3 if human else 0.5 * np.log(factor) > 0.3
    assert found.is_human is human
    assert found.scale == pytest.approx(np.sqrt(factor))


@pytest.mark.parametrize(("factor", "human"), [(1.2, True), (1.35, False)])
def test_one_side_longer_than_the_other(*, factor: float, human: bool) -> None:
    points = rest()
    left = [JOINT_INDEX[f"left_{part}"] for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
    for chain in (left[:3], left[3:]):
        for first, second in pairwise(chain):
            points[:, second] = points[:, first] + factor * (rest()[:, second] - rest()[:, first])
    assert bool(np.log(factor) < 0.25) is human
    assert measure_limbs(points, SMPL24).is_human is human


@pytest.mark.parametrize(("share", "human"), [(0.1, True), (0.2, False)])
def test_limbs_that_change_their_length(*, share: float, human: bool) -> None:
    points = rest()
    points[::2] *= 1.0 - share
    points[1::2] *= 1.0 + share
    assert measure_limbs(points, SMPL24).is_human is human


def test_the_body_has_nothing_misplaced() -> None:
    assert find_misplaced(rest(), SMPL24, 1.0) is None
    assert find_misplaced(rest(100.0), SMPL24, 100.0) is None


@pytest.mark.parametrize(("name", "by_m", "said"), [("left_hand", 0.3, True), ("left_hand", 0.1, False)])
def test_a_misplaced_end_of_a_limb(*, name: str, by_m: float, said: bool) -> None:
    """The hand's only neighbour is the wrist."""
    points = moved(name, by_m, down=False)
    joints = load_body().rest_joints()
    before = np.linalg.norm(joints[JOINT_INDEX[name]] - joints[JOINT_INDEX["left_wrist"]])
    after = np.linalg.norm(points[0, JOINT_INDEX[name]] - points[0, JOINT_INDEX["left_wrist"]])
    for limbs_only in (False, True):
        found = find_misplaced(points, SMPL24, 1.0, limbs_only=limbs_only)
        assert (found is not None) is said
        if found is not None:
            assert found.doubtful
            assert found.why.endswith(f": {name} by {100.0 * (after - before):.0f} cm")
            scaled = find_misplaced(100.0 * points, SMPL24, 100.0, limbs_only=limbs_only)
            assert scaled is not None
            assert scaled.why == found.why


@pytest.mark.parametrize(("by_m", "said"), [(0.2, False), (0.4, True)])
def test_heads_may_be_elsewhere_by_25_cm(*, by_m: float, said: bool) -> None:
    points = moved("head", -by_m)
    assert (find_misplaced(points, SMPL24, 1.0) is not None) is said
    assert find_misplaced(points, SMPL24, 1.0, limbs_only=True) is None


def test_what_is_never_seen_is_not_misplaced() -> None:
    points = moved("left_hand", 0.5)
    points[:, JOINT_INDEX["left_hand"]] = np.nan
    assert find_misplaced(points, SMPL24, 1.0) is None


def walking(speed_m_s: float, fps: float, frames: int = 30) -> np.ndarray:
    """All points at one speed along z."""
    points = np.repeat(load_body().rest_joints()[None].astype(np.float64), frames, axis=0)
    points[..., 2] += speed_m_s * np.arange(frames)[:, None] / fps
    return points


@pytest.mark.parametrize(("speed_m_s", "doubtful"), [(8.8, False), (9.2, True)])
@pytest.mark.parametrize("fps", [25.0, 100.0])
def test_rates_at_which_the_trunk_is_too_fast(*, speed_m_s: float, doubtful: bool, fps: float) -> None:
    found = judge_rate(fps, 0.95, "the file says it", walking(speed_m_s, fps), 30)
    assert found.confidence == (0.6 if doubtful else 0.95)
    assert ("moves at 9 m/s" in found.why) is doubtful
    assert found.value == f"{fps:g} fps"


@pytest.mark.parametrize(("speed_m_s", "doubtful"), [(13.8, False), (14.3, True)])
def test_rates_at_which_limbs_are_too_fast(*, speed_m_s: float, doubtful: bool) -> None:
    """Half of the points run there and half back, so that their middle stays."""
    points = walking(0.0, 50.0)
    way_m = speed_m_s * np.arange(30)[:, None] / 50.0
    points[:, :13, 2] += way_m
    points[:, 13:, 2] -= way_m
    found = judge_rate(50.0, 0.95, "why", points, 30)
    assert found.confidence == (0.6 if doubtful else 0.95)


def test_samples_of_a_longer_clip_are_farther_apart() -> None:
    """30 samples of 59 frames are two frames apart: the speed is half."""
    assert judge_rate(50.0, 0.95, "why", walking(16.0, 50.0), 59).confidence == 0.95
    assert judge_rate(50.0, 0.95, "why", walking(20.0, 50.0), 59).confidence == 0.6
    # 30 samples of more than 120 frames say nothing about speeds.
    assert judge_rate(50.0, 0.95, "why", walking(99.0, 50.0), 121).confidence == 0.95
    assert judge_rate(50.0, 0.95, "why", walking(99.0, 50.0), 120).confidence == 0.6


@pytest.mark.parametrize(("frames", "confidence"), [(4, 0.95), (5, 0.6)])
def test_fewer_than_five_frames_say_nothing(frames: int, confidence: float) -> None:
    assert judge_rate(50.0, 0.95, "why", walking(99.0, 50.0, frames), frames).confidence == confidence


@pytest.mark.parametrize(("fps", "confidence"), [(7.9, 0.6), (8.0, 0.95)])
def test_rates_below_eight(fps: float, confidence: float) -> None:
    found = judge_rate(fps, 0.95, "why", walking(0.5, fps), 30)
    assert found.confidence == confidence
    assert judge_rate(5.0, 0.4, "why", walking(0.5, fps), 30).confidence == 0.4


def test_frames_without_points_say_nothing() -> None:
    points = walking(99.0, 50.0)
    points[4:] = np.nan
    assert judge_rate(50.0, 0.95, "why", points, 30).confidence == 0.95
    points = walking(99.0, 50.0)
    points[:, 3] = np.nan
    assert judge_rate(50.0, 0.95, "why", points, 30).confidence == 0.6
