# SPDX-License-Identifier: Apache-2.0
"""Smoothing: without lag, sharp where the motion is, quiet where it is not."""

import numpy as np
import pytest
from scipy.signal import savgol_coeffs
from scipy.spatial.transform import Rotation

from dancepose_addon.core.fit.temporal.preprocessing import Prepared
from dancepose_addon.core.fit.temporal.smoothing import (
    _filtered,
    curve_noise,
    polynomial_kernel,
    smooth_curves,
    smooth_prepared,
    smooth_rotations,
)

FPS = 25.0
FRAMES = 300
NOISE = 0.004


def noisy(curve: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """curve: (T,) -> itself and with noise, both (T, 1, 3) along x."""
    clean = np.zeros((len(curve), 1, 3), np.float32)
    clean[:, 0, 0] = curve
    return clean, (clean + np.random.default_rng(seed).normal(scale=NOISE, size=clean.shape)).astype(np.float32)


def smoothed(curves: np.ndarray, noise: float = NOISE) -> np.ndarray:
    return smooth_curves(curves, np.array([noise]), fps=FPS)


@pytest.mark.parametrize("half", [2, 4, 7])
def test_kernels_are_savitzkys_and_golays(half: int) -> None:
    kernel = polynomial_kernel(half)
    assert kernel == pytest.approx(savgol_coeffs(2 * half + 1, 2), abs=1e-6)
    pulse = np.zeros((41, 1, 1), np.float32)
    pulse[20] = 1.0
    answer = _filtered(pulse, kernel)[:, 0, 0]
    assert answer == pytest.approx(answer[::-1], abs=1e-7)  # no phase
    assert answer[20 - half : 21 + half] == pytest.approx(kernel, abs=1e-7)


def test_ramps_and_rest_come_through_unchanged() -> None:
    for curve in (np.zeros(FRAMES), 0.05 * np.arange(FRAMES)):
        clean, _ = noisy(curve)
        assert np.abs(smoothed(clean) - clean).max() < 2e-5


def test_time_reversed_it_is_the_same() -> None:
    _, curve = noisy(0.3 * np.sin(np.arange(FRAMES) / 7.0))
    assert smoothed(curve[::-1])[::-1] == pytest.approx(smoothed(curve), abs=1e-5)


def test_without_noise_nothing_is_done() -> None:
    clean, _ = noisy(np.random.default_rng(1).normal(size=FRAMES))
    assert np.array_equal(smooth_curves(clean, np.zeros(1), fps=FPS), clean)
    assert np.array_equal(smoothed(clean[:3]), clean[:3])


def test_a_still_hand_becomes_quiet() -> None:
    clean, shaky = noisy(0.3 * np.sin(2 * np.pi * 0.4 * np.arange(FRAMES) / FPS))
    quiet = smoothed(shaky)
    before, after = (np.linalg.norm(np.diff(c - clean, n=2, axis=0), axis=-1).mean() for c in (shaky, quiet))
    assert after < before / 3.0
    off = (np.linalg.norm(c - clean, axis=-1).mean() for c in (quiet, shaky))
    assert next(off) < 0.6 * next(off)


@pytest.mark.parametrize("duration_s", [0.16, 0.24, 0.4])
def test_a_sharp_move_keeps_its_speed_and_its_moment(duration_s: float) -> None:
    """A hand that is thrown 60 cm and stops dead, as on a beat. Of the noise a part is left, so a few are averaged."""
    time = (np.arange(FRAMES) - 150.0) / FPS
    share = np.clip(time / duration_s + 0.5, 0.0, 1.0)
    peaks = []
    for seed in range(5):
        clean, shaky = noisy(0.6 * share * share * (3.0 - 2.0 * share), seed)
        speed, quiet = (np.diff(c[:, 0, 0]) for c in (clean, smoothed(shaky)))
        peaks.append(quiet.max() / speed.max())
        assert abs(int(quiet.argmax()) - int(speed.argmax())) <= 1
    assert np.mean(peaks) == pytest.approx(1.0, abs=0.05)
    assert min(peaks) > 0.9


def test_noise_of_each_curve_is_its_own() -> None:
    random = np.random.default_rng(2)
    curves = random.normal(size=(2000, 2, 3)) * np.array([0.01, 0.05])[None, :, None]
    curves += np.sin(np.arange(2000) / 10.0)[:, None, None]
    assert curve_noise(curves.astype(np.float32)) == pytest.approx([0.01, 0.05], rel=0.05)
    assert not curve_noise(curves[:4]).any()


def test_rotations_are_smoothed_across_the_sign_of_quaternions() -> None:
    """A body that keeps turning: quaternions change sign twice, rotations never jump."""
    random = np.random.default_rng(3)
    steady = Rotation.from_rotvec(np.arange(FRAMES)[:, None] * [0.0, 0.06, 0.0])
    shaky = steady * Rotation.from_rotvec(random.normal(scale=0.01, size=(FRAMES, 3)))
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 24, 3, 3)).copy()
    pose[:, 0] = shaky.as_matrix()
    quiet = Rotation.from_matrix(smooth_rotations(pose, fps=FPS, strength=1.0, noise_m=0.02)[:, 0])
    before, after = ((steady.inv() * turn).magnitude() for turn in (shaky, quiet))
    assert after.mean() < 0.6 * before.mean()
    steps = (quiet[:-1].inv() * quiet[1:]).magnitude()
    assert steps.max() < 0.12  # a change of sign would be a step of half a turn


def test_what_all_points_share_is_smoothed_by_the_noise_of_their_mean() -> None:
    """A body that bounces twice a second under noise of 20 mm: its points have 4 mm together."""
    random, count, noise = np.random.default_rng(3), 24, 0.02
    time = np.arange(FRAMES) / FPS
    clean = np.broadcast_to(random.normal(scale=0.5, size=(1, count, 3)), (FRAMES, count, 3)).copy()
    clean[..., 1] += 0.04 * np.sin(4.0 * np.pi * time)[:, None]
    points = (clean + random.normal(scale=noise, size=clean.shape)).astype(np.float32)
    prepared = Prepared(points, np.ones((FRAMES, count), np.float32), (), noise)
    found = smooth_prepared(prepared, fps=FPS, strength=1.0).points_m
    together = (found - clean).mean(axis=1)
    assert np.sqrt((together**2).mean()) < 1.2 * noise / count**0.5
    alone = smooth_curves(points, np.full(count, noise), fps=FPS)
    left = np.linalg.norm(found - clean, axis=-1).mean()
    assert left < 0.95 * np.linalg.norm(alone - clean, axis=-1).mean()
    assert left < 0.0145  # of 32 mm
