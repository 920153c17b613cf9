# SPDX-License-Identifier: Apache-2.0
"""Metrics against hand calculations and SciPy."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from dancepose_addon.core.fit.evaluation import metrics


def test_mpjpe_is_the_mean_distance() -> None:
    first = np.zeros((2, 2, 3), np.float32)
    second = np.array([[[0.003, 0.004, 0], [0, 0, 0]], [[0, 0, 0.001], [0, 0, 0.002]]], np.float32)
    assert metrics.mpjpe_mm(first, second) == pytest.approx((5 + 0 + 1 + 2) / 4, abs=1e-5)


def test_pa_mpjpe_ignores_a_similarity_and_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(4, 10, 3)).astype(np.float32)
    turned = 1.7 * first @ Rotation.random(random_state=1).as_matrix().T.astype(np.float32) + np.float32(3.0)
    assert metrics.pa_mpjpe_mm(first, turned) == pytest.approx(0.0, abs=1e-3)
    noisy = (turned[:1] + rng.normal(size=(1, 10, 3)) * 0.1).astype(np.float32)
    centred = noisy[0].astype(np.float64) - noisy[0].mean(axis=0, dtype=np.float64)
    wanted, aligned, _ = procrustes(noisy[0], first[0])
    expected = np.linalg.norm(wanted - aligned, axis=1).mean() * np.linalg.norm(centred) * 1000
    assert metrics.pa_mpjpe_mm(first[:1], noisy) == pytest.approx(expected, rel=1e-4)


def test_pa_mpjpe_does_not_mirror() -> None:
    first = np.random.default_rng(2).normal(size=(3, 12, 3)).astype(np.float32)
    assert metrics.pa_mpjpe_mm(first, first * np.array([-1, 1, 1], np.float32)) > 100


def test_rotation_error_is_the_angle() -> None:
    turn = Rotation.from_rotvec([[0, np.radians(30), 0], [np.radians(10), 0, 0]]).as_matrix()
    assert metrics.rotation_error_deg(np.broadcast_to(np.eye(3), (2, 3, 3)), turn) == pytest.approx(20.0, abs=1e-6)


def test_acceleration_and_jerk_of_polynomials() -> None:
    time = np.arange(8, dtype=np.float32)[:, None, None]
    still = np.zeros((8, 1, 3), np.float32)
    square, cube = still.copy(), still.copy()
    square[..., :1], cube[..., :1] = 0.001 * time**2, 0.001 * time**3
    assert metrics.acceleration_error_mm(square, still) == pytest.approx(2.0, rel=1e-3)
    assert metrics.jerk_error_mm(square, still) == pytest.approx(0.0, abs=1e-2)
    assert metrics.jerk_error_mm(cube, still) == pytest.approx(6.0, rel=1e-3)


def test_skating_counts_low_and_fast_frames() -> None:
    toes = np.zeros((5, 2, 3), np.float32)
    toes[:, 1, 1] = 0.2
    toes[2:, 0, 0] = 0.03  # one step of 3 cm at 25 fps is 0.75 m/s
    assert metrics.skating_ratio(toes, 25.0) == pytest.approx(1 / 4)
    assert metrics.skating_ratio(toes, 10.0) == 0.0
    assert metrics.skating_ratio(toes + np.array([0, 0.1, 0], np.float32), 25.0) == 0.0
    assert metrics.skating_ratio(toes + np.array([0, 0.1, 0], np.float32), 25.0, floor_m=0.1) == pytest.approx(1 / 4)


def test_physical_foot_contact_by_hand() -> None:
    root = np.zeros((4, 3), np.float32)
    root[2:, 0] = [1.0, 2.0]  # second differences along x: 1, 0
    moving, still = np.zeros((4, 3), np.float32), np.zeros((4, 3), np.float32)
    moving[:, 2] = np.arange(4) * 2.0
    assert metrics.physical_foot_contact(root, moving, moving, 1.0) == pytest.approx((1 * 2 * 2 + 0) / 2 / 1)
    assert metrics.physical_foot_contact(root, moving, still, 1.0) == 0.0
    falling = -(np.arange(4, dtype=np.float32)[:, None] ** 2) * np.array([0, 1, 0], np.float32)
    assert metrics.physical_foot_contact(falling, moving, moving, 1.0) == 0.0


def test_floating_and_penetration_part_the_error() -> None:
    lowest = np.array([0.01, -0.02, 0.0, 0.03], np.float32)
    assert metrics.floating_mm(lowest) == pytest.approx(10.0)
    assert metrics.penetration_mm(lowest) == pytest.approx(5.0)


def test_global_rotations_follow_the_tree() -> None:
    pose = Rotation.random(24, random_state=3).as_matrix().reshape(1, 24, 3, 3)
    expected = pose[0, 0] @ pose[0, 1] @ pose[0, 4] @ pose[0, 7] @ pose[0, 10]
    assert np.allclose(metrics.global_rotations(pose)[0, 10], expected)


def test_standing_slide_counts_what_stands_only() -> None:
    soles = np.zeros((4, 2, 3), np.float32)
    soles[:, 0, 0] = [0.0, 0.01, 0.03, 0.03]
    soles[:, 1, 2] = [0.0, 5.0, 9.0, 9.0]
    contact = np.array([[1, 0], [1, 0], [1, 0], [0, 0]], bool)
    assert metrics.standing_slide_mm_per_s(soles, contact, 10.0) == pytest.approx((100.0 + 200.0) / 2)
    assert metrics.standing_slide_mm_per_s(soles + np.array([0, 3, 0], np.float32), contact, 10.0) == pytest.approx(150)
    assert metrics.standing_slide_mm_per_s(soles, ~contact & False, 10.0) == 0.0


def beating(fps: float, seconds: float, every_s: float, first_s: float) -> np.ndarray:
    """(T, 1, 3): a point that slows down to rest at ``first_s`` and every ``every_s`` after."""
    fine = np.arange(round(seconds * fps)) / fps
    speed = np.sin(np.pi * (fine - first_s) / every_s) ** 2
    points = np.zeros((len(fine), 1, 3), np.float32)
    points[:, 0, 1] = np.cumsum(speed) / fps
    return points


def test_kinematic_beats_are_where_speed_is_least() -> None:
    found = metrics.kinematic_beats_s(beating(50.0, 6.0, 0.8, 0.5), 50.0)
    expected = np.arange(0.5, 5.8, 0.8)
    inside = found[(found > 0.2) & (found < 5.7)]
    assert inside == pytest.approx(expected[: len(inside)], abs=0.03)
    assert len(inside) == len(expected)


def test_beat_alignment_by_hand() -> None:
    points = beating(50.0, 6.0, 0.8, 0.5)
    beats = np.arange(0.5, 5.8, 0.8)
    assert metrics.beat_alignment(points, beats, 50.0) > 0.98
    off = metrics.beat_alignment(points, beats + 0.15, 50.0)
    assert off == pytest.approx(np.exp(-0.5), abs=0.08)  # a spread away
    assert metrics.beat_alignment(points, beats + 0.4, 50.0) < 0.2
    assert np.isnan(metrics.beat_alignment(points, np.array([]), 50.0))


def test_pa_mpjpe_of_a_mirror_image_against_the_best_turn_and_size() -> None:
    """Kabsch's rotation by SciPy, which mirrors nothing, and the scale that then fits best by hand."""
    first = np.random.default_rng(4).normal(size=(3, 9, 3))
    second = first * np.array([1.3, 0.9, -1.1]) + 0.1 * np.random.default_rng(5).normal(size=first.shape)
    errors = []
    for one, other in zip(
        first - first.mean(axis=1, keepdims=True), second - second.mean(axis=1, keepdims=True), strict=True
    ):
        turned = Rotation.align_vectors(other, one)[0].apply(one)
        scale = (turned * other).sum() / (one**2).sum()
        errors.append(1000.0 * np.linalg.norm(scale * turned - other, axis=1).mean())
    found = metrics.pa_mpjpe_mm(first.astype(np.float32), second.astype(np.float32))
    assert found == pytest.approx(np.mean(errors), rel=1e-5)


def test_a_single_frame_does_not_slide() -> None:
    """It was NaN, which JSON does not have, beside a warning."""
    assert metrics.skating_ratio(np.zeros((1, 4, 3), np.float32), 25.0) == 0.0
