"""Foot lock: feet that stand are kept still and on the floor, by bending hips and knees only.

Each leg is two bones whose lengths stay, so where the ankle has to be decides the bend of the knee (law of cosines)
and the swing of the leg. A foot that stands on heel and toes is kept from turning about the vertical as well, unless it
pivots; else it keeps its own orientation in space. Before and after a contact the corrections fade in and out, so
nothing pops.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_INDEX, PARENTS, forward_kinematics
from ...body.rotation import rotvec_to_rotmat
from ..intervals import runs_of
from ..pose.analytic_ik import minimal_turn
from .contacts import SIDES, Ground, Soles

FADE_S: Final = 0.2
"""Time in which a correction comes and goes."""
MOST_MOVE_M: Final = 0.12
"""A foot is not moved farther than this: what would need it is not a contact."""
MOST_TURN_RAD: Final = 0.35
"""Feet that turn by more than this during a contact are meant to: they pivot."""
REACH: Final = 0.9995
"""Of the leg's length, up to which it is stretched: a straight knee has no side to bend to."""


def lock_feet(
    rest_joints_m: F32, pose_rotmat: F32, translation_m: F32, soles: Soles, ground: Ground, *, fps: float
) -> F32:
    """Keep standing feet where they stand.

    rest_joints_m: (24, 3), metres, in true size; pose_rotmat: (T, 24, 3, 3); translation_m: (T, 3), metres; soles,
    ground: of this motion. Returns pose_rotmat with hips, knees and ankles changed.
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
            _move_ankle(pose, global_rotmat, joints, move, turn, side)
    return pose


def foot_turns(places_m: F32, ground: Ground, side: int, *, fps: float) -> F32:
    """How far a foot has to turn about the vertical, radians. places_m: (T, 2, 3), heel and toes -> (T,)."""
    known = ground.contact[:, side].all(axis=1)
    ahead = places_m[:, 1] - places_m[:, 0]
    heading = np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 2]))
    turn = np.zeros((len(places_m), 1), np.float32)
    for first, last in runs_of(known):
        span = slice(first, last + 1)
        if np.ptp(heading[span]) < MOST_TURN_RAD:
            turn[span, 0] = np.median(heading[span]) - heading[span]
    return _faded(turn, known[:, None], max(1, round(FADE_S * fps)))[:, 0]


def foot_moves(places_m: F32, lowest_m: F32, ground: Ground, side: int, *, fps: float) -> F32:
    """How far a foot has to move, metres. places_m: (T, 2, 3), heel and toes; lowest_m: (T, 2) -> (T, 3)."""
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
    move = _faded(move, contact, max(1, round(FADE_S * fps)))
    # A foot that passes through the floor is lifted out of it.
    sunk = np.maximum(ground.floor_m - lowest_m.min(axis=1) - move[:, 1], 0.0)
    move[:, 1] += _eased(np.minimum(sunk, MOST_MOVE_M)[:, None])[:, 0]
    return move


def _faded(move: F32, contact: NDArray[np.bool_], fade: int) -> F32:
    """Let the corrections of contacts come and go. Between two contacts near each other they pass into one another;
    heel and toes that give over are eased likewise. move: (T, C), for the frames in which some of contact (T, P) is."""
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
    # What stands before and after alike is held exactly, against the points' jitter too.
    changes = np.pad((contact[1:] != contact[:-1]).any(axis=1), 1)
    held = known & ~changes[1:] & ~changes[:-1]
    return np.where(held[:, None], result, _eased(result))


def _eased(move: F32) -> F32:
    """Each frame averaged with its neighbours, 1 : 2 : 1. move: (T, C)."""
    padded = np.pad(move, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:], np.float32)


def _ease(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth step from 0 to 1."""
    x = np.clip(share, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _move_ankle(pose: F32, global_rotmat: F32, joints: F32, move: F32, turn: F32, side: str) -> None:
    """Two-bone inverse kinematics, in place. move: (T, 3), metres, of the ankle; turn: (T, 3, 3), of the foot."""
    hip, knee, ankle = (JOINT_INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    thigh, shank = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
    upper, lower = np.linalg.norm(thigh, axis=1), np.linalg.norm(shank, axis=1)
    leg, aim = joints[:, ankle] - joints[:, hip], joints[:, ankle] + move - joints[:, hip]
    least, most = np.abs(upper - lower) / REACH, REACH * (upper + lower)
    now = np.clip(np.linalg.norm(leg, axis=1), least, most)
    then = np.clip(np.linalg.norm(aim, axis=1), least, most)
    # The knee's axis: about which the leg is bent, or where it is straight the thigh's own left-right axis.
    axis = np.cross(thigh, shank)
    straight = np.linalg.norm(axis, axis=1) < 0.02 * upper * lower
    own = global_rotmat[:, hip, :, 0]
    axis = np.where(straight[:, None], own, axis)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    at_hip = _angle(upper, then, lower) - _angle(upper, now, lower)
    at_knee = _angle(upper, lower, then) - _angle(upper, lower, now)
    bend_hip = rotvec_to_rotmat((-at_hip[:, None] * axis).astype(np.float32))
    bend_knee = rotvec_to_rotmat((-(at_hip + at_knee)[:, None] * axis).astype(np.float32))
    bent = (bend_hip @ thigh[..., None] + bend_knee @ shank[..., None])[..., 0]
    swing = minimal_turn(bent, aim)
    new_hip = swing @ bend_hip @ global_rotmat[:, hip]
    new_knee = swing @ bend_knee @ global_rotmat[:, knee]
    pose[:, hip] = np.swapaxes(global_rotmat[:, PARENTS[hip]], -1, -2) @ new_hip
    pose[:, knee] = np.swapaxes(new_hip, -1, -2) @ new_knee
    pose[:, ankle] = np.swapaxes(new_knee, -1, -2) @ turn @ global_rotmat[:, ankle]


def _angle(first: F32, second: F32, opposite: F32) -> F32:
    """The angle between two sides of a triangle, radians, from all three sides."""
    cosine = (first**2 + second**2 - opposite**2) / (2.0 * first * second)
    return np.arccos(np.clip(cosine, -1.0, 1.0))
