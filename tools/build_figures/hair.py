# SPDX-License-Identifier: Apache-2.0
"""Hair: a shell over the scalp with volume, tufts and an uneven edge; and a bun."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.interpolate import PchipInterpolator

from tools.build_body.topology import Remesh

from .layer import Layer, smoothstep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LINE: Final = (
    (0, 0.7585), (18, 0.7570), (33, 0.7480), (44, 0.7330), (52, 0.7100), (60, 0.6930), (66, 0.6800), (72, 0.6800),
    (77, 0.6960), (84, 0.7060), (98, 0.7080), (112, 0.7000), (124, 0.6720), (138, 0.6400), (155, 0.6250), (180, 0.6200),
)  # fmt: skip
"""Azimuth from the face, degrees, and height of the hairline there, metres."""
AXIS_Z_M: Final = 0.030
BUN_M: Final = ((0.0, 0.7640, -0.0880), 0.0340)
"""Centre and radius of the bun, metres."""
BUN_RINGS, BUN_SIDES = 14, 22
UNDER_M: Final = 0.012
"""How far the skin continues under the hair, metres."""


def hair_field(p: Floats, *, uneven: bool = True) -> Floats:
    """Positive inside the hair; p: (V, 3), metres."""
    angle = np.degrees(np.arctan2(np.abs(p[:, 0]), p[:, 2] - AXIS_Z_M))
    azimuth, height = (np.array(column, dtype=np.float64) for column in zip(*LINE, strict=True))
    line = PchipInterpolator(azimuth, height)(angle)
    if uneven:
        signed = np.radians(angle) * np.sign(p[:, 0])
        line = line + 0.0010 * np.sin(17.0 * signed + 0.7) + 0.0008 * np.sin(41.0 * signed + 2.1)
    ear = (np.abs(p[:, 0]) > 0.0755) & (p[:, 1] < 0.700) & (np.abs(p[:, 2] - 0.028) < 0.035)
    return np.where((p[:, 1] > 0.58) & ~ear, p[:, 1] - line, -1.0)


def short_hair(points_m: Floats, faces: Ints, material: int) -> Layer:
    """Build the hair. points_m: (V, 3), the bare head, metres; faces: (F, 3), those of head and scalp."""
    centre = points_m[faces].mean(axis=1)
    chosen = hair_field(centre, uneven=False) > -0.012
    layer = Layer.of(points_m, faces[chosen], material).subdivided()
    layer = layer.cut(lambda p: -hair_field(p), None)
    depth = _thickness(layer.at_m)
    return layer.moved(layer.at_m + depth[:, None] * layer.normals())


def _thickness(p: Floats) -> Floats:
    """Thickness of the hair, metres; p: (V, 3)."""
    inside = hair_field(p)
    top = smoothstep(p[:, 1], 0.735, 0.800)
    front = smoothstep(p[:, 2], -0.02, 0.10)
    depth = 0.0012 + 0.0075 * smoothstep(inside, 0.0, 0.030) + top * (0.006 + 0.008 * front)
    # Strands run from the crown forwards and to the sides.
    whorl_x, whorl_z = 0.012, -0.020
    turn = np.arctan2(p[:, 0] - whorl_x, p[:, 2] - whorl_z)
    reach = np.hypot(p[:, 0] - whorl_x, p[:, 2] - whorl_z) + 0.5 * np.maximum(0.78 - p[:, 1], 0.0)
    bend = turn + 6.0 * reach
    tufts = 0.55 * np.sin(19.0 * bend) + 0.30 * np.sin(43.0 * bend + 1.7) + 0.3 * np.sin(9.0 * bend + 90.0 * reach)
    return depth * (1.0 + 0.22 * tufts * smoothstep(reach, 0.01, 0.05))


def bun(points_m: Floats, material: int) -> Layer:
    """Build a bun at the back of the head. points_m: (V, 3), metres, the body, whose nearest vertex it follows."""
    centre, radius = np.array(BUN_M[0]), BUN_M[1]
    rise = np.linspace(0.0, np.pi, BUN_RINGS + 1)[1:-1, None]
    turn = np.linspace(0.0, 2.0 * np.pi, BUN_SIDES, endpoint=False)[None, :]
    # The axis points away from the head; strands wind round it.
    swell = 1.0 + 0.05 * np.sin(3.0 * turn + 7.0 * rise) * np.sin(rise)
    x, y = swell * np.sin(rise) * np.cos(turn), swell * np.sin(rise) * np.sin(turn)
    z = 0.72 * np.cos(rise) * np.ones_like(turn)
    ends = np.array([[0.0, 0.0, 0.72], [0.0, 0.0, -0.72]])
    ball = np.concatenate([np.stack([x, y, z], axis=-1).reshape(-1, 3), ends]) * radius
    tilt = np.radians(18.0)
    turned = ball @ np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    nearest = int(np.linalg.norm(points_m - centre, axis=1).argmin())
    count = len(ball)
    rows = sparse.csr_matrix(
        (np.ones(count), (np.arange(count), np.full(count, nearest))), shape=(count, len(points_m))
    )
    faces = _ball_faces()
    return Layer(Remesh(rows, faces, np.full(len(faces), material, np.uint8)), centre + turned)


def _ball_faces() -> Ints:
    """Return the faces of the bun, which point outwards: rings from the front, then the two ends."""
    rings, sides = BUN_RINGS - 1, BUN_SIDES
    side = np.arange(sides)
    after = (side + 1) % sides
    found = [np.stack([np.full(sides, rings * sides), side, after], axis=1)]
    for ring in range(rings - 1):
        a, b = ring * sides, (ring + 1) * sides
        found += [np.stack([a + side, b + side, b + after], axis=1), np.stack([a + side, b + after, a + after], axis=1)]
    last = (rings - 1) * sides
    found.append(np.stack([np.full(sides, rings * sides + 1), last + after, last + side], axis=1))
    return np.concatenate(found).astype(np.int64)
