# SPDX-License-Identifier: Apache-2.0
"""The floor under the feet: whether an axis that is taken for up stands upright on what the feet walk on.

Whoever leans, runs or dances bent looks like a recording that is tilted. The floor tells them apart: feet that travel
the way the body leans keep their height if the axis is right, and climb or sink if it is not. Feet on one line
determine only the slope along it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import F64
from .layout import Layout

ROUNDS: Final = 60
ABOVE: Final = 0.03
"""Weight of feet above the floor against that of feet below it: feet are lifted, and nothing is under a floor."""
NEAR: Final = 0.01
LYING: Final = 0.03
"""Heights of the body: nearer to the floor, feet count as standing on it."""
RIDGE: Final = 4e-4
LEAST_POINTS: Final = 8
FURTHEST: Final = 1e3
"""Heights of the body: whatever goes further is damage."""


LEANING_RAD: Final = np.radians(9.0).item()
"""Standard deviation of how people lean over a clip."""
UNEVEN: Final = 0.015
"""Heights of the body by which feet that stand are off the floor: over a short way that is a slope."""
LEVEL_RAD: Final = np.radians(1.5).item()
MANY_STAND: Final = 0.2
"""Where a smaller share of the feet stands on the plane, it may as well be another one."""


@dataclass(frozen=True)
class Footing:
    """The plane of the feet against an axis.

    Attributes:
        slopes: (2,), its rise in the direction of the body's lean, and across it.
        spread: (2, 2), covariance of where feet stand, in both directions, heights of the body.
        share: Share of the feet that stand.
    """

    slopes: F64
    spread: F64
    share: float

    def tilt_rad(self, lean_rad: float) -> float:
        """Estimate the tilt of the axis from the body's lean and the floor's slope.

        The lean is as sure as people stand upright, the slope as sure as feet have stood far apart in its direction.

        Args:
            lean_rad: Of the body against the axis.

        Returns:
            The most likely tilt, radians.
        """
        off = UNEVEN * max(1.0, MANY_STAND / max(self.share, 1e-3))
        slope_variance = off**2 * np.linalg.inv(self.spread + 1e-6 * np.eye(2)) + LEVEL_RAD**2 * np.eye(2)
        told, lean = np.linalg.inv(slope_variance), np.array([lean_rad, 0.0])
        both = told + np.eye(2) / LEANING_RAD**2
        return float(np.linalg.norm(np.linalg.solve(both, lean / LEANING_RAD**2 - told @ np.arctan(self.slopes))))


def find_footing(points: F64, layout: Layout, *, axis: F64, towards: F64, height: float) -> Footing:
    """Fit a plane to the lowest feet.

    It is the plane of a quantile (Koenker and Bassett 1978): least absolute deviations with the weight ABOVE for what
    lies above it, by reweighted least squares.

    Args:
        points: (S, K, 3), sampled, NaN where unseen.
        layout: Of the points.
        axis: (3,), unit length, taken for up.
        towards: (3,), unit length, from feet to heads.
        height: Of the body, file units.

    Returns:
        The plane against the axis.
    """
    feet = points[:, list(layout.bottom)].reshape(-1, 3)
    feet = feet[np.isfinite(feet).all(axis=1)] / height
    if len(feet) < LEAST_POINTS or not np.ptp(feet, axis=0).max() < FURTHEST:
        return Footing(np.zeros(2), np.zeros((2, 2)), 0.0)
    lean = towards - axis * float(towards @ axis)
    length = float(np.linalg.norm(lean))
    ahead = lean / length if length > 1e-6 else np.roll(axis, 1)
    level = np.stack([feet @ ahead, feet @ np.cross(axis, ahead)], axis=1)
    rise = feet @ axis
    table = np.column_stack([np.ones(len(feet)), level - level.mean(axis=0)])
    ridge = RIDGE * len(feet) * np.diag([0.0, 1.0, 1.0])
    weight, away = np.ones(len(feet)), rise
    plane = np.zeros(3)
    for _ in range(ROUNDS):
        weighted = table * weight[:, None]
        # Feet on one line leave the matrix without an inverse.
        plane = np.linalg.lstsq(table.T @ weighted + ridge * weight.mean(), weighted.T @ rise, rcond=None)[0]
        away = rise - table @ plane
        weight = np.where(away < 0, 1.0, ABOVE) / np.maximum(np.abs(away), NEAR)
    standing = np.abs(away) < LYING
    spread = np.cov(level[standing].T, bias=True) if standing.sum() >= LEAST_POINTS else np.zeros((2, 2))
    return Footing(plane[1:], spread, float(standing.mean()))
