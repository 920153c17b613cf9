# SPDX-License-Identifier: Apache-2.0
"""Finds the map of a character: names give joints, the hierarchy completes chains, geometry checks both."""

from collections.abc import Mapping, Sequence
import itertools
import re
from typing import Final

import numpy as np

from ..errors import InputError
from ..skeleton.bone_names import smpl_joints, split_name
from ..skeleton.bone_words import PELVES
from .character_map import NEEDED_PARTS, SIDES, CharacterMap, TwistBone, part_title
from .figure_frame import figure_frame, leg_length
from .finger_bones import find_fingers
from .readable_names import readable_names, rigify_controls
from .rest_skeleton import RestSkeleton
from .rigify_ik import ik_settings
from .unnamed_figure import joints_by_shape

Parts = dict[str, tuple[int, ...]]

LIMBS: Final = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
CARRYING: Final = tuple(f"{side}_{part}" for side in SIDES for part in ("shoulder", "elbow", "hip", "knee"))
"""Joints whose bones carry others in most skeletons."""
BALL: Final = 0.5
"""A bone between ankle and toes that is named after the foot and is beyond this share of the way is at the ball."""
PELVIS_NEAR: Final = 0.45
"""A bone that is further from the middle of the hips than this share of the leg's length is no pelvis."""
LEAST_RATIO: Final = 0.35
"""Smallest ratio of the two segments of a limb that a person or a toy figure has."""
LEAST_SEGMENT: Final = 0.04
"""Shortest segment of a limb, as a share of the figure's height from hips to head and legs."""
TWIST_WORD: Final = re.compile(r"twist|roll|捩", re.IGNORECASE)


def find_character_map(skeleton: RestSkeleton, *, overrides: Mapping[str, Sequence[int]] | None = None) -> CharacterMap:
    """Find which bones are which joints.

    Args:
        skeleton: Rest skeleton of the character.
        overrides: Bones by part that the user says, empty for a part that the character does not have.

    Returns:
        The map, with what is uncertain in it.

    Raises:
        InputError: If the skeleton is not a person's, or limbs are missing.
    """
    given = {part: tuple(bones) for part, bones in (overrides or {}).items()}
    controls = rigify_controls(skeleton.names)
    readable = controls if controls is not None else readable_names(skeleton.names)
    doubts: list[str] = []
    joints = _named_joints(skeleton, readable)
    joints |= {part: bones[0] for part, bones in given.items() if bones}
    _complete_by_shape(skeleton, joints, doubts)
    for part, bones in given.items():
        if not bones:
            joints.pop(part, None)
    missing = [part for part in NEEDED_PARTS if part != "pelvis" and part not in joints]
    if missing:
        raise InputError(_missing_limbs(skeleton, missing))
    _swap_wrong_sides(skeleton, joints, given, doubts)
    parts = _chains(skeleton, readable, joints, controls is not None)
    hands = {side: parts[f"{side}_wrist"][0] for side in SIDES}
    taken = {bone for bones in (*parts.values(), *given.values()) for bone in bones}
    fingers = find_fingers(skeleton, readable, hands, control_rig=controls is not None)
    parts |= {part: bones for part, bones in fingers.items() if taken.isdisjoint(bones)}
    parts |= {part: bones for part, bones in given.items() if bones}
    for part, bones in given.items():
        if not bones:
            parts.pop(part, None)
    _require_bones_once(skeleton, parts)
    _check_limbs(skeleton, parts, doubts)
    if controls is not None:
        doubts.append("This is a Rigify rig: its FK controls are driven, and its limbs are switched to FK.")
    return CharacterMap(
        bones=parts,
        twists=_twist_bones(skeleton, parts) if controls is None else (),
        follows=_rigify_followers(skeleton) if controls is not None else {},
        settings=_rigify_settings(skeleton) if controls is not None else {},
        doubts=tuple(doubts),
    )


def _require_bones_once(skeleton: RestSkeleton, parts: Parts) -> None:
    """Refuse a map in which a bone is two parts."""
    owner: dict[int, str] = {}
    for part, bones in parts.items():
        for bone in bones:
            if owner.setdefault(bone, part) != part:
                raise InputError(
                    f"The map has the bone {skeleton.names[bone]!r} more than once: it is the "
                    f"{part_title(owner[bone])} and the {part_title(part)}. Name each bone once."
                )


def _named_joints(skeleton: RestSkeleton, readable: list[str]) -> dict[str, int]:
    """Return the index of the bone of every SMPL joint that the names give."""
    joints = _joints_of_names(readable)
    # Bones without children beside the limbs, such as the collision volumes of Second Life.
    ends = {bone for part in CARRYING if (bone := joints.get(part)) is not None and not skeleton.children[bone]}
    if ends:
        others = _joints_of_names(["" if bone in ends else name for bone, name in enumerate(readable)])
        if joints.keys() <= others.keys():
            joints = others
    for side in SIDES:
        joints.pop(f"{side}_hand", None)
        for first, middle, last in LIMBS:
            _prefer_descendants(skeleton, joints, [f"{side}_{part}" for part in (first, middle, last)])
    return joints


def _joints_of_names(readable: list[str]) -> dict[str, int]:
    kept = [bone for bone, name in enumerate(readable) if name]
    found = smpl_joints([readable[bone] for bone in kept])
    return {joint: kept[place] for joint, place in found.items()}


def _prefer_descendants(skeleton: RestSkeleton, joints: dict[str, int], limb: list[str]) -> None:
    """Drop a joint that lies above the joint before it in the hierarchy: its name means something else."""
    for upper, lower in itertools.pairwise(limb):
        if upper in joints and lower in joints and joints[lower] in skeleton.ancestors(joints[upper]):
            joints.pop(lower)


def _complete_by_shape(skeleton: RestSkeleton, joints: dict[str, int], doubts: list[str]) -> None:
    """Add the joints that names do not give from the shape of the skeleton."""
    lacking = [part for part in (*NEEDED_PARTS, "head") if part not in joints and part != "pelvis"]
    found = joints_by_shape(skeleton) if lacking else None
    if found is None:
        return
    if len(lacking) > 6:
        joints.clear()
        joints |= found
        doubts.append("The names of the bones are not known: the map was found from the shape of the skeleton.")
        return
    found = _with_sides_of_names(found, joints)
    for part in [part for part in lacking if found.get(part) in joints.values()]:
        # Another joint's name is on this bone: the limb's bones have one name and numbers.
        limb = next(limb for limb in LIMBS if part.partition("_")[2] in limb) if part != "head" else ()
        side = part.partition("_")[0]
        if all(f"{side}_{other}" in found for other in limb):
            joints |= {f"{side}_{other}": found[f"{side}_{other}"] for other in limb}
            doubts.append(f"The bones from the {part_title(part)} on were found by their positions.")
    taken = set(joints.values())
    for part in lacking:
        if part in found and part not in joints and found[part] not in taken:
            joints[part] = found[part]
            doubts.append(f"The {part_title(part)} is taken to be {skeleton.names[found[part]]}, by its position.")


def _with_sides_of_names(found: dict[str, int], joints: dict[str, int]) -> dict[str, int]:
    """Exchange the sides of joints found by shape where the names of others show that they are the other way round."""

    def mirrored(part: str) -> str:
        side, _, rest = part.partition("_")
        return f"{'right' if side == 'left' else 'left'}_{rest}" if side in SIDES else part

    votes = [(bone == joints.get(part)) - (bone == joints.get(mirrored(part))) for part, bone in found.items()]
    return {mirrored(part): bone for part, bone in found.items()} if sum(votes) < 0 else found


def _missing_limbs(skeleton: RestSkeleton, missing: list[str]) -> str:
    if len(missing) > 6:
        return (
            f"The armature {skeleton.name} was not recognised as a person: {len(NEEDED_PARTS) - 1 - len(missing)} of "
            f"{len(NEEDED_PARTS) - 1} joints of arms and legs were found. Name their bones in a map file."
        )
    titles = ", ".join(part_title(part) for part in missing)
    return (
        f"The armature {skeleton.name} has no bone for: {titles}. Name the bones in a map file, or choose a character "
        "with two arms and two legs."
    )


def _swap_wrong_sides(
    skeleton: RestSkeleton, joints: dict[str, int], given: Mapping[str, Sequence[int]], doubts: list[str]
) -> None:
    """Exchange left and right where the feet show that the character faces the other way."""
    if any(part.startswith(SIDES) for part in given):
        return
    toes = [
        skeleton.heads[joints[f"{side}_foot"]] - skeleton.heads[joints[f"{side}_ankle"]]
        for side in SIDES
        if f"{side}_foot" in joints
    ]
    if not toes:
        return
    frame = figure_frame(skeleton, joints)
    ahead = np.sum(toes, axis=0) @ frame[:, 2]
    if ahead >= -0.2 * float(np.linalg.norm(np.sum(toes, axis=0))):
        return
    for part in [name for name in joints if name.startswith("left_")]:
        other = part.replace("left_", "right_")
        if other in joints:
            joints[part], joints[other] = joints[other], joints[part]
    doubts.append(
        "Left and right are exchanged in the names of the bones: the feet point the other way. The true sides are used."
    )


def _chains(skeleton: RestSkeleton, readable: list[str], joints: dict[str, int], rigify: bool) -> Parts:  # noqa: FBT001
    """Return the bones of every part."""
    parts: Parts = {}
    for side in SIDES:
        for limb in LIMBS:
            names = [f"{side}_{part}" for part in limb]
            for part, beyond in itertools.pairwise(names):
                between = skeleton.path(joints[part], joints[beyond])
                shown = [bone for bone in between if readable[bone] and not _is_helper(readable[bone])]
                parts[part] = (joints[part], *shown)
            parts[names[-1]] = (joints[names[-1]],)
        parts[f"{side}_foot"] = _toes(skeleton, readable, joints, side)
    pelvis = _pelvis(skeleton, joints)
    parts["pelvis"] = (pelvis,)
    arms = [joints[f"{side}_shoulder"] for side in SIDES]
    head = joints.get("head")
    top = skeleton.common_ancestor([*arms, *([head] if head is not None else [])])
    if top is not None:
        spine = [bone for bone in [*skeleton.path(pelvis, top), top] if bone != pelvis and readable[bone]]
        # Hips below another bone that carries the legs: they turn with it.
        hips = [bone for bone in spine if split_name(readable[bone]).word in PELVES and bone != top]
        parts["pelvis"] = (pelvis, *hips)
        spine = [bone for bone in spine if bone not in hips]
        if top != pelvis and pelvis in skeleton.ancestors(top):
            parts["spine"] = tuple(bone for bone in spine if not _is_helper(readable[bone]))
        for side in SIDES:
            between = [bone for bone in skeleton.path(top, joints[f"{side}_shoulder"]) if readable[bone]]
            collar = joints.get(f"{side}_collar")
            between = [bone for bone in between if bone == collar] or between[:1]
            if rigify and collar is not None:
                between = [collar]
            if between:
                parts[f"{side}_collar"] = (between[0],)
        if head is not None:
            parts["head"] = (head,)
            neck = [bone for bone in skeleton.path(top, head) if readable[bone] and not _is_helper(readable[bone])]
            parts["neck"] = tuple(neck)
    return {part: bones for part, bones in parts.items() if bones}


def _is_helper(name: str) -> bool:
    word = name.lower()
    return any(part in word for part in ("_ik", "ik_", "-ik", "pole", "ctrl", "control", "helper", "dummy"))


def _pelvis(skeleton: RestSkeleton, joints: dict[str, int]) -> int:
    """Return the bone that moves the whole figure: the one named so, or the lowest that carries legs and spine."""
    legs = [joints[f"{side}_hip"] for side in SIDES]
    arms = [joints[f"{side}_shoulder"] for side in SIDES]
    common = skeleton.common_ancestor([*legs, *arms])
    named = joints.get("pelvis")
    middle = skeleton.heads[legs].mean(axis=0)
    near = PELVIS_NEAR * leg_length(skeleton, joints)
    if common is None:
        return named if named is not None else legs[0]
    above = skeleton.ancestors(common)
    if named is not None and named in above and np.linalg.norm(skeleton.heads[named] - middle) < near:
        return named
    # A bone above, such as Ethan's hips above the spine that carries the legs.
    return common


def _toes(skeleton: RestSkeleton, readable: list[str], joints: dict[str, int], side: str) -> tuple[int, ...]:
    named = joints.get(f"{side}_foot")
    ankle = joints[f"{side}_ankle"]
    if named is None:
        return ()
    way = float(np.linalg.norm(skeleton.heads[named] - skeleton.heads[ankle]))
    for bone in skeleton.path(ankle, named):
        beyond = float(np.linalg.norm(skeleton.heads[bone] - skeleton.heads[ankle]))
        if split_name(readable[bone]).word == "foot" and beyond > BALL * way:
            return (bone,)
    parent = int(skeleton.parents[named])
    sisters = [
        bone
        for bone in skeleton.children[parent]
        if parent >= 0 and split_name(readable[bone]).word in ("toe", "toes", "toebase") and readable[bone]
    ]
    return tuple(sisters) if ankle in skeleton.ancestors(named) and named in sisters else (named,)


def _twist_bones(skeleton: RestSkeleton, parts: Parts) -> tuple[TwistBone, ...]:
    """Return the bones with a twist in their name that hang at a segment of a limb, with their place along it."""
    taken = {bone for bones in parts.values() for bone in bones}
    found = []
    for side in SIDES:
        for limb in LIMBS:
            for part, beyond in itertools.pairwise(limb):
                segment = parts[f"{side}_{part}"]
                start, end = skeleton.heads[segment[0]], skeleton.heads[parts[f"{side}_{beyond}"][0]]
                along = end - start
                for bone in segment:
                    for child in skeleton.children[bone]:
                        if child in taken or not TWIST_WORD.search(skeleton.names[child]):
                            continue
                        place = float((skeleton.heads[child] - start) @ along / max(float(along @ along), 1e-12))
                        if -0.1 <= place <= 1.1:
                            found.append(TwistBone(child, f"{side}_{part}", min(max(place, 0.0), 1.0)))
    return tuple(found)


def _check_limbs(skeleton: RestSkeleton, parts: Parts, doubts: list[str]) -> None:
    """Report limbs whose lengths no figure has, and parts that are missing."""
    height = leg_length(skeleton, {part: bones[0] for part, bones in parts.items()})
    for side in SIDES:
        for limb in LIMBS:
            places = [skeleton.heads[parts[f"{side}_{part}"][0]] for part in limb]
            first, second = (float(np.linalg.norm(b - a)) for a, b in itertools.pairwise(places))
            if min(first, second) < LEAST_SEGMENT * height:
                raise InputError(
                    f"The {part_title(f'{side}_{limb[0]}')} of {skeleton.name} has no length: "
                    f"{', '.join(skeleton.names[parts[f'{side}_{part}'][0]] for part in limb)} were taken for its "
                    "joints. Name the right bones in a map file."
                )
            if min(first, second) < LEAST_RATIO * max(first, second):
                doubts.append(
                    f"The {part_title(f'{side}_{limb[0]}')} and the {part_title(f'{side}_{limb[1]}')} have unusual "
                    f"lengths ({first / max(second, 1e-9):.2f} to 1). Check their bones."
                )
    if "head" not in parts:
        doubts.append("No head was found: it follows the chest.")
    if not all(f"{side}_collar" in parts for side in SIDES):
        doubts.append("There are no collar bones: the shoulders do not rise.")
    if "spine" not in parts:
        doubts.append("There is no spine between pelvis and arms: the chest follows the pelvis.")


def _rigify_followers(skeleton: RestSkeleton) -> dict[int, int]:
    names = (("ORG-shoulder", "shoulder"), ("DEF-hand", "hand_fk"))
    pairs = ((f"{bone}.{side}", f"{leader}.{side}") for bone, leader in names for side in "LR")
    return {skeleton.index[a]: skeleton.index[b] for a, b in pairs if a in skeleton.index and b in skeleton.index}


def _rigify_settings(skeleton: RestSkeleton) -> dict[str, float]:
    """Properties of Rigify's controls: limbs by FK that follow their parents, neck and head free of the torso."""
    found = {}
    for limb in ("upper_arm_parent", "thigh_parent"):
        for side in "LR":
            bone = f"{limb}.{side}"
            if bone in skeleton.index:
                found[f'pose.bones["{bone}"]["IK_FK"]'] = 1.0
                found[f'pose.bones["{bone}"]["FK_limb_follow"]'] = 0.0
    if "torso" in skeleton.index:
        found['pose.bones["torso"]["neck_follow"]'] = 1.0
        found['pose.bones["torso"]["head_follow"]'] = 1.0
    return found | ik_settings(skeleton)
