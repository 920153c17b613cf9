# SPDX-License-Identifier: Apache-2.0
"""A camera that is carried round the dance."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import F64
from .camera_framing import Shot, frame_points

ORBIT_VIEWS: Final = 24
"""From how many sides an orbit is made to hold the dance."""


def orbit(points_m: NDArray[np.floating], *, front: F64, aspect: float) -> tuple[Shot, F64]:
    """Find a shot that holds every point from every position on a circle about their middle.

    Args:
        points_m: (N, 3), metres.
        front: (3,), horizontal unit vector from the dancer to the camera.
        aspect: Width over height of the picture.

    Returns:
        The shot from ``front``; and (3,), metres, the point on the floor that it turns about.
    """
    points = np.asarray(points_m, np.float64)
    centre = (points.max(axis=0) + points.min(axis=0)) / 2.0
    centre[1] = 0.0
    angles = np.linspace(0.0, 2.0 * math.pi, ORBIT_VIEWS, endpoint=False)
    turned = [(points - centre) @ _about_up(angle) + centre for angle in angles]
    return frame_points(np.concatenate(turned), front=front, aspect=aspect), centre


def _about_up(angle_rad: float) -> F64:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def orbited(shot: Shot, centre_m: F64, angle_rad: float) -> tuple[F64, F64]:
    """Place (3,) and rotation (3, 3) of a shot that was carried round ``centre_m``, counter-clockwise from above."""
    turn = _about_up(angle_rad)
    return centre_m + turn @ (shot.position_m - centre_m), turn @ shot.rotmat
