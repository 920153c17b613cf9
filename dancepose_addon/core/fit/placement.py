# SPDX-License-Identifier: Apache-2.0
"""Closed-form scale and translation of a posed body relative to keypoints."""

import numpy as np

from ..arrays import F32


def mean_offset(posed_m: F32, target_m: F32, confidence: F32) -> F32:
    """Return the translation per frame that minimises the weighted squared distance.

    A frame without any weight, of which all points are bridged, is placed by all of them alike.

    Args:
        posed_m: Points of the posed body, (T, K, 3), metres.
        target_m: Keypoints, (T, K, 3), metres.
        confidence: Weights, (T, K).

    Returns:
        Translations, (T, 3), metres.
    """
    total = confidence.sum(axis=1, keepdims=True)
    weight = np.where(total > 0.0, confidence / np.maximum(total, 1e-6), 1.0 / confidence.shape[1])
    return np.einsum("tk,tkc->tc", weight, target_m - posed_m).astype(np.float32)


def solve_scale_and_translation(posed_m: F32, target_m: F32, confidence: F32 | None = None) -> tuple[float, F32]:
    """Solve one scale for the clip and a translation per frame that align ``posed_m`` with ``target_m``.

    The scale is the ratio of the spreads about the means (Horn 1987, section 2.E, the symmetric form). Unlike plain
    least squares it does not shrink the body where the points are noisy.

    Args:
        posed_m: Points of the posed body, (T, K, 3), metres.
        target_m: Keypoints, (T, K, 3), metres.
        confidence: Weights, (T, K); None for equal weights.

    Returns:
        The scale, and translations (T, 3) in metres.
    """
    weight = np.ones(posed_m.shape[:2], np.float32) if confidence is None else confidence
    weight = (weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-6))[..., None]
    posed_mean, target_mean = (weight * posed_m).sum(axis=1), (weight * target_m).sum(axis=1)
    spreads = [
        float((weight * (points - mean[:, None]) ** 2).sum(dtype=np.float64))
        for points, mean in ((posed_m, posed_mean), (target_m, target_mean))
    ]
    scale = float(np.sqrt(spreads[1] / max(spreads[0], 1e-12)))
    return scale, (target_mean - np.float32(scale) * posed_mean).astype(np.float32)
