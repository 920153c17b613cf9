# SPDX-License-Identifier: Apache-2.0
"""Exchanged points, zeros, drifts and unseen limbs, put into a clip whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.canonical_up import trunk_direction
from dancepose_addon.core.fit.evaluation.clip_checks import check_clip, describe_misses, size_drift
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.fit.temporal.exchanges import describe_exchanges, repair_exchanges
from dancepose_addon.core.fit.temporal.preprocessing import estimate_noise, prepare
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .known import KnownPose, known_clip, turned


@pytest.fixture(scope="module")
def dance(body: BodyModel) -> KeypointSequence:
    return known_clip(body, frames=120).sequence


def ones(sequence: KeypointSequence) -> np.ndarray:
    """Full confidence."""
    return np.ones(sequence.keypoints_m.shape[:2], np.float32)


def test_sides_exchanged_for_five_frames_are_repaired(dance: KeypointSequence) -> None:
    points = dance.keypoints_m.copy()
    points[40:45] = points[40:45][:, list(SMPL24.mirrored)]
    whole = repair_exchanges(points, ones(dance), SMPL24, fps=dance.fps)
    assert np.array_equal(whole.points_m, dance.keypoints_m)
    assert all(exchange.repaired and (exchange.first, exchange.last) == (40, 44) for exchange in whole.found)
    assert "exchanged back" in describe_exchanges(whole.found, SMPL24)[0]


def test_a_clip_without_exchanges_is_the_same_object(dance: KeypointSequence) -> None:
    assert repair_exchanges(dance.keypoints_m, ones(dance), SMPL24, fps=dance.fps).points_m is dance.keypoints_m


def test_long_exchanges_are_said_and_left(dance: KeypointSequence) -> None:
    points = dance.keypoints_m.copy()
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    points[50:90, ankles] = points[50:90, ankles[::-1]]
    whole = repair_exchanges(points, ones(dance), SMPL24, fps=dance.fps)
    assert np.array_equal(whole.points_m, points)
    assert "may be exchanged" in describe_exchanges(whole.found, SMPL24)[0]


def test_head_points_that_pass_through_each_other_are_exchanged_back(body: BodyModel) -> None:
    """As the waltzes of music & dance: the pair changes places within ten frames, and later back."""
    truth = known_clip(body, MD23, frames=150).sequence
    points = truth.keypoints_m.copy()
    share = np.interp(np.arange(150), [40, 50, 90, 100], [0.0, 1.0, 1.0, 0.0])[:, None].astype(np.float32)
    for point, other in ((0, 1), (1, 0)):
        points[:, point] = (1 - share) * truth.keypoints_m[:, point] + share * truth.keypoints_m[:, other]
    whole = repair_exchanges(points, ones(truth), MD23, fps=truth.fps)
    passing = whole.passing.any(axis=1)
    difference = np.linalg.norm(whole.points_m[:, :2] - truth.keypoints_m[:, :2], axis=-1).max(axis=1)
    assert difference[~passing].max() < 0.03
    assert 4 <= passing.sum() <= 40
    assert np.array_equal(whole.points_m[:, 2:], points[:, 2:])


def test_zeros_are_unseen_but_a_centred_root_is_not(dance: KeypointSequence) -> None:
    wrist, pelvis = JOINT_INDEX["left_wrist"], JOINT_INDEX["pelvis"]
    points = dance.keypoints_m - dance.keypoints_m[:, :1]
    points[30:40, wrist] = 0.0
    prepared = prepare(replace(dance, keypoints_m=points))
    assert prepared.seen[:, pelvis].all()
    assert not prepared.seen[30:40, wrist].any()
    assert prepared.seen[:30].all()
    assert {gap.why for gap in prepared.gaps} == {"zero"}


def test_fast_motion_of_rigid_bones_is_not_noise(body: BodyModel) -> None:
    """Every joint swings four times a second: coordinates look noisy, lengths do not."""
    clip = known_clip(body, frames=100).sequence
    fast = replace(clip, keypoints_m=clip.keypoints_m[::4])
    seen = np.ones(fast.keypoints_m.shape[:2], bool)
    assert estimate_noise(fast.keypoints_m, seen) > 2e-3
    assert estimate_noise(fast.keypoints_m, seen, SMPL24.edges) < 1e-5
    noise = np.random.default_rng(0).normal(scale=0.01, size=clip.keypoints_m.shape)
    found = estimate_noise((clip.keypoints_m + noise).astype(np.float32), np.ones(noise.shape[:2], bool), SMPL24.edges)
    assert found == pytest.approx(0.01, rel=0.15)


def test_a_size_that_drifts_is_said(dance: KeypointSequence) -> None:
    seen = np.ones(dance.keypoints_m.shape[:2], bool)
    growing = dance.keypoints_m * np.linspace(1.0, 1.1, len(dance), dtype=np.float32)[:, None, None]
    assert size_drift(dance.keypoints_m, seen, SMPL24) == pytest.approx(1.0, abs=1e-3)
    assert size_drift(growing, seen, SMPL24) == pytest.approx(1.08, abs=0.005)  # the middles of the two ends
    assert check_clip(dance.keypoints_m, seen, SMPL24) == []
    assert "grows by 8%" in check_clip(growing, seen, SMPL24)[0]


def test_bodies_that_lie_or_stand_on_their_head_are_said_and_kept(body: BodyModel) -> None:
    for angle, word in ((np.pi, "upside down"), (np.pi / 2, "lying")):
        clip = turned(known_clip(body, frames=40), body, (angle, 0.0, 0.0))
        result = fit(
            clip.sequence, regressor=KnownPose(clip.pose, SMPL24, body.fingerprint), body=body,
            settings=FitSettings(level=False),
        )  # fmt: skip
        assert any(word in notice for notice in result.report["notices"])
        trunk = result.motion.pose_rotmat[:, 0, :, 1].mean(axis=0)
        assert trunk == pytest.approx(clip.pose[:, 0, :, 1].mean(axis=0), abs=0.05)


def test_limbs_that_are_never_seen_hang_and_are_said(dance: KeypointSequence) -> None:
    points = dance.keypoints_m.copy()
    legs = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "foot")]
    points[:, legs] = np.nan
    prepared = prepare(replace(dance, keypoints_m=points))
    knee, ankle = (prepared.points_m[:, JOINT_INDEX[f"left_{name}"]] for name in ("knee", "ankle"))
    assert (ankle[:, 1] < knee[:, 1] - 0.3).all()
    assert any("never seen" in sentence for sentence in check_clip(prepared.points_m, prepared.seen, SMPL24))


def test_clips_share_the_body_of_another(body: BodyModel, tmp_path: Path) -> None:
    first, second = known_clip(body, frames=40), known_clip(body, frames=30, seed=9, scale=1.1)
    path = tmp_path / "first.npz"
    known = KnownPose(first.pose, SMPL24, body.fingerprint)
    fit(first.sequence, regressor=known, body=body).motion.save(path, body)
    other = KnownPose(second.pose, SMPL24, body.fingerprint)
    shared = fit(second.sequence, regressor=other, body=body, settings=FitSettings(body_from=str(path)))
    assert shared.motion.betas == pytest.approx(first.betas, abs=0.05)
    assert shared.motion.scale == pytest.approx(first.scale, abs=1e-3)
    with pytest.raises(InputError, match="--body-from"):
        fit(second.sequence, regressor=other, body=body, settings=FitSettings(body_from=str(path), adapt=True))


def test_part_of_a_clip_says_that_its_body_may_differ(data_folder: Path, body: BodyModel) -> None:
    clip = open_source(data_folder / "cases" / "shape_ordinary.bvh", body=body, hints=Hints())
    assert isinstance(clip, KeypointSequence)
    assert any("--body-from" in note for note in clip.between(5, 20).notes)
    assert clip.between(0, None).notes == clip.notes


def grown(ratio: float, frames: int = 20) -> np.ndarray:
    """A standing body whose size changes evenly from the first fifth's to the last fifth's."""
    points = np.repeat(load_body().rest_joints()[None].astype(np.float64), frames, axis=0)
    size = np.linspace(1.0, ratio, frames)
    size[: frames // 5], size[-(frames // 5) :] = 1.0, ratio
    return (points * size[:, None, None]).astype(np.float32)


ALL_SEEN = np.ones((20, 24), bool)


@pytest.mark.parametrize("ratio", [0.9, 1.0, 1.03, 1.2])
def test_size_drift_is_the_ratio_of_the_ends(ratio: float) -> None:
    assert size_drift(grown(ratio), ALL_SEEN, SMPL24) == pytest.approx(ratio, rel=1e-5)


def test_size_drift_of_few_frames_or_no_points_is_one() -> None:
    assert size_drift(grown(1.2, 9), ALL_SEEN[:9], SMPL24) == 1.0
    assert size_drift(grown(1.2, 10), ALL_SEEN[:10], SMPL24) == pytest.approx(1.2, rel=1e-5)
    assert size_drift(grown(1.2), ~ALL_SEEN, SMPL24) == 1.0
    half = ALL_SEEN.copy()
    half[:10] = False
    assert size_drift(grown(1.2), half, SMPL24) == 1.0
    assert size_drift(0.0 * grown(1.2), ALL_SEEN, SMPL24) == 1.0


def test_size_drift_takes_edges_whose_two_ends_are_seen() -> None:
    points, seen = grown(1.2), ALL_SEEN.copy()
    points[:, 12:] = 7.0 * points[:, 12:] ** 2  # nonsense, not seen
    seen[:, 12:] = False
    assert size_drift(points, seen, SMPL24) == pytest.approx(1.2, rel=1e-5)
    seen[2:-2] = False
    assert size_drift(points, seen, SMPL24) == pytest.approx(1.2, rel=1e-5)


@pytest.mark.parametrize(
    ("ratio", "sentence"), [(1.03, ""), (0.97, ""), (1.05, "grows by 5%"), (0.8, "shrinks by 20%")]
)
def test_drift_is_said_from_four_percent(ratio: float, sentence: str) -> None:
    said = check_clip(grown(ratio), ALL_SEEN, SMPL24)
    assert len(said) == bool(sentence)
    assert not sentence or f"The skeleton {sentence} from" in said[0]


@pytest.mark.parametrize(
    ("degrees", "frames", "how"),
    [
        (50.0, 20, ""), (70.0, 20, "lying"), (110.0, 20, "lying"), (130.0, 20, "upside down"), (70.0, 18, "lying"),
        (70.0, 17, ""),
    ],
)  # fmt: skip
def test_a_tipped_body_is_said(degrees: float, frames: int, how: str) -> None:
    """Turned about the axis from left to right in so many of 20 frames; nine tenths are needed."""
    points = grown(1.0)
    up = trunk_direction(points, SMPL24)[0]
    angle = np.radians(degrees) - np.arctan2(up[2], up[1])  # the resting trunk leans a little
    turn = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    points[:frames] = points[:frames] @ turn
    leaning = float(np.degrees(np.arccos(trunk_direction(points, SMPL24)[0, 1])))
    assert leaning == pytest.approx(degrees, abs=0.1)
    said = check_clip(points, ALL_SEEN, SMPL24)
    assert len(said) == bool(how)
    assert not how or f"The body is {how} throughout the clip (the trunk is {leaning:.0f} degrees" in said[0]


@pytest.mark.parametrize(("count", "text"), [(1, "pelvis is never"), (6, " are never"), (7, ", ... are never")])
def test_points_that_are_never_seen(count: int, text: str) -> None:
    seen = ALL_SEEN.copy()
    seen[:, :count] = False
    said = check_clip(grown(1.0), seen, SMPL24)
    assert len(said) == 1
    assert text in said[0]
    assert ("..." in said[0]) is (count > 6)
    assert said[0].count(",") == min(count, 6) - 1 + (count > 6)
    seen[3, :count] = True
    assert not check_clip(grown(1.0), seen, SMPL24)


def test_points_that_the_body_misses_are_named() -> None:
    error_m = np.zeros((30, SMPL24.count), np.float32)
    seen = np.ones(error_m.shape, bool)
    error_m[7, 20], error_m[8, 3], error_m[9, 4], error_m[10, 5] = 0.37, 0.21, 0.19, np.nan
    error_m[11, 6], seen[11, 6] = 0.9, False
    said = (
        "In 2 of 30 frames the body is more than 20 cm from a point of the file; most in frame 7: left_wrist, 37 cm. "
        "Look at these frames."
    )
    assert describe_misses(error_m, seen, SMPL24, scale=1.0) == [said]
    assert describe_misses(error_m, seen, SMPL24, scale=2.0) == []
    assert "In 3 of 30 frames the body is more than 16 cm" in describe_misses(error_m, seen, SMPL24, scale=0.8)[0]


def test_a_hand_that_no_arm_reaches_is_named(body: BodyModel) -> None:
    clip = known_clip(body, frames=120)
    dance, known = clip.sequence, KnownPose(clip.pose, SMPL24, body.fingerprint)
    assert not any("Look at" in notice for notice in fit(dance, regressor=known, body=body).report["notices"])
    points = dance.keypoints_m.copy()
    elbow, wrist, hand = (JOINT_INDEX[f"left_{name}"] for name in ("elbow", "wrist", "hand"))
    away = np.linspace(0.0, 0.6, len(points) // 2)[:, None]  # slowly, since jumps are taken for gaps
    along = points[-len(away) :, wrist] - points[-len(away) :, elbow]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    for joint in (wrist, hand):
        points[-len(away) :, joint] += (away * along).astype(np.float32)
    notices = fit(replace(dance, keypoints_m=points), regressor=known, body=body).report["notices"]
    [notice] = [notice for notice in notices if "Look at these frames" in notice]
    assert "left_wrist" in notice or "left_hand" in notice
