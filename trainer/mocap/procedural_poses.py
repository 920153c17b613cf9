# SPDX-License-Identifier: Apache-2.0
"""Poses generated from joint ranges and synergies, for training without downloads and as augmentation.

Ranges are those of clinical tables (American Academy of Orthopaedic Surgeons, Joint Motion, 1965), narrowed to what
people do when upright. Synergies are the simple ones: the spine bends as a whole, a planted sole stays level, a collar
follows its arm, the head compensates the lean of the trunk. Angles are in degrees about SMPL's axes: x to the body's
left, y up, z forward. Left limbs are defined; right ones are their mirror images.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX
from dancepose_addon.core.body.rotation import rotvec_to_rotmat

from .cmu_retargeting import collar_of_arm

Generator = np.random.Generator

STANCES: Final = {"stand": 0.35, "lunge": 0.25, "squat": 0.15, "kick": 0.25}
ARMS: Final = {"down": 0.3, "anywhere": 0.5, "overhead": 0.2}
SPINE_SHARES: Final = {"spine1": (0.5, 0.25, 0.35), "spine2": (0.3, 0.35, 0.35), "spine3": (0.2, 0.4, 0.3)}
"""Share of flexion, twist and side bend per joint: the lumbar spine flexes, the chest twists."""


@dataclass(frozen=True)
class _Leg:
    """Angles of left legs, degrees.

    Attributes:
        flexion: (N,), of the thigh, forward from the vertical.
        abduction: (N,), of the thigh, sideways.
        rotation: (N,), outward rotation.
        knee: (N,), bend of the knee.
        lifted: (N,), 1 where the sole is off the floor, 0 where it is planted.
    """

    flexion: F64
    abduction: F64
    rotation: F64
    knee: F64
    lifted: F64


def procedural_poses(count: int, *, seed: int) -> F32:
    """Generate plausible poses of an upright dancer with random heading.

    Args:
        count: Number of poses.
        seed: Seed of the random numbers.

    Returns:
        (count, 24, 3, 3), local rotations, SMPL axes.
    """
    random = np.random.default_rng(seed)
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (count, JOINT_COUNT, 3, 3)).copy()
    stance = _choose(random, count, STANCES)
    working, standing = _legs(random, stance)
    lean = _bounded(random, 3.0 + 25.0 * (stance == "squat") - 8.0 * (stance == "kick"), 8.0, -20.0, 50.0)
    # Either leg may be the one that works.
    swap = random.random(count) < 0.5
    for side, mirrored in (("left", False), ("right", True)):
        use_working = ~swap if mirrored else swap
        _pose_leg(pose, random, _mix(use_working, working, standing), lean, side)
    roll = _bounded(random, np.zeros(count), 5.0, -15.0, 15.0)
    heading = random.uniform(-180.0, 180.0, count)
    pose[:, 0] = _about(y=heading) @ _about(x=lean) @ _about(z=roll)
    bend = _pose_spine(pose, random, lean)
    _pose_head(pose, random, bend + lean)
    for side in ("left", "right"):
        _pose_arm(pose, random, side)
    return pose


def _legs(random: Generator, stance: NDArray[np.str_]) -> tuple[_Leg, _Leg]:
    """Return the working and the standing leg of each stance."""
    count = len(stance)
    squat, kick, lunge = stance == "squat", stance == "kick", stance == "lunge"
    depth = np.where(squat, random.uniform(25.0, 110.0, count), np.abs(random.normal(0.0, 10.0, count)))
    depth = np.where(lunge, random.uniform(10.0, 60.0, count), depth)
    turn_out = _bounded(random, 8.0 + 12.0 * squat, 12.0, -20.0, 50.0)
    wide = _bounded(random, 4.0 + 14.0 * squat, 5.0, -5.0, 40.0)
    standing = _Leg(
        flexion=depth * 0.55 + random.normal(0.0, 4.0, count),
        abduction=wide,
        rotation=turn_out,
        knee=np.clip(depth * 1.1 + 4.0, 2.0, 125.0),
        lifted=np.zeros(count),
    )
    # A lunge steps out in any direction; a kick goes higher, with a straight or a bent knee.
    reach = np.where(kick, random.uniform(20.0, 95.0, count), random.uniform(15.0, 45.0, count))
    direction = np.radians(random.uniform(-150.0, 100.0, count))
    forward, sideways = reach * np.cos(direction), reach * np.maximum(-np.sin(direction), -0.25)
    stepping = _Leg(
        flexion=np.clip(np.where(forward < 0.0, 0.4 * forward, forward), -30.0, 100.0),
        abduction=np.clip(0.75 * sideways, -15.0, 60.0),
        rotation=turn_out + np.clip(0.4 * sideways, 0.0, 30.0),
        knee=np.clip(
            np.where(kick, random.choice([5.0, 70.0, 100.0], count), 15.0) + random.normal(0, 10, count), 2, 130
        ),
        lifted=kick.astype(np.float64),
    )
    symmetric = _Leg(
        standing.flexion + random.normal(0.0, 3.0, count),
        _bounded(random, wide, 3.0, -5.0, 45.0),
        _bounded(random, turn_out, 5.0, -20.0, 50.0),
        np.clip(standing.knee + random.normal(0.0, 5.0, count), 2.0, 130.0),
        np.zeros(count),
    )
    return _mix(kick | lunge, stepping, symmetric), standing


def _pose_leg(pose: F32, random: Generator, leg: _Leg, lean: F64, side: str) -> None:
    """Pose a leg. lean: (N,), degrees, forward tilt of the pelvis, which the hips compensate."""
    count = len(pose)
    planted = leg.flexion - leg.knee
    pointed = random.uniform(0.0, 55.0, count)
    ankle = np.where(leg.lifted > 0.5, pointed, np.clip(planted, -30.0, 45.0)) + random.normal(0.0, 4.0, count)
    # A heel that comes off the floor bends the toes.
    toe = np.where(leg.lifted > 0.5, 0.2 * pointed, np.minimum(np.clip(planted, -30.0, 45.0) - planted, 0.0))
    rotations = {
        "hip": _about(x=-leg.flexion - lean) @ _about(z=leg.abduction) @ _about(y=leg.rotation),
        "knee": _about(x=leg.knee),
        "ankle": _about(x=ankle) @ _about(z=random.normal(0.0, 4.0, count)) @ _about(y=random.normal(0.0, 5.0, count)),
        "foot": _about(x=np.clip(toe, -40.0, 20.0)),
    }
    for name, rotmat in rotations.items():
        pose[:, JOINT_INDEX[f"{side}_{name}"]] = _of_side(rotmat, side)


def _pose_spine(pose: F32, random: Generator, lean: F64) -> F64:
    """Bend the spine; return its total flexion, (N,), degrees."""
    flexion = _bounded(random, 12.0 - 0.3 * lean, 14.0, -25.0, 65.0)
    twist = _bounded(random, np.zeros(len(pose)), 14.0, -40.0, 40.0)
    side = _bounded(random, np.zeros(len(pose)), 9.0, -30.0, 30.0)
    for name, (of_flexion, of_twist, of_side) in SPINE_SHARES.items():
        bent = _about(y=of_twist * twist) @ _about(z=of_side * side) @ _about(x=of_flexion * flexion)
        pose[:, JOINT_INDEX[name]] = bent
    return flexion


def _pose_head(pose: F32, random: Generator, tipped: F64) -> None:
    """Look around and compensate most of the forward lean. tipped: (N,), lean, degrees."""
    count = len(pose)
    pitch = _bounded(random, 5.0 - 0.6 * (tipped - 10.0), 12.0, -45.0, 45.0)
    yaw = _bounded(random, np.zeros(count), 22.0, -60.0, 60.0)
    roll = _bounded(random, np.zeros(count), 8.0, -25.0, 25.0)
    for name in ("neck", "head"):
        pose[:, JOINT_INDEX[name]] = _about(y=yaw / 2) @ _about(z=roll / 2) @ _about(x=pitch / 2)


def _pose_arm(pose: F32, random: Generator, side: str) -> None:
    count = len(pose)
    kind = _choose(random, count, ARMS)
    elevation = np.select(
        [kind == "down", kind == "overhead"],
        [random.normal(-70.0, 8.0, count), random.normal(60.0, 15.0, count)],
        np.degrees(np.arcsin(random.uniform(-0.95, 0.8, count))),
    )
    elevation = np.clip(elevation, -86.0, 84.0)
    # 0 is sideways and 90 forward; behind the back an arm goes only when it is low.
    forward = random.uniform(-25.0, 115.0, count) * np.where(elevation > 20.0, 0.8, 1.0)
    e, f = np.radians(elevation), np.radians(forward)
    arm = np.stack([np.cos(e) * np.cos(f), np.sin(e), np.cos(e) * np.sin(f)], axis=-1)
    flexion = np.clip(np.where(kind == "down", random.gamma(3.0, 8.0, count), random.gamma(2.0, 25.0, count)), 3, 140)
    # A raised arm turns out, so that its elbow bends inwards over the head and not backwards.
    twist = _bounded(random, -10.0 - 50.0 * np.maximum(np.sin(e), 0.0), 18.0, -110.0, 50.0)
    pronation = _bounded(random, np.full(count, 12.0), 18.0, -35.0, 50.0)
    collar = collar_of_arm(arm.astype(np.float32), 1.0)
    rotations = {
        "collar": collar,
        "shoulder": np.swapaxes(collar, -1, -2) @ _swing_from_x(arm) @ _about(x=twist),
        "elbow": _about(y=-flexion) @ _about(x=pronation),
        "wrist": _about(x=0.7 * pronation)
        @ _about(y=_bounded(random, np.full(count, 3.0), 12.0, -25.0, 30.0))
        @ _about(z=_bounded(random, np.full(count, 8.0), 20.0, -55.0, 55.0)),
    }
    for name, rotmat in rotations.items():
        pose[:, JOINT_INDEX[f"{side}_{name}"]] = _of_side(rotmat, side)


def _swing_from_x(direction: F64) -> F32:
    """Return the minimal rotations from +x to unit directions: (N, 3) to (N, 3, 3)."""
    axis = np.cross([1.0, 0.0, 0.0], direction)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, direction[:, :1])
    return rotvec_to_rotmat((axis / np.maximum(sine, 1e-9) * angle).astype(np.float32))


def _about(*, x: F64 | None = None, y: F64 | None = None, z: F64 | None = None) -> F32:
    """Return rotations about one axis: (N,), degrees, to (N, 3, 3)."""
    axis, angle = next((i, a) for i, a in enumerate((x, y, z)) if a is not None)
    rotvec = np.zeros((len(angle), 3), np.float32)
    rotvec[:, axis] = np.radians(angle)
    return rotvec_to_rotmat(rotvec)


def _of_side(rotmat: F32, side: str) -> F32:
    """Convert a left limb's rotation to the given side: mirroring reverses rotations about y and z. (N, 3, 3)."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return rotmat if side == "left" else (flip[:, None] * flip) * rotmat


def _bounded(random: Generator, mean: F64, spread: float, low: float, high: float) -> F64:
    """Draw normal angles reflected at the ends of the range, so that none accumulate there. mean: (N,), degrees."""
    angle = np.clip(mean, low, high) + random.normal(0.0, spread, len(mean))
    folded = np.where(angle > high, 2 * high - angle, np.where(angle < low, 2 * low - angle, angle))
    return np.clip(folded, low, high)


def _choose(random: Generator, count: int, shares: dict[str, float]) -> NDArray[np.str_]:
    return random.choice(list(shares), count, p=list(shares.values()))


def _mix(use_first: NDArray[np.bool_], first: _Leg, second: _Leg) -> _Leg:
    """Choose pose by pose between two legs."""
    return _Leg(
        *(
            np.where(use_first, getattr(first, name), getattr(second, name))
            for name in ("flexion", "abduction", "rotation", "knee", "lifted")
        )
    )
