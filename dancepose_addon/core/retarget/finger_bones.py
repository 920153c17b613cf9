# SPDX-License-Identifier: Apache-2.0
"""Finds the bones of a character's fingers: names give the finger, the hierarchy its chain, geometry what is a palm.

Fingers are named (``mixamorig:LeftHandIndex1``, ``f_index.01.L``, ``CC_Base_L_Mid1``) or counted (Biped's ``Finger0``
is the thumb, MakeHuman's ``finger1-1`` as well).
"""

from collections.abc import Mapping, Sequence
import re
from typing import Final

import numpy as np

from ..skeleton.bone_names import split_name
from .character_map import FINGER_NAMES, SIDES
from .rest_skeleton import RestSkeleton

PHALANGES: Final = 3
FINGER_WORDS: Final = {
    "thumb": ("thumb",), "index": ("index", "pointer", "point", "forefinger"), "middle": ("middle", "mid"),
    "ring": ("ring",), "pinky": ("pinky", "pinkie", "little"),
}  # fmt: skip
WORDS: Final = re.compile("|".join(word for words in FINGER_WORDS.values() for word in words))
FINGER_OF: Final = {word: finger for finger, words in FINGER_WORDS.items() for word in words}
COUNTED: Final = re.compile(r"(?:finger|digit)[_ .-]?(\d)")
NO_FINGER: Final = re.compile(
    r"(?:^|[^a-z])(?:ik|end|tip|nub|twist|roll|helper|target|pole|null|half|bulge|mcp|pip|dip|palmmid|share)(?:$|[^a-z])"
)
"""Bones beside a finger or at its end."""
PALM_WORDS: Final = ("metacarpal", "carpal", "inhand", "palm")
PALM_SHARE: Final = 0.4
"""The first of four bones is in the palm where it starts nearer to the wrist than this share of the next one's way."""
THUMB_APART: Final = np.cos(np.radians(22.0))
"""The first of four counted fingers is a thumb where it points further than this from the others."""


def find_fingers(
    skeleton: RestSkeleton, readable: Sequence[str], wrists: Mapping[str, int], *, control_rig: bool
) -> dict[str, tuple[int, ...]]:
    """Find the bones of every finger.

    Args:
        skeleton: Rest skeleton of the character.
        readable: Readable name of each bone, empty for bones to leave alone.
        wrists: Bone of the left and of the right hand, by side.
        control_rig: Whether fingers are not below the bone of the hand, as in a generated Rigify rig.

    Returns:
        Up to three bones for each of ``left_thumb`` and so on, from the hand outwards.
    """
    found: dict[str, tuple[int, ...]] = {}
    for side in SIDES:
        wrist = wrists[side]
        if control_rig:
            below = [bone for bone, name in enumerate(readable) if name and split_name(name).side == side]
        else:
            below = [bone for bone in skeleton.descendants(wrist) if readable[bone]]
        names = {bone: _lower(readable[bone]) for bone in below}
        names = {bone: name for bone, name in names.items() if not NO_FINGER.search(name)}
        for finger, bones in _by_finger(skeleton, names).items():
            chain = _phalanges(skeleton, _longest(skeleton, bones), names, wrist, is_thumb=finger == "thumb")
            if chain:
                found[f"{side}_{finger}"] = chain
    return found


def _lower(name: str) -> str:
    """Return a name in lower case with its words apart, so that ``IndexTip`` has the word ``tip``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _by_finger(skeleton: RestSkeleton, names: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    counted: dict[int, list[int]] = {}
    for bone, name in names.items():
        if match := WORDS.search(name.replace("_", "")):
            found.setdefault(FINGER_OF[match.group()], []).append(bone)
        elif match := COUNTED.search(name):
            counted.setdefault(int(match.group(1)), []).append(bone)
    order = list(FINGER_NAMES)
    if 0 not in counted and "thumb" not in found and len(counted) == len(order) - 1:
        order = order if _first_is_thumb(skeleton, counted) else order[1:]
    elif "thumb" in found:
        order = order[1:]
    first = 0 if 0 in counted else 1
    for number, bones in counted.items():
        if 0 <= number - first < len(order):
            found.setdefault(order[number - first], bones)
    return found


def _first_is_thumb(skeleton: RestSkeleton, counted: Mapping[int, list[int]]) -> bool:
    """Tell whether the first of several fingers points elsewhere than the others."""
    ways = []
    for number in sorted(counted):
        chain = _longest(skeleton, counted[number])
        way = skeleton.heads[chain[-1]] - skeleton.heads[chain[0]]
        ways.append(way / max(float(np.linalg.norm(way)), 1e-12))
    others = np.sum(ways[1:], axis=0)
    return bool(ways[0] @ others < THUMB_APART * float(np.linalg.norm(others)))


def _longest(skeleton: RestSkeleton, bones: Sequence[int]) -> list[int]:
    """Return the bones of the longest way down the hierarchy, which leaves out bones beside the finger."""
    members = set(bones)
    chains = [[other for other in skeleton.ancestors(bone)[::-1] if other in members] for bone in bones]
    return max(chains, key=len)


def _phalanges(
    skeleton: RestSkeleton, chain: list[int], names: Mapping[int, str], wrist: int, *, is_thumb: bool
) -> tuple[int, ...]:
    """Return a finger's bones without those in the palm and at the tip."""
    if not is_thumb:
        chain = [bone for bone in chain if not any(word in names[bone].replace("_", "") for word in PALM_WORDS)]
    if len(chain) > PHALANGES:
        away = [float(np.linalg.norm(skeleton.heads[bone] - skeleton.heads[wrist])) for bone in chain[:2]]
        if away[0] < PALM_SHARE * away[1]:
            chain = chain[1:]
    return tuple(chain[:PHALANGES])
