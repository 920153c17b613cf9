# SPDX-License-Identifier: Apache-2.0
"""Position of feet and pelvis per frame, from the steps."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F64

from . import waltz
from .curves import ease, keyed, smoothed

TOE_PIVOT_DEG = 28.0
"""Rotation of the body above a planted foot before the ball of the foot pivots with it, degrees."""


@dataclass(frozen=True)
class Foot:
    """One foot over time.

    Attributes:
        ball_m: (T, 2), x and z of the ball, metres.
        lift_m: (T,), height of the ball above the floor, metres.
        toe_rad: (T,), direction of the toes, radians.
        heel_rad: (T,), lift of the heel, radians.
        planted: (T,), whether the foot is on the floor.
    """

    ball_m: F64
    lift_m: F64
    toe_rad: F64
    heel_rad: F64
    planted: NDArray[np.bool_]


@dataclass(frozen=True)
class Footwork:
    """Both feet and the position of the weight.

    Attributes:
        left: The left foot.
        right: The right foot.
        left_weight: (T,), share of the weight on the left foot, 0 to 1.
        heading_rad: (T,), heading of the body, radians.
        rise: (T,), rise of the body.
        lower: (T,), lowering of the body.
    """

    feet: dict[int, Foot]
    left_weight: F64
    heading_rad: F64
    rise: F64
    lower: F64


def forward_of(heading_rad: F64) -> F64:
    """Return the floor direction of a heading: (...) radians to (..., 2), x and z."""
    return np.stack([np.sin(heading_rad), np.cos(heading_rad)], axis=-1)


def left_of(heading_rad: F64) -> F64:
    """Return the floor direction to the left of a heading: (...) radians to (..., 2), x and z."""
    return np.stack([np.cos(heading_rad), -np.sin(heading_rad)], axis=-1)


def walk(beats: F64) -> Footwork:
    """Compute the footwork of the choreography. beats: (T,), times."""
    heading = smoothed(np.radians(keyed(beats, waltz.HEADING_DEG)), 2.0)
    rise, lower = _rise_and_fall(beats)
    landings = _landings()
    feet = {side: foot_over_time(side, beats, landings[side], heading, rise) for side in (1, -1)}
    return Footwork(feet, weight_on_left(beats, waltz.STEPS, waltz.PREPARE_WEIGHT), heading, rise, lower)


def _rise_and_fall(beats: F64) -> tuple[F64, F64]:
    rise, lower = list(waltz.PREPARE_RISE), list(waltz.PREPARE_LOWER)
    for bar in waltz.RISING_BARS:
        rise += [(3 * bar + beat, value) for beat, value in waltz.RISE_IN_BAR]
        lower += [(3 * bar + beat, value) for beat, value in waltz.LOWER_IN_BAR]
    rise += [(18.0, 0.0), (21.0, 0.0)]
    lower += list(waltz.END_LOWER)
    return keyed(beats, rise), keyed(beats, lower)


Landing = tuple[waltz.Step | None, F64]


def _landings() -> dict[int, list[Landing]]:
    """Return the positions of each foot: first before any step, then after each of its steps."""
    start = {side: np.array([side * waltz.FEET_APART_M / 2, 0.0]) for side in (1, -1)}
    landings: dict[int, list[Landing]] = {side: [(None, start[side])] for side in (1, -1)}
    for step in waltz.STEPS:
        heading = np.radians(step.heading_deg)
        other = landings[-step.foot][-1][1]
        place = other + step.foot * step.across_m * left_of(heading) + step.forward_m * forward_of(heading)
        landings[step.foot].append((step, place))
    return landings


def foot_over_time(side: int, beats: F64, landings: list[Landing], heading: F64, rise: F64) -> Foot:
    """Compute one foot. side: 1 left, -1 right; landings: where it is, first before any step; others: (T,)."""
    ball = np.repeat(landings[0][1][None], len(beats), axis=0)
    lift, planted = np.zeros(len(beats)), np.ones(len(beats), bool)
    toe_out = side * np.radians(5.0)
    toe = np.full(len(beats), toe_out)
    heel = np.radians(waltz.RISE_HEEL_DEG) * rise
    for (_, before), (step, after) in pairwise(landings):
        assert step is not None
        s = (beats - (step.beat - waltz.SWING_BEATS)) / waltz.SWING_BEATS
        swing = (s > 0) & (s < 1)
        eased = ease(s)[:, None]
        bow = np.sin(np.pi * ease(s))[:, None] * step.bow_m * side * left_of(np.radians(step.heading_deg))
        ball = np.where((s > 0)[:, None], before + (after - before) * eased + bow, ball)
        lift += np.where(swing, 0.028 * np.sin(np.pi * np.clip(s, 0, 1)) ** 2, 0.0)
        toe = np.where(s > 0, toe + (np.radians(step.toe_deg) - toe) * ease(s), toe)
        planted &= ~swing
        heel = heel + _swing_heel(beats, step, heel, release=step.forward_m >= 0)
    toe = _pivot(toe, heading, planted)
    heel = smoothed(heel, 1.0)
    # A heel that lands first has its ball in the air: as high as the foot is long between the two.
    lift = smoothed(lift, 0.7) + np.sin(np.maximum(-heel, 0.0)) * 0.17
    if side == 1 and beats[-1] > waltz.STEPS[-1].beat:  # the left foot ends pointed, on its toes, beside the lunge
        end = keyed(beats, [(18.2, 0.0), (19.6, 1.0), (21.0, 1.0)])
        heel = heel + np.radians(48.0) * end
        toe = toe + np.radians(22.0) * end
    return Foot(ball, lift, toe, heel, planted)


def _swing_heel(beats: F64, step: waltz.Step, heel: F64, *, release: bool) -> F64:
    """Return the additional heel lift of a step: the heel leaves the floor first and lands as the step defines."""
    start = step.beat - waltz.SWING_BEATS
    wanted = keyed(
        beats,
        [
            (start - 0.35, 0.0),
            (start, np.radians(30.0 if release else -6.0)),
            (start + 0.35, np.radians(26.0)),
            (step.beat, np.radians(step.heel_deg)),
            (step.beat + 0.22, 0.0),
        ],
    )
    share = keyed(beats, [(start - 0.35, 0.0), (start, 1.0), (step.beat, 1.0), (step.beat + 0.22, 0.0)])
    outside = (beats < start - 0.35) | (beats > step.beat + 0.22)
    return np.where(outside, 0.0, share * (wanted - heel))


def _pivot(toe: F64, heading: F64, planted: NDArray[np.bool_]) -> F64:
    """Pivot the ball of a planted foot with the body once the leg would twist too far. All arrays: (T,)."""
    limit = np.radians(TOE_PIVOT_DEG)
    turned = heading + np.clip(toe - heading, -limit, limit)
    return smoothed(np.where(planted, turned, heading + np.clip(toe - heading, -1.4 * limit, 1.4 * limit)), 1.6)


def weight_on_left(beats: F64, steps: tuple[waltz.Step, ...], prepare: tuple[tuple[float, float], ...]) -> F64:
    """Return the share of the weight on the left foot, (T,): ``prepare`` before the first step, then by the steps."""
    keys: list[tuple[float, float]] = list(prepare)
    for step in steps:
        on_left = 1.0 if step.foot == 1 else 0.0
        keys += [(step.beat - 0.15, 1.0 - on_left), (step.beat + 0.5, on_left)]
    keys += [(max(float(beats[-1]) + 1.0, keys[-1][0] + 1.0), keys[-1][1])]
    return keyed(beats, keys)
