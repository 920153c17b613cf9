# SPDX-License-Identifier: Apache-2.0
"""Feet of a character: its soles in the aligned rest pose, and where they are in a dance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import F64
from .character_map import SIDES, CharacterMap
from .rest_alignment import RestAlignment

SOLE_SLAB_M: Final = 0.02
"""Points of a foot up to this height above its lowest one belong to its sole."""
MOST_POINTS: Final = 16
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


def sole_points(soles: TargetSoles, turns: Mapping[str, F64], ankle: F64, side: str) -> tuple[F64, F64]:
    """Return the points of heel and toes over the clip, (T, N, 3) each, metres.

    Args:
        soles: The soles.
        turns: Rotation of each part from rest, (T, 3, 3), in the figure's axes.
        ankle: Position of the ankle, (T, 3), metres.
        side: ``left`` or ``right``.
    """
    heel = ankle[:, None] + soles.heel_m[side] @ np.swapaxes(turns[f"{side}_ankle"], -1, -2)
    toe_at = ankle + turns[f"{side}_ankle"] @ soles.toe_offset_m[side]
    toe = toe_at[:, None] + soles.toe_m[side] @ np.swapaxes(turns[f"{side}_foot"], -1, -2)
    return heel, toe


def leg_places(
    character: CharacterMap, alignment: RestAlignment, turns: Mapping[str, F64], hips_m: F64, side: str
) -> tuple[F64, F64, F64]:
    """Return the positions of hip, knee and ankle, (T, 3) each, metres.

    Args:
        character: Map of the character.
        alignment: Its rest pose against SMPL's.
        turns: Rotation of each part from rest, (T, 3, 3), in the figure's axes.
        hips_m: Middle of the hips, (T, 3), metres.
        side: ``left`` or ``right``.
    """
    rest = {part: alignment.heads_m[character.bones[f"{side}_{part}"][0]] for part in ("hip", "knee", "ankle")}
    middle = np.mean([alignment.heads_m[character.bones[f"{other}_hip"][0]] for other in SIDES], axis=0)
    hip = hips_m + turns["pelvis"] @ (rest["hip"] - middle)
    knee = hip + turns[f"{side}_hip"] @ (rest["knee"] - rest["hip"])
    return hip, knee, knee + turns[f"{side}_knee"] @ (rest["ankle"] - rest["knee"])
