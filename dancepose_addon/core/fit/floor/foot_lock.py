# SPDX-License-Identifier: Apache-2.0
"""Foot lock: keep standing feet still and on the floor by bending hips and knees only.

Each leg is two bones of constant length, so the target of the ankle determines the flexion of the knee (law of cosines)
and the swing of the leg. A foot in contact with heel and toes is also kept from turning about the vertical, unless it
pivots; otherwise it keeps its global orientation. Corrections fade in before a contact and out after it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_INDEX, forward_kinematics
from ...body.rotation import rotvec_to_rotmat
from ..intervals import runs_of
from ..pose.two_bone_ik import bend_limb
from .contacts import SIDES, Ground, Soles

FADE_S: Final = 0.2
"""Duration of the fades of a correction."""
MOST_MOVE_M: Final = 0.12
"""Largest displacement of a foot; anything larger is not a contact."""
MOST_TURN_RAD: Final = 0.35
"""Feet that turn by more than this during a contact pivot, and may turn."""


def lock_feet(
    rest_joints_m: F32, pose_rotmat: F32, translation_m: F32, soles: Soles, ground: Ground, *, fps: float
) -> F32:
    """Keep feet in contact at constant positions.

    Args:
        rest_joints_m: Rest joints of the body in true size, (24, 3), metres.
        pose_rotmat: Local rotations, (T, 24, 3, 3).
        translation_m: (T, 3), metres.
        soles: Soles of this motion.
        ground: Contacts of this motion.
        fps: Frames per second.

    Returns:
        Local rotations with hips, knees and ankles changed, (T, 24, 3, 3).
    """
    pose = pose_rotmat.copy()
    global_rotmat, joints = forward_kinematics(rest_joints_m, pose, translation_m)
    for index, side in enumerate(SIDES):
        places_m, ankle = soles.places_m[:, index], joints[:, JOINT_INDEX[f"{side}_ankle"], None]
        upright = np.zeros((len(pose), 3), np.float32)
        upright[:, 1] = foot_turns(places_m, ground, index, fps=fps)
        turn = rotvec_to_rotmat(upright)
        turned_m = ankle + (places_m - ankle) @ np.swapaxes(turn, -1, -2)
        move = foot_moves(turned_m, soles.lowest_m[:, index], ground, index, fps=fps)
        if np.any(move) or np.any(upright):
            leg = [JOINT_INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle")]
            bend_limb(pose, global_rotmat, joints, move, leg, turn=turn)
    return pose


def foot_turns(places_m: F32, ground: Ground, side: int, *, fps: float) -> F32:
    """Return the rotation about the vertical that each foot needs.

    Args:
        places_m: Positions of heel and toes, (T, 2, 3), metres.
        ground: Contacts.
        side: Index in SIDES.
        fps: Frames per second.

    Returns:
        Angles, (T,), radians.
    """
    known = ground.contact[:, side].all(axis=1)
    ahead = places_m[:, 1] - places_m[:, 0]
    heading = np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 2]))
    turn = np.zeros((len(places_m), 1), np.float32)
    for first, last in runs_of(known):
        span = slice(first, last + 1)
        if np.ptp(heading[span]) < MOST_TURN_RAD:
            turn[span, 0] = np.median(heading[span]) - heading[span]
    return faded(turn, known[:, None], max(1, round(FADE_S * fps)))[:, 0]


def foot_moves(places_m: F32, lowest_m: F32, ground: Ground, side: int, *, fps: float) -> F32:
    """Return the displacement that each foot needs.

    Args:
        places_m: Positions of heel and toes, (T, 2, 3), metres.
        lowest_m: Heights of the lowest vertices of heel and toes, (T, 2), metres.
        ground: Contacts.
        side: Index in SIDES.
        fps: Frames per second.

    Returns:
        Displacements, (T, 3), metres.
    """
    contact = ground.contact[:, side]
    move = np.zeros((len(places_m), 3), np.float32)
    count = np.zeros(len(places_m), np.float32)
    for part in range(2):
        for first, last in runs_of(contact[:, part]):
            span = slice(first, last + 1)
            still = np.median(places_m[span, part], axis=0)
            wanted = still - places_m[span, part]
            wanted[:, 1] = ground.floor_m - lowest_m[span, part]
            move[span] += wanted
            count[span] += 1.0
    known = count > 0
    move[known] /= count[known, None]
    length = np.linalg.norm(move, axis=1, keepdims=True)
    move *= np.minimum(1.0, MOST_MOVE_M / np.maximum(length, 1e-9))
    move = faded(move, contact, max(1, round(FADE_S * fps)))
    # Lift feet that penetrate the floor.
    sunk = np.maximum(ground.floor_m - lowest_m.min(axis=1) - move[:, 1], 0.0)
    move[:, 1] += _eased(np.minimum(sunk, MOST_MOVE_M)[:, None])[:, 0]
    return move


def faded(move: F32, contact: NDArray[np.bool_], fade: int) -> F32:
    """Fade corrections in before contacts and out after them.

    Between two close contacts the corrections are blended. Changes between heel and toes are smoothed likewise.

    Args:
        move: Corrections, (T, C), valid in frames with contact.
        contact: (T, P).
        fade: Length of a fade, frames.

    Returns:
        Corrections, (T, C).
    """
    known, nothing = contact.any(axis=1), np.zeros(move.shape[1], np.float32)
    result = move.copy()
    for first, last in runs_of(~known):
        before = move[first - 1] if first > 0 else nothing
        after = move[last + 1] if last + 1 < len(move) else nothing
        at = np.arange(first, last + 1)
        out = _ease(1.0 - (at - first + 1) / (fade + 1.0)) if first > 0 else np.zeros(len(at))
        into = _ease(1.0 - (last + 1 - at) / (fade + 1.0)) if last + 1 < len(move) else np.zeros(len(at))
        total = np.maximum(out + into, 1.0)
        result[first : last + 1] = (out / total)[:, None] * before + (into / total)[:, None] * after
    # Frames inside a constant contact are held exactly, which also removes jitter of the points.
    changes = np.pad((contact[1:] != contact[:-1]).any(axis=1), 1)
    held = known & ~changes[1:] & ~changes[:-1]
    return np.where(held[:, None], result, _eased(result))


def _eased(move: F32) -> F32:
    """Average each frame with its neighbours with weights 1 : 2 : 1. (T, C) -> (T, C)."""
    padded = np.pad(move, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:], np.float32)


def _ease(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the smooth step from 0 to 1."""
    x = np.clip(share, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
