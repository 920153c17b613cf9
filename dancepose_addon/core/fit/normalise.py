# SPDX-License-Identifier: Apache-2.0
"""What the regressor sees: key-points centred on their mean, in one scale per clip, in [-1, 1].

The exported graph holds the same arithmetic; this is its reference, for training and for tests.
"""

from typing import Final

import numpy as np

from ..arrays import F32
from ..skeleton.layouts import Layout

KINDS: Final = ("max", "size")
REACH_M: Final = 1.25
"""Divisor for the mean body: further than any point gets from the mean of a pose, arms stretched overhead."""


def normalise(keypoints_m: F32, layout: Layout, *, kind: str, size_factor: float = 1.0) -> tuple[F32, float]:
    """Centre each frame and scale the clip.

    keypoints_m: (T, K, 3), metres. kind: ``max`` divides by the clip's largest coordinate (the paper's words taken
    literally); ``size`` by ``size_factor`` times the sum of edge lengths, which the dancer's size alone decides and
    not how far the dance reaches. Returns (T, K, 3) and the divisor in metres.
    """
    centred = keypoints_m - keypoints_m.mean(axis=1, keepdims=True)
    if kind == "max":
        divisor = float(np.abs(centred).max())
    else:
        divisor = size_factor * float(edge_lengths(keypoints_m, layout).mean(axis=0).sum())
    divisor = max(divisor, 1e-6)
    return (centred / np.float32(divisor)).astype(np.float32), divisor


def edge_lengths(keypoints_m: F32, layout: Layout) -> F32:
    """Length of every edge of the layout. keypoints_m: (..., K, 3), metres -> (..., E), metres."""
    first, second = (list(ends) for ends in zip(*layout.edges, strict=True))
    return np.linalg.norm(keypoints_m[..., first, :] - keypoints_m[..., second, :], axis=-1)


def size_factor(rest_points_m: F32, layout: Layout) -> float:
    """The factor that makes the divisor of the mean body REACH_M. rest_points_m: (K, 3), metres, T-pose."""
    return REACH_M / float(edge_lengths(rest_points_m, layout).sum())
