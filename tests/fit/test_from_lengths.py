# SPDX-License-Identifier: Apache-2.0
"""The body of a clip: rigid pairs by hand, lengths and least squares on bodies whose betas are known."""

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX
from dancepose_addon.core.fit.shape.from_lengths import (
    MOST_SHIFT_M,
    shape_from_lengths,
    solve_shape,
)
from dancepose_addon.core.fit.shape.lengths import rigid_pairs
from dancepose_addon.core.skeleton.layouts import H36M17, SMPL24, Layout
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
BETAS = np.array([0.9, -0.6, 0.4, -0.2, 0.0, 0.3, -0.5, 0.1, 0.0, 0.2], np.float32)
SCALE = 1.08
FRAMES = 40


def seen(markers: MarkerSet, pose: np.ndarray, betas: np.ndarray = BETAS, scale: float = SCALE) -> np.ndarray:
    """Points of a body of these betas and this size, walking about."""
    place = np.random.default_rng(1).normal(size=(len(pose), 3)).astype(np.float32)
    return keypoints_from_pose(markers, BODY.rest_joints(betas), pose, place, scale=scale)


def off_joints(layout: Layout = SMPL24) -> MarkerSet:
    """Markers some centimetres off the joints, each on one bone."""
    markers = joint_markers(layout)
    offsets = np.random.default_rng(2).normal(scale=0.03, size=markers.offsets_m.shape).astype(np.float32)
    return MarkerSet(layout, markers.weights, offsets)


def test_rigid_pairs_by_hand() -> None:
    """Five points: hip centre, knee centre, shin marker, one that is attached to two bones, ankle centre."""
    weights = np.zeros((5, JOINT_COUNT), np.float32)
    hip, knee, ankle = (JOINT_INDEX[f"left_{name}"] for name in ("hip", "knee", "ankle"))
    weights[0, hip] = weights[1, knee] = weights[2, knee] = weights[4, ankle] = 1.0
    weights[3, [hip, knee]] = 0.5
    offsets = np.zeros((5, 3), np.float32)
    offsets[2] = [0.05, -0.1, 0.0]
    first, second = rigid_pairs(MarkerSet(SMPL24, weights, offsets))  # of the layout nothing is asked
    # The thigh holds its two ends together; the shin its own marker, the knee and the ankle.
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {(0, 1), (1, 2), (1, 4), (2, 4)}


def test_rigid_pairs_keep_their_distance_in_every_pose_and_others_do_not() -> None:
    markers = off_joints()
    points = seen(markers, random_pose(4, FRAMES)).astype(np.float64)
    spread = np.ptp(np.linalg.norm(points[:, :, None] - points[:, None], axis=-1), axis=0)
    rigid = np.zeros_like(spread, bool)
    rigid[rigid_pairs(markers)] = True
    upper = np.triu(np.ones_like(rigid), 1)
    assert not rigid.any()  # one marker a bone: nothing is rigid
    assert spread[upper].min() > 1e-3
    joints = joint_markers(SMPL24)
    points = seen(joints, random_pose(4, FRAMES)).astype(np.float64)
    spread = np.ptp(np.linalg.norm(points[:, :, None] - points[:, None], axis=-1), axis=0)
    rigid[rigid_pairs(joints)] = True
    assert spread[rigid].max() < 1e-5
    assert spread[upper & ~rigid].min() > 1e-3


def test_lengths_tell_the_body() -> None:
    markers = joint_markers(SMPL24)
    points = seen(markers, random_pose(5, 100))
    shape = shape_from_lengths(markers, BODY, points, np.ones(points.shape[:2], bool), noise_m=0.0)
    assert np.abs(shape.rest_joints(BODY) - SCALE * BODY.rest_joints(BETAS)).max() < 5e-4


def test_what_noise_adds_to_lengths_is_taken_off() -> None:
    """Noise of sigma on both ends lengthens a bone of length l by 2 sigma^2 / l: 4 mm at 10 cm for 14 mm."""
    markers = joint_markers(SMPL24)
    clean = seen(markers, random_pose(5, 900))
    points = clean + np.random.default_rng(6).normal(scale=0.014, size=clean.shape).astype(np.float32)
    first, second = rigid_pairs(markers)
    true_m, *found_m = (
        np.linalg.norm(rest[first] - rest[second], axis=1)
        for rest in (
            SCALE * BODY.rest_joints(BETAS),
            *(
                shape_from_lengths(markers, BODY, points, np.ones(points.shape[:2], bool), noise_m=noise_m).rest_joints(
                    BODY
                )
                for noise_m in (0.014, 0.0)
            ),
        )
    )
    corrected, as_they_are = ((found - true_m).mean() for found in found_m)
    assert as_they_are > 1e-3
    assert abs(corrected) < 0.3 * as_they_are


def test_lengths_of_many_frames_are_surer_than_one() -> None:
    """Of 900 frames with a millimetre of noise the median is thirty times surer than a length, and so is the body."""
    markers = joint_markers(SMPL24)
    clean = seen(markers, random_pose(5, 900))
    points = clean + np.random.default_rng(6).normal(scale=0.001, size=clean.shape).astype(np.float32)
    shape = shape_from_lengths(markers, BODY, points, np.ones(points.shape[:2], bool), noise_m=0.001)
    assert np.abs(shape.rest_joints(BODY) - SCALE * BODY.rest_joints(BETAS)).max() < 1.6e-4


def test_layout_without_rigid_pairs_gives_the_mean_body() -> None:
    markers = off_joints()
    points = seen(markers, random_pose(5, 10))
    shape = shape_from_lengths(markers, BODY, points, np.ones(points.shape[:2], bool), noise_m=0.0)
    assert shape.scale == 1.0
    assert not shape.betas.any()


@pytest.mark.parametrize("layout", [SMPL24, H36M17])
def test_least_squares_finds_betas_and_scale_in_known_poses(layout: Layout) -> None:
    markers, pose = off_joints(layout), random_pose(7, FRAMES)
    points = seen(markers, pose)
    points[3, 5] += 0.6  # a stray point
    confidence = np.ones(points.shape[:2], np.float32)
    confidence[8, 2] = 0.0
    points[8, 2] = 100.0  # not seen, so of no weight
    shape = solve_shape(markers, BODY, pose, points, confidence, beta_spread_m=1e-5)
    assert shape.scale == pytest.approx(SCALE, abs=2e-3)
    assert shape.betas == pytest.approx(BETAS, abs=0.05)
    given = solve_shape(markers, BODY, pose, points, confidence, betas=BETAS)
    assert np.array_equal(given.betas, BETAS)
    assert given.scale == pytest.approx(SCALE, abs=1e-3)


def test_points_shift_on_the_body_but_not_far() -> None:
    markers, pose = off_joints(), random_pose(8, FRAMES)
    moved = np.zeros_like(markers.offsets_m)
    moved[4], moved[7] = [0.02, 0.0, -0.01], [0.0, 0.09, 0.0]
    points = seen(MarkerSet(SMPL24, markers.weights, markers.offsets_m + moved), pose)
    confidence = np.ones(points.shape[:2], np.float32)
    shape = solve_shape(markers, BODY, pose, points, confidence, betas=BETAS, adapt=True)
    shift = shape.markers.offsets_m - markers.offsets_m
    assert shift[4] == pytest.approx(moved[4], abs=2e-3)
    assert np.linalg.norm(shift[7]) == pytest.approx(MOST_SHIFT_M, rel=1e-4)
    assert shift[7] / MOST_SHIFT_M == pytest.approx([0.0, 1.0, 0.0], abs=0.05)
    still = np.delete(np.arange(24), [4, 7])
    assert np.abs(shift[still]).max() < 3e-3
