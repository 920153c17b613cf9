# SPDX-License-Identifier: Apache-2.0
"""Runs of true values in boolean arrays, and frames that are usable."""

import numpy as np

from ..arrays import Flags, Indices


def runs_of(flags: Flags) -> list[tuple[int, int]]:
    """Stretches of true values as (first, last), both included. flags: (T,)."""
    padded = np.zeros(len(flags) + 2, bool)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return [(first, end - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def nearest_seen(frames: Indices, seen: Flags) -> Indices:
    """Replace frames without any point, as in clips whose every other frame is empty, by the nearest that have some.

    Args:
        frames: (S,), increasing.
        seen: (T,), whether a frame has any point.

    Returns:
        Frames without repetitions, increasing; the given ones where the clip is empty.
    """
    usable = np.flatnonzero(seen)
    if seen[frames].all() or not len(usable):
        return frames
    after = np.searchsorted(usable, frames)
    before, behind = usable[np.maximum(after - 1, 0)], usable[np.minimum(after, len(usable) - 1)]
    return np.unique(np.where(np.abs(frames - before) <= np.abs(behind - frames), before, behind))
