# SPDX-License-Identifier: Apache-2.0
"""Places for points that a clip never shows, so that a regressor sees a person.

A limb that is never seen hangs, and a leg stands: its points lie straight below the last point that is seen, at the
distances of the default body. Points of trunk, head and feet keep their place in the T-pose against the trunk.
"""

from typing import Final

import numpy as np

from ...arrays import F32, F64
from ...body.model import JOINT_INDEX
from ...body.rotation import nearest_rotmat
from ...skeleton.anatomy import template_of
from ...skeleton.layout import Layout

_HANGING: Final = tuple(
    JOINT_INDEX[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle")
)
"""Joints whose points hang where they are not seen."""
DOWN: Final = np.array([0.0, -1.0, 0.0], np.float32)


def place_unseen(points_m: F32, never: list[int], layout: Layout) -> None:
    """Place points that no frame shows, in ``points_m``.

    Args:
        points_m: (T, K, 3), metres, without other holes.
        never: points that are never seen.
        layout: the points.
    """
    rest = template_of(layout).rest_points
    known = [point for point in range(layout.count) if point not in never]
    trunk = [point for point in (*layout.left, *layout.right, *layout.top) if point in known] or known
    turn, size = _trunk_turn(points_m[:, trunk], rest[trunk])
    placed = set(known)
    for _ in never:
        # The nearest placed neighbour of each, from the middle outwards.
        point, before = _next(never, placed, layout, rest)
        offset = rest[point] - rest[before]
        if layout.joints[point] in _HANGING and layout.joints[before] in _HANGING:
            way = np.broadcast_to(DOWN * np.float32(size * np.linalg.norm(offset)), points_m[:, before].shape)
        else:
            way = (turn @ (size * offset)).astype(np.float32)
        points_m[:, point] = points_m[:, before] + way
        placed.add(point)


def _next(never: list[int], placed: set[int], layout: Layout, rest: F64) -> tuple[int, int]:
    """A point that is not placed and its placed neighbour: along an edge, else the nearest in the T-pose."""
    for point in never:
        around = [b if a == point else a for a, b in layout.edges if point in (a, b)]
        ready = [other for other in around if other in placed]
        if point not in placed and ready:
            return point, min(ready, key=lambda other: float(np.linalg.norm(rest[other] - rest[point])))
    point = next(point for point in never if point not in placed)
    return point, min(placed, key=lambda other: float(np.linalg.norm(rest[other] - rest[point])))


def _trunk_turn(points_m: F32, rest: F64) -> tuple[F32, float]:
    """The turn of the trunk's points from the T-pose (Kabsch 1976), (T, 3, 3), and their size against it."""
    seen = points_m - points_m.mean(axis=1, keepdims=True)
    still = (rest - rest.mean(axis=0)).astype(np.float32)
    spread = float(np.sqrt((still**2).sum()))
    size = float(np.median(np.sqrt((seen**2).sum(axis=(1, 2))))) / max(spread, 1e-6)
    return nearest_rotmat(np.swapaxes(seen, -1, -2) @ still), size
