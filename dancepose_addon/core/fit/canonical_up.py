"""Bodies that lie or hang upside down, shown to the regressor upright.

A regressor learns from people who stand, and is blind to the heading only. Frames whose trunk is far from upright are
turned before they are shown, and the root is turned back; between the two ways rotations pass into one another.
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
"""Of the trunk's angle from the vertical: up to the first as it is, beyond the second turned upright."""


def regress_upright(regressor: PoseRegressor, points_m: F32) -> F32:
    """Local rotations (T, 24, 3, 3), whichever way up the body is. points_m: (T, K, 3), metres.

    A regressor that minds the heading is left as it is: which way a body faces that is turned upright is arbitrary.
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
    """From the middle of shoulders and hips to the head, unit vectors (T, 3)."""
    head = points_m[:, list(layout.top)].mean(axis=1)
    up = head - points_m[:, [*layout.left, *layout.right]].mean(axis=1)
    return np.asarray(up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9), np.float32)


def _turn_upright(trunk: F32) -> F32:
    """Rotations that bring the trunk upright, (T, 3, 3). Their heading is arbitrary: the regressor does not see it. A
    trunk that hangs is first turned over about x, since from straight down every way up is as short."""
    hangs = trunk[:, 1] < 0.0
    over = np.where(hangs[:, None], trunk * np.array([1.0, -1.0, -1.0], np.float32), trunk)
    turn = minimal_turn(over, np.broadcast_to(np.array([0.0, 1.0, 0.0], np.float32), over.shape))
    turn[hangs] = turn[hangs] * np.array([1.0, -1.0, -1.0], np.float32)
    return turn
