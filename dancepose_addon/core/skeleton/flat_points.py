# SPDX-License-Identifier: Apache-2.0
"""Points without depth: places in a picture, with a zero or a score in place of the third coordinate."""

from typing import Final

import numpy as np

from ..arrays import F64
from ..body.model import JOINT_NAMES
from .layout import Layout
from .recording import Finding

THINNEST: Final = 0.03
"""Of the extent of the body. That of real clips is 0.22 at least, whichever way they face."""
HELD: Final = 0.06
"""Variation of the lengths of bones in three dimensions, with noise."""
NO_GAIN: Final = 0.9
"""A depth reduces the variation of the lengths by more."""
LEAST_SCORE: Final = 0.5
"""Half of the points or more are seen with confidence."""
AT_HIPS, ELSEWHERE = 0.01, 0.1
"""Distances of the hips from zero, of the extent of the body."""
OUTSIDE: Final = 1.0
"""Distance from the middle of a picture of size 1 within which points are, also those beyond its edges."""


def find_flat(points: F64, layout: Layout) -> Finding | None:
    """Find out whether points have two dimensions only.

    Args:
        points: (S, K, 3), sampled, NaN where unseen.
        layout: Of the points.

    Returns:
        A doubtful finding, or None.
    """
    seen = points[np.isfinite(points).all(axis=-1).sum(axis=1) >= 4]
    if not len(seen):
        return None
    extents = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
    extent = float(np.median(extents.max(axis=-1)))
    if not extent > 0.0:
        return None
    thin = np.percentile(extents, 95, axis=0) / extent
    if thin.min() < THINNEST:
        axis = "xyz"[int(thin.argmin())]
        return _finding(f"in each frame, all points have nearly the same {axis}")
    if _depth_from_hips(seen, layout, extent):
        return _finding("their z is relative to the hips and x and y are not, as of MediaPipe's landmarks")
    depth = seen[..., 2]
    is_score = np.nanmin(depth) >= 0.0 and np.nanmax(depth) <= 1.0 and np.nanmedian(depth) > LEAST_SCORE
    if not is_score or np.nanpercentile(np.abs(seen[..., :2] - 0.5), 99) > OUTSIDE:
        return None
    flat, deep = _variation(seen[..., :2], layout), _variation(seen, layout)
    if deep > max(HELD, NO_GAIN * flat):
        return _finding(
            "x, y and z are from 0 to 1, as places and scores are, and bones do not keep their lengths with that z"
        )
    return None


def _depth_from_hips(points: F64, layout: Layout, extent: float) -> bool:
    """Whether z, and z alone, is relative to the hips, and y points down."""
    at = {JOINT_NAMES[joint]: points[:, point] for point, joint in reversed(list(enumerate(layout.joints)))}
    if not {"left_hip", "right_hip", "left_shoulder", "left_knee"} <= set(at):
        return False
    hips = (at["left_hip"] + at["right_hip"]) / 2.0 / extent
    middle = hips[np.isfinite(hips).all(axis=-1)]
    if not len(middle) or not np.nanmedian(at["left_knee"][:, 1] - at["left_shoulder"][:, 1]) > 0.0:
        return False
    off = np.percentile(np.abs(middle), 90, axis=0)
    return bool(off[2] < AT_HIPS and off[:2].min() > ELSEWHERE)


def _finding(why: str) -> Finding:
    return Finding("depth", "z", 0.3, f"{why}: they are places in a picture")


def _variation(points: F64, layout: Layout) -> float:
    """Return the median over the longer half of the bones of the relative spread of their lengths; 0 without any."""
    ends = np.array(layout.edges, np.intp).reshape(-1, 2)
    lengths = np.linalg.norm(points[:, ends[:, 0]] - points[:, ends[:, 1]], axis=-1)
    lengths = lengths[:, np.isfinite(lengths).any(axis=0)]
    middle = np.nanmean(lengths, axis=0)
    longer = middle >= max(float(np.median(middle)), 1e-12) if len(middle) else np.zeros(0, bool)
    return float(np.median(np.nanstd(lengths, axis=0)[longer] / middle[longer])) if longer.any() else 0.0
