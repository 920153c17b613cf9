# SPDX-License-Identifier: Apache-2.0
"""Keys of Rigify's IK controls that give the same pose as its FK controls, so that a limb can be switched to IK.

Elbows and knees of the IK chains are hinges, so those of the FK controls become hinges too: the axis of a joint is the
normal of its limb's plane. Directions of all segments stay. Rigify itself spreads the twist of hands and feet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..arrays import F64
from ..body.rotation import continuous_quat, rotmat_to_quat
from .pose_keys import BoneKeys
from .rest_skeleton import RestSkeleton

LIMBS: Final = (
    ("upper_arm", "forearm", "hand", "hand_ik", ""),
    ("thigh", "shin", "foot", "foot_ik", "toe"),
)
"""Upper and lower segment, end, IK control of the end, and toe."""
BENT: Final = 0.03
"""Least distance of an elbow or knee from the line through the ends of its limb, as a share of the limb's length, at
which the plane of the limb is known: a bend of 7 degrees. A knee may bend sideways by 5 degrees."""
POLE_OWN: Final = 0.01
"""Bend up to which the pole target follows the upper segment; from ``BENT`` on it is in the plane of the limb."""
CLEARLY_BENT: Final = 0.1
"""Distance (23 degrees) up to which a joint that bends backwards is overextended, and its plane is not turned."""
SURE: Final = 0.07
"""Distance (16 degrees) at which the plane is known to be averaged over ``SMOOTH_S``; the certainty grows as its sixth
power."""
SMOOTH_S: Final = 0.06
BACKWARDS: Final = -0.3
"""Cosine between the direction of the pole and the bend below which a joint bends backwards."""


@dataclass(frozen=True)
class IkLimb:
    """Bones of a limb of a generated Rigify rig.

    Attributes:
        upper: FK control of the upper segment.
        lower: FK control of the lower segment.
        end: FK control of hand or foot.
        control: IK control of hand or foot.
        pole: Target of elbow or knee.
        settings: Bone that holds the limb's properties.
        toe: FK and IK control of the toes, or None.
    """

    upper: int
    lower: int
    end: int
    control: int
    pole: int
    settings: int
    toe: tuple[int, int] | None


def ik_limbs(skeleton: RestSkeleton) -> tuple[IkLimb, ...]:
    """Return the limbs of a Rigify rig that have IK controls with a pole target.

    Args:
        skeleton: Rest skeleton of the rig.
    """
    found, index = [], skeleton.index
    for upper, lower, end, control, toe in LIMBS:
        for side in ("L", "R"):
            names = (f"{upper}_fk", f"{lower}_fk", f"{end}_fk", control, f"{upper}_ik_target", f"{upper}_parent")
            bones = [index.get(f"{name}.{side}", -1) for name in names]
            toes = index.get(f"{toe}_fk.{side}", -1), index.get(f"{toe}_ik.{side}", -1)
            if min(bones) >= 0:
                found.append(IkLimb(*bones, toe=toes if min(toes) >= 0 else None))
    return tuple(found)


def ik_settings(skeleton: RestSkeleton) -> dict[str, float]:
    """Return the properties under which ``with_ik_controls`` holds.

    Poles are used, controls follow the root only, and segments do not stretch: Blender's solver would otherwise stretch
    them by some percent instead of bending.

    Args:
        skeleton: Rest skeleton of the rig.
    """
    found = {}
    for limb in ik_limbs(skeleton):
        holder = skeleton.names[limb.settings]
        for name in ("pole_vector", "IK_parent", "pole_parent"):
            found[f'pose.bones["{holder}"]["{name}"]'] = 1.0
        for control, prefix in ((limb.upper, ""), (limb.lower, "MCH-")):
            found[f'pose.bones["{prefix}{skeleton.names[control].replace("_fk", "_ik")}"].ik_stretch'] = 0.0
    return found


def hinged(skeleton: RestSkeleton, deltas: Mapping[int, F64], *, fps: float) -> dict[int, F64]:
    """Turn the segments of limbs about themselves so that elbows and knees bend about one axis.

    Args:
        skeleton: Rest skeleton of the rig.
        deltas: Rotation of each driven bone from rest, (T, 3, 3), in the armature's axes.
        fps: Frames per second.

    Returns:
        The rotations of all bones.
    """
    found = dict(deltas)
    for limb in _driven_limbs(skeleton, deltas):
        rest = skeleton.heads
        segments = rest[limb.lower] - rest[limb.upper], rest[limb.end] - rest[limb.lower]
        straight = _unit(segments[0] + segments[1])
        normal_rest = np.cross(straight, rest[limb.pole] - rest[limb.lower])
        axis, direction = _plane(skeleton, deltas, limb, fps)
        normal = np.cross(axis, direction)
        for bone, segment in zip((limb.upper, limb.lower), segments, strict=True):
            found[bone] = _frame(deltas[bone] @ segment, normal) @ np.swapaxes(_frame(segment, normal_rest), -1, -2)
    return found


def with_ik_controls(skeleton: RestSkeleton, keys: BoneKeys) -> BoneKeys:
    """Add keys of IK controls and pole targets to those of FK controls.

    A hand or foot turns and moves rigidly with its FK control. The pole target is in the plane of the hinge, on the
    side of elbow or knee, as far away as in rest.

    Args:
        skeleton: Rest skeleton of the rig.
        keys: Keys of the FK controls, after ``hinged``.

    Returns:
        All keys; ``keys`` itself where the rig has no such controls.
    """
    turns: dict[int, F64] = {}
    locations: dict[int, F64] = {}
    rest = skeleton.heads
    for limb in _driven_limbs(skeleton, keys.deltas):
        turn = keys.deltas[limb.end]
        turns[limb.control] = turn
        head = keys.heads[limb.end] + turn @ (rest[limb.control] - rest[limb.end])
        locations[limb.control] = head - rest[limb.control]
        away = float(np.linalg.norm(rest[limb.pole] - rest[limb.lower])) * _pole_direction(skeleton, keys.deltas, limb)
        locations[limb.pole] = keys.heads[limb.lower] + away - rest[limb.pole]
        if limb.toe is not None and limb.toe[0] in keys.deltas:
            turns[limb.toe[1]] = np.swapaxes(turn, -1, -2) @ keys.deltas[limb.toe[0]]
    if not turns:
        return keys
    return replace(
        keys,
        bones=(*keys.bones, *turns),
        quats=np.concatenate([keys.quats, _quats(skeleton, turns)], axis=1),
        locations={**keys.locations, **{bone: place @ skeleton.rotmat[bone] for bone, place in locations.items()}},
    )


def _driven_limbs(skeleton: RestSkeleton, deltas: Mapping[int, F64]) -> list[IkLimb]:
    return [limb for limb in ik_limbs(skeleton) if {limb.upper, limb.lower, limb.end} <= deltas.keys()]


def _quats(skeleton: RestSkeleton, turns: Mapping[int, F64]) -> F64:
    """Return the rotations of bones whose parents are in rest, (T, B, 4)."""
    local = [skeleton.rotmat[bone].T @ turn @ skeleton.rotmat[bone] for bone, turn in turns.items()]
    return continuous_quat(rotmat_to_quat(np.stack(local, axis=1)))


@dataclass(frozen=True, eq=False)
class _Bend:
    """A limb over a clip: three perpendicular axes, (T, 3), and its bend along two of them, shares of its length.

    axis: from end to end; own: where the pole is in rest, turned with the upper segment; side: across both.
    """

    axis: F64
    own: F64
    side: F64
    forward: F64
    sideways: F64

    @property
    def size(self) -> F64:
        return np.hypot(self.forward, self.sideways)

    @property
    def angle(self) -> F64:
        return np.arctan2(self.sideways, self.forward)

    def direction(self, angle: F64) -> F64:
        """Return the direction across the limb at an angle to ``own``, (T, 3)."""
        return np.cos(angle)[:, None] * self.own + np.sin(angle)[:, None] * self.side


def _bend(skeleton: RestSkeleton, deltas: Mapping[int, F64], limb: IkLimb) -> _Bend:
    rest = skeleton.heads
    segments = rest[limb.lower] - rest[limb.upper], rest[limb.end] - rest[limb.lower]
    upper, lower = deltas[limb.upper] @ segments[0], deltas[limb.lower] @ segments[1]
    axis = _unit(upper + lower)
    own = _unit(_across(deltas[limb.upper] @ (rest[limb.pole] - rest[limb.lower]), axis))
    side = np.cross(axis, own)
    away = upper / (np.linalg.norm(segments[0]) + np.linalg.norm(segments[1]))
    return _Bend(axis, own, side, (away * own).sum(axis=1), (away * side).sum(axis=1))


def _pole_direction(skeleton: RestSkeleton, deltas: Mapping[int, F64], limb: IkLimb) -> F64:
    """Return the direction of the pole target from elbow or knee, (T, 3): that of the bend, unless it is straight."""
    bend = _bend(skeleton, deltas, limb)
    share = np.clip((bend.forward - POLE_OWN) / (BENT - POLE_OWN), 0.0, 1.0)
    return bend.direction(share * share * (3.0 - 2.0 * share) * bend.angle)


def _plane(skeleton: RestSkeleton, deltas: Mapping[int, F64], limb: IkLimb, fps: float) -> tuple[F64, F64]:
    """Return the direction of a limb from end to end and that from it to elbow or knee, unit vectors, (T, 3).

    Where the limb is nearly straight, its plane is interpolated over time, relative to the upper segment.
    """
    bend = _bend(skeleton, deltas, limb)
    size, forward = bend.size, bend.forward
    known = (size > BENT) & ((forward > BACKWARDS * size) | (size > CLEARLY_BENT))
    angle = np.zeros(len(size))
    if known.any():
        frames = np.arange(len(size))
        seen = np.interp(frames, frames[known], np.unwrap(bend.angle[known]))
        angle = _smooth_where_unsure(seen, known * (size / SURE) ** 6, SMOOTH_S * fps)
    return bend.axis, bend.direction(angle)


def _smooth_where_unsure(values: F64, certainty: F64, spread: float) -> F64:
    """Minimise the sum of c (x - v)^2 and spread^2 times the squared steps of x (Whittaker 1923). (T,) each.

    Tridiagonal equations, solved by elimination (Thomas).
    """
    stiffness, count = spread**2, len(values)
    weight = certainty + 1e-6
    upper, right = np.zeros(count), np.zeros(count)
    for frame in range(count):
        links = (frame > 0) + (frame < count - 1)
        before = (upper[frame - 1], right[frame - 1]) if frame else (0.0, 0.0)
        pivot = weight[frame] + links * stiffness - stiffness * before[0]
        upper[frame] = stiffness / pivot
        right[frame] = (weight[frame] * values[frame] + stiffness * before[1]) / pivot
    for frame in range(count - 2, -1, -1):
        right[frame] += upper[frame] * right[frame + 1]
    return right


def _across(vectors: F64, axis: F64) -> F64:
    """Return the components of vectors perpendicular to an axis, (T, 3)."""
    return vectors - (vectors * axis).sum(axis=-1, keepdims=True) * axis


def _frame(segment: F64, normal: F64) -> F64:
    """Return axes along a segment and nearest to a normal, (..., 3, 3)."""
    along = _unit(segment)
    across = _unit(_across(normal, along))
    return np.stack([across, along, np.cross(across, along)], axis=-1)


def _unit(vectors: F64) -> F64:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
