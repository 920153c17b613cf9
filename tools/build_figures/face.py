# SPDX-License-Identifier: Apache-2.0
"""The face: lashes, brows and lips as materials whose borders are cut into the mesh."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from tools.build_body.topology import boundary_loops

from .layer import Layer, smoothstep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LASH_M: Final = 0.0021
"""Width of the line of lashes, metres."""
BROW: Final = ((0.0115, 0.7075, 0.0030), (0.020, 0.7098, 0.0036), (0.034, 0.7122, 0.0032), (0.046, 0.7098, 0.0022),
               (0.055, 0.7042, 0.0008))  # fmt: skip
"""Distance from the midline, height, and half of the thickness along a brow, metres."""
BROW_RISE_M: Final = 0.0012
MOUTH: Final = ((0.0, 0.6290, 0.6084), (0.005, 0.6299, 0.6086), (0.012, 0.6276, 0.6100), (0.020, 0.6228, 0.6144),
                (0.0265, 0.6192, 0.6186))  # fmt: skip
"""Distance from the midline, upper and lower border of the lips, metres."""
FACE_Z_M: Final = 0.08


def brow_field(p: Floats) -> Floats:
    """Positive inside the brows; p: (V, 3), metres."""
    place, height, half = (np.array(column) for column in zip(*BROW, strict=True))
    x = np.abs(p[:, 0])
    inside = np.clip(x, place[0], place[-1])
    middle, thick = PchipInterpolator(place, height)(inside), PchipInterpolator(place, half)(inside)
    beyond = np.abs(x - inside)
    field = thick - np.hypot(p[:, 1] - middle, 1.2 * beyond)
    # Hairs end unevenly.
    field += 0.0004 * np.sin(x * 3100.0) * smoothstep(p[:, 1] - middle, -0.001, 0.002)
    return np.where(p[:, 2] > FACE_Z_M, field, -1.0)


def lip_field(p: Floats) -> Floats:
    """Positive on the lips; p: (V, 3), metres."""
    place, upper, lower = (np.array(column) for column in zip(*MOUTH, strict=True))
    x = np.clip(np.abs(p[:, 0]), 0.0, place[-1])
    top, bottom = PchipInterpolator(place, upper)(x), PchipInterpolator(place, lower)(x)
    field = np.minimum(top - p[:, 1], p[:, 1] - bottom) - 4.0 * np.maximum(np.abs(p[:, 0]) - place[-1], 0.0)
    return np.where(p[:, 2] > FACE_Z_M, field, -1.0)


def painted(layer: Layer, lips: int, brows: int, lashes: int, skin: int) -> Layer:
    """Cut lips, brows and lashes into the skin of the head."""
    rims = [loop for loop in boundary_loops(layer.faces) if _is_eyelid(layer.at_m[loop])]
    edges = [_upper(layer.at_m[loop]) for loop in rims]

    def lash_field(p: Floats) -> Floats:
        return np.max([_lash_field(p, edge) for edge in edges], axis=0)

    layer = layer.cut(lip_field, lips, (skin,))
    layer = layer.cut(brow_field, brows, (skin,))
    layer = layer.cut(lash_field, lashes, (skin,))
    rise = BROW_RISE_M * smoothstep(brow_field(layer.at_m), -0.0002, 0.0015)
    return layer.moved(layer.at_m + rise[:, None] * layer.normals())


def _lash_field(p: Floats, edge_m: Floats) -> Floats:
    """Positive just above the edge of an upper eyelid. p: (V, 3); edge_m: (N, 3), sorted from the midline, metres."""
    x = np.abs(p[:, 0])
    place = np.abs(edge_m[:, 0])
    above = p[:, 1] - np.interp(x, place, edge_m[:, 1])
    share = (x - place[0]) / (place[-1] - place[0])
    width = np.interp(share, (-0.02, 0.12, 0.5, 0.9, 1.06), (-0.0004, LASH_M * 0.6, LASH_M, LASH_M, -0.0004))
    field = np.minimum(width - above, above + 0.0018)
    field = np.minimum(field, 0.5 * np.minimum(x - place[0], place[-1] - x))
    near = (np.sign(p[:, 0]) == np.sign(edge_m[0, 0])) & (p[:, 2] > FACE_Z_M)
    return np.where(near, field, -1.0)


def _is_eyelid(loop_m: Floats) -> bool:
    return bool(np.ptp(loop_m, axis=0).max() < 0.05 and loop_m[:, 2].min() > FACE_Z_M)


def _upper(loop_m: Floats) -> Floats:
    """Return the upper half of an eyelid's rim, finely sampled: (N, 3), metres."""
    after = np.roll(loop_m, -1, axis=0)
    share = np.linspace(0.0, 1.0, 8, endpoint=False)[:, None, None]
    fine = (loop_m + share * (after - loop_m)).reshape(-1, 3)
    corners = loop_m[[loop_m[:, 0].argmin(), loop_m[:, 0].argmax()]]
    line = np.interp(fine[:, 0], corners[:, 0], corners[:, 1])
    upper = fine[fine[:, 1] > line + 0.0003]
    return np.asarray(upper[np.argsort(np.abs(upper[:, 0]))])
