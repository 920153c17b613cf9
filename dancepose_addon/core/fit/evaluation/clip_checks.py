# SPDX-License-Identifier: Apache-2.0
"""What a user should know of a clip's points before believing a fit, as sentences."""

from typing import Final

import numpy as np

from ...arrays import F32, Flags
from ...counting import counted
from ...skeleton.layout import Layout
from ..canonical_up import trunk_direction
from ..medians import known_median

DRIFT: Final = 0.04
"""A size that changes by more over the clip is said."""
ENDS: Final = 0.2
"""Share of the clip at either end over which its size is taken."""
TIPPED_DEG: Final = 60.0
TIPPED_SHARE: Final = 0.9
"""A trunk that is farther from upright in so many frames is said."""
UPSIDE_DOWN_DEG: Final = 120.0
LEAST_FRAMES: Final = 10
MISSED_M: Final = 0.2
"""A seen point that is farther from the fitted body of mean size is said. Offsets of named layouts stay below it."""


def check_clip(points_m: F32, seen: Flags, layout: Layout) -> list[str]:
    """Find what is odd about a whole clip.

    Args:
        points_m: (T, K, 3), metres, without holes.
        seen: (T, K).
        layout: the points.

    Returns:
        One sentence each.
    """
    checks = (_size_drift(points_m, seen, layout), _tipped(points_m, layout), _never_seen(seen, layout))
    return [sentence for sentence in checks if sentence]


def describe_misses(error_m: F32, seen: Flags, layout: Layout, *, scale: float) -> list[str]:
    """Name the frames in which the fitted body is far from a point that was seen.

    Args:
        error_m: (T, K), distances, metres; NaN where there is none.
        seen: (T, K).
        layout: the points.
        scale: size of the body relative to the mean body.

    Returns:
        One sentence, or none.
    """
    missed_m = np.where(seen, np.nan_to_num(error_m), 0.0)
    frames = np.flatnonzero((missed_m > MISSED_M * scale).any(axis=1))
    if not len(frames):
        return []
    frame, point = np.unravel_index(int(missed_m.argmax()), missed_m.shape)
    sentence = (
        f"In {len(frames)} of {counted(len(seen), 'frame')} the body is more than {100.0 * MISSED_M * scale:.0f} cm "
        f"from a point of the file; most in frame {frame}: {layout.keypoints[point]}, "
        f"{100.0 * float(missed_m[frame, point]):.0f} cm. Look at these frames."
    )
    return [sentence]


def size_drift(points_m: F32, seen: Flags, layout: Layout) -> float:
    """Ratio of the skeleton's size at the end of the clip to that at its beginning, by the median edge.

    Args:
        points_m: (T, K, 3), metres.
        seen: (T, K).
        layout: names the edges.

    Returns:
        1 where the size keeps or cannot be told.
    """
    first, second = (np.array(ends) for ends in zip(*layout.edges, strict=True))
    length = np.linalg.norm(points_m[:, first] - points_m[:, second], axis=2).astype(np.float64)
    length[~(seen[:, first] & seen[:, second])] = np.nan
    part = max(1, round(ENDS * len(length)))
    usable = np.isfinite(length[:part]).any(axis=0) & np.isfinite(length[-part:]).any(axis=0)
    if len(points_m) < LEAST_FRAMES or not usable.any():
        return 1.0
    begin, end = (known_median(part_m) for part_m in (length[:part, usable], length[-part:, usable]))
    known = begin > 0.0
    return float(np.median(end[known] / begin[known])) if known.any() else 1.0


def _size_drift(points_m: F32, seen: Flags, layout: Layout) -> str:
    ratio = size_drift(points_m, seen, layout)
    if abs(ratio - 1.0) < DRIFT:
        return ""
    way = "grows" if ratio > 1.0 else "shrinks"
    return (
        f"The skeleton {way} by {abs(ratio - 1.0):.0%} from the beginning of the clip to its end (scale drift). The "
        "body has one size, so it cannot meet the points at both ends."
    )


def _tipped(points_m: F32, layout: Layout) -> str:
    upright = np.clip(trunk_direction(points_m, layout)[:, 1], -1.0, 1.0)
    angle = np.degrees(np.arccos(upright))
    if np.mean(angle > TIPPED_DEG) < TIPPED_SHARE:
        return ""
    how = "upside down" if np.median(angle) > UPSIDE_DOWN_DEG else "lying"
    return (
        f"The body is {how} throughout the clip (the trunk is {np.median(angle):.0f} degrees from upright). If it is "
        "not, the file's up axis was read wrongly: give it with --read up=y or up=z."
    )


def _never_seen(seen: Flags, layout: Layout) -> str:
    never = [layout.keypoints[point] for point in np.flatnonzero(~seen.any(axis=0))]
    if not never:
        return ""
    names = ", ".join(never[:6]) + (", ..." if len(never) > 6 else "")
    return f"{names} {'is' if len(never) == 1 else 'are'} never seen: that part of the body hangs or stands naturally."
