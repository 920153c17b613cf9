# SPDX-License-Identifier: Apache-2.0
"""Feet of a character: its soles in the aligned rest pose, and their lock to the floor during contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from ..arrays import F32, F64
from ..body.rotation import rotvec_to_rotmat
from ..fit.floor.contacts import Ground
from ..fit.floor.foot_lock import MOST_MOVE_M, foot_moves, foot_turns
from ..fit.pose.analytic_ik import minimal_turn
from .character_map import SIDES, CharacterMap
from .rest_alignment import RestAlignment

SOLE_SLAB_M: Final = 0.02
"""Points of a foot up to this height above its lowest one belong to its sole."""
MOST_POINTS: Final = 16
REACH: Final = 0.9995
"""Largest stretch as a share of the leg's length: a straight knee has no defined bending direction."""
HIPS_S: Final = 0.06
"""Standard deviation of the window over which the correction of the hips is averaged."""
HIP_PASSES: Final = 3
LEAST_WEIGHT: Final = 1e-3
"""Weight of a foot without contact in the correction of the hips."""
ANKLE_M: Final = 0.08
"""Height of the ankle and half the length of the foot of a character without skin and toes."""


@dataclass(frozen=True, eq=False)
class FootPoints:
    """Vertices of the feet in the rest pose.

    Attributes:
        points: For ``left_ankle``, ``left_foot`` and the same of the right the vertices that follow these bones,
            (N, 3), in the armature's axes and units. Parts may be missing.
    """

    points: Mapping[str, F64]


@dataclass(frozen=True, eq=False)
class TargetSoles:
    """Points of the soles relative to the heads of their bones, in the character's rest pose.

    Attributes:
        heel_m: For each side (N, 3), relative to the ankle, in the figure's axes and the source's size, metres.
        toe_m: For each side (N, 3), relative to the toe bone.
        toe_offset_m: For each side (3,), from the ankle to the toe bone.
        ankle_m: Height of the ankles above the soles of the standing figure, metres.
    """

    heel_m: Mapping[str, F64]
    toe_m: Mapping[str, F64]
    toe_offset_m: Mapping[str, F64]
    ankle_m: float


def find_target_soles(character: CharacterMap, alignment: RestAlignment, feet: FootPoints) -> TargetSoles:
    """Find the soles of a character.

    Args:
        character: Its map.
        alignment: Its rest pose against SMPL's.
        feet: Vertices of its feet.

    Returns:
        The soles.
    """
    heel, toe, offset, heights = {}, {}, {}, []
    for side in SIDES:
        ankle_turn, toe_turn = alignment.turns[f"{side}_ankle"], alignment.turns[f"{side}_foot"]
        ankle = alignment.heads_m[character.bones[f"{side}_ankle"][0]]
        toes = character.bones.get(f"{side}_foot", ())
        ahead = ankle_turn.T @ np.array([0.0, -0.9 * ANKLE_M, 1.5 * ANKLE_M])
        offset[side] = alignment.heads_m[list(toes)].mean(axis=0) - ankle if toes else ahead
        vertices = {
            part: feet.points[f"{side}_{part}"] @ alignment.frame / alignment.ratio
            for part in ("ankle", "foot")
            if len(feet.points.get(f"{side}_{part}", ()))
        }
        under = (ankle_turn @ offset[side])[1]
        plain = np.array([[0.0, min(under, -ANKLE_M), 0.0]])
        heel[side] = _sole(vertices["ankle"] - ankle, ankle_turn) if "ankle" in vertices else plain @ ankle_turn
        toe[side] = (
            _sole(vertices["foot"] - ankle - offset[side], toe_turn)
            if "foot" in vertices
            else np.array([[0.0, float((heel[side] @ ankle_turn.T)[:, 1].min()) - under, 0.0]]) @ toe_turn
        )
        low = (heel[side] @ ankle_turn.T)[:, 1].min(), under + (toe[side] @ toe_turn.T)[:, 1].min()
        heights.append(-min(low))
    return TargetSoles(heel, toe, offset, float(np.mean(heights)))


def _sole(points: F64, turn: F64) -> F64:
    """Return the lowest points of a foot in the aligned rest pose, spread over the sole."""
    height = (points @ turn.T)[:, 1]
    low = points[height < height.min() + SOLE_SLAB_M]
    picked = [int((low @ turn.T)[:, 1].argmin())]
    distance = np.linalg.norm(low - low[picked[0]], axis=1)
    while len(picked) < min(MOST_POINTS, len(low)):
        picked.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(low - low[picked[-1]], axis=1))
    return low[picked]


def keep_feet_in_place(
    character: CharacterMap,
    alignment: RestAlignment,
    soles: TargetSoles,
    turns: dict[str, F64],
    hips_m: F64,
    ground: Ground,
    *,
    fps: float,
    most_m: float = MOST_MOVE_M,
) -> F64:
    """Keep feet in contact in their places and soles above the floor.

    The hips move first, by what both feet need on average: near a straight knee, a foot that is moved by a centimetre
    would bend the leg by ten degrees. The legs are then bent by what is left.

    Args:
        character: Map of the character.
        alignment: Its rest pose against SMPL's.
        soles: Its soles.
        turns: Rotation of each part from rest, (T, 3, 3), in the figure's axes, changed in place.
        hips_m: Middle of the hips, (T, 3), metres, with the floor at height 0.
        ground: Contacts of the source.
        fps: Frames per second.
        most_m: Largest displacement of a foot, metres.

    Returns:
        Middle of the hips, (T, 3), metres.
    """
    flat = Ground(0.0, ground.contact)
    feet = _Feet(character, alignment, soles, flat, fps, most_m)
    spread = HIPS_S * fps
    weight = np.stack([_smooth(ground.contact[:, side].any(axis=1).astype(np.float64), spread) for side in (0, 1)])
    weight += LEAST_WEIGHT
    hips = hips_m
    for _ in range(HIP_PASSES):
        moves = [_foot_move(feet, turns, hips, index)[0] for index in (0, 1)]
        mean = np.einsum("st,stc->tc", weight, np.stack(moves)) / weight.sum(axis=0)[:, None]
        hips = hips + np.stack([_smooth(mean[:, axis], spread) for axis in range(3)], axis=1)
    for index, side in enumerate(SIDES):
        move, turn = _foot_move(feet, turns, hips, index)
        _bend_leg(character, alignment, turns, hips, move, turn, side)
    return hips


def _smooth(values: F64, spread: float) -> F64:
    """Average (T,) with a Gaussian window of ``spread`` frames; the ends are repeated."""
    reach = max(1, int(np.ceil(3.0 * spread)))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(spread, 1e-3)) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), bell / bell.sum(), mode="valid")


@dataclass(frozen=True, eq=False)
class _Feet:
    """What is the same for both feet. most_m: largest displacement of a foot, metres."""

    character: CharacterMap
    alignment: RestAlignment
    soles: TargetSoles
    flat: Ground
    fps: float
    most_m: float


def _foot_move(feet: _Feet, turns: Mapping[str, F64], hips_m: F64, index: int) -> tuple[F64, F64]:
    """Return the displacement (T, 3) and the rotation (T, 3, 3) that a foot needs."""
    side, flat, fps = SIDES[index], feet.flat, feet.fps
    ankle = leg_places(feet.character, feet.alignment, turns, hips_m, side)[2]
    heel, toe = _sole_points(feet.soles, turns, ankle, side)
    places = np.stack([heel.mean(axis=1), toe.mean(axis=1)], axis=1)
    upright = np.zeros((len(places), 3))
    upright[:, 1] = foot_turns(places.astype(np.float32), flat, index, fps=fps)
    turn = rotvec_to_rotmat(upright)
    turned = ankle[:, None] + (places - ankle[:, None]) @ np.swapaxes(turn, -1, -2)
    lowest = np.stack([heel[..., 1].min(axis=1), toe[..., 1].min(axis=1)], axis=1)
    found = turned.astype(np.float32), lowest.astype(np.float32)
    move = foot_moves(*found, flat, index, fps=fps, most_m=feet.most_m)
    return move.astype(np.float64), turn


def _sole_points(soles: TargetSoles, turns: Mapping[str, F64], ankle: F64, side: str) -> tuple[F64, F64]:
    """Return the points of heel and toes over the clip, (T, N, 3) each, metres."""
    heel = ankle[:, None] + soles.heel_m[side] @ np.swapaxes(turns[f"{side}_ankle"], -1, -2)
    toe_at = ankle + turns[f"{side}_ankle"] @ soles.toe_offset_m[side]
    toe = toe_at[:, None] + soles.toe_m[side] @ np.swapaxes(turns[f"{side}_foot"], -1, -2)
    return heel, toe


def leg_places(
    character: CharacterMap, alignment: RestAlignment, turns: Mapping[str, F64], hips_m: F64, side: str
) -> tuple[F64, F64, F64]:
    """Return the positions of hip, knee and ankle, (T, 3) each, metres."""
    rest = {part: alignment.heads_m[character.bones[f"{side}_{part}"][0]] for part in ("hip", "knee", "ankle")}
    middle = np.mean([alignment.heads_m[character.bones[f"{other}_hip"][0]] for other in SIDES], axis=0)
    hip = hips_m + turns["pelvis"] @ (rest["hip"] - middle)
    knee = hip + turns[f"{side}_hip"] @ (rest["knee"] - rest["hip"])
    return hip, knee, knee + turns[f"{side}_knee"] @ (rest["ankle"] - rest["knee"])


def _bend_leg(
    character: CharacterMap,
    alignment: RestAlignment,
    turns: dict[str, F64],
    hips_m: F64,
    move: F64,
    turn: F64,
    side: str,
) -> None:
    """Move the ankle by two-bone inverse kinematics (law of cosines) and turn the foot about the vertical.

    Args:
        character: Map of the character.
        alignment: Its rest pose against SMPL's.
        turns: Rotations of the parts, changed in place.
        hips_m: Middle of the hips, (T, 3), metres.
        move: Displacement of the ankle, (T, 3), metres.
        turn: Rotation of the foot, (T, 3, 3).
        side: ``left`` or ``right``.
    """
    hip, knee, ankle = leg_places(character, alignment, turns, hips_m, side)
    thigh, shin, aim = knee - hip, ankle - knee, ankle + move - hip
    upper, lower = float(np.linalg.norm(thigh[0])), float(np.linalg.norm(shin[0]))
    least, most = abs(upper - lower) / REACH, REACH * (upper + lower)
    now = np.clip(np.linalg.norm(ankle - hip, axis=1), least, most)
    then = np.clip(np.linalg.norm(aim, axis=1), least, most)
    axis = np.cross(thigh, shin)
    straight = np.linalg.norm(axis, axis=1) < 0.02 * upper * lower
    own = turns[f"{side}_hip"] @ alignment.turns[f"{side}_hip"].T[:, 0]
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
    turns[f"{side}_ankle"] = turn @ turns[f"{side}_ankle"]
    turns[f"{side}_foot"] = turn @ turns[f"{side}_foot"]


def _angle(first: F64 | float, second: F64 | float, opposite: F64 | float) -> F64:
    """Return the angle between two sides of a triangle, given all three sides, radians."""
    cosine = (np.square(first) + np.square(second) - np.square(opposite)) / (2.0 * first * second)
    return np.arccos(np.clip(cosine, -1.0, 1.0))
