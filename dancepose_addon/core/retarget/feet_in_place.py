# SPDX-License-Identifier: Apache-2.0
"""Keeps the feet of a character in place and on the floor while the source's are in contact.

Proportions differ, so the same rotations move other feet. The hips yield first, then the pelvis turns, for which wide
hips need little, and only the rest bends the legs.
"""

from dataclasses import dataclass
import math
from typing import Final, cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arrays import F32, F64
from ..body.rotation import rotvec_to_rotmat
from ..fit.floor.contacts import Ground
from ..fit.floor.foot_lock import FADE_S, faded, foot_turns
from ..fit.pose.analytic_ik import minimal_turn
from .character_map import SIDES, CharacterMap
from .foot_balance import FreeFeet, balance_feet
from .rest_alignment import RestAlignment, between_turns
from .target_feet import TargetSoles, leg_places, sole_points

PASSES: Final = 3
"""Which soles are below the floor and how far the pelvis turns is known after the first pass."""
REACH: Final = 0.9995
"""Largest stretch as a share of the leg's length: a straight knee has no defined bending direction."""
FLAT_RAD: Final = math.radians(55.0)
"""Feet in full contact that are tilted by less stand, so their soles are flat; ankles of fits may be this wrong."""
LYING_RAD: Final = math.radians(80.0)
"""Feet that are tilted by more do not stand: those of a kneeling dancer keep their rotation."""
SUNK_M: Final = 0.005
"""Soles up to this depth below the floor are not lifted: a lift of a centimetre bends a straight leg by ten degrees."""
LIFT_S: Final = 0.015
"""Standard deviation of the window over which the lift of soles below the floor is averaged."""


@dataclass(frozen=True, eq=False)
class _Figure:
    """A character and its ground. turns: rotation of each part from rest, (T, 3, 3), changed in place."""

    character: CharacterMap
    alignment: RestAlignment
    soles: TargetSoles
    turns: dict[str, F64]
    ground: Ground
    fps: float

    def leg(self, hips_m: F64, side: str) -> tuple[F64, F64, F64]:
        return leg_places(self.character, self.alignment, self.turns, hips_m, side)

    def soles_now(self, hips_m: F64, side: str) -> tuple[F64, F64]:
        """Return mean positions, (T, 2, 3), and least heights, (T, 2), of heel and toes."""
        points = sole_points(self.soles, self.turns, self.leg(hips_m, side)[2], side)
        places = np.stack([part.mean(axis=1) for part in points], axis=1)
        return places, np.stack([part[..., 1].min(axis=1) for part in points], axis=1)


def keep_feet_in_place(
    character: CharacterMap,
    alignment: RestAlignment,
    soles: TargetSoles,
    turns: dict[str, F64],
    hips_m: F64,
    ground: Ground,
    *,
    fps: float,
) -> F64:
    """Keep feet in contact in their places and soles above the floor.

    Args:
        character: Map of the character.
        alignment: Its rest pose against SMPL's.
        soles: Its soles.
        turns: Rotation of each part from rest, (T, 3, 3), in the figure's axes, changed in place.
        hips_m: Middle of the hips, (T, 3), metres, with the floor at height 0.
        ground: Contacts of the source.
        fps: Frames per second.

    Returns:
        Middle of the hips, (T, 3), metres.
    """
    figure = _Figure(character, alignment, soles, turns, Ground(0.0, ground.contact), fps)
    for index, side in enumerate(SIDES):
        _flatten(figure, index, side)
        _keep_heading(figure, hips_m, index, side)
    moves = _hips_first(figure, hips_m)
    hips = hips_m + moves[:, 0]
    for index, side in enumerate(SIDES):
        _, lowest = figure.soles_now(hips, side)
        move = moves[:, 2 + index]
        sunk = np.maximum(-lowest.min(axis=1) - SUNK_M - move[:, 1], 0.0)
        move[:, 1] += _smooth_above(sunk, LIFT_S * fps)
        _bend_leg(figure, hips, move, side)
    return hips


def _flatten(figure: _Figure, index: int, side: str) -> None:
    """Turn feet whose heel and toes are in contact, and toes in contact, flat onto the floor."""
    contact = figure.ground.contact[:, index]
    for part, known in ((f"{side}_ankle", contact.all(axis=1)), (f"{side}_foot", contact[:, 1])):
        normal = (figure.turns[part] @ figure.alignment.turns[part].T)[:, :, 1]
        axis = np.stack([-normal[:, 2], np.zeros(len(normal)), normal[:, 0]], axis=1)
        sine = np.linalg.norm(axis, axis=1)
        angle = np.arctan2(sine, normal[:, 1])
        angle = np.minimum(angle, FLAT_RAD) * np.clip((LYING_RAD - angle) / (LYING_RAD - FLAT_RAD), 0.0, 1.0)
        tilt = np.where(known[:, None], axis * (angle / np.maximum(sine, 1e-9))[:, None], 0.0)
        turn = faded(tilt.astype(np.float32), known[:, None], max(1, round(FADE_S * figure.fps)))
        figure.turns[part] = rotvec_to_rotmat(turn.astype(np.float64)) @ figure.turns[part]


def _keep_heading(figure: _Figure, hips_m: F64, index: int, side: str) -> None:
    """Keep feet in full contact from turning about the vertical."""
    places, _ = figure.soles_now(hips_m, side)
    upright = np.zeros((len(places), 3))
    upright[:, 1] = foot_turns(places.astype(np.float32), figure.ground, index, fps=figure.fps)
    turn = rotvec_to_rotmat(upright)
    for part in ("ankle", "foot"):
        figure.turns[f"{side}_{part}"] = turn @ figure.turns[f"{side}_{part}"]


def _hips_first(figure: _Figure, hips_m: F64) -> F64:
    """Turn the pelvis, and return the displacements of ``balance_feet``."""
    turns, own = figure.turns, figure.turns["pelvis"]
    before = [figure.leg(hips_m, side)[0] for side in SIDES]
    across = before[0] - before[1]
    half_m = 0.5 * float(np.linalg.norm(across[0]))
    across = across / (2.0 * half_m)
    moves = np.zeros((len(hips_m), 4, 3))
    turn: F64 = np.eye(3)
    for _ in range(PASSES):
        hips = hips_m + moves[:, 0]
        places, lowest = (np.empty((len(hips), 2, 2, *size)) for size in ((3,), ()))
        for index, side in enumerate(SIDES):
            shift = figure.leg(hips, side)[0] - before[index]
            found = figure.soles_now(hips, side)
            places[:, index], lowest[:, index] = found[0] - shift[:, None], found[1] - shift[:, None, 1]
        can_lean = bool(figure.character.bones.get("spine"))
        free = FreeFeet(places, lowest, figure.ground.contact, across, half_m, can_lean, figure.fps)
        moves = balance_feet(free, moves)
        turn = cast("F64", minimal_turn(cast("F32", across), cast("F32", half_m * across + moves[:, 1])))
        turns["pelvis"] = turn @ own
    count = len(figure.character.bones.get("spine", ()))
    for number in range(count - 1):
        share = between_turns(turn, np.broadcast_to(np.eye(3), turn.shape), (number + 1) / count)
        turns[f"spine {number}"] = share @ turns[f"spine {number}"]
    return moves


def _smooth_above(values: F64, spread: float) -> F64:
    """Return a smooth curve that is not below ``values``, (T,): the average of their maximum over a window."""
    reach = max(1, math.ceil(2.0 * spread))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(spread, 0.7)) ** 2)
    highest = sliding_window_view(np.pad(values, 2 * reach, mode="edge"), 2 * reach + 1).max(axis=1)
    return np.convolve(highest, bell / bell.sum(), mode="valid")


def _bend_leg(figure: _Figure, hips_m: F64, move: F64, side: str) -> None:
    """Displace the ankle, (T, 3), metres, by two-bone inverse kinematics (law of cosines)."""
    turns = figure.turns
    hip, knee, ankle = figure.leg(hips_m, side)
    thigh, shin, aim = knee - hip, ankle - knee, ankle + move - hip
    upper, lower = float(np.linalg.norm(thigh[0])), float(np.linalg.norm(shin[0]))
    least, most = abs(upper - lower) / REACH, REACH * (upper + lower)
    now = np.clip(np.linalg.norm(ankle - hip, axis=1), least, most)
    then = np.clip(np.linalg.norm(aim, axis=1), least, most)
    axis = np.cross(thigh, shin)
    straight = np.linalg.norm(axis, axis=1) < 0.02 * upper * lower
    own = turns[f"{side}_hip"] @ figure.alignment.turns[f"{side}_hip"].T[:, 0]
    axis = np.where(straight[:, None], own, axis)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    at_hip = _angle(upper, then, lower) - _angle(upper, now, lower)
    at_knee = _angle(upper, lower, then) - _angle(upper, lower, now)
    bend_hip = rotvec_to_rotmat(-at_hip[:, None] * axis)
    bend_knee = rotvec_to_rotmat(-(at_hip + at_knee)[:, None] * axis)
    bent = (bend_hip @ thigh[..., None] + bend_knee @ shin[..., None])[..., 0]
    swing = minimal_turn(cast("F32", bent), cast("F32", aim))
    turns[f"{side}_hip"] = swing @ bend_hip @ turns[f"{side}_hip"]
    turns[f"{side}_knee"] = swing @ bend_knee @ turns[f"{side}_knee"]


def _angle(first: F64 | float, second: F64 | float, opposite: F64 | float) -> F64:
    """Return the angle between two sides of a triangle, given all three sides, radians."""
    cosine = (np.square(first) + np.square(second) - np.square(opposite)) / (2.0 * first * second)
    return np.arccos(np.clip(cosine, -1.0, 1.0))
