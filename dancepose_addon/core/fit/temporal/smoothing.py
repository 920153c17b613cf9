# SPDX-License-Identifier: Apache-2.0
"""Smoothing without lag that keeps beats sharp.

Local polynomials over windows of growing width (Savitzky and Golay 1964; symmetric, so without phase), of which each
moment of each curve gets the widest that still agrees with all narrower ones within what noise explains: the
intersection of confidence intervals (Goldenshluger and Nemirovski 1997; Katkovnik 1999). A still hand is averaged over
half a second, a hand that stops on the beat over next to nothing.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.rotation import continuous_quat, quat_to_rotmat, rotmat_to_quat
from .preprocessing import DIFFERENCE_NOISE, MEDIAN_OF_NORMAL, Prepared

HALF_WIDTHS_S: Final = (0.07, 0.1, 0.14, 0.2, 0.28, 0.4)
"""Half of each window, seconds."""
ORDER: Final = 2
"""Order of the polynomials: a mean would flatten every peak, order 2 keeps speed and curvature."""
AGREEMENT: Final = 1.2
"""Confidence intervals are this many standard deviations wide to either side."""
BLEND_S: Final = 0.1
"""Duration over which windows are blended, so that the change is invisible."""
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
    spread = np.maximum(noise, LEAST_NOISE).astype(np.float32) * np.sqrt(np.float32(curves.shape[2]))
    estimates, deviations = [curves], [1.0]
    for half in halves:
        kernel = polynomial_kernel(half)
        estimates.append(_filtered(curves, kernel))
        deviations.append(float(np.linalg.norm(kernel)))
    chosen = np.zeros(curves.shape[:2], np.int8)
    agrees = np.ones(curves.shape[:2], bool)
    for wide in range(1, len(estimates)):
        for narrow in range(wide):
            apart = estimates[wide] - estimates[narrow]
            limit = AGREEMENT * (deviations[wide] + deviations[narrow]) * spread
            agrees &= np.einsum("tnc,tnc->tn", apart, apart) <= limit * limit
        chosen[agrees] = wide
    blend = np.full(2 * max(1, round(0.5 * BLEND_S * fps)) + 1, 1.0, np.float32)
    blend /= blend.sum()
    chosen = _narrowest_near(chosen, len(blend) // 2)
    result = np.zeros_like(curves)
    for index, estimate in enumerate(estimates):
        share = _filtered((chosen == index).astype(np.float32)[..., None], blend, odd=False)
        result += share * estimate
    return result


def _narrowest_near(chosen: NDArray[np.int8], half: int) -> NDArray[np.int8]:
    """Return the minimum within ``half`` frames, so that wide windows are not blended into sharp moves. (T, N)."""
    padded = np.pad(chosen, ((half, half), (0, 0)), mode="edge")
    least = chosen
    for shift in range(2 * half + 1):
        least = np.minimum(least, padded[shift : shift + len(chosen)])
    return least


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
