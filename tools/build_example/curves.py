# SPDX-License-Identifier: Apache-2.0
"""Curves over time: values at keys, interpolated smoothly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dancepose_addon.core.arrays import F64


def keyed(times: F64, keys: Sequence[tuple[float, ArrayLike]]) -> F64:
    """Evaluate the monotone cubic through keys (Fritsch and Butland 1984): no overshoot, zero slope at both ends.

    Args:
        times: (T,).
        keys: (time, value) with ascending times and values of one shape (...).

    Returns:
        (T, ...).
    """
    at = np.array([time for time, _ in keys], np.float64)
    values = np.array([value for _, value in keys], np.float64)
    flat = values.reshape(len(at), -1)
    steps = np.diff(at)[:, None]
    slopes = np.diff(flat, axis=0) / steps
    before, after = slopes[:-1], slopes[1:]
    same_way = before * after > 0
    harmonic = 2.0 * before * after / np.where(same_way, before + after, 1.0)
    tangents = np.zeros_like(flat)
    tangents[1:-1] = np.where(same_way, harmonic, 0.0)
    index = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    width = steps[index]
    s = np.clip((times - at[index])[:, None] / width, 0.0, 1.0)
    result = (
        (1 + 2 * s) * (1 - s) ** 2 * flat[index]
        + s * (1 - s) ** 2 * width * tangents[index]
        + s * s * (3 - 2 * s) * flat[index + 1]
        + s * s * (s - 1) * width * tangents[index + 1]
    )
    return result.reshape(len(times), *values.shape[1:])


def smoothed(values: F64, sigma: float) -> F64:
    """Smooth with a Gaussian along time, holding the ends. values: (T, ...); sigma: frames."""
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, [(radius, radius)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return windows @ kernel


def ease(s: F64) -> F64:
    """Ease from 0 to 1 with zero velocity at both ends (smoothstep). s: any shape, clipped to [0, 1]."""
    s = np.clip(s, 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)
