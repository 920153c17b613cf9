# SPDX-License-Identifier: Apache-2.0
"""Keys of Rigify's IK controls that give the same pose as its FK controls, so that a limb can be switched to IK.

Joints are in the same places, and hands and feet have the same rotations. The segments of a limb may differ by a twist:
elbows and knees of the IK chains are hinges, those of SMPL are ball joints.
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
BENT: Final = 0.02
"""Least distance of an elbow or knee from the line through the ends of its limb, as a share of the limb's length, at
which the plane of the limb is known: a bend of 5 degrees. Knees also bend sideways by some degrees."""
SURE: Final = 0.05
"""Distance (12 degrees) from which the pole target is in the plane exactly. Below it planes are averaged over time."""
CLEARLY_BENT: Final = 0.1
"""Distance (23 degrees) up to which a joint that bends backwards is overextended, and its plane is not turned."""
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
            if min(bones) < 0:
                continue
            first, middle, last, end_control, pole, settings = bones
            toes = index.get(f"{toe}_fk.{side}", -1), index.get(f"{toe}_ik.{side}", -1)
            both = toes if min(toes) >= 0 else None
            found.append(IkLimb(first, middle, last, end_control, pole, settings, both))
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


def with_ik_controls(skeleton: RestSkeleton, keys: BoneKeys, *, fps: float) -> BoneKeys:
    """Add keys of IK controls and pole targets to those of FK controls.

    A hand or foot turns and moves rigidly with its FK control. The pole target is in the plane of the limb, on the
    side of elbow or knee, as far away as in rest.

    Args:
        skeleton: Rest skeleton of the rig.
        keys: Keys of the FK controls.
        fps: Frames per second.

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
        away = float(np.linalg.norm(rest[limb.pole] - rest[limb.lower]))
        aside = away * _bend(skeleton, keys.deltas, limb).pole(fps)
        locations[limb.pole] = keys.heads[limb.lower] + aside - rest[limb.pole]
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

    def pole(self, fps: float) -> F64:
        """Return the direction from the axis to elbow or knee, (T, 3).

        Where the limb is nearly straight, it is interpolated over time, relative to the upper segment.
        """
        size, angle = np.hypot(self.forward, self.sideways), np.arctan2(self.sideways, self.forward)
        known = (size > BENT) & ((self.forward > BACKWARDS * size) | (size > CLEARLY_BENT))
        if not known.any():
            return self.own
        frames = np.arange(len(size))
        seen = np.interp(frames, frames[known], np.unwrap(angle[known]))
        smooth = _smooth_where_unsure(seen, known * (size / SURE) ** 6, SMOOTH_S * fps)
        share = known * np.clip((size - BENT) / (SURE - BENT), 0.0, 1.0)
        chosen = smooth + share * share * (3.0 - 2.0 * share) * (seen - smooth)
        return np.cos(chosen)[:, None] * self.own + np.sin(chosen)[:, None] * self.side


def _bend(skeleton: RestSkeleton, deltas: Mapping[int, F64], limb: IkLimb) -> _Bend:
    rest = skeleton.heads
    segments = rest[limb.lower] - rest[limb.upper], rest[limb.end] - rest[limb.lower]
    upper, lower = deltas[limb.upper] @ segments[0], deltas[limb.lower] @ segments[1]
    axis = _unit(upper + lower)
    own = _unit(_across(deltas[limb.upper] @ (rest[limb.pole] - rest[limb.lower]), axis))
    side = np.cross(axis, own)
    away = upper / (np.linalg.norm(segments[0]) + np.linalg.norm(segments[1]))
    return _Bend(axis, own, side, (away * own).sum(axis=1), (away * side).sum(axis=1))


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


def _unit(vectors: F64) -> F64:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
