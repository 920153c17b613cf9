# SPDX-License-Identifier: Apache-2.0
"""Aligns a character's rest pose with SMPL's T-pose: one rotation per part, and the figure's size.

Everything is in the figure's axes (SMPL's: x left, y up, z front) and in the size of the source: lengths are divided by
the ratio of the legs' lengths.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import itertools
import math
from typing import Final

import numpy as np

from ..arrays import F64
from ..body.joint_tree import FINGERS
from ..body.model import JOINT_INDEX
from ..body.rotation import nearest_rotmat, rotmat_to_rotvec, rotvec_to_rotmat
from .character_map import FINGER_NAMES, SIDES, CharacterMap
from .figure_frame import figure_frame, leg_length
from .rest_skeleton import RestSkeleton

STANDING_RAD: Final = math.radians(35.0)
"""Legs in rest nearer to the vertical than this stand, so their feet are flat."""
UP: Final = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class RestAlignment:
    """A character's rest pose against SMPL's.

    Attributes:
        frame: (3, 3), columns are the figure's axes in the armature's axes.
        ratio: Units of the armature per metre of the source: the ratio of the legs' lengths.
        heads_m: (N, 3), heads of the bones in the figure's axes, in the source's size, metres.
        turns: For each part the rotation from the character's rest pose to SMPL's T-pose, (3, 3).
        limb: For each segment of a limb its unit vector in rest, (3,).
    """

    frame: F64
    ratio: float
    heads_m: F64
    turns: Mapping[str, F64]
    limb: Mapping[str, F64]


def align_rest_pose(
    skeleton: RestSkeleton, character: CharacterMap, rest_joints_m: F64, finger_joints_m: F64 | None = None
) -> RestAlignment:
    """Find the rotations that take a character's rest pose to SMPL's T-pose.

    Args:
        skeleton: Rest skeleton of the character.
        character: Its map.
        rest_joints_m: (24, 3), joints of the source's body in the T-pose, metres.
        finger_joints_m: (30, 3), joints of its fingers in SMPL+H's order, metres, or None.

    Returns:
        The alignment.
    """
    joints = {part: bones[0] for part, bones in character.bones.items()}
    frame = figure_frame(skeleton, joints)
    source = np.asarray(rest_joints_m, np.float64)
    leg_m = np.mean([_length(source, f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in SIDES])
    ratio = leg_length(skeleton, joints) / float(leg_m)
    heads = skeleton.heads @ frame / ratio
    place = {part: heads[bone] for part, bone in joints.items()}
    goal = {part: source[JOINT_INDEX[part]] for part in JOINT_INDEX}
    turns = _torso(place, goal)
    limb: dict[str, F64] = {}
    for side in SIDES:
        knuckles = _knuckles(side, heads, character)
        wanted = _source_knuckles(side, finger_joints_m, knuckles)
        own = _palm(knuckles, place[f"{side}_wrist"])
        # Palms down in SMPL's T-pose: the forefinger is in front of the little finger.
        plain = goal[f"{side}_hand"] - goal[f"{side}_wrist"], np.array([0.0, 0.0, 1.0])
        _align_arm(side, place, goal, turns, limb, own, _palm(wanted, goal[f"{side}_wrist"]) if wanted else plain)
        _align_leg(side, place, goal, turns, limb, _toe_middle(side, heads, character))
    return RestAlignment(frame, ratio, heads, turns, limb)


def _length(places: F64, *joints: str) -> float:
    chain = [places[JOINT_INDEX[joint]] for joint in joints]
    return float(sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(chain)))


def _torso(place: Mapping[str, F64], goal: Mapping[str, F64]) -> dict[str, F64]:
    """Align pelvis, chest and collars by hips and shoulders; the head looks ahead in both rest poses."""

    def basis(where: Mapping[str, F64], joint: str) -> F64:
        hips = 0.5 * (where["left_hip"] + where["right_hip"])
        arms = 0.5 * (where["left_shoulder"] + where["right_shoulder"])
        up = _unit(arms - hips)
        left = where[f"left_{joint}"] - where[f"right_{joint}"]
        left = _unit(left - (left @ up) * up)
        return np.stack([left, up, np.cross(left, up)], axis=1)

    pelvis, chest = (basis(goal, joint) @ basis(place, joint).T for joint in ("hip", "shoulder"))
    return {"pelvis": pelvis, "spine": chest, "left_collar": chest, "right_collar": chest, "head": np.eye(3)}


def _align_arm(
    side: str,
    place: Mapping[str, F64],
    goal: Mapping[str, F64],
    turns: dict[str, F64],
    limb: dict[str, F64],
    palm: tuple[F64 | None, F64 | None],
    palm_goal: tuple[F64 | None, F64 | None],
) -> None:
    shoulder, elbow, wrist = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist"))
    upper, fore = place[elbow] - place[shoulder], place[wrist] - place[elbow]
    turns[shoulder] = turn_onto(upper, goal[elbow] - goal[shoulder], turns[f"{side}_collar"])
    turns[elbow] = turn_onto(fore, goal[wrist] - goal[elbow], turns[shoulder])
    limb[shoulder], limb[elbow] = _unit(upper), _unit(fore)
    (ahead, across), (ahead_goal, across_goal) = palm, palm_goal
    turns[wrist] = turns[elbow]
    if ahead is None or ahead_goal is None:
        return
    turns[wrist] = turn_onto(ahead, ahead_goal, turns[elbow])
    if across is None or across_goal is None:
        return
    axis = _unit(ahead_goal)
    angle = _angle_about(axis, turns[wrist] @ across, across_goal)
    turns[wrist] = rotvec_to_rotmat(axis * angle) @ turns[wrist]
    forearm = _unit(goal[wrist] - goal[elbow])
    turns[elbow] = rotvec_to_rotmat(forearm * (0.5 * angle)) @ turns[elbow]


def _align_leg(
    side: str,
    place: Mapping[str, F64],
    goal: Mapping[str, F64],
    turns: dict[str, F64],
    limb: dict[str, F64],
    toes: F64 | None,
) -> None:
    hip, knee, ankle, foot = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot"))
    thigh, shin = place[knee] - place[hip], place[ankle] - place[knee]
    turns[hip] = turn_onto(thigh, goal[knee] - goal[hip], turns["pelvis"])
    turns[knee] = turn_onto(shin, goal[ankle] - goal[knee], turns[hip])
    limb[hip], limb[knee] = _unit(thigh), _unit(shin)
    stands = all(-_unit(part)[1] > math.cos(STANDING_RAD) for part in (thigh, shin))
    turns[ankle] = np.eye(3) if stands else turns[knee]
    if toes is not None:
        ahead, ahead_goal = toes - place[ankle], goal[foot] - goal[ankle]
        if stands:
            turns[ankle] = rotvec_to_rotmat(UP * _angle_about(UP, ahead, ahead_goal))
        else:
            turns[ankle] = turn_onto(ahead, ahead_goal, turns[knee])
    turns[foot] = turns[ankle]


def _knuckles(side: str, heads: F64, character: CharacterMap) -> dict[str, F64]:
    """Return the place of the first joint of each finger that the character has."""
    first = {finger: character.first(f"{side}_{finger}") for finger in FINGER_NAMES}
    return {finger: heads[bone] for finger, bone in first.items() if bone is not None}


def _source_knuckles(side: str, finger_joints_m: F64 | None, like: Mapping[str, F64]) -> dict[str, F64]:
    """Return the places of the same joints of the source; none where its fingers are not known."""
    if finger_joints_m is None:
        return {}
    start = SIDES.index(side) * len(finger_joints_m) // 2
    return {finger: finger_joints_m[start + 3 * FINGERS.index(finger)] for finger in like}


def _palm(knuckles: Mapping[str, F64], wrist: F64) -> tuple[F64 | None, F64 | None]:
    """Return the direction of the hand and the one across the palm towards the thumb, None where unknown."""
    row = [knuckles[finger] for finger in ("index", "middle", "ring", "pinky") if finger in knuckles]
    if not row:
        return None, None
    ahead = (knuckles["middle"] if "middle" in knuckles else np.mean(row, axis=0)) - wrist
    across = row[0] - row[-1] if len(row) > 1 else knuckles["thumb"] - row[0] if "thumb" in knuckles else None
    return ahead, across


def _toe_middle(side: str, heads: F64, character: CharacterMap) -> F64 | None:
    toes = character.bones.get(f"{side}_foot", ())
    return heads[list(toes)].mean(axis=0) if toes else None


def turn_onto(start: F64, end: F64, before: F64) -> F64:
    """Return the rotation nearest to ``before`` that turns ``start`` into the direction of ``end``.

    Args:
        start: (3,), of any length.
        end: (3,), of any length.
        before: (3, 3).

    Returns:
        (3, 3).
    """
    a, b = before @ _unit(start), _unit(end)
    axis, cosine = np.cross(a, b), float(a @ b)
    sine = float(np.linalg.norm(axis))
    angle = math.atan2(sine, cosine)
    if sine < 1e-9:
        if cosine > 0.0:
            return before
        # Opposite directions: a half turn about any axis across.
        axis = np.cross(a, np.array([0.0, 1.0, 0.0]) if abs(a[1]) < 0.9 else np.array([0.0, 0.0, 1.0]))
        angle = math.pi
    return nearest_rotmat(rotvec_to_rotmat(_unit(axis) * angle) @ before)


def _angle_about(axis: F64, start: F64, end: F64) -> float:
    """Return the angle about an axis that turns one direction's projection into the other's, radians."""
    a, b = start - (start @ axis) * axis, end - (end @ axis) * axis
    if min(np.linalg.norm(a), np.linalg.norm(b)) < 1e-6:
        return 0.0
    return math.atan2(float(np.cross(a, b) @ axis), float(a @ b))


def between_turns(first: F64, last: F64, share: float) -> F64:
    """Return the rotation at a share of the way from one to another. (..., 3, 3) each."""
    step = rotmat_to_rotvec(np.swapaxes(first, -1, -2) @ last)
    return first @ rotvec_to_rotmat(share * step)


def _unit(vector: F64) -> F64:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
