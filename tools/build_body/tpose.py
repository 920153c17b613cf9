# SPDX-License-Identifier: Apache-2.0
"""Convert anny's A-pose to SMPL's T-pose: arms along +-x, palms down, legs nearly vertical, feet towards +z."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import skinning

Floats = NDArray[np.float64]

CLAVICLE_RAISE_DEG: Final = 8.0
GIRDLE_RAISE_DEG: Final = 16.0
THIGH_SPLAY_DEG: Final = 2.0
SHIN_BACK: Final = 0.03
"""Backward slope of the shin: a straight human leg is not exactly vertical."""
FINGER_STRAIGHTENING: Final = 0.55
"""Share of the bend of a relaxed finger that is removed."""

_UP: Final = np.array([0.0, 1.0, 0.0])
_MIRROR: Final = np.diag([-1.0, 1.0, 1.0])


def bake_tpose(
    vertices_m: Floats, heads_m: Floats, weights: Floats, labels: Sequence[str], parents: Sequence[int]
) -> tuple[Floats, Floats]:
    """Convert one person: vertices_m (V, 3), heads_m (B, 3), weights (V, B) to T-posed vertices and heads."""
    world, posed_m = bake_bones(heads_m, labels, parents)
    offsets_m = skinning.bone_offsets(world, posed_m, heads_m)
    return skinning.skin_dual_quaternion(vertices_m, weights, world, offsets_m), posed_m


def bake_bones(heads_m: Floats, labels: Sequence[str], parents: Sequence[int]) -> tuple[Floats, Floats]:
    """Return world rotations (B, 3, 3) and new heads (B, 3) of one person's bones. heads_m: (B, 3), metres."""
    index = {label: bone for bone, label in enumerate(labels)}
    left = {label: heads_m[index[label]] for label in labels}
    turns = _leg_turns(left) | _arm_turns(left)
    world = np.empty((len(labels), 3, 3))
    for bone, label in enumerate(labels):
        parent = parents[bone]
        world[bone] = np.eye(3) if parent < 0 else world[parent]
        if label in turns:
            world[bone] = turns[label]
        elif label.endswith(".R") and label[:-1] + "L" in turns:
            world[bone] = _MIRROR @ turns[label[:-1] + "L"] @ _MIRROR
    posed_m = heads_m.copy()
    for bone, parent in enumerate(parents):
        if parent >= 0:
            posed_m[bone] = posed_m[parent] + world[parent] @ (heads_m[bone] - heads_m[parent])
    return world, posed_m


def _leg_turns(at: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return world rotations (3, 3) of the left leg's bones. at: bone heads (3,), metres."""
    splay = np.deg2rad(THIGH_SPLAY_DEG)
    thigh = skinning.rotation_between(
        at["lowerleg01.L"] - at["upperleg01.L"], np.array([np.sin(splay), -np.cos(splay), 0.0])
    )
    shin = skinning.rotation_between(thigh @ (at["foot.L"] - at["lowerleg01.L"]), np.array([0.0, -1.0, -SHIN_BACK]))
    ball = at["toe2-1.L"] - at["foot.L"]
    yaw = skinning.rotation_about(_UP.tolist(), FOOT_YAW_RAD - float(np.arctan2(ball[0], ball[2])))
    return {"upperleg01.L": thigh, "lowerleg01.L": shin @ thigh, "foot.L": yaw}


FOOT_YAW_RAD: Final = np.deg2rad(-4.0)
"""Direction of the bone from ankle to second toe, so that the foot as a whole points to +z."""


def _arm_turns(at: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return world rotations (3, 3) of the left arm's bones. at: bone heads (3,), metres."""
    x = np.array([1.0, 0.0, 0.0])
    raise_axis = [0.0, 0.0, 1.0]
    clavicle = skinning.rotation_about(raise_axis, np.deg2rad(CLAVICLE_RAISE_DEG))
    girdle = skinning.rotation_about(raise_axis, np.deg2rad(GIRDLE_RAISE_DEG))

    def aligned(start: Floats, bone: str, tip: str) -> Floats:
        return skinning.rotation_between(start @ (at[tip] - at[bone]), x) @ start

    upper = aligned(girdle, "upperarm01.L", "lowerarm01.L")
    fore = aligned(upper, "lowerarm01.L", "wrist.L")
    knuckle = np.mean([at[f"finger{finger}-1.L"] for finger in (2, 3, 4, 5)], axis=0)
    hand = skinning.rotation_between(fore @ (knuckle - at["wrist.L"]), x) @ fore
    across = hand @ (at["finger2-1.L"] - at["finger5-1.L"])  # from little to index finger: must point to +z
    roll = float(np.arctan2(across[1], across[2]))
    turns = {
        "clavicle.L": clavicle,
        "shoulder01.L": girdle,
        "upperarm01.L": upper,
        "lowerarm01.L": skinning.rotation_about([1.0, 0.0, 0.0], 0.4 * roll) @ fore,
        "lowerarm02.L": skinning.rotation_about([1.0, 0.0, 0.0], 0.8 * roll) @ fore,
        "wrist.L": skinning.rotation_about([1.0, 0.0, 0.0], roll) @ hand,
    }
    return turns | _finger_turns(at, turns["wrist.L"])


def _finger_turns(at: Mapping[str, Floats], hand: Floats) -> dict[str, Floats]:
    """Return world rotations (3, 3) that straighten fingers 2 to 5 in part. hand: rotation of the wrist."""
    turns: dict[str, Floats] = {}
    for finger in (2, 3, 4, 5):
        for part in (1, 2):
            start, tip = (at[f"finger{finger}-{step}.L"] for step in (part, part + 1))
            direction = hand @ (tip - start)
            level = np.array([direction[0], 0.0, direction[2]])
            fully = skinning.rotation_between(direction, level)
            quaternion = skinning.matrix_to_quaternion(fully[None])[0]
            angle = 2.0 * np.arctan2(np.linalg.norm(quaternion[1:]), quaternion[0])
            axis = quaternion[1:] / max(float(np.linalg.norm(quaternion[1:])), 1e-12)
            turns[f"finger{finger}-{part}.L"] = (
                skinning.rotation_about(axis.tolist(), FINGER_STRAIGHTENING * angle) @ hand
            )
    return turns
