# SPDX-License-Identifier: Apache-2.0
"""Bone names of characters brought into a form that ``skeleton/bone_names`` understands."""

from collections import Counter
from collections.abc import Sequence
import re
from typing import Final

JAPANESE: Final = {
    "センター": "Center root", "下半身": "pelvis", "上半身": "spine", "首": "neck", "頭": "head", "肩": "clavicle",
    "腕捩": "upperarm twist", "手捩": "forearm twist", "腕": "upperarm", "ひじ": "elbow", "ひざ": "knee",
    "手首": "wrist", "足首": "ankle", "つま先": "toe", "足": "thigh", "親指": "thumb", "人指": "index",
    "人差指": "index", "中指": "middle", "薬指": "ring", "小指": "pinky", "左": "Left ", "右": "Right ", "ＩＫ": " IK",
    "全ての親": "root", "グルーブ": "groove dummy", "操作": "dummy", "先": " tip", "親": " dummy", "補助": " helper",
    "両目": "eyes", "目": "eye",
}  # fmt: skip
"""Names of the bones of MikuMikuDance models, the longest first where one contains another."""
WIDE_DIGITS: Final = str.maketrans("０１２３４５６７８９", "0123456789")
_SUFFIX: Final = re.compile(r"(?<=.)[_.][A-Za-z]{3,}$")
NO_SUFFIX: Final = {"left", "right", "lft", "rgt", "twist", "roll", "end", "joint"}
RIGIFY_PARTS: Final = ("upper_arm_fk", "forearm_fk", "hand_fk", "thigh_fk", "shin_fk", "foot_fk", "toe_fk")
RIGIFY_CENTRES: Final = ("torso", "neck", "head")


def readable_names(names: Sequence[str]) -> list[str]:
    """Translate names and remove a suffix that nearly all names share.

    Args:
        names: Of the bones.

    Returns:
        Names in the same order.
    """
    found = [_english(name) for name in names]
    endings = Counter(match.group() for name in found if (match := _SUFFIX.search(name)))
    if endings:
        ending, count = endings.most_common(1)[0]
        if count > 0.5 * len(found) and len(found) > 4 and ending[1:].lower() not in NO_SUFFIX:
            found = [name.removesuffix(ending) for name in found]
    return found


def _english(name: str) -> str:
    if name.isascii():
        return name
    text = name.translate(WIDE_DIGITS)
    for word in sorted(JAPANESE, key=len, reverse=True):
        text = text.replace(word, f" {JAPANESE[word]} ")
    return " ".join(text.split())


def rigify_controls(names: Sequence[str]) -> list[str] | None:
    """Return the names of a generated Rigify rig with only its FK controls readable; None for other rigs.

    Args:
        names: Of the bones.

    Returns:
        For each bone a readable name, empty for bones that are no FK controls.
    """
    present = set(names)
    if not {f"{part}.{side}" for part in ("upper_arm_fk", "thigh_fk") for side in "LR"} <= present:
        return None
    return [_control(name) for name in names]


def _control(name: str) -> str:
    base, _, side = name.rpartition(".")
    if side in ("L", "R") and base in RIGIFY_PARTS:
        return f"{base.removesuffix('_fk')}.{side}"
    if side in ("L", "R") and (base == "shoulder" or re.fullmatch(r"(f_\w+|thumb)\.0\d", base)):
        return name
    if name == "torso":
        return "pelvis"
    return name if name in RIGIFY_CENTRES or name.startswith("spine_fk") else ""
