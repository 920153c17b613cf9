# SPDX-License-Identifier: Apache-2.0
"""What the names of a layout's points say: the joint, the side, and the name of the mirror image."""

from collections.abc import Collection
import re
from typing import Final

from ..body.model import JOINT_INDEX, JOINT_NAMES
from .layout import Layout

JOINT_WORDS: Final = (
    ("toe", "foot"), ("foot", "foot"), ("heel", "ankle"), ("ank", "ankle"), ("knee", "knee"), ("kne", "knee"),
    ("tib", "knee"), ("shin", "knee"), ("thi", "hip"), ("asi", "pelvis"), ("psi", "pelvis"), ("hip", "hip"),
    ("finger", "hand"), ("fin", "hand"), ("hand", "hand"), ("wri", "wrist"), ("wra", "wrist"), ("wrb", "wrist"),
    ("elb", "elbow"), ("frm", "elbow"), ("forearm", "elbow"), ("upa", "shoulder"), ("sho", "shoulder"),
    ("arm", "shoulder"), ("clav", "spine3"), ("collar", "collar"), ("strn", "spine3"), ("c7", "spine3"),
    ("t10", "spine2"), ("neck", "neck"), ("chest", "spine3"), ("spine", "spine2"), ("head", "head"), ("hd", "head"),
    ("nose", "head"), ("eye", "head"), ("ear", "head"), ("pelvis", "pelvis"), ("root", "pelvis"),
)  # fmt: skip


def guess_joint(name: str, among: Collection[str] = ()) -> str:
    """Guess the SMPL joint that a point is attached to from its name.

    Args:
        name: Of the point.
        among: Names of all points.

    Returns:
        Name of a joint; a proposal, for the user to check.
    """
    low = name.lower()
    part = next((joint for word, joint in JOINT_WORDS if word in low), "pelvis")
    if part == "hip" and re.search(r"mid|cent|sacr", low):
        return "pelvis"
    side = side_of_name(name, among) or "left"
    return part if part in JOINT_INDEX else f"{side}_{part}"


def side_of_name(name: str, among: Collection[str] = ()) -> str:
    """The side that a point's name says.

    Args:
        name: Of the point.
        among: Names of all points; L or R at a name's start is its side where the other side's name is among them.

    Returns:
        ``left``, ``right``, or empty.
    """
    low = name.lower()
    for side in ("left", "right"):
        if side in low or re.search(rf"(?:^|[._ :-]){side[0]}(?:[._ :-]|$)", low):
            return side
    first = low.split(":")[-1][:1]
    if first not in ("l", "r"):
        return ""
    # A repeated name has a number behind it, which its mirror image has not.
    others = {re.sub(r"_\d+$", "", other).lower() for other in among}
    mirrored = {re.sub(r"_\d+$", "", other).lower() for other in other_sides(name)} | {
        re.sub(r"_\d+$", "", other).lower() for other in other_sides(re.sub(r"_\d+$", "", name))
    }
    is_sided = bool(mirrored & others) if among else bool(re.match(r"[lr][^aeiou]|[lr]$", low))
    return {"l": "left", "r": "right"}[first] if is_sided or name[:2].isupper() else ""


def sides_that_differ(layout: Layout) -> tuple[str, ...]:
    """Find points whose names say another side than the joint that they are attached to.

    Args:
        layout: Any.

    Returns:
        A sentence for each such point.
    """
    found = []
    for name, joint in zip(layout.keypoints, layout.joints, strict=True):
        said, has = side_of_name(name, layout.keypoints), JOINT_NAMES[joint].partition("_")[0]
        if said and has in ("left", "right") and has != said:
            found.append(f"{name} is {said} by its name and attached to {JOINT_NAMES[joint]}.")
    return tuple(found)


def other_sides(name: str) -> list[str]:
    """List what a point's mirror image may be called, with left and right or L and R exchanged.

    Args:
        name: Of the point.

    Returns:
        Candidates.
    """
    found = []
    for one, other in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT")):
        for old, new in ((one, other), (other, one)):
            if old in name:
                found.append(name.replace(old, new))
    for old, new in (("L", "R"), ("R", "L"), ("l", "r"), ("r", "l")):
        # A letter that starts the name, or stands apart: LSHO, Hand.L, hand_l.
        found += [new + name[1:]] if name.startswith(old) else []
        found += [re.sub(rf"([._ -]){old}$", rf"\g<1>{new}", name)]
    return [candidate for candidate in found if candidate != name]
