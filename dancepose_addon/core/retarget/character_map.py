# SPDX-License-Identifier: Apache-2.0
"""Which bones of a character are which joints of SMPL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .rest_skeleton import RestSkeleton

SIDES: Final = ("left", "right")
FINGER_NAMES: Final = ("thumb", "index", "middle", "ring", "pinky")
FINGER_PARTS: Final = tuple(f"{side}_{finger}" for side in SIDES for finger in FINGER_NAMES)
CHAINS: Final = (
    "spine",
    "neck",
    *(f"{side}_{part}" for part in ("shoulder", "elbow", "hip", "knee") for side in SIDES),
    *FINGER_PARTS,
)
"""Parts that may have several bones, from the pelvis outwards. A limb's segment is named after its first joint."""
SINGLE: Final = ("pelvis", "head", *(f"{side}_{part}" for part in ("collar", "wrist", "ankle") for side in SIDES))
SPREAD: Final = tuple(f"{side}_foot" for side in SIDES)
"""Parts of several bones side by side: the toes."""
PARTS_OF_MAP: Final = (*SINGLE, *CHAINS, *SPREAD)
NEEDED_PARTS: Final = (
    "pelvis",
    *(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in SIDES),
)
"""Parts without which a skeleton cannot dance."""
PART_WORDS: Final = {
    "shoulder": "upper arm", "elbow": "forearm", "wrist": "hand", "hip": "thigh", "knee": "shin", "ankle": "foot",
    "foot": "toes", "collar": "clavicle",
}  # fmt: skip


@dataclass(frozen=True)
class TwistBone:
    """A bone that shares the twist of a limb's segment.

    Attributes:
        bone: Its index.
        part: Segment, such as ``left_elbow`` for the left forearm.
        place: Position of its head along the segment, 0 at the body and 1 at the far joint.
    """

    bone: int
    part: str
    place: float


@dataclass(frozen=True)
class CharacterMap:
    """Bones of a character by part.

    Attributes:
        bones: For each part of ``PARTS_OF_MAP`` the indices of its bones; parts without bones are missing.
        twists: Bones that share twist.
        follows: Bones that take the rotation of another bone by a constraint.
        settings: Properties of bones that have to be set, by data path, for control rigs.
        doubts: What is uncertain or was changed, as sentences.
    """

    bones: Mapping[str, tuple[int, ...]]
    twists: tuple[TwistBone, ...] = ()
    follows: Mapping[int, int] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    def first(self, part: str) -> int | None:
        """Return the first bone of a part, or None."""
        found = self.bones.get(part, ())
        return found[0] if found else None

    def driven(self) -> list[int]:
        """Return every bone that is posed, without duplicates."""
        found = [bone for bones in self.bones.values() for bone in bones]
        return list(dict.fromkeys([*found, *(twist.bone for twist in self.twists)]))

    def names(self, skeleton: RestSkeleton) -> dict[str, list[str]]:
        """Return the names of the bones by part, in the order of ``PARTS_OF_MAP``."""
        return {
            part: [skeleton.names[bone] for bone in self.bones[part]] for part in PARTS_OF_MAP if self.bones.get(part)
        }


def part_title(part: str) -> str:
    """Return a part in words, such as ``left forearm``."""
    side, _, rest = part.partition("_")
    return f"{side} {PART_WORDS.get(rest, rest)}" if rest else part
