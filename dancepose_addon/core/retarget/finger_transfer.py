# SPDX-License-Identifier: Apache-2.0
"""Transfers fingers: each bone of a finger turns in the world as SMPL+H's joint, relative to aligned rest poses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import F64
from ..body.hands import FINGER_COUNT
from ..body.joint_tree import FINGERS
from .character_map import FINGER_NAMES, SIDES, CharacterMap
from .rest_alignment import between_turns, turn_onto

SIDE_COUNT: Final = FINGER_COUNT // 2
SHORTEST_M: Final = 1e-5
"""Bones that are shorter have no direction."""


@dataclass(frozen=True, eq=False)
class SourceHands:
    """Fingers of a motion.

    Attributes:
        rest_joints_m: (30, 3), joints of the fingers in the T-pose in SMPL+H's order, metres.
        pose_rotmat: (T, 30, 3, 3), local rotations; T may be 1 for fingers that do not move.
    """

    rest_joints_m: F64
    pose_rotmat: F64


def finger_turns(
    character: CharacterMap,
    heads_m: F64,
    hands: SourceHands,
    wrist_rest: Mapping[str, F64],
    wrist_turned: Mapping[str, F64],
) -> dict[int, F64]:
    """Compute the rotations of a character's fingers.

    Args:
        character: Its map.
        heads_m: (N, 3), heads of the bones in the figure's axes, metres.
        hands: Fingers of the source.
        wrist_rest: For each side the rotation from the hand's rest pose to SMPL's T-pose, (3, 3).
        wrist_turned: For each side the world rotation of SMPL's wrist, (T, 3, 3).

    Returns:
        For each bone its rotation from rest, (T, 3, 3), in the figure's axes.
    """
    found: dict[int, F64] = {}
    for side in SIDES:
        for finger in FINGER_NAMES:
            bones = character.bones.get(f"{side}_{finger}", ())
            if not bones:
                continue
            first = SIDES.index(side) * SIDE_COUNT + 3 * FINGERS.index(finger)
            places = hands.rest_joints_m[first : first + 3]
            rest = _rest_turns(heads_m[list(bones)], places, wrist_rest[side])
            turned, joints = wrist_turned[side], list[F64]()
            for joint in range(first, first + 3):
                turned = turned @ hands.pose_rotmat[:, joint]
                joints.append(turned)
            for bone, joint_turn, rest_turn in zip(bones, _of_bones(joints, len(bones)), rest, strict=True):
                found[bone] = joint_turn @ rest_turn
    return found


def _rest_turns(heads: F64, places: F64, wrist: F64) -> list[F64]:
    """Return the rotation from the rest pose to SMPL's T-pose for each bone of a finger.

    The last bone's end is not known, since tails cannot be trusted: it is as straight as the one before it.
    """
    turns, before = list[F64](), wrist
    for number in range(len(heads)):
        if number + 1 < len(heads):
            end = min(number + 1, 2) if len(heads) > 2 else 2
            own, wanted = heads[number + 1] - heads[number], places[end] - places[number]
            if min(np.linalg.norm(own), np.linalg.norm(wanted)) > SHORTEST_M:
                before = turn_onto(own, wanted, before)
        turns.append(before)
    return turns


def _of_bones(joints: list[F64], count: int) -> list[F64]:
    """Return the world rotations that one, two or three bones of a finger follow."""
    if count == 1:
        return [joints[1]]
    if count == 2:
        return [between_turns(joints[0], joints[1], 0.5), between_turns(joints[1], joints[2], 0.5)]
    return joints
