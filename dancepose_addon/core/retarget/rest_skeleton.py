# SPDX-License-Identifier: Apache-2.0
"""The rest skeleton of a character: bones, their hierarchy and their axes, as an armature has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64, Flags


@dataclass(frozen=True, eq=False)
class RestSkeleton:
    """Bones in rest. Rows are bones, parents before children.

    Attributes:
        name: Of the armature, for messages.
        names: Of the bones.
        parents: (N,), index of each bone's parent, -1 for roots.
        heads: (N, 3), in the armature's axes and units.
        tails: (N, 3), in the armature's axes and units. They need not point along the limb.
        rotmat: (N, 3, 3), columns are the bone's axes in the armature's axes.
        world_rotmat: (3, 3), rotation of the armature in the world.
        world_scale: Metres per unit of the armature.
        world_origin_m: (3,), place of the armature in the world, metres.
        inherits: (N,), whether each bone turns with its parent.
        connected: (N,), whether each bone's head is fixed to its parent's tail, so that it cannot be moved.
    """

    name: str
    names: tuple[str, ...]
    parents: NDArray[np.int64]
    heads: F64
    tails: F64
    rotmat: F64
    world_rotmat: F64
    world_scale: float
    world_origin_m: F64
    inherits: Flags
    connected: Flags

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Indices of each bone's children."""
        found: list[list[int]] = [[] for _ in self.names]
        for bone, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                found[parent].append(bone)
        return tuple(map(tuple, found))

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each bone by name."""
        return {name: bone for bone, name in enumerate(self.names)}

    def ancestors(self, bone: int) -> list[int]:
        """Return a bone and all bones above it, from the bone to its root."""
        found = [bone]
        while (parent := int(self.parents[found[-1]])) >= 0:
            found.append(parent)
        return found

    def common_ancestor(self, bones: Sequence[int]) -> int | None:
        """Return the lowest bone that is above all of ``bones``, or one of them; None if they share none."""
        shared = self.ancestors(bones[0])
        for bone in bones[1:]:
            above = set(self.ancestors(bone))
            shared = [other for other in shared if other in above]
        return shared[0] if shared else None

    def path(self, top: int, bottom: int) -> list[int]:
        """Return the bones from below ``top`` to above ``bottom``; empty where ``top`` is not above ``bottom``."""
        above = self.ancestors(bottom)
        if top not in above:
            return []
        return above[1 : above.index(top)][::-1]

    def descendants(self, bone: int) -> list[int]:
        """Return all bones below a bone, parents before children."""
        found, left = [], list(self.children[bone])
        while left:
            found.append(left.pop(0))
            left.extend(self.children[found[-1]])
        return found
