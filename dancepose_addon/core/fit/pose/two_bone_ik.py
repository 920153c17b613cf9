# SPDX-License-Identifier: Apache-2.0
"""Move the end of an arm or a leg: two bones of constant length, bent by the law of cosines and then swung."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ...arrays import F32
from ...body.model import PARENTS
from ...body.rotation import rotvec_to_rotmat
from .analytic_ik import minimal_turn

REACH: Final = 0.9995
"""Largest stretch as a share of the limb's length: a straight limb has no defined bending direction."""


def bend_limb(
    pose: F32,
    global_rotmat: F32,
    joints: F32,
    move: F32,
    limb: Sequence[int],
    *,
    turn: F32 | None = None,
    straight_axis: int = 0,
) -> None:
    """Move the last joint of a limb by two-bone inverse kinematics; it keeps its global rotation.

    Args:
        pose: Local rotations, (T, 24, 3, 3), changed in place.
        global_rotmat: Global rotations, (T, 24, 3, 3).
        joints: Joint positions, (T, 24, 3), metres.
        move: Displacement of the last joint, (T, 3), metres.
        limb: Hip, knee and ankle, or shoulder, elbow and wrist.
        turn: Rotation of the last joint in the world, (T, 3, 3), or None.
        straight_axis: Axis of the first joint, 0 to 2, about which a straight limb bends.
    """
    first, middle, last = limb
    upper_m, lower_m = joints[:, middle] - joints[:, first], joints[:, last] - joints[:, middle]
    upper, lower = np.linalg.norm(upper_m, axis=1), np.linalg.norm(lower_m, axis=1)
    whole, aim = joints[:, last] - joints[:, first], joints[:, last] + move - joints[:, first]
    least, most = np.abs(upper - lower) / REACH, REACH * (upper + lower)
    now = np.clip(np.linalg.norm(whole, axis=1), least, most)
    then = np.clip(np.linalg.norm(aim, axis=1), least, most)
    axis = np.cross(upper_m, lower_m)
    straight = np.linalg.norm(axis, axis=1) < 0.02 * upper * lower
    axis = np.where(straight[:, None], global_rotmat[:, first, :, straight_axis], axis)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    at_first = _angle(upper, then, lower) - _angle(upper, now, lower)
    at_middle = _angle(upper, lower, then) - _angle(upper, lower, now)
    bend_first = rotvec_to_rotmat((-at_first[:, None] * axis).astype(np.float32))
    bend_middle = rotvec_to_rotmat((-(at_first + at_middle)[:, None] * axis).astype(np.float32))
    bent = (bend_first @ upper_m[..., None] + bend_middle @ lower_m[..., None])[..., 0]
    swing = minimal_turn(bent, aim)
    new_first = swing @ bend_first @ global_rotmat[:, first]
    new_middle = swing @ bend_middle @ global_rotmat[:, middle]
    end = global_rotmat[:, last] if turn is None else turn @ global_rotmat[:, last]
    pose[:, first] = np.swapaxes(global_rotmat[:, PARENTS[first]], -1, -2) @ new_first
    pose[:, middle] = np.swapaxes(new_first, -1, -2) @ new_middle
    pose[:, last] = np.swapaxes(new_middle, -1, -2) @ end


def _angle(first: F32, second: F32, opposite: F32) -> F32:
    """Return the angle between two sides of a triangle, given all three sides, radians."""
    cosine = (first**2 + second**2 - opposite**2) / (2.0 * first * second)
    return np.arccos(np.clip(cosine, -1.0, 1.0))
