# SPDX-License-Identifier: Apache-2.0
"""Regression of bodies that lie or are upside down.

A regressor is trained on standing people and is invariant to heading only. Frames in which the trunk is far from
vertical are rotated upright for the regressor, and the root is rotated back. Between the two cases rotations are
interpolated.
"""

from typing import Final

import numpy as np

from ..arrays import F32
from ..body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ..skeleton.layout import Layout
from .pose.analytic_ik import minimal_turn
from .regressor import PoseRegressor

UPRIGHT_COSINE: Final = float(np.cos(np.radians(65.0)))
TURNED_COSINE: Final = float(np.cos(np.radians(80.0)))
"""Cosines of the trunk's angle from vertical: unchanged up to the first, rotated upright beyond the second."""


def regress_upright(regressor: PoseRegressor, points_m: F32) -> F32:
    """Regress local rotations for any orientation of the body.

    A regressor that depends on heading is used unchanged, since the heading of a body that was rotated upright is
    arbitrary.

    Args:
        regressor: The regressor.
        points_m: Keypoints, (T, K, 3), metres.

    Returns:
        Local rotations, (T, 24, 3, 3).
    """
    reference = regressor(np.ascontiguousarray(points_m))
    if not regressor.info.heading_blind:
        return reference
    trunk = trunk_direction(points_m, regressor.info.layout)
    tipped = np.flatnonzero(trunk[:, 1] < UPRIGHT_COSINE)
    if not len(tipped):
        return reference
    turn = _turn_upright(trunk[tipped])
    middle = points_m[tipped].mean(axis=1, keepdims=True)
    righted = (turn[:, None] @ (points_m[tipped] - middle)[..., None])[..., 0]
    found = regressor(np.ascontiguousarray(righted, np.float32))
    found[:, 0] = np.swapaxes(turn, -1, -2) @ found[:, 0]
    share = np.clip((UPRIGHT_COSINE - trunk[tipped, 1]) / (UPRIGHT_COSINE - TURNED_COSINE), 0.0, 1.0)
    between = rotmat_to_rotvec(np.swapaxes(reference[tipped], -1, -2) @ found)
    result = reference.copy()
    result[tipped] = reference[tipped] @ rotvec_to_rotmat(share[:, None, None].astype(np.float32) * between)
    return result


def trunk_direction(points_m: F32, layout: Layout) -> F32:
    """Return the direction from the middle of shoulders and hips to the head.

    Args:
        points_m: Keypoints, (T, K, 3), metres.
        layout: Layout of the keypoints.

    Returns:
        Unit vectors, (T, 3).
    """
    head = points_m[:, list(layout.top)].mean(axis=1)
    up = head - points_m[:, [*layout.left, *layout.right]].mean(axis=1)
    return np.asarray(up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9), np.float32)


def _turn_upright(trunk: F32) -> F32:
    """Return rotations that bring the trunk upright.

    Their heading is arbitrary, since the regressor is invariant to it. A trunk that points down is first rotated by a
    half turn about x, since from straight down all shortest rotations are equally long.

    Args:
        trunk: Unit vectors, (T, 3).

    Returns:
        Rotations, (T, 3, 3).
    """
    hangs = trunk[:, 1] < 0.0
    over = np.where(hangs[:, None], trunk * np.array([1.0, -1.0, -1.0], np.float32), trunk)
    turn = minimal_turn(over, np.broadcast_to(np.array([0.0, 1.0, 0.0], np.float32), over.shape))
    turn[hangs] = turn[hangs] * np.array([1.0, -1.0, -1.0], np.float32)
    return turn
