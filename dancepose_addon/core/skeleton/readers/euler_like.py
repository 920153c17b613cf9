# SPDX-License-Identifier: Apache-2.0
"""Euler angles where rotation vectors are expected, distinguished by how natural and how steady the rotations are.

Both are three numbers for a joint, and near zero they are nearly the same.
"""

from itertools import permutations
from typing import Final

import numpy as np

from ...arrays import F64
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from .natural_rotations import unnatural

FRAMES: Final = 400
MORE_NATURAL: Final = 0.87
"""Ratio of the deviations from those of people. Of 87 real clips of rotation vectors, the lowest is 0.88."""
SHARE: Final = 0.8
"""Of the frames, by which deviations are measured: most joints are near rest most of the time."""
JUMP_RAD: Final = 1.2
"""In one frame; 1.08 at most in those clips, of all rotations but one in a thousand."""
STEADIER: Final = 0.6
"""Ratio of the largest steps. Euler angles that pass from 180 to -180 degrees are steps of rotation vectors only."""
ORDERS: Final = tuple(permutations(range(3)))


def euler_order(rotvec: F64) -> str | None:
    """Find out whether numbers are rather Euler angles in radians.

    Measured by ``python -m benchmarks.euler_angles``.

    Args:
        rotvec: (T, J, 3), J at least 22, read as rotation vectors.

    Returns:
        The order, such as ``ZXY``, in which they are so, or None.
    """
    few = rotvec[:FRAMES, :22].astype(np.float64)
    if not np.isfinite(few).all() or len(few) < 2:
        return None
    cost, step = _measure(few)
    others = {"".join("XYZ"[axis] for axis in order): _measure(_rotvec(few, order)) for order in ORDERS}
    natural = min(others, key=lambda name: others[name][0])
    if others[natural][0] < MORE_NATURAL * cost:
        return natural
    steady = min(others, key=lambda name: others[name][1])
    return steady if step > JUMP_RAD and others[steady][1] < STEADIER * step else None


def _rotvec(angles: F64, order: tuple[int, ...]) -> F64:
    """Rotation vectors of Euler angles about the axes of a body that turns, the first first. (T, J, 3) radians."""
    rotmat = np.eye(3)
    for column, axis in enumerate(order):
        about = np.zeros_like(angles)
        about[..., axis] = angles[..., column]
        rotmat = rotmat @ rotvec_to_rotmat(about)
    return rotmat_to_rotvec(rotmat)


def _measure(rotvec: F64) -> tuple[float, float]:
    """Deviation from rotations of people, and the step between frames that one in a thousand exceeds, radians."""
    rotmat = rotvec_to_rotmat(rotvec)
    turn = np.einsum("tjab,tjab->tj", rotmat[1:], rotmat[:-1])
    steps = np.arccos(np.clip((turn - 1.0) / 2.0, -1.0, 1.0))
    return unnatural(rotvec, SHARE), float(np.quantile(steps, 0.999))
