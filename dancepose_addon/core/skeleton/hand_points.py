# SPDX-License-Identifier: Apache-2.0
"""Points of the hands that a recording has beside those of its layout: wrist, knuckles, finger joints and tips.

The order of a hand is that of MediaPipe and OpenPose: wrist, then four points from the base to the tip for each of
thumb, index, middle, ring and little finger.
"""

from collections.abc import Sequence
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32, F64
from .bone_names import plain, split_name

FINGER_ORDER: Final = ("thumb", "index", "middle", "ring", "pinky")
SIDES: Final = ("left", "right")
POINTS_OF_HAND: Final = 21
HAND_NAMES: Final = tuple(
    f"{side}_{part}"
    for side in SIDES
    for part in ("wrist", *(f"{finger}{number}" for finger in FINGER_ORDER for number in (1, 2, 3, 4)))
)
"""Names of the points of both hands; the fourth of a finger is its tip."""
FEWEST_FINGERS: Final = 2
"""Fingers of which all three joints must be named before points are taken for a hand."""
WORDS: Final = {
    "thumb": "thumb", "index": "index", "forefinger": "index", "middle": "middle", "middlefinger": "middle",
    "ring": "ring", "ringfinger": "ring", "pinky": "pinky", "pinkyfinger": "pinky", "little": "pinky",
    "indexfinger": "index", "littlefinger": "pinky", "mid": "middle", "pointer": "index", "pinkie": "pinky",
}  # fmt: skip
PARTS: Final = {
    word: number
    for number, words in enumerate(("cmc thirdjoint proximal", "mcp pip intermediate", "ip dip distal", "tip end"), 1)
    for word in words.split()
}
"""Which point of a finger a word is, from its base; ``mcp`` is the second of the thumb and the first of the others."""
PATTERN: Final = re.compile(
    rf"(left|right)(?:hand)?({'|'.join(sorted(WORDS, key=len, reverse=True))})(\d|{'|'.join(PARTS)})"
)
COUNTED: Final = re.compile(r"finger(?:(\d)(\d)?|(\d)[-_.](\d))(?=$|[-_. ]?[lr]$)", re.IGNORECASE)
"""Fingers by number: 3ds Max counts from 0, and writes the joint behind it (Finger0, Finger01); MakeHuman from 1."""


def hand_names(side: str) -> tuple[str, ...]:
    """Name the points of a hand in the order of MediaPipe, for an array without names.

    Args:
        side: ``left`` or ``right``.

    Returns:
        21 names. The wrist is called ``left_hand_wrist``, since the body has a wrist too.
    """
    names = HAND_NAMES[:POINTS_OF_HAND] if side == "left" else HAND_NAMES[POINTS_OF_HAND:]
    return (f"{side}_hand_wrist", *names[1:])


def hand_columns(names: Sequence[str]) -> NDArray[np.intp] | None:
    """Find the points of the hands by their names.

    Args:
        names: Of a file's points.

    Returns:
        (42,), index of each point of ``HAND_NAMES`` in the file, -1 where it lacks it; None where no hand has two
        whole fingers.
    """
    bare = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    found = dict.fromkeys(HAND_NAMES, -1)
    places = [_place_of(name, letters) for name, letters in zip(names, bare, strict=True)]
    counted = {(side, finger) for side, finger, _ in filter(None, places)}
    # Where the first joint of a finger has the number 0, and there is none beyond 2, all are one more.
    from_zero = {
        one for one in counted if {part for *two, part in filter(None, places) if tuple(two) == one} == {0, 1, 2}
    }
    for number, place in enumerate(places):
        if place is not None:
            side, finger, part = place
            part += (side, finger) in from_zero
            if 1 <= part <= 4:
                found[f"{side}_{finger}{part}"] = number
    for side in SIDES:
        whole = [all(found[f"{side}_{finger}{part}"] >= 0 for part in (1, 2, 3)) for finger in FINGER_ORDER]
        if sum(whole) < FEWEST_FINGERS:
            found |= {name: -1 for name in HAND_NAMES if name.startswith(side)}
            continue
        wrists = [index for word in (f"{side}handwrist", f"{side}wrist") for index in _where(bare, word)]
        found[f"{side}_wrist"] = wrists[0] if wrists else -1
    columns = np.array(list(found.values()), np.intp)
    return columns if (columns >= 0).any() else None


def _place_of(name: str, bare: str) -> tuple[str, str, int] | None:
    """Side, finger and number of the joint that a name is of; None where it is of none.

    Args:
        name: As the file has it.
        bare: The same in lower case, letters and digits only.
    """
    split = split_name(name)
    forms = (bare, f"{split.side}{split.word}{split.number}", plain(name))
    match = next(filter(None, map(PATTERN.fullmatch, forms)), None)
    if match is None:
        counted = COUNTED.search(name)
        if counted is None or not split.side or any(word in bare for word in WORDS):
            return None
        number = int(counted[1]) if counted[1] else int(counted[3]) - 1
        part = int(counted[2] or 0) + 1 if counted[1] else int(counted[4])
        return (split.side, FINGER_ORDER[number], part) if 0 <= number < len(FINGER_ORDER) else None
    side, finger, part_name = match[1], WORDS[match[2]], match[3]
    place = int(part_name) if part_name.isdecimal() else PARTS[part_name]
    return side, finger, 1 if part_name == "mcp" and finger != "thumb" else place


def _where(names: list[str], wanted: str) -> list[int]:
    return [number for number, name in enumerate(names) if name == wanted]


def take_hands(points: F64, names: Sequence[str]) -> F64 | None:
    """Take the points of the hands from those of a file.

    Args:
        points: (T, K, 3), as the file has them.
        names: Of the K points.

    Returns:
        (T, 42, 3) in the order of ``HAND_NAMES``, NaN where there is no such point; None where there are no hands.
    """
    columns = hand_columns(names)
    if columns is None:
        return None
    hands = points[:, columns].copy()
    hands[:, columns < 0] = np.nan
    hands[(hands == 0.0).all(axis=-1)] = np.nan  # exact zeros mark points that were not seen
    return hands


def on_their_sides(hands: F64, wrists: F64) -> F64:
    """Exchange the hands where each is nearer to the other wrist: tools differ in which they write first.

    Args:
        hands: (T, 42, 3).
        wrists: (T, 2, 3), left and right wrist of the body, in the same axes and unit.

    Returns:
        (T, 42, 3), left hand first.
    """
    away = np.linalg.norm(hands[:, [0, POINTS_OF_HAND], None] - wrists[:, None], axis=-1)
    seen = np.isfinite(away).all(axis=(1, 2))
    if not seen.any():
        return hands
    (left, crossed_left), (crossed_right, right) = np.median(away[seen], axis=0)
    if left + right <= crossed_left + crossed_right:
        return hands
    return np.concatenate([hands[:, POINTS_OF_HAND:], hands[:, :POINTS_OF_HAND]], axis=1)


def exchanged(hands: F32) -> F32:
    """Exchange left and right hand.

    Args:
        hands: (T, 42, 3).

    Returns:
        (T, 42, 3).
    """
    return np.concatenate([hands[:, POINTS_OF_HAND:], hands[:, :POINTS_OF_HAND]], axis=1)
