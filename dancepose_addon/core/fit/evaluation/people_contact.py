# SPDX-License-Identifier: Apache-2.0
"""Contact of persons who dance together: hands, interpenetration of the bodies, and tracks that exchange identities.

Hands count as in contact where the knuckles of two persons are near each other, as the contact frequency of Siyao et
al. 2024 (Duolando) counts frames with contact. Interpenetration is the depth of one surface's vertices below the other
surface, a signed distance as in Hassan et al. 2019 (PROX); the sign is that of the nearest vertex's normal.
"""

from itertools import combinations
from typing import Any, Final

import numpy as np

from ...arrays import F32, F64
from ...body.model import JOINT_INDEX, BodyModel, skin
from ...body.motion import BodyMotion

HAND_CONTACT_M: Final = 0.10
"""Largest distance of the knuckles of two hands that hold or touch each other: twice the thickness of a hand."""
MOMENTS: Final = 16
"""Frames, spread over the clip, in which surfaces are compared."""
NEAR_M: Final = 0.12
"""Vertices further from the other surface are outside it, or their nearest vertex does not tell."""
STRIDE: Final = 3
"""Every third vertex of a surface is tested against the other one."""
JUMP_M: Final = 0.25
"""Tracks that move less from one frame to the next do not exchange persons."""
EXCHANGE_SHARE: Final = 0.35
"""Tracks exchange persons where they would jump by less than this share of the distance if they were exchanged."""


def people_contact(body: BodyModel, motions: list[BodyMotion]) -> list[dict[str, Any]]:
    """Measure the contact of every two persons.

    Args:
        body: Body of everyone.
        motions: Their motions on one floor and time line, T frames each.

    Returns:
        For each pair: ``persons`` (numbers from 1), ``apart_m`` (least and greatest distance of the pelvises),
        ``hands_m`` (least, median), ``hand_contact`` (share of the frames), ``depth_mm`` (mean over the moments with
        an overlap, greatest) and ``overlap`` (share of the moments).
    """
    joints = [motion.joints(body) for motion in motions]
    moments = np.unique(np.linspace(0, len(motions[0]) - 1, MOMENTS).round().astype(np.intp))
    surfaces = [_posed(body, motion, moments) for motion in motions]
    pairs = []
    for first, second in combinations(range(len(motions)), 2):
        apart = np.linalg.norm(joints[first][:, 0] - joints[second][:, 0], axis=-1)
        hands = hand_distance(joints[first], joints[second])
        depth = np.array(
            [
                interpenetration_depth(body, one, other)
                for one, other in zip(surfaces[first], surfaces[second], strict=True)
            ]
        )
        inside = depth > 0.0
        pairs.append(
            {
                "persons": [first + 1, second + 1],
                "apart_m": [round(float(apart.min()), 3), round(float(apart.max()), 3)],
                "hands_m": [round(float(hands.min()), 4), round(float(np.median(hands)), 4)],
                "hand_contact": round(float((hands < HAND_CONTACT_M).mean()), 4),
                "depth_mm": [
                    round(1e3 * float(depth[inside].mean()) if inside.any() else 0.0, 1),
                    round(1e3 * float(depth.max()), 1),
                ],
                "overlap": round(float(inside.mean()), 4),
            }
        )
    return pairs


def _posed(body: BodyModel, motion: BodyMotion, moments: np.ndarray[Any, np.dtype[np.intp]]) -> F32:
    part, shown = motion.part(moments), body.full
    vertices = skin(
        shown,
        part.pose_in(shown.tree),
        betas=part.betas,
        translation_m=part.translation_m,
        scale=part.scale,
        correctives=False,
    )
    assert vertices is not None
    return vertices


def hand_distance(first_m: F32, second_m: F32) -> F64:
    """Compute the least distance between the hands of two persons.

    Args:
        first_m: (T, 24, 3), joints of SMPL, metres.
        second_m: (T, 24, 3).

    Returns:
        (T,), metres, between the knuckles.
    """
    hands = [JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"]]
    away = np.linalg.norm(first_m[:, hands, None] - second_m[:, None, hands], axis=-1)
    return np.asarray(away.min(axis=(1, 2)), np.float64)


def interpenetration_depth(body: BodyModel, first_m: F32, second_m: F32) -> float:
    """Compute how deep two surfaces are in each other.

    Args:
        body: Body whose triangles both have.
        first_m: (V, 3), metres.
        second_m: (V, 3).

    Returns:
        Greatest depth of a vertex of one below the surface of the other, metres; 0 where they do not meet.
    """
    return max(_depth_below(body, first_m, second_m), _depth_below(body, second_m, first_m))


def _depth_below(body: BodyModel, points_m: F32, surface_m: F32) -> float:
    low, high = surface_m.min(axis=0) - NEAR_M, surface_m.max(axis=0) + NEAR_M
    points = points_m[::STRIDE]
    points = points[((points > low) & (points < high)).all(axis=1)]
    if not len(points):
        return 0.0
    low, high = points.min(axis=0) - NEAR_M, points.max(axis=0) + NEAR_M
    near = np.flatnonzero(((surface_m > low) & (surface_m < high)).all(axis=1))
    if not len(near):
        return 0.0
    normals, places = _normals(body, surface_m)[near], surface_m[near]
    deepest = 0.0
    for start in range(0, len(points), 512):
        some = points[start : start + 512]
        squared = (some**2).sum(axis=1)[:, None] - 2.0 * some @ places.T + (places**2).sum(axis=1)
        nearest = squared.argmin(axis=1)
        step = some - places[nearest]
        away = np.linalg.norm(step, axis=1)
        below = -np.einsum("pc,pc->p", step, normals[nearest])
        inside = (away < NEAR_M) & (below > 0.0)
        deepest = max(deepest, float(below[inside].max(initial=0.0)))
    return deepest


def _normals(body: BodyModel, vertices_m: F32) -> F32:
    corners = vertices_m[body.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices_m)
    for corner in range(3):
        np.add.at(summed, body.faces[:, corner], across)
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12), np.float32)


def identity_exchanges(places_m: list[F64]) -> list[tuple[int, int, int]]:
    """Find frames from which two tracks follow each other's person.

    Args:
        places_m: For each track the place of its person, (T, 3), metres; NaN where it is not seen.

    Returns:
        (track, other track, frame), tracks from 0.
    """
    found = []
    for first, second in combinations(range(len(places_m)), 2):
        a, b = places_m[first], places_m[second]
        kept = np.stack([_steps(a, a), _steps(b, b)])
        crossed = np.stack([_steps(a, b), _steps(b, a)])
        both = (kept > JUMP_M).all(axis=0) & (crossed.sum(axis=0) < EXCHANGE_SHARE * kept.sum(axis=0))
        found += [(first, second, int(frame) + 1) for frame in np.flatnonzero(both)]
    return found


def _steps(start: F64, end: F64) -> F64:
    return np.asarray(np.linalg.norm(end[1:] - start[:-1], axis=-1))


def describe_people_contact(pair: dict[str, Any]) -> str:
    """Return the contact of two persons in one sentence."""
    one, other = pair["persons"]
    least_m, most_m = pair["apart_m"]
    if pair["hand_contact"]:
        hands = f"hands touch in {pair['hand_contact']:.0%} of the frames"
    else:
        hands = f"hands come as near as {100.0 * pair['hands_m'][0]:.0f} cm"
    depth_cm = pair["depth_mm"][1] / 10.0
    bodies = f"bodies overlap by up to {depth_cm:.1f} cm" if pair["overlap"] else "bodies do not overlap"
    return f"Persons {one} and {other}: {least_m:.2f} to {most_m:.2f} m apart; {hands}; {bodies}."
