# SPDX-License-Identifier: Apache-2.0
"""Least squares for the three joints of a finger, for all frames at once.

Residuals are the distances of the joints that are seen, and the rotations from a prior: the closed form where a finger
is seen whole, else its neighbours in time or the relaxed hand. So a finger of which only some points are seen still
follows them, and what they leave open stays as the prior has it (Levenberg 1944).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F64
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat

STEPS: Final = 6
PRIOR_M: Final = 0.002
"""Distance in metres that weighs as much as a rotation of one radian from the prior."""

Limit = Callable[[F64, int], F64]


@dataclass(frozen=True)
class FingerTargets:
    """What is seen of one finger.

    Attributes:
        bones: (3, 3), bones from joint to joint and from the last joint to the tip in the rest pose, metres.
        points_m: (T, 3, 3), middle joint, last joint and tip from the knuckle, in the hand's axes and the body's size.
        seen: (T, 3), which of them are seen.
    """

    bones: F64
    points_m: F64
    seen: NDArray[np.bool_]


def refine_finger(rotations: F64, targets: FingerTargets, limit: Limit) -> F64:
    """Move a finger onto the points that are seen.

    Args:
        rotations: (T, 3, 3, 3), prior of the local rotations of its joints, and the start.
        targets: What is seen.
        limit: Keeps rotations (T, 3, 3) of the joint of that number within what joints can do.

    Returns:
        (T, 3, 3, 3), local rotations.
    """
    prior, now = rotations, rotations.copy()
    observed = np.where(targets.seen[..., None], targets.points_m, 0.0)
    for _ in range(STEPS):
        world, places = _pose(now, targets.bones)
        count = len(now)
        system, right = np.zeros((count, 9, 9)), np.zeros((count, 9))
        for point in range(3):
            off = np.where(targets.seen[:, point, None], observed[:, point] - places[:, point + 1], 0.0)
            rows = np.zeros((count, 3, 9))
            for joint in range(point + 1):
                rows[:, :, 3 * joint : 3 * joint + 3] = -_skew(places[:, point + 1] - places[:, joint])
            rows *= targets.seen[:, point, None, None]
            system += np.swapaxes(rows, -1, -2) @ rows
            right += np.einsum("tij,ti->tj", rows, off)
        for joint in range(3):
            above = world[:, joint]
            away = rotmat_to_rotvec(now[:, joint] @ np.swapaxes(prior[:, joint], -1, -2))
            block = slice(3 * joint, 3 * joint + 3)
            system[:, block, block] += PRIOR_M**2 * np.eye(3)
            right[:, block] -= PRIOR_M**2 * np.einsum("tij,tj->ti", above, away)
        turns = np.linalg.solve(system, right[..., None])[..., 0].reshape(count, 3, 3)
        for joint in range(3):
            local = np.einsum("tji,tj->ti", world[:, joint], turns[:, joint])
            now[:, joint] = limit(rotvec_to_rotmat(local) @ now[:, joint], joint)
    return now


def _pose(rotations: F64, bones: F64) -> tuple[F64, F64]:
    """Rotations above each joint (T, 3, 3, 3), and places of the joints and the tip (T, 4, 3), from the knuckle."""
    world = np.tile(np.eye(3), (len(rotations), 4, 1, 1))
    places = np.zeros((len(rotations), 4, 3))
    for joint in range(3):
        world[:, joint + 1] = world[:, joint] @ rotations[:, joint]
        places[:, joint + 1] = places[:, joint] + world[:, joint + 1] @ bones[joint]
    return world[:, :3], places


def _skew(vectors: F64) -> F64:
    """Matrices (T, 3, 3) that multiply as the cross product with vectors (T, 3)."""
    result = np.zeros((len(vectors), 3, 3))
    for axis in range(3):
        row, column = (axis + 1) % 3, (axis + 2) % 3
        result[:, column, row], result[:, row, column] = vectors[:, axis], -vectors[:, axis]
    return result
