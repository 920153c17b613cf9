# SPDX-License-Identifier: Apache-2.0
"""Smoothing without lag that keeps beats sharp.

Local polynomials over windows of growing width (Savitzky and Golay 1964; symmetric, so without phase). Each moment of
each curve gets their mean, in which a window counts the less the more it disagrees with narrower ones beyond what noise
explains (Lepski 1991; weights that fall with the disagreement as of Polzehl and Spokoiny 2000, Adaptive weights
smoothing). A still hand is averaged over half a second, a hand that stops on the beat over next to nothing.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.rotation import continuous_quat, quat_to_rotmat, rotmat_to_quat
from .preprocessing import DIFFERENCE_NOISE, MEDIAN_OF_NORMAL, Prepared

HALF_WIDTHS_S: Final = (0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.34, 0.4)
"""Half of each window, seconds."""
ORDER: Final = 2
"""Order of the polynomials: a mean would flatten every peak, order 2 keeps speed and curvature."""
STRICTNESS: Final = 1.3
"""Half of it is the rate at which a window's weight falls with its disagreement, in variances beyond the first. Chosen
with NEAR_S and HALF_WIDTHS_S on real clips with noise of 20 mm."""
NEAR_S: Final = 0.06
"""Half of the time over which disagreements are averaged."""
PREFERENCE: Final = 4
"""Windows that agree count by this power of one over their standard deviation."""
LEAST_NOISE: Final = 1e-5
LEAST_LEVER_M: Final = 0.05
"""Smallest moment arm: a point error of this size rotates a joint by at most a radian."""


def smooth_prepared(prepared: Prepared, *, fps: float, strength: float) -> Prepared:
    """Key-points with their noise taken out; gaps stay bridged and without confidence.

    The centre of all points has less noise than any of them, so it is smoothed less: a dancer's jumps are kept.
    """
    count, noise_m = prepared.points_m.shape[1], strength * prepared.noise_m
    points = smooth_curves(prepared.points_m, np.full(count, noise_m), fps=fps)
    centre = smooth_curves(prepared.points_m.mean(axis=1, keepdims=True), np.array([noise_m / count**0.5]), fps=fps)
    points = points - points.mean(axis=1, keepdims=True) + centre
    return replace(prepared, points_m=points)


def smooth_rotations(pose_rotmat: F32, *, fps: float, strength: float, noise_m: float) -> F32:
    """Smooth local rotations as quaternions, each joint by its own noise.

    Args:
        pose_rotmat: (T, 24, 3, 3).
        fps: frames per second.
        strength: 1 for what the noise asks for.
        noise_m: of the points, metres. Rotations are not taken to be noisier than it can make them: the rest is motion.

    Returns:
        (T, 24, 3, 3).
    """
    quat = continuous_quat(rotmat_to_quat(pose_rotmat)).astype(np.float32)
    noise = np.minimum(curve_noise(quat), noise_m / (2.0 * LEAST_LEVER_M))
    smoothed = smooth_curves(quat, strength * noise, fps=fps)
    return quat_to_rotmat(smoothed).astype(np.float32)


def curve_noise(curves: F32) -> NDArray[np.float64]:
    """Standard deviation of a component's white noise in each curve, from fourth differences. curves: (T, N, C)."""
    if len(curves) < 5:
        return np.zeros(curves.shape[1])
    difference = np.diff(curves.astype(np.float64), n=4, axis=0)
    return np.median(np.abs(difference), axis=(0, 2)) / (MEDIAN_OF_NORMAL * DIFFERENCE_NOISE[4])


def smooth_curves(curves: F32, noise: NDArray[np.float64], *, fps: float) -> F32:
    """Smooth curves, each by its own noise.

    Args:
        curves: (T, N, C).
        noise: (N,), standard deviation of each component.
        fps: frames per second.

    Returns:
        (T, N, C).
    """
    halves = sorted({round(half * fps) for half in HALF_WIDTHS_S} - {0, 1})
    halves = [half for half in halves if 2 * half + 1 <= len(curves)]
    if not halves or not (noise > 0).any():
        return curves
    variance = np.square(np.maximum(noise, LEAST_NOISE)).astype(np.float32) * np.float32(curves.shape[2])
    near = np.full(2 * max(1, round(NEAR_S * fps)) + 1, 1.0, np.float32)
    near /= near.sum()
    estimates, deviations = [curves], [1.0]
    total, weights = curves.copy(), np.ones(curves.shape[:2], np.float32)
    agreement = np.ones(curves.shape[:2], np.float32)
    for half in halves:
        kernel = polynomial_kernel(half)
        wide, deviation = _filtered(curves, kernel), float(np.linalg.norm(kernel))
        worst = np.zeros(curves.shape[:2], np.float32)
        for narrow, larger in zip(estimates, deviations, strict=True):
            apart = wide - narrow
            # Of nested least squares, the variance of the difference is the difference of the variances.
            explained = np.float32(larger**2 - deviation**2) * variance
            worst = np.maximum(worst, np.einsum("tnc,tnc->tn", apart, apart) / explained)
        beyond = np.maximum(_filtered(worst, near, odd=False) - 1.0, 0.0)
        agreement = np.minimum(agreement, np.exp(-0.5 * STRICTNESS * beyond))
        weight = agreement / np.float32(deviation**PREFERENCE)
        total += weight[..., None] * wide
        weights += weight
        estimates.append(wide)
        deviations.append(deviation)
    smoothed: F32 = total / weights[..., None]
    return smoothed


def polynomial_kernel(half: int) -> F32:
    """Return the weights of a polynomial fit of ORDER to 2 half + 1 samples (Savitzky and Golay 1964)."""
    powers = np.vander(np.arange(-half, half + 1) / half, ORDER + 1, increasing=True)
    return np.linalg.pinv(powers)[0].astype(np.float32)


def _filtered(curves: F32, kernel: F32, *, odd: bool = True) -> F32:
    """Filter symmetrically in time.

    Args:
        curves: (T, N).
        kernel: (2 half + 1,).
        odd: Extend beyond the ends by point reflection, which keeps the speed; otherwise by mirroring.
    """
    half = len(kernel) // 2
    before, after = curves[half:0:-1], curves[-2 : -half - 2 : -1]
    if odd:
        before, after = 2 * curves[:1] - before, 2 * curves[-1:] - after
    padded = np.concatenate([before, curves, after])
    result = kernel[half] * curves
    for shift in range(1, half + 1):
        result += kernel[half + shift] * (
            padded[half - shift : half - shift + len(curves)] + padded[half + shift : half + shift + len(curves)]
        )
    return result
