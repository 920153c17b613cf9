# SPDX-License-Identifier: Apache-2.0
"""Distances between points that hold over a clip, whatever the points mean."""

from typing import Final

import numpy as np

from ..arrays import F64
from .anatomy import sample

HOLDS: Final = 0.12
"""Relative spread of a distance that counts as held."""


def rigid_tree(points: F64) -> list[tuple[int, int]]:
    """Join all points by the edges whose lengths change least (Prim 1957).

    Args:
        points: (T, K, 3).

    Returns:
        K - 1 pairs of points.
    """
    few = sample(points)
    count = few.shape[1]
    cost = np.full((count, count), np.inf)
    for point in range(count):
        length = np.linalg.norm(few - few[:, point : point + 1], axis=-1)
        seen = np.isfinite(length).any(axis=0)
        # Of two that are equally rigid the shorter one: neighbours on a bone.
        cost[point, seen] = np.nanstd(length[:, seen], axis=0) + 0.05 * np.nanmedian(length[:, seen], axis=0)
    joined, edges = {0}, []
    while len(joined) < count:
        inside, outside = sorted(joined), sorted(set(range(count)) - joined)
        table = cost[np.ix_(inside, outside)]
        first, second = np.unravel_index(int(np.argmin(table)), table.shape)
        edges.append((inside[int(first)], outside[int(second)]))
        joined.add(outside[int(second)])
    return edges


def rigid_share(points: F64) -> float:
    """Measure for how many points the distance to their closest companion holds.

    Args:
        points: (S, K, 3), sampled.

    Returns:
        A share near 1 for positions on a body, in whatever order.
    """
    if len(points) < 3:
        return 1.0
    edges = np.array(rigid_tree(points))
    length = np.linalg.norm(points[:, edges[:, 0]] - points[:, edges[:, 1]], axis=-1)
    with np.errstate(invalid="ignore"):
        extent = float(np.nanmedian(np.nanmax(points, axis=(0, 1)) - np.nanmin(points, axis=(0, 1))))
        middle, spread = np.nanmedian(length, axis=0), np.nanstd(length, axis=0)
    apart = middle > 0.01 * extent
    return float(np.mean(spread[apart] < HOLDS * middle[apart])) if apart.any() else 0.0
