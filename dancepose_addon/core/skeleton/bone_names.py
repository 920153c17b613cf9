# SPDX-License-Identifier: Apache-2.0
"""Joint names of common rigs, matched by their parts to SMPL's joints.

A name is split into tokens: prefixes of tools (``mixamorig:``, ``Bip01``, ``m_avg_``), a side (``L``, ``Left``,
``.l``), a part (``UpLeg``, ``thigh``, ``femur``), a number and suffixes (``_JNT``). Where one part may mean two joints
(LeftShoulder, LeftHand, LeftFoot), the other names of the file decide: beside a wrist, the hand is the hand.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import re
from typing import Final

from .bone_words import (
    CENTRES,
    ELBOWS,
    FINGERS,
    FORE_LEGS,
    HEADS,
    IGNORED,
    LEADING,
    NECKS,
    PELVES,
    SIDES,
    SPINE_HEIGHTS,
    SPINES,
    TOES,
    TRAILING,
    UPPER_ARMS,
    UPPER_LEGS,
    WORDS,
)

NEEDED: Final = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
"""Joints without which a skeleton is not taken for a person's."""
CMU_UNIT: Final = "0.0564444"
"""Metres: CMU's ASF files have a length of 1 inch / 0.45, and their BVH conversions keep it."""
CMU_ELSEWHERE: Final = ("Hips", "LeftShoulder", "RightShoulder")
"""Joints that CMU's skeleton has 6 to 10 cm from where SMPL has the pelvis and the collars."""
MOST_LETTERS: Final = 100
"""Longer names are cut before they are split."""
_TOKEN: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_RIGIFY: Final = re.compile(r"^(?:(?:DEF|ORG)-)?spine(?:\.(\d{3}))?$")
_VERTEBRA: Final = re.compile(r"[LT]\d{1,2}")
"""Xsens calls the trunk's segments after vertebrae: L5, L3, T12, T8."""
_SERIAL: Final = re.compile(r"_\d{2,4}$")
"""Sketchfab numbers every node of a file at the end of its name."""


@dataclass(frozen=True)
class BoneName:
    """One joint's name in parts.

    Attributes:
        side: ``left``, ``right``, or empty.
        word: The part in lower case without separators, such as ``upleg``; empty where the bone is to be ignored.
        number: The last number of the name, or 0.
        is_central: Whether the name says that the joint is in the middle (``HipCenter``).
    """

    side: str
    word: str
    number: int
    is_central: bool = False

    @property
    def key(self) -> str:
        """Side, word and number in one string, to compare names by."""
        return f"{self.side}{self.word}{self.number or ''}"


def split_name(name: str) -> BoneName:
    """Split a joint's name into side, part and number.

    Args:
        name: As the file has it.

    Returns:
        Its parts.
    """
    base = re.split(r"[:|/]", name[:MOST_LETTERS])[-1]
    if _VERTEBRA.fullmatch(base):
        return BoneName("", base.lower(), 0)
    tokens = [token for found in _TOKEN.findall(base) for token in _apart(found)]
    side, tokens = _take_side(_without_junk(tokens))
    if any(token in IGNORED for token in tokens) and "neck" not in tokens:
        return BoneName(side, "", 0)
    numbers = [token for token in tokens if token.isdigit()]
    words = [token for token in tokens if not token.isdigit()]
    while len(words) > 1 and words[-1] in TRAILING:  # a number was behind it: Left_Thigh_Joint_01
        words.pop()
    if not words:
        return BoneName("", "", 0)
    if not side and len(words) > 1 and words[-1] == "m" and not numbers:  # Neck_M of Advanced Skeleton
        words.pop()
    is_central = len(words) > 1 and bool({words[0], words[-1]} & CENTRES)
    if is_central:
        words = [word for word in words if word not in CENTRES] or words
    word = "".join(words)
    if not side and word not in WORDS:
        side, word = _glued_side(word)
    while word not in WORDS and len(words) > 1:
        shorter = "".join(words[1:])
        if shorter in WORDS:
            word = shorter
            break
        words = words[1:]
    return BoneName(side, word, int(numbers[-1][:6]) if numbers else 0, is_central)


def plain(name: str) -> str:
    """A name without prefix, case and separators, its side in front.

    Args:
        name: Such as ``Hand.L``, ``hand_l`` or ``mixamorig:LeftHand``.

    Returns:
        Such as ``lefthand``.
    """
    base = re.split(r"[:|/]", name[:MOST_LETTERS])[-1]
    tokens = [token for found in _TOKEN.findall(base) for token in _apart(found)]
    side, tokens = _take_side(_without_junk(tokens))
    word = "".join(tokens)
    if not side:
        for one in ("left", "right"):
            if word != one and (word.startswith(one) or word.endswith(one)):
                return one + word.removeprefix(one).removesuffix(one)
    return side + word


def _apart(token: str) -> list[str]:
    """A token in lower case; a side and the first letter of a part are two (``LU`` of ``LUArm``)."""
    if token in ("LU", "RU", "LF", "RF", "LL", "RL"):
        return [token[0].lower(), token[1].lower()]
    return [token.lower()]


def _without_junk(tokens: list[str]) -> list[str]:
    """Tokens without the prefixes and suffixes of tools."""
    kept = list(tokens)
    while len(kept) > 1 and kept[0] in LEADING:
        kept.pop(0)
        while len(kept) > 1 and kept[0].isdigit():
            kept.pop(0)
    while len(kept) > 1 and kept[-1] in TRAILING:
        kept.pop()
    return kept


def _take_side(tokens: list[str]) -> tuple[str, list[str]]:
    """The side that a token says, and the other tokens."""
    for at, token in enumerate(tokens):
        if token in SIDES:
            rest = tokens[:at] + tokens[at + 1 :]
            # F of LFArm is no prefix.
            return SIDES[token], _without_junk(rest) if at else rest
    return "", tokens


def _glued_side(word: str) -> tuple[str, str]:
    """The side of a word in lower case that begins or ends with it: ``lfemur``, ``handleft``."""
    for start, side in (("left", "left"), ("right", "right"), ("l", "left"), ("r", "right")):
        if word.startswith(start) and word[len(start) :] in WORDS:
            return side, word[len(start) :]
        if len(start) > 1 and word.endswith(start) and word[: -len(start)] in WORDS:
            return side, word[: -len(start)]
    return "", word


def smpl_joints(names: Sequence[str], *, in_order: bool = True) -> dict[str, int]:
    """Find SMPL's joints among a file's.

    Args:
        names: Of the file's joints.
        in_order: Whether parents are before children, as in a skeleton; else spine and neck are ordered by their names.

    Returns:
        For each SMPL joint that was found the index of the file's joint; the others are missing.
    """
    if not in_order:
        order = sorted(range(len(names)), key=lambda number: _height(split_name(names[number])))
        return {joint: order[number] for joint, number in smpl_joints([names[number] for number in order]).items()}
    bones = _bones(names)
    index: dict[tuple[str, str], int] = {}
    for number, bone in enumerate(bones):
        if bone.word and not (bone.is_central and bone.side):
            index.setdefault((bone.side, bone.word), number)
    rigify = _rigify_spine(names)
    found: dict[str, int] = {}
    if rigify:
        found |= rigify
    else:
        found |= _middle(bones, index)
        spine = [number for number, bone in enumerate(bones) if not bone.side and bone.word in SPINES]
        found |= _spread([number for number in spine if number not in found.values()])
    for side in ("left", "right"):
        limbs = _limbs({word: number for (other, word), number in index.items() if other == side}, bones, side)
        found |= {f"{side}_{part}": number for part, number in limbs.items()}
    return found


def _height(bone: BoneName) -> tuple[float, int]:
    """A key that orders the bones of a spine, and numbered bones of one name, from below to above."""
    return (SPINE_HEIGHTS.get(bone.word, 0.0), bone.number)


def _bones(names: Sequence[str]) -> list[BoneName]:
    """Every name in parts, without the prefix that nearly all share and without serial numbers."""
    cut = [name[:MOST_LETTERS] for name in names]
    serial = [bool(_SERIAL.search(name)) for name in cut]
    if len(cut) > 4 and sum(serial) > 0.8 * len(cut):
        cut = [_SERIAL.sub("", name) for name in cut]
    starts = Counter(match.group() for name in cut if (match := re.match(r"^.*?[_:. -](?=.)", name)))
    if starts:
        prefix, count = starts.most_common(1)[0]
        if len(prefix) > 2 and count > 0.8 * len(cut) and split_name(prefix).word not in WORDS:
            cut = [name.removeprefix(prefix) for name in cut]
    return [split_name(name) for name in cut]


def _middle(bones: list[BoneName], index: dict[tuple[str, str], int]) -> dict[str, int]:
    """Pelvis, neck and head."""
    central = {bone.word: number for number, bone in reversed(list(enumerate(bones))) if bone.is_central}
    found: dict[str, int] = {}
    for joint, words in (("pelvis", PELVES), ("neck", NECKS), ("head", HEADS)):
        named = [index["", word] for word in words if ("", word) in index]
        if named:
            found[joint] = named[0]
    for joint, word in (("pelvis", "hip"), ("neck", "shoulder")):
        if word in central and (joint not in found or bones[found[joint]].word == "root"):
            found[joint] = central[word]
    return found


def _limbs(at: dict[str, int], bones: list[BoneName], side: str) -> dict[str, int]:
    """Joints of one side. at: word -> index of the file's joint."""

    def first(words: Sequence[str]) -> int | None:
        return next((at[word] for word in words if word in at), None)

    shin, thigh = first(FORE_LEGS), first(UPPER_LEGS)
    arm, collar = first(UPPER_ARMS), first(("clavicle", "collar", "clav", "collarbone", "scapula"))
    plain_arm = at.get("arm")
    elbow = first(ELBOWS)
    if elbow is None:  # BEAT: RArm, RArm1.
        numbered = [n for n, bone in enumerate(bones) if bone.side == side and bone.word == "arm"]
        elbow = numbered[1] if len(numbered) > 1 else None
    if arm is None:
        arm = plain_arm
    chosen: dict[str, int | None] = {
        "hip": thigh if thigh is not None else at.get("hip", at.get("leg") if shin is not None else None),
        "knee": shin if shin is not None else at.get("leg"),
        "ankle": at.get("ankle", at.get("foot")),
        "foot": first(TOES) if first(TOES) is not None else at.get("foot"),
        "collar": collar if collar is not None else (at.get("shoulder") if arm is not None else None),
        "shoulder": arm if arm is not None else at.get("shoulder"),
        "elbow": elbow,
        "wrist": at.get("wrist", at.get("hand", at.get("palm"))),
        "hand": at.get("hand") if "wrist" in at else None,
    }
    if chosen["hand"] is None:
        chosen["hand"] = _first_finger(bones, side)
    taken: dict[str, int] = {}
    for part, number in chosen.items():
        if number is not None and number not in taken.values():
            taken[part] = number
    return taken


def _first_finger(bones: list[BoneName], side: str) -> int | None:
    """The joint that is nearest to where SMPL has its hand: the middle finger's first."""
    for word in FINGERS:
        numbers = [(bone.number, n) for n, bone in enumerate(bones) if bone.side == side and bone.word == word]
        if word == "finger":  # 3ds Max counts fingers: Finger2 is the middle one.
            numbers = [pair for pair in numbers if pair[0] == 2] or numbers
        if numbers:
            return min(numbers)[1]
    return None


def _rigify_spine(names: Sequence[str]) -> dict[str, int]:
    """Blender's Rigify calls everything from pelvis to head ``spine``: .004 is the neck, the highest the head."""
    numbered = {
        int(match.group(1) or 0): index for index, name in enumerate(names) if (match := _RIGIFY.match(name[:24]))
    }
    plain_words = {split_name(name).word for name in names}
    if len(numbered) < 5 or plain_words & {"neck", "head", "hips"}:
        return {}
    places = {"pelvis": 0, "spine1": 1, "spine2": 2, "spine3": 3, "neck": 4, "head": max(numbered)}
    return {joint: numbered[number] for joint, number in places.items() if number in numbered}


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
    """Whether a file keeps the names of CMU's own skeleton.

    Args:
        names: Of the file's joints.

    Returns:
        True where they are CMU's.
    """
    return {"LHipJoint", "RHipJoint", "LowerBack"} <= set(names)
