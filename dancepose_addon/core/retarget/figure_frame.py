# SPDX-License-Identifier: Apache-2.0
"""Axes of a figure in rest: its left, its up and its front, from the positions of its joints."""

from collections.abc import Mapping
import math
from typing import Final

import numpy as np

from ..arrays import F64
from .rest_skeleton import RestSkeleton

SNAP_RAD: Final = math.radians(25.0)
"""Axes nearer than this to those of the armature are taken to be those: figures are built along them."""


def figure_frame(skeleton: RestSkeleton, joints: Mapping[str, int]) -> F64:
    """Return the figure's left, up and front in the armature's axes.

    Up is the direction from the hips to the shoulders, left is the one across hips and shoulders. A figure that leans
    or steps in rest is still built along the armature's axes, so axes near them are replaced by them.

    Args:
        skeleton: Rest skeleton.
        joints: Bones of hips and shoulders at least.

    Returns:
        (3, 3), columns are left, up and front (SMPL's x, y and z).
    """
    place = {part: skeleton.heads[bone] for part, bone in joints.items()}
    hips = place["left_hip"], place["right_hip"]
    arms = place["left_shoulder"], place["right_shoulder"]
    feet = place["left_ankle"], place["right_ankle"]
    across = (hips[0] - hips[1]) + (arms[0] - arms[1])
    upward = np.mean(arms, axis=0) - 0.5 * (np.mean(hips, axis=0) + np.mean(feet, axis=0))
    up = _snapped(upward / np.linalg.norm(upward))
    left = across - (across @ up) * up
    left = _snapped(left / max(float(np.linalg.norm(left)), 1e-12))
    left = left - (left @ up) * up
    left /= max(float(np.linalg.norm(left)), 1e-12)
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _snapped(direction: F64) -> F64:
    """Return the axis of the armature within ``SNAP_RAD``, or the direction itself."""
    axis = int(np.argmax(np.abs(direction)))
    nearest = np.zeros(3)
    nearest[axis] = math.copysign(1.0, direction[axis])
    return nearest if abs(direction[axis]) > math.cos(SNAP_RAD) else direction


def leg_length(skeleton: RestSkeleton, joints: Mapping[str, int]) -> float:
    """Return the mean length of thigh and shin together, in the armature's units."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (skeleton.heads[joints[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        total += float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return total / 2.0
