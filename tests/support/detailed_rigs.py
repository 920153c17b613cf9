# SPDX-License-Identifier: Apache-2.0
"""Families with all the bones that their programs export: twist, helper and control bones, several spines and necks.

Names as in the programs' own exports; positions from SMPL's joints. Nothing but ``driven`` bones may be posed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from tests.support.rigs import Family, build_rig

LIMB_ENDS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
PARTS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Extra:
    """A bone that is added to a rig.

    Attributes:
        name: Its name, with {} for the side where there is one on each side.
        start: Bone from which its place is measured.
        end: Bone to which it is measured; the same as ``start`` for its place.
        share: Place on the way.
        carries: Whether ``end`` becomes its child, so that it is in the chain.
        parent: Its parent, if that is not ``start``.
    """

    name: str
    start: str
    end: str = ""
    share: float = 0.0
    carries: bool = False
    parent: str = ""


@dataclass(frozen=True)
class Detailed:
    """A family with extra bones, and what is to be found in it.

    Attributes:
        family: Names of SMPL's joints.
        extras: Other bones, in the order in which they are added.
        chains: For parts with several bones the patterns of their names.
        twists: Patterns of the names of twist bones that share rotations.
        ignored: Parts that are not compared.
    """

    family: Family
    extras: tuple[Extra, ...] = ()
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    twists: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def build_detailed(detailed: Detailed, rest_joints_m: np.ndarray, **changes: object) -> RestSkeleton:
    """The rig of a family with its extra bones. changes: of the family, such as its rest pose."""
    skeleton = build_rig(replace(detailed.family, **changes), rest_joints_m)
    for extra in detailed.extras:
        for side in detailed.family.sides if "{}" in extra.name else ("",):
            skeleton = with_bone(
                skeleton,
                replace(
                    extra,
                    name=extra.name.format(side),
                    start=extra.start.format(side),
                    end=(extra.end or extra.start).format(side),
                    parent=extra.parent.format(side),
                ),
            )
    return skeleton


def with_bone(skeleton: RestSkeleton, extra: Extra) -> RestSkeleton:
    """A skeleton with one bone more, behind its parent."""
    start, end = skeleton.index[extra.start], skeleton.index[extra.end]
    parent = skeleton.index[extra.parent] if extra.parent else start
    at = max(parent, start) + 1
    head = skeleton.heads[start] + extra.share * (skeleton.heads[end] - skeleton.heads[start])
    parents = [bone if bone < at else bone + 1 for bone in skeleton.parents.tolist()]
    parents.insert(at, parent)
    if extra.carries:
        parents[end if end < at else end + 1] = at

    def grown(values: np.ndarray, value: object) -> np.ndarray:
        return np.insert(values, at, np.asarray(value, values.dtype), axis=0)

    names = list(skeleton.names)
    names.insert(at, extra.name)
    return replace(
        skeleton,
        names=tuple(names),
        parents=np.array(parents),
        heads=grown(skeleton.heads, head),
        tails=grown(skeleton.tails, head + skeleton.tails[parent] - skeleton.heads[parent]),
        rotmat=grown(skeleton.rotmat, skeleton.rotmat[parent]),
        inherits=grown(skeleton.inherits, True),
        connected=grown(skeleton.connected, False),
    )


def along(family: Family, patterns: Sequence[str], shares: Sequence[float]) -> tuple[Extra, ...]:
    """Twist bones beside the segments: one pattern for each of ``LIMB_ENDS``, {1} for the number; empty for none."""
    at = dict(zip(PARTS, family.sided, strict=False))
    return tuple(
        Extra(pattern.format("{}", number), at[start], at[end], share)
        for (start, end), pattern in zip(LIMB_ENDS, patterns, strict=True)
        if pattern
        for number, share in enumerate(shares, 1)
    )


def inside(family: Family, patterns: Sequence[str]) -> tuple[Extra, ...]:
    """Second bones of the segments, in the chain; one pattern for each of ``LIMB_ENDS``, empty for none."""
    at = dict(zip(PARTS, family.sided, strict=False))
    return tuple(
        Extra(pattern, at[start], at[end], 0.5, carries=True)
        for (start, end), pattern in zip(LIMB_ENDS, patterns, strict=True)
        if pattern
    )


def below(parent: str, *names: str) -> tuple[Extra, ...]:
    """Bones one below the other, at one place."""
    return tuple(Extra(name, above) for above, name in pairwise((parent, *names)))


def beside(parent: str, *names: str) -> tuple[Extra, ...]:
    """Bones with one parent, at its place."""
    return tuple(Extra(name, parent) for name in names)


def roots(*names: str) -> tuple[tuple[str, str, tuple[float, float, float]], ...]:
    """Bones at the origin, one below the other."""
    return tuple((name, above, (0.0, 0.0, 0.0)) for above, name in pairwise(("", *names)))
