# SPDX-License-Identifier: Apache-2.0
"""Euler angles as BVH has them."""

import numpy as np

from ..arrays import F64


def zxy_angles(rotmat: F64) -> F64:
    """Return the angles z, x, y of R = R_z R_x R_y.

    Where x is a right angle, z and y turn about one axis, and z takes all of it.

    Args:
        rotmat: (..., 3, 3).

    Returns:
        (..., 3), radians.
    """
    x = np.arcsin(np.clip(rotmat[..., 2, 1], -1.0, 1.0))
    locked = np.abs(rotmat[..., 2, 1]) > 1.0 - 1e-10
    z = np.where(
        locked,
        np.arctan2(rotmat[..., 1, 0], rotmat[..., 0, 0]),
        np.arctan2(-rotmat[..., 0, 1], rotmat[..., 1, 1]),
    )
    y = np.where(locked, 0.0, np.arctan2(-rotmat[..., 2, 0], rotmat[..., 2, 2]))
    return np.stack([z, x, y], axis=-1)
