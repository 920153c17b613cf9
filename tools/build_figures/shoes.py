# SPDX-License-Identifier: Apache-2.0
"""Trainers: the body's shoes with a light sole that stands out a little."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.build_body.topology import smoothing_operator

from .layer import Layer, smoothstep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOLE_M: Final = 0.021
SPRING_M: Final = 0.007
"""How much higher the edge of the sole is at the toes, metres."""
TOP_M: Final = 0.086
"""Height of the shoes' upper edge, under the trousers, metres."""
WELT_M: Final = 0.0035
"""How far the sole stands out, metres."""


def trainers(points_m: Floats, faces: Ints, material: int, sole: int) -> Layer:
    """Build both shoes. points_m: (V, 3), metres; faces: (F, 3), those of the body's shoes."""
    floor = points_m[np.unique(faces), 1].min()

    def above_sole(p: Floats) -> Floats:
        edge = SOLE_M + SPRING_M * smoothstep(p[:, 2], 0.06, 0.17) + 0.003 * smoothstep(-p[:, 2], 0.02, 0.06)
        return p[:, 1] - floor - edge

    layer = Layer.of(points_m, faces, material)
    layer = layer.cut(lambda p: p[:, 1] - floor - TOP_M, None)
    low = smoothstep(-above_sole(layer.at_m), -0.012, -0.006)
    layer = layer.smoothed(0.5 * (1.0 - low), 3)
    layer = layer.cut(lambda p: -above_sole(p), sole)
    layer = layer.cut(lambda p: -above_sole(p) - 0.0022, sole)
    normals = layer.normals() * np.array([1.0, 0.0, 1.0])
    spread = smoothing_operator(layer.faces, np.full(len(normals), 0.6))
    for _ in range(10):
        normals = np.asarray(spread @ normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    edge = smoothstep(-above_sole(layer.at_m), 0.0005, 0.0022) * smoothstep(layer.at_m[:, 1] - floor, -1e-4, 0.004)
    under = smoothstep(layer.at_m[:, 1] - floor, 0.004, -1e-4)
    return layer.moved(layer.at_m + (WELT_M * edge + 0.002 * under)[:, None] * normals)
