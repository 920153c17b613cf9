# SPDX-License-Identifier: Apache-2.0
"""Rotations in the armature's axes as keys of pose bones, whatever the hierarchy of the bones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import F64
from ..body.rotation import continuous_quat, rotmat_to_quat
from .character_map import FINGER_NAMES, SIDES, CharacterMap
from .rest_skeleton import RestSkeleton


@dataclass(frozen=True, eq=False)
class BoneKeys:
    """Keys of a character's bones.

    Attributes:
        bones: Indices of the bones with rotations.
        quats: (T, B, 4), unit quaternions (wxyz), relative to each bone's rest pose and its parent, as pose bones have.
        locations: For each bone that is moved, (T, 3), along its own axes, in the armature's units.
        deltas: For each bone of the map its rotation from rest in the armature's axes, (T, 3, 3).
        heads: For each bone of the map the position of its head, (T, 3), in the armature's axes and units.
        scale: Metres of the character's step per metre of the source's.
    """

    bones: tuple[int, ...]
    quats: F64
    locations: Mapping[int, F64]
    deltas: Mapping[int, F64]
    heads: Mapping[int, F64]
    scale: float

    def __len__(self) -> int:
        return len(self.quats)


def bone_keys(
    skeleton: RestSkeleton, character: CharacterMap, deltas: Mapping[int, F64], pelvis_at: F64, *, scale: float
) -> BoneKeys:
    """Compute the keys of all driven bones.

    A pose bone's rotation is relative to its parent and its rest pose: with the rotation D of a bone and P of its
    parent from rest, and the rest axes R, it is R^T P^T D R. Bones that are not driven turn with their parents. A
    bone whose parent is not the part of the body that it belongs to, such as a foot below the root, also gets a
    location.

    Args:
        skeleton: Rest skeleton.
        character: Its map.
        deltas: Rotation of each driven bone from rest, (T, 3, 3), in the armature's axes.
        pelvis_at: Position of the pelvis bone's head, (T, 3), in the armature's axes and units.
        scale: Metres of the character's step per metre of the source's.

    Returns:
        The keys.
    """
    pose = _PosedHierarchy(skeleton, character, deltas)
    bodily = _bodily_parents(character)
    pelvis = character.bones["pelvis"][0]
    mover = next((bone for bone in skeleton.ancestors(pelvis) if not skeleton.connected[bone]), pelvis)
    pose.place(mover, pelvis_at - pose.carried(pelvis) + pose.carried(mover))
    for bone, parent in bodily.items():
        if bone not in deltas:
            continue
        above = pose.nearest_driven(bone)
        carried = above == parent or {above, parent} <= set(character.bones["pelvis"])
        if not carried and not skeleton.connected[bone]:
            pose.place(bone, pose.head(parent) + pose.turned(parent, skeleton.heads[bone] - skeleton.heads[parent]))
    bones = tuple(bone for bone in range(len(skeleton)) if bone in deltas)
    local = np.stack([pose.local(bone) for bone in bones], axis=1)
    return BoneKeys(
        bones=bones,
        quats=continuous_quat(rotmat_to_quat(local)),
        locations={bone: pose.location(bone) for bone in pose.placed},
        deltas=dict(deltas),
        heads={bone: pose.head(bone) for bone in bones},
        scale=scale,
    )


def _bodily_parents(character: CharacterMap) -> dict[int, int]:
    """Return the bone that each part hangs at in the body, parents first."""
    bones, found = character.bones, {}
    pelvis = bones["pelvis"][0]

    def chain(first: int, part: str) -> int:
        for bone in bones.get(part, ()):
            found[bone] = first
            first = bone
        return first

    for bone in bones["pelvis"][1:]:
        found[bone] = pelvis
    chest = chain(pelvis, "spine")
    chain(chain(chest, "neck"), "head")
    for side in SIDES:
        arm = chain(chest, f"{side}_collar")
        for part in ("shoulder", "elbow", "wrist"):
            arm = chain(arm, f"{side}_{part}")
        for finger in FINGER_NAMES:
            chain(arm, f"{side}_{finger}")
        leg = pelvis
        for part in ("hip", "knee", "ankle"):
            leg = chain(leg, f"{side}_{part}")
        for toe in bones.get(f"{side}_foot", ()):
            found[toe] = leg
    for twist in character.twists:
        found[twist.bone] = bones[twist.part][0]
    return found


class _PosedHierarchy:
    """Positions and rotations of bones over a clip; a bone's position is computed when it is asked for."""

    def __init__(self, skeleton: RestSkeleton, character: CharacterMap, deltas: Mapping[int, F64]) -> None:
        self._skeleton, self._character, self._deltas = skeleton, character, deltas
        self._count = len(next(iter(deltas.values())))
        self._heads: dict[int, F64] = {}
        self.placed: dict[int, F64] = {}

    def nearest_driven(self, bone: int) -> int | None:
        """Return the nearest bone above that is driven, or the one that it follows; None if there is none."""
        follows = self._character.follows
        above = (follows.get(other, other) for other in self._skeleton.ancestors(bone)[1:])
        return next((other for other in above if other in self._deltas), None)

    def delta(self, bone: int) -> F64 | None:
        """Return the rotation of a bone from rest, (T, 3, 3); None for one that stays in rest."""
        if bone in self._deltas:
            return self._deltas[bone]
        leader = self._character.follows.get(bone)
        if leader is not None:
            return self.delta(leader)
        return self._parent_delta(bone)

    def _parent_delta(self, bone: int) -> F64 | None:
        parent = int(self._skeleton.parents[bone])
        return self.delta(parent) if parent >= 0 and self._skeleton.inherits[bone] else None

    def turned(self, bone: int, offset: F64) -> F64:
        """Return an offset of the rest pose turned with a bone, (T, 3) or (3,)."""
        delta = self.delta(bone)
        return offset if delta is None else delta @ offset

    def carried(self, bone: int) -> F64:
        """Return where the parent carries the head of a bone, (T, 3)."""
        parent = int(self._skeleton.parents[bone])
        heads = self._skeleton.heads
        if parent < 0:
            return np.broadcast_to(heads[bone], (self._count, 3))
        return self.head(parent) + self.turned(parent, heads[bone] - heads[parent])

    def place(self, bone: int, position: F64) -> None:
        """Put the head of a bone at a position, (T, 3)."""
        self.placed[bone] = position
        self._heads.clear()

    def head(self, bone: int) -> F64:
        """Return the position of a bone's head, (T, 3)."""
        if bone not in self._heads:
            leader = self._character.follows.get(bone)
            if bone in self.placed:
                self._heads[bone] = self.placed[bone]
            elif leader is not None:
                offset = self._skeleton.heads[bone] - self._skeleton.heads[leader]
                self._heads[bone] = self.head(leader) + self.turned(leader, offset)
            else:
                self._heads[bone] = self.carried(bone)
        return self._heads[bone]

    def local(self, bone: int) -> F64:
        """Return the rotation of a pose bone relative to its parent and rest, (T, 3, 3)."""
        rest, delta, parent = self._skeleton.rotmat[bone], self._deltas[bone], self._parent_delta(bone)
        return rest.T @ (delta if parent is None else np.swapaxes(parent, -1, -2) @ delta) @ rest

    def location(self, bone: int) -> F64:
        """Return the location of a pose bone along its own axes, (T, 3)."""
        offset = self.placed[bone] - self.carried(bone)
        parent = self._parent_delta(bone)
        if parent is not None:
            offset = np.einsum("tji,tj->ti", parent, offset)
        return offset @ self._skeleton.rotmat[bone]
