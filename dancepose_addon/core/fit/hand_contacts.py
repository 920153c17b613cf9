# SPDX-License-Identifier: Apache-2.0
"""Keep the hands of several persons together after each was fitted alone.

Where two hands touch in the recording, the offset between them is a constraint: both wrists are moved by half of what
the fits lost, and the arms follow by two-bone inverse kinematics. Hands keep their rotation in the world. Corrections
fade in before a contact and out after it, as those of standing feet do.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32, F64
from ..body.model import JOINT_INDEX, forward_kinematics
from ..skeleton.markers import keypoints_from_pose
from .evaluation.people_contact import HAND_CONTACT_M
from .floor.foot_lock import FADE_S, faded
from .intervals import runs_of
from .pipeline import FitResult
from .pose.two_bone_ik import bend_limb

SIDES: Final = ("left", "right")
WRIST_CONTACT_M: Final = 0.18
"""Distance of the wrists of two hands that touch, where a layout has no point of the hand."""
LEAST_S: Final = 0.1
"""Shorter contacts are not kept."""
MOST_MOVE_M: Final = 0.15
"""Largest displacement of a wrist."""
ROUNDS: Final = 3
"""Repetitions, since an arm may not reach its half of the way."""


@dataclass(frozen=True)
class _Touch:
    """Two hands that touch. ends: (person, side) of either; in_contact: (T,); offset_m: (T, 3), as recorded."""

    ends: tuple[tuple[int, int], tuple[int, int]]
    in_contact: NDArray[np.bool_]
    offset_m: F64


def keep_hand_contacts(fits: list[FitResult]) -> list[FitResult]:
    """Move arms so that hands which touch in the recording touch after the fit.

    Args:
        fits: Of the persons of one recording, on one floor, T frames each.

    Returns:
        The fits with other shoulders, elbows and wrists. The first report has ``kept_contacts``: for each pair of hands
        the share of the frames and the mean error of the distance between them before and after, millimetres.
    """
    points = [hand_point_indices(fit) for fit in fits]
    touches = _touches(fits, points)
    if not touches:
        return fits
    poses = [fit.motion.pose_rotmat.copy() for fit in fits]
    before = _errors(fits, poses, points, touches)
    for _ in range(ROUNDS):
        errors = _errors(fits, poses, points, touches)
        for person, fit in enumerate(fits):
            _move_arms(fit, poses[person], person, touches, errors)
    after = _errors(fits, poses, points, touches)
    rows = [_row(*three) for three in zip(touches, before, after, strict=True)]
    kept = [_with_pose(fit, pose) for fit, pose in zip(fits, poses, strict=True)]
    notice = "Hands that touch in the recording were kept together by moving the arms."
    report = kept[0].report
    report = {**report, "kept_contacts": rows, "notices": [*report["notices"], notice]}
    return [replace(kept[0], report=report), *kept[1:]]


def hand_point_indices(fit: FitResult) -> tuple[list[int], list[int]]:
    """Find the points of a layout that show where the hands are.

    Args:
        fit: Of one person.

    Returns:
        Indices of the points of the left and the right hand, of the wrist where there are none of the hand.
    """
    weights = fit.markers.weights
    found = []
    for side in SIDES:
        for joint in ("hand", "wrist"):
            points = np.flatnonzero(weights[:, JOINT_INDEX[f"{side}_{joint}"]] > 0.5).tolist()
            if points:
                break
        found.append(points)
    return found[0], found[1]


def _touches(fits: list[FitResult], points: list[tuple[list[int], list[int]]]) -> list[_Touch]:
    """Find the contacts between hands of different persons in the recording."""
    found = []
    least = max(1, round(LEAST_S * fits[0].motion.fps))
    hands = [(person, side) for person in range(len(fits)) for side in range(2) if points[person][side]]
    for one, other in combinations(hands, 2):
        if one[0] == other[0]:
            continue
        places = [fits[person].keypoints_m[:, points[person][side]].mean(axis=1) for person, side in (one, other)]
        seen = [(fits[person].confidence[:, points[person][side]] > 0).all(axis=1) for person, side in (one, other)]
        offset = (places[0] - places[1]).astype(np.float64)
        nearest = (
            HAND_CONTACT_M if all(_has_hand(fits[person], side) for person, side in (one, other)) else WRIST_CONTACT_M
        )
        near = (np.linalg.norm(offset, axis=-1) < nearest) & seen[0] & seen[1]
        for first, last in runs_of(near):
            if last - first + 1 < least:
                near[first : last + 1] = False
        if near.any():
            found.append(_Touch((one, other), near, offset))
    return found


def _has_hand(fit: FitResult, side: int) -> bool:
    return bool((fit.markers.weights[:, JOINT_INDEX[f"{SIDES[side]}_hand"]] > 0.5).any())


def _errors(
    fits: list[FitResult], poses: list[F32], points: list[tuple[list[int], list[int]]], touches: list[_Touch]
) -> list[F64]:
    """What is lost of the offset between the hands of each contact, (T, 3), metres."""
    shown = [_points_of(fit, pose) for fit, pose in zip(fits, poses, strict=True)]
    places = [
        [one[:, own].mean(axis=1) if own else None for own in sides] for one, sides in zip(shown, points, strict=True)
    ]
    errors = []
    for touch in touches:
        (first, one), (second, other) = touch.ends
        between = np.asarray(places[first][one], np.float64) - np.asarray(places[second][other], np.float64)
        errors.append(between - touch.offset_m)
    return errors


def _points_of(fit: FitResult, pose: F32) -> F32:
    rest = np.float32(fit.motion.scale) * fit.body.rest_joints(fit.motion.betas)
    return keypoints_from_pose(fit.markers, rest, pose, fit.motion.translation_m)


def _move_arms(fit: FitResult, pose: F32, person: int, touches: list[_Touch], errors: list[F64]) -> None:
    """Move the wrists of one person by half of the errors. pose: (T, 24, 3, 3), changed in place."""
    rest = np.float32(fit.motion.scale) * fit.body.rest_joints(fit.motion.betas)
    for side in range(2):
        move, count = np.zeros((len(pose), 3)), np.zeros(len(pose))
        for touch, error in zip(touches, errors, strict=True):
            for end, sign in zip(touch.ends, (-0.5, 0.5), strict=True):
                if end == (person, side):
                    move += np.where(touch.in_contact[:, None], sign * error, 0.0)
                    count += touch.in_contact
        known = count > 0
        if not known.any():
            continue
        move[known] /= count[known, None]
        length = np.linalg.norm(move, axis=1, keepdims=True)
        move *= np.minimum(1.0, MOST_MOVE_M / np.maximum(length, 1e-9))
        smooth = faded(move.astype(np.float32), known[:, None], max(1, round(FADE_S * fit.motion.fps)))
        moved = np.flatnonzero(smooth.any(axis=1))
        part = pose[moved]
        turned, joints = forward_kinematics(rest, part, fit.motion.translation_m[moved])
        arm = [JOINT_INDEX[f"{SIDES[side]}_{name}"] for name in ("shoulder", "elbow", "wrist")]
        bend_limb(part, turned, joints, smooth[moved], arm, straight_axis=1)
        pose[moved] = part


def _with_pose(fit: FitResult, pose: F32) -> FitResult:
    away = np.linalg.norm(_points_of(fit, pose) - fit.keypoints_m, axis=-1).astype(np.float32)
    error = np.where(np.isfinite(fit.error_m), away, np.float32(np.nan))
    return replace(fit, motion=replace(fit.motion, pose_rotmat=pose), error_m=error)


def _row(touch: _Touch, before: F64, after: F64) -> dict[str, Any]:
    ends = [[person + 1, SIDES[side]] for person, side in touch.ends]
    lost = [np.linalg.norm(error[touch.in_contact], axis=-1).mean() for error in (before, after)]
    return {
        "hands": ends,
        "share": round(float(touch.in_contact.mean()), 4),
        "lost_mm": [round(1000.0 * float(value), 2) for value in lost],
    }
