# SPDX-License-Identifier: Apache-2.0
"""Transfers a motion to a character: rotations and locations of its bones, as pose bones take them.

Every part of the character turns in the world as SMPL's joint does, relative to aligned rest poses. The middle of the
hips follows SMPL's in the ratio of the legs' lengths. Feet in contact are then kept in their places.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from ..arrays import F32, F64
from ..body.model import JOINT_INDEX, forward_kinematics
from ..body.rotation import rotmat_to_quat, rotvec_to_rotmat
from ..fit.floor.contacts import Ground
from .character_map import FINGER_PARTS, SIDES, CharacterMap
from .feet_in_place import keep_feet_in_place
from .finger_transfer import SourceHands, finger_turns
from .pose_keys import BoneKeys, bone_keys
from .rest_alignment import RestAlignment, align_rest_pose, between_turns
from .rest_skeleton import RestSkeleton
from .rigify_ik import with_ik_controls
from .target_feet import FootPoints, find_target_soles

SPINE_JOINTS: Final = ("pelvis", "spine1", "spine2", "spine3")
NECK_JOINTS: Final = ("spine3", "neck", "head")
FOLLOWED: Final = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot", "collar")
STEADY_TWIST: Final = 0.15
"""A twist is not measured where a segment points against its rest direction (swing beyond 163 degrees)."""


@dataclass(frozen=True, eq=False)
class SourceMotion:
    """What a character is to follow.

    Attributes:
        rest_joints_m: (24, 3), joints of the body in its true size in the T-pose, metres.
        pose_rotmat: (T, 24, 3, 3), local rotations.
        translation_m: (T, 3), metres.
        ankle_m: Height of the body's ankles above its soles in the T-pose, metres.
        ground: Floor and contacts of the motion on its own body.
        fps: Frames per second.
        hands: Its fingers, or None: the character's fingers then stay in rest.
    """

    rest_joints_m: F64
    pose_rotmat: F64
    translation_m: F64
    ankle_m: float
    ground: Ground
    fps: float
    hands: SourceHands | None = None


@dataclass(frozen=True, eq=False)
class FigurePlacement:
    """Where the figure's axes are in the armature's.

    Attributes:
        rotmat: (3, 3), from the figure's axes to the armature's.
        origin: (3,), the figure's origin on the floor, in the armature's axes and units.
    """

    rotmat: F64
    origin: F64


def transfer_motion(
    skeleton: RestSkeleton,
    character: CharacterMap,
    source: SourceMotion,
    *,
    feet: FootPoints | None = None,
    placement: FigurePlacement | None = None,
    lock_feet: bool = True,
) -> BoneKeys:
    """Make a character follow a motion.

    Args:
        skeleton: Rest skeleton of the character.
        character: Its map.
        source: Motion to follow.
        feet: Points of the soles; None where the character has no skin.
        placement: Where the dance takes place; None for the armature's origin, ahead of the figure.
        lock_feet: Whether feet in contact are kept in their places.

    Returns:
        The keys.
    """
    finger_joints = None if source.hands is None else source.hands.rest_joints_m
    alignment = align_rest_pose(skeleton, character, source.rest_joints_m, finger_joints)
    pose = np.asarray(source.pose_rotmat, np.float64)
    floor = np.array([0.0, source.ground.floor_m, 0.0])
    # The function keeps the precision of its input.
    found = forward_kinematics(
        cast("F32", np.asarray(source.rest_joints_m, np.float64)),
        cast("F32", pose),
        cast("F32", np.asarray(source.translation_m, np.float64) - floor),
    )
    turned, joints_m = cast("tuple[F64, F64]", found)
    turns = _part_turns(character, alignment, turned)
    soles = find_target_soles(character, alignment, feet if feet is not None else FootPoints({}))
    hips = 0.5 * (joints_m[:, JOINT_INDEX["left_hip"]] + joints_m[:, JOINT_INDEX["right_hip"]])
    hips = hips + np.array([0.0, soles.ankle_m - source.ankle_m, 0.0])
    if lock_feet:
        hips = keep_feet_in_place(character, alignment, soles, turns, hips, source.ground, fps=source.fps)
    bones = _bone_turns(character, alignment, turns)
    if source.hands is not None:
        rest = {side: alignment.turns[f"{side}_wrist"] for side in SIDES}
        wrists = {side: turned[:, JOINT_INDEX[f"{side}_wrist"]] for side in SIDES}
        bones |= finger_turns(character, alignment.heads_m, source.hands, rest, wrists)
    where = placement or FigurePlacement(alignment.frame, np.zeros(3))
    return _keys(skeleton, character, alignment, bones, hips, where, source.fps)


def _part_turns(character: CharacterMap, alignment: RestAlignment, turned: F64) -> dict[str, F64]:
    """Return the rotation of every part from the character's rest pose, (T, 3, 3) each, in the figure's axes."""

    def of(joint: str) -> F64:
        return turned[:, JOINT_INDEX[joint]]

    turns = {"pelvis": of("pelvis") @ alignment.turns["pelvis"], "head": of("head") @ alignment.turns["head"]}
    for side in SIDES:
        for part in FOLLOWED:
            turns[f"{side}_{part}"] = of(f"{side}_{part}") @ alignment.turns[f"{side}_{part}"]
    for number in range(count := len(character.bones.get("spine", ()))):
        share = (number + 1) / count
        rest = between_turns(alignment.turns["pelvis"], alignment.turns["spine"], share)
        turns[f"spine {number}"] = _shared([of(joint) for joint in SPINE_JOINTS], share) @ rest
    for number in range(count := len(character.bones.get("neck", ()))):
        share = (number + 1) / (count + 1)
        rest = between_turns(alignment.turns["spine"], alignment.turns["head"], share)
        turns[f"neck {number}"] = _shared([of(joint) for joint in NECK_JOINTS], share) @ rest
    return turns


def _shared(chain: list[F64], share: float) -> F64:
    """Return the rotation at a share of the way along a chain of joints."""
    place = share * (len(chain) - 1)
    lower = min(int(place + 1e-9), len(chain) - 1)
    rest = place - lower
    return chain[lower] if rest < 1e-9 else between_turns(chain[lower], chain[lower + 1], rest)


def _bone_turns(character: CharacterMap, alignment: RestAlignment, turns: Mapping[str, F64]) -> dict[int, F64]:
    """Return the rotation of every driven bone in the figure's axes; twist is spread along segments."""
    found: dict[int, F64] = {}
    for chain in ("spine", "neck"):
        for number, bone in enumerate(character.bones.get(chain, ())):
            found[bone] = turns[f"{chain} {number}"]
    for part, bones in character.bones.items():
        if part in ("spine", "neck", *FINGER_PARTS):
            continue
        for bone in bones:
            found[bone] = turns[part]
    for side in SIDES:
        for part, base in (("shoulder", "collar"), ("hip", "pelvis")):
            _spread_near(
                f"{side}_{part}", base if base == "pelvis" else f"{side}_{base}", character, alignment, turns, found
            )
        _spread_far(f"{side}_elbow", f"{side}_wrist", character, alignment, turns, found)
    return found


def _spread_near(
    part: str,
    base: str,
    character: CharacterMap,
    alignment: RestAlignment,
    turns: Mapping[str, F64],
    found: dict[int, F64],
) -> None:
    """Spread the twist of a thigh or an upper arm: none at the body, all of it at the far joint."""
    chain = character.bones[part]
    twists = [twist for twist in character.twists if twist.part == part]
    if len(chain) < 2 and not twists:
        return
    axis = alignment.limb[part]
    angle = steady_twist(np.swapaxes(turns[base], -1, -2) @ turns[part], axis)
    places = [(bone, (number + 1) / len(chain)) for number, bone in enumerate(chain[:-1])]
    for bone, place in [*places, *((twist.bone, twist.place) for twist in twists)]:
        found[bone] = turns[part] @ rotvec_to_rotmat(-(1.0 - place) * angle[:, None] * axis)


def _spread_far(
    part: str,
    beyond: str,
    character: CharacterMap,
    alignment: RestAlignment,
    turns: Mapping[str, F64],
    found: dict[int, F64],
) -> None:
    """Spread the twist of the hand over the forearm: none at the elbow, all of it at the wrist."""
    chain = character.bones[part]
    twists = [twist for twist in character.twists if twist.part == part]
    if len(chain) < 2 and not twists:
        return
    axis = alignment.limb[part]
    angle = steady_twist(np.swapaxes(turns[part], -1, -2) @ turns[beyond], axis)
    places = [(bone, (number + 1) / len(chain)) for number, bone in enumerate(chain[1:])]
    for bone, place in [*places, *((twist.bone, twist.place or 0.5) for twist in twists)]:
        found[bone] = turns[part] @ rotvec_to_rotmat(place * angle[:, None] * axis)


def steady_twist(rotmat: F64, axis: F64) -> F64:
    """Return the twist of rotations about an axis, continuous over time.

    Args:
        rotmat: (T, 3, 3).
        axis: (3,), unit vector.

    Returns:
        (T,), radians.
    """
    quat = rotmat_to_quat(rotmat)
    along = quat[:, 1:] @ axis
    known = np.hypot(quat[:, 0], along) > STEADY_TWIST
    if not known.any():
        return np.zeros(len(quat))
    frames = np.arange(len(quat))
    angle = np.unwrap(2.0 * np.arctan2(along[known], quat[known, 0]))
    return np.interp(frames, frames[known], angle)


def _keys(
    skeleton: RestSkeleton,
    character: CharacterMap,
    alignment: RestAlignment,
    bones: Mapping[int, F64],
    hips: F64,
    where: FigurePlacement,
    fps: float,
) -> BoneKeys:
    """Express rotations and positions as pose bones take them."""
    deltas = {bone: where.rotmat @ turn @ alignment.frame.T for bone, turn in bones.items()}
    pelvis = character.bones["pelvis"][0]
    hip_bones = [character.bones[f"{side}_hip"][0] for side in SIDES]
    middle = skeleton.heads[hip_bones].mean(axis=0)
    hips_at = alignment.ratio * hips @ where.rotmat.T + where.origin
    pelvis_at = hips_at + deltas[pelvis] @ (skeleton.heads[pelvis] - middle)
    keys = bone_keys(skeleton, character, deltas, pelvis_at, scale=alignment.ratio * skeleton.world_scale)
    return with_ik_controls(skeleton, keys, fps=fps) if character.settings else keys
