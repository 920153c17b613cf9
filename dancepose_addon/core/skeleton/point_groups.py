# SPDX-License-Identifier: Apache-2.0
"""Points of a layout that belong together: limbs, and points beside each other."""

from functools import lru_cache
from typing import Final

import numpy as np

from ..body.model import MIRRORED_JOINTS, PARENTS
from .anatomy import template_of
from .layout import Layout

BESIDE_M: Final = 0.055


@lru_cache(maxsize=32)
def limbs(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Group the points of both sides by limb: arms, forearms, hands, legs, shanks, feet.

    Args:
        layout: Any.

    Returns:
        Indices of points, for each limb.
    """
    found = set()
    for joint, other in enumerate(MIRRORED_JOINTS):
        if joint >= other:
            continue
        below = {joint}
        for child, parent in enumerate(PARENTS):  # parents come first
            below |= {child} if parent in below else set()
        below |= {MIRRORED_JOINTS[child] for child in below}
        points = [point for point, ridden in enumerate(layout.joints) if ridden in below]
        # Points that are the mirror image of two others, as some markers are, cannot be exchanged.
        points = [point for point in points if layout.mirrored[layout.mirrored[point]] == point]
        found.add(tuple(points))
    return tuple(sorted(limb for limb in found if 2 < len(limb) < layout.count))


def lie_beside(layout: Layout, first: int, second: int) -> bool:
    """Tell whether two points are on one bone, a few centimetres apart, and no mirror images.

    Args:
        layout: Of the points.
        first: Index of a point.
        second: Index of another.

    Returns:
        True where they are.
    """
    rest = template_of(layout).rest_points
    close = float(np.linalg.norm(rest[first] - rest[second])) < BESIDE_M
    return close and layout.joints[first] == layout.joints[second] and layout.mirrored[first] != second
