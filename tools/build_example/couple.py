# SPDX-License-Identifier: Apache-2.0
"""A couple in closed hold: four bars of a turning waltz for two, whose hands stay in contact.

The couple turns to the right by half a turn per bar about a centre that moves along an arc. Both step on every beat, on
opposite feet. The leader's left hand holds the follower's right one; the leader's right hand is on the follower's back,
and the follower's left hand on the leader's upper arm.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, forward_kinematics
from dancepose_addon.core.fit.floor.contacts import sole_vertices

from . import waltz
from .curves import keyed, smoothed
from .footwork import Footwork, Landing, foot_over_time, forward_of, left_of, weight_on_left
from .waltz_dancer import (
    Skeleton,
    about,
    ankle_over_ball,
    frame,
    lower_pelvis,
    pelvis_over_feet,
    pose_leg,
    reach_for,
    unit,
)

SIZE: Final = 1.03267
"""Size of the default body that has SMPL's height: a file of rotations without a body is shown in this size."""
BEATS: Final = 18
FIRST_STEP: Final = 3
STEPS: Final = 12
APART_M: Final = 0.21
"""Distance of each pelvis from the centre of the couple."""
ASIDE_M: Final = 0.06
"""Offset of each to the own left, so that the feet pass beside the partner's."""
HEADING_DEG: Final = ((0, 8), (2.5, 0), (6, -180), (9, -360), (12, -540), (14.6, -700), (16, -722), (18, -720))
CENTRE_M: Final = ((0, (-0.95, 0.0)), (2.6, (-0.95, 0.0)), (9, (0.0, 0.45)), (15, (0.95, 0.0)), (18, (0.95, 0.0)))
LEAN_DEG: Final = (
    (0, 0), (1.5, 3), (3, -2), (4.6, -6), (6, 0), (7.6, 6), (9, 0), (10.6, -6), (12, 0), (13.6, 6), (15.5, 0),
    (17, -4), (18, -3),
)  # fmt: skip
"""Lean of the leader to the right; the follower's is the opposite, so that the couple leans as one."""
HOLD_M: Final = (0.56, 1.36, 0.026)
"""Held hands: to the leader's left of the centre, height, and half the distance of the two palms."""
BACK_M: Final = (0.215, 0.03, 0.05)
"""The leader's right wrist at the follower's side, from the joint between the shoulder blades: left, up, front."""
BACK_WAY: Final = (-0.2, 0.12, -1.0)
"""Where the fingers of this hand point, in the same axes."""
ARM_SHARE: Final = 0.42
"""Where the follower's left hand is on the leader's upper arm, from the shoulder."""
ARM_M: Final = 0.08


@dataclass(frozen=True)
class Couple:
    """Two posed dancers.

    Attributes:
        pose_rotmat: (2, T, 24, 3, 3), local rotations of leader and follower.
        translation_m: (2, T, 3), metres, floor at y = 0.
    """

    pose_rotmat: F32
    translation_m: F32


@dataclass(frozen=True)
class _Role:
    """What differs between the two. side: -1 behind the centre, 1 ahead of it; first: foot of the first step."""

    side: int
    first: int
    head_deg: float
    bend_deg: float
    lean: float


LEADER: Final = _Role(-1, -1, 24.0, -2.0, 1.0)
FOLLOWER: Final = _Role(1, 1, 36.0, -9.0, -1.0)


def dance_together(body: BodyModel) -> Couple:
    """Pose both dancers through the whole dance."""
    beats = np.arange(BEATS * waltz.FRAMES_PER_BEAT) / waltz.FRAMES_PER_BEAT
    heading, centre = couple_path(beats)
    pair = [_without_arms(body, role, beats) for role in (LEADER, FOLLOWER)]
    leader, follower = pair
    ahead = np.zeros((len(beats), 3))
    ahead[:, [0, 2]] = forward_of(heading)
    hold = np.zeros((len(beats), 3))
    hold[:, [0, 2]] = centre + HOLD_M[0] * left_of(heading)
    hold[:, 1] = HOLD_M[1] + 0.02 * np.sin(2.0 * np.pi * beats / 3.0)
    hand_arm(leader, 1, hold - HOLD_M[2] * ahead, down=0.8)
    hand_arm(follower, -1, hold + HOLD_M[2] * ahead, down=0.8)
    chest = JOINT_INDEX["spine3"]
    _hand_on_back(leader, follower)
    shoulder, elbow = (leader.place[:, JOINT_INDEX[f"right_{joint}"]] for joint in ("shoulder", "elbow"))
    out = -leader.turn[:, chest] @ np.array([1.0, 0.0, 0.0])
    rest = shoulder + ARM_SHARE * (elbow - shoulder) + ARM_M * unit(out + np.array([0.0, 1.2, 0.0]))
    hand_arm(follower, 1, rest, down=0.5)
    poses = np.stack([one.local().astype(np.float32) for one in pair])
    places = []
    for one, pose in zip(pair, poses, strict=True):
        _, joints = forward_kinematics(one.rest.astype(np.float32), pose)
        places.append(one.place[:, 0] - joints[:, 0])
    return Couple(poses, np.stack(places).astype(np.float32))


def couple_path(beats: F64) -> tuple[F64, F64]:
    """Return the heading of the leader (T,), radians, and the centre of the couple (T, 2), metres."""
    return smoothed(np.radians(keyed(beats, HEADING_DEG)), 5.0), smoothed(keyed(beats, CENTRE_M), 5.0)


def _place(role: _Role, beats: F64) -> tuple[F64, F64]:
    """Return the heading and the place of one dancer's body, (T,) and (T, 2)."""
    heading, centre = couple_path(beats)
    own = heading + (np.pi if role.side > 0 else 0.0)
    return own, centre - APART_M * forward_of(own) + ASIDE_M * left_of(own)


def _without_arms(body: BodyModel, role: _Role, beats: F64) -> Skeleton:
    rest = SIZE * body.rest_joints().astype(np.float64)
    floor = SIZE * float(body.v_template_m[sole_vertices(body), 1].min())
    walked = _walk(role, beats)
    skeleton = Skeleton(rest, len(beats))
    skeleton.place[:, 0] = pelvis_over_feet(walked, rest)
    _, place = _place(role, beats)
    # Between the feet and the couple's frame: bodies keep their distance.
    skeleton.place[:, 0, [0, 2]] = 0.25 * skeleton.place[:, 0, [0, 2]] + 0.75 * place
    _pose_trunk(skeleton, role, walked, beats)
    ankles = {side: ankle_over_ball(skeleton, walked, side, floor) for side in (1, -1)}
    lower_pelvis(skeleton, ankles, walked, rest, floor)
    _pose_trunk(skeleton, role, walked, beats)
    for side in (1, -1):
        pose_leg(skeleton, walked, side, *ankles[side])
    return skeleton


def _walk(role: _Role, beats: F64) -> Footwork:
    """Return the footwork: each foot lands where the body is half a beat later."""
    heading, _ = _place(role, beats)
    steps = []
    landings: dict[int, list[Landing]] = {}
    for side in (1, -1):
        landings[side] = [(None, _landing(role, side, 0.0)[0])]
    for number in range(STEPS):
        beat, side = float(FIRST_STEP + number), role.first * (-1) ** number
        ball, turned = _landing(role, side, beat + 0.5)
        forward_m = float((ball - landings[side][-1][1]) @ forward_of(np.array(turned)))
        leads = number % 3 == 0
        heel_deg = (-12.0 if forward_m > 0.0 else 24.0) if leads else 20.0
        toe_deg = float(np.degrees(turned)) + 5.0 * side
        step = waltz.Step(beat, side, float(np.degrees(turned)), 0.0, forward_m, toe_deg, heel_deg, 0.04)
        steps.append(step)
        landings[side].append((step, ball))
    last = steps[-1].foot
    close = FIRST_STEP + STEPS + 0.2
    ball, turned = _landing(role, -last, float(BEATS))
    closing = waltz.Step(
        close, -last, float(np.degrees(turned)), 0.0, 0.0, float(np.degrees(turned)) - 5.0 * last, 12.0
    )
    landings[-last].append((closing, ball))
    rise, lower = _rise(beats)
    feet = {side: foot_over_time(side, beats, landings[side], heading, rise) for side in (1, -1)}
    prepare = ((0.0, 0.5), (1.2, 0.5 + 0.15 * role.first), (2.4, 0.5 - 0.4 * role.first), (2.8, 0.5 - 0.5 * role.first))
    weight = weight_on_left(beats, tuple(steps), prepare)
    even = np.clip((beats - close) / 1.2, 0.0, 1.0)
    return Footwork(feet, smoothed(weight + (0.5 - weight) * even, 3.0), heading, rise, lower)


def _landing(role: _Role, side: int, beat: float) -> tuple[F64, float]:
    """Return where a foot lands (2,), and the body's heading then."""
    around = np.linspace(beat - 0.25, beat + 0.25, 9)
    dense = np.arange(-2.0, BEATS + 2.0, 0.02)
    heading, place = _place(role, dense)
    own = float(np.interp(around, dense, heading).mean())
    middle = np.array([np.interp(around, dense, place[:, axis]).mean() for axis in (0, 1)])
    return middle + 0.08 * side * left_of(np.array(own)) + 0.075 * forward_of(np.array(own)), own


def _rise(beats: F64) -> tuple[F64, F64]:
    rise: list[tuple[float, float]] = [(0.0, 0.0), (2.8, 0.0)]
    lower: list[tuple[float, float]] = [(0.0, 0.2), (2.0, 0.3), (2.8, 0.8)]
    for bar in range(1, 1 + STEPS // 3):
        rise += [(3 * bar + beat, 0.7 * value) for beat, value in waltz.RISE_IN_BAR]
        lower += [(3 * bar + beat, 0.8 * value) for beat, value in waltz.LOWER_IN_BAR]
    return keyed(beats, [*rise, (15.4, 0.0), (18.0, 0.0)]), keyed(beats, [*lower, (15.6, 0.9), (18.0, 0.5)])


def _pose_trunk(skeleton: Skeleton, role: _Role, walked: Footwork, beats: F64) -> None:
    lean = role.lean * smoothed(np.radians(keyed(beats, LEAN_DEG)), 3.0)
    bend = np.full(len(beats), np.radians(role.bend_deg))
    skeleton.set_global("pelvis", about(1, walked.heading_rad) @ about(2, 0.2 * lean))
    for joint in ("spine1", "spine2", "spine3"):
        skeleton.set_local(joint, about(2, 0.27 * lean) @ about(0, bend / 3.0))
    still = about(0, np.zeros(len(beats)))
    for joint in ("left_hip", "right_hip", "neck", "left_collar", "right_collar"):
        skeleton.set_local(joint, still)
    turn = np.radians(role.head_deg) * (0.8 + 0.2 * np.cos(2.0 * np.pi * beats / 6.0))
    for joint, share in (("neck", 0.45), ("head", 0.55)):
        skeleton.set_local(joint, about(1, share * turn) @ about(2, -0.4 * share * lean) @ about(0, -share * bend))


def _hand_on_back(leader: Skeleton, follower: Skeleton) -> None:
    """Put the leader's right hand flat on the follower's side, towards the back."""
    chest = JOINT_INDEX["spine3"]
    turn = follower.turn[:, chest]
    wrist = follower.place[:, chest] + turn @ np.array(BACK_M)
    hand_arm(leader, -1, wrist, down=0.35, end="wrist")
    # In the T-pose the right hand points along -x and its palm faces -y.
    flat = frame(0, turn @ -np.array(BACK_WAY), 1, turn @ np.array([1.0, 0.0, -0.35]))
    leader.set_global("right_wrist", flat)
    leader.set_local("right_hand", about(0, np.zeros(len(wrist))))


def hand_arm(skeleton: Skeleton, side: int, target: F64, *, down: float, end: str = "hand") -> None:
    """Pose an arm so that its knuckles or its wrist are at a place; wrist and hand are straight.

    Args:
        skeleton: The body.
        side: 1 left, -1 right.
        target: (T, 3), metres.
        down: How far the elbow points down instead of outwards.
        end: ``hand`` for the knuckles, or ``wrist``.
    """
    name = "left" if side == 1 else "right"
    raised = np.full(len(target), np.radians(8.0) * side)
    skeleton.set_local(f"{name}_collar", about(2, raised))
    chest = skeleton.turn[:, JOINT_INDEX["spine3"]]
    pole = chest @ unit(np.array([side * (1.0 - down), -down, -0.25]))
    bones = (skeleton.bone(f"{name}_shoulder", f"{name}_elbow"), skeleton.bone(f"{name}_elbow", f"{name}_{end}"))
    reach_for(skeleton, side, target, pole, bones)
    for joint in ("wrist", "hand"):
        skeleton.set_local(f"{name}_{joint}", about(0, np.zeros(len(target))))
