"""What joints are called: CMU, Mixamo, Rokoko, LaFAN1, Unreal, Blender's and SMPL's own names, as SMPL's joints.

Names are compared without prefixes (``mixamorig:``), case, and what separates words. Spines differ in the number of
their joints, so they are gathered in order and spread over SMPL's three.
"""

from collections.abc import Sequence
import re
from typing import Final

from ..body.model import JOINT_NAMES

_SIDED: Final = {
    "hip": ("upleg", "upperleg", "thigh", "hip"),
    "knee": ("leg", "lowerleg", "shin", "calf", "knee"),
    "ankle": ("foot", "ankle"),
    "foot": ("toebase", "toe", "toes", "ball", "toe0"),
    "collar": ("shoulder", "collar", "clavicle"),
    "shoulder": ("arm", "upperarm", "uparm", "shoulder"),
    "elbow": ("forearm", "lowerarm", "loarm", "elbow"),
    "wrist": ("hand", "wrist"),
    "hand": ("handmiddle1", "fingerbase", "handindex1", "middle01", "middle1", "fmiddle01", "handmid1"),
}
"""In SMPL's order of meaning: where a name may be two joints (LeftShoulder, LeftHip), the file's other names decide."""
_MIDDLE: Final = {
    "pelvis": ("hips", "pelvis", "hip", "root"),
    "neck": ("neck", "neck1", "neck01"),
    "head": ("head",),
}
_SPINE: Final = re.compile(r"^(lowerback|abdomen|spine|spine\d+|chest\d*|upperchest|torso|thorax)$")
NEEDED: Final = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
CMU_UNIT: Final = "0.0564444"
"""Metres: CMU's ASF files have a length of 1 inch / 0.45, and their BVH conversions keep it."""

CMU_ELSEWHERE: Final = ("Hips", "LeftShoulder", "RightShoulder")
"""Joints that CMU's skeleton has 6 to 10 cm from where SMPL has the pelvis and the collars."""


def plain(name: str) -> str:
    """A name without prefix, case and separators; a side in front: ``Hand.L`` and ``hand_l`` are ``lefthand``."""
    base = re.split(r"[:|/]", name)[-1]
    base = re.sub(r"^(bip\d*|mixamorig\d*|character1|def|org|mch|smpl|m|f)[ _.-]+(?=\w)", "", base, flags=re.IGNORECASE)
    side = ""
    found = (
        re.search(r"[ _.-]([lLrR])$", base)
        or re.match(r"^([lLrR])[ _.-]", base)
        or re.search(r"[ _.-]([lLrR])[ _.-]", base)
    )
    if found:
        side = "left" if found.group(1).lower() == "l" else "right"
        base = base[: found.start()] + " " + base[found.end() :]
    low = re.sub(r"[^a-z0-9]", "", base.lower())
    for word in ("left", "right"):
        if low.startswith(word) or low.endswith(word):
            side, low = word, low.removeprefix(word).removesuffix(word)
    return side + low


def smpl_joints(names: Sequence[str]) -> dict[str, int]:
    """SMPL joint -> index of the file's joint that is it; joints that the file lacks are missing.

    names: in the order of the hierarchy, parents first.
    """
    index: dict[str, int] = {}
    for number, name in enumerate(names):
        index.setdefault(plain(name), number)
    found = {joint: index[joint.replace("_", "")] for joint in JOINT_NAMES if joint.replace("_", "") in index}
    if len(found) >= 20:  # SMPL's own names, where left_shoulder is the joint and not the collar
        return found
    found = {}
    for joint, candidates in _MIDDLE.items():
        named = [index[name] for name in candidates if name in index]
        if named:
            found[joint] = named[0]
    for side in ("left", "right"):
        taken: dict[str, int] = {}
        for part, candidates in _SIDED.items():
            choice = _choose(side, part, candidates, index)
            if choice is not None and choice not in taken.values():
                taken[part] = choice
        found |= {f"{side}_{part}": number for part, number in taken.items()}
    spine = [index[name] for name in index if _SPINE.match(name)]
    found |= _spread(spine)
    return found


def _choose(side: str, part: str, candidates: tuple[str, ...], index: dict[str, int]) -> int | None:
    has = {name for name in ("arm", "upperarm", "uparm", "upleg", "thigh", "upperleg") if side + name in index}
    for name in candidates:
        if side + name not in index:
            continue
        if part == "collar" and name == "shoulder" and not has & {"arm", "upperarm", "uparm"}:
            continue  # the shoulder is then the joint itself
        if part == "shoulder" and name == "shoulder" and has & {"arm", "upperarm", "uparm"}:
            continue
        if part == "hip" and name == "hip" and has & {"upleg", "thigh", "upperleg"}:
            continue
        return index[side + name]
    return None


def _spread(spine: list[int]) -> dict[str, int]:
    """Spine joints from the lowest to the highest, as SMPL's three."""
    if not spine:
        return {}
    if len(spine) == 1:
        return {"spine2": spine[0]}
    if len(spine) == 2:
        return {"spine1": spine[0], "spine3": spine[1]}
    return {"spine1": spine[0], "spine2": spine[len(spine) // 2], "spine3": spine[-1]}


def is_cmu(names: Sequence[str]) -> bool:
    """Whether a file keeps the names of CMU's own skeleton."""
    return {"LHipJoint", "RHipJoint", "LowerBack"} <= set(names)
