# SPDX-License-Identifier: Apache-2.0
"""Frames of several persons in turn, without anything that names them."""

from typing import Final

import numpy as np

from ..arrays import F64
from .recording import Finding

MOST_PERSONS: Final = 6
FRAMES: Final = 600
FEWEST_TURNS: Final = 4
BACK: Final = 0.4
"""Ratio of the way to the same person's next frame and of that to the next row, in the median."""
FAR: Final = 0.1
"""The way to the next row as a share of the size of all; people do not move so far in a frame."""


def find_turns(points: F64) -> Finding | None:
    """Find out whether rows are of several persons in turn.

    Args:
        points: (T, K, 3), of any unit, NaN where unseen. K may be 1, of places alone.

    Returns:
        A doubtful finding, or None.
    """
    few = points[:FRAMES]
    if len(few) < 2 * FEWEST_TURNS or not np.isfinite(few).any():
        return None
    size = float(np.nanmax(np.nanmax(few, axis=(0, 1)) - np.nanmin(few, axis=(0, 1))))
    ways = [_way(few, lag) for lag in range(1, min(MOST_PERSONS, len(few) // FEWEST_TURNS) + 1)]
    for persons in range(2, len(ways) + 1):
        before = min(ways[: persons - 1])
        if before > FAR * size and ways[persons - 1] < BACK * before:
            why = f"every row is far from the next one, and near the one {persons} later"
            return Finding("persons", f"{persons} in turn", 0.3, f"{why}, as of {persons} persons in turn")
    return None


def _way(points: F64, lag: int) -> float:
    """Median over the frames of the mean way of the points, 0 where they are not seen."""
    way = np.linalg.norm(points[lag:] - points[:-lag], axis=-1)
    seen = way[np.isfinite(way).any(axis=1)]
    return float(np.median(np.nanmean(seen, axis=1))) if len(seen) else 0.0
