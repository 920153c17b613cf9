# SPDX-License-Identifier: Apache-2.0
"""Joint limits, and how far a regressor may be wrong about each joint.

Knees and elbows are hinges with some play. The ranges of the other joints are those of clinical tables (American
Academy of Orthopaedic Surgeons, Joint Motion, 1965), widened by what dancers reach, since a limit is there to keep
noise from breaking a joint and not to correct a dancer. The forearm's pronation is shared between elbow and wrist as in
SMPL-family data, where the elbow's twist has a standard deviation of 15 to 28 degrees and the wrist's of 14 to 24.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_COUNT, JOINT_INDEX, MIRRORED_JOINTS
from ...body.rotation import rotvec_to_rotmat

_DEGREES: Final = {
    # joint: (low, high) about x, y and z; x to the body's left, y up, z forward; left side, the right one mirrors it
    "left_knee": ((-5.0, 165.0), (-40.0, 40.0), (-25.0, 25.0)),
    "left_collar": ((-45.0, 45.0), (-50.0, 45.0), (-40.0, 55.0)),
    "left_elbow": ((-80.0, 80.0), (-165.0, 10.0), (-35.0, 35.0)),
    "left_ankle": ((-65.0, 85.0), (-60.0, 60.0), (-60.0, 60.0)),
    "left_foot": ((-70.0, 60.0), (-25.0, 25.0), (-25.0, 25.0)),
    "left_wrist": ((-50.0, 50.0), (-45.0, 50.0), (-75.0, 75.0)),
    "spine1": ((-45.0, 75.0), (-45.0, 45.0), (-45.0, 45.0)),
    "spine2": ((-45.0, 60.0), (-45.0, 45.0), (-45.0, 45.0)),
    "spine3": ((-45.0, 60.0), (-45.0, 45.0), (-45.0, 45.0)),
    "neck": ((-25.0, 50.0), (-40.0, 40.0), (-50.0, 50.0)),
    "head": ((-30.0, 50.0), (-45.0, 45.0), (-50.0, 50.0)),
}


ELBOWS: Final = (JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"])

_SPREADS: Final = {
    # joint: about x, y and z of the joint's axes, radians; a left arm's long axis is x, a leg's is y
    "pelvis": (0.3, 0.3, 0.3),
    "left_hip": (0.3, 0.25, 0.3),
    "left_knee": (0.4, 0.15, 0.15),
    "left_ankle": (0.3, 0.15, 0.15),
    "left_foot": (0.2, 0.05, 0.05),
    "spine1": (0.12, 0.12, 0.12),
    "spine2": (0.12, 0.12, 0.12),
    "spine3": (0.12, 0.12, 0.12),
    "neck": (0.2, 0.2, 0.2),
    "head": (0.25, 0.25, 0.25),
    "left_collar": (0.15, 0.15, 0.15),
    "left_shoulder": (0.4, 0.3, 0.3),
    "left_elbow": (0.4, 0.4, 0.25),
    "left_wrist": (0.15, 0.2, 0.3),
    "left_hand": (0.02, 0.02, 0.02),
}


_HOLDS: Final = {"neck": 3.0, "head": 3.0, "left_wrist": 6.0, "left_ankle": 2.5, "left_foot": 2.5}


def _spreads() -> NDArray[np.float32]:
    table = np.zeros((JOINT_COUNT, 3), np.float32)
    for name, spread in _SPREADS.items():
        table[JOINT_INDEX[name]] = table[MIRRORED_JOINTS[JOINT_INDEX[name]]] = spread
    return table


def _holds() -> NDArray[np.float32]:
    table = np.ones(JOINT_COUNT, np.float32)
    for name, hold in _HOLDS.items():
        table[JOINT_INDEX[name]] = table[MIRRORED_JOINTS[JOINT_INDEX[name]]] = hold
    return table


def _table() -> NDArray[np.float32]:
    table = np.full((JOINT_COUNT, 2, 3), np.inf, np.float32)
    table[:, 0] = -np.inf
    for name, ranges in _DEGREES.items():
        joint = JOINT_INDEX[name]
        table[joint] = np.radians(np.array(ranges, np.float32)).T
        other = MIRRORED_JOINTS[joint]
        if other != joint:
            # A mirror image keeps turns about x and reverses those about y and z.
            table[other] = table[joint]
            table[other, :, 1:] = -table[joint, ::-1, 1:]
    return table


LIMITS_RAD: Final = _table()
"""(24, 2, 3), radians: least and greatest component of each rotation vector; infinite where a joint is not limited."""
LIMITED: Final = np.flatnonzero(np.isfinite(LIMITS_RAD).any(axis=(1, 2)))
"""Joints that have limits."""
SPREAD_RAD: Final = _spreads()
"""(24, 3), radians: how far off a regressor's rotation is taken to be about each of the joint's own axes. Hinges bend
freely and hardly do anything else, so what points say of twist and sideways bend there is mostly noise."""
ARMS: Final = tuple(
    (JOINT_INDEX[f"{side}_elbow"], JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_hand"])
    for side in ("left", "right")
)
MARKER_HOLD: Final = _holds()
"""(24,), factor by which the prior is stronger where all points are markers. One or two markers on a hand, a foot or a
head do not determine its three rotations, and their positions on it are known to a centimetre only: without this,
wrists were bent to their limits to meet a marker within a millimetre."""
MOST_TWIST_RAD: Final = (float(np.radians(95.0)), float(np.radians(55.0)))
"""Twist that elbow and wrist never pass: least squares only pulls back from their limits."""
TAPER_RAD: Final = float(np.radians(50.0))
SHARING_ROUNDS: Final = 2


def hold_forearms(pose_rotmat: F32, rest_joints_m: F32) -> F32:
    """Keep the twist of elbows and wrists within what arms can do.

    The excess of the wrist goes to the elbow, which leaves the hand where it is. The excess of the elbow is then
    removed, and the hand turns back with the forearm.

    Args:
        pose_rotmat: (T, 24, 3, 3), local rotations.
        rest_joints_m: (24, 3), T-pose, metres.

    Returns:
        (T, 24, 3, 3).
    """
    pose = pose_rotmat.copy()
    most_elbow, most_wrist = MOST_TWIST_RAD
    for elbow, wrist, hand in ARMS:
        forearm, palm = (_unit(rest_joints_m[b] - rest_joints_m[a]) for a, b in ((elbow, wrist), (wrist, hand)))
        for _ in range(SHARING_ROUNDS):
            _give_to_elbow(pose, elbow, wrist, forearm, _excess(twist_about(pose[:, wrist], palm), most_wrist))
        beyond = _excess(twist_about(pose[:, elbow], forearm), most_elbow)
        pose[:, elbow] = pose[:, elbow] @ rotvec_to_rotmat(-beyond[:, None] * forearm)
        still = _excess(twist_about(pose[:, wrist], palm), most_wrist)
        pose[:, wrist] = pose[:, wrist] @ rotvec_to_rotmat(-still[:, None] * palm)
    return pose


def twist_about(rotmat: F32, axis: F32) -> F32:
    """Twist of a rotation about an axis: the angle of its part about that axis when it is split into swing and twist.

    Args:
        rotmat: (..., 3, 3).
        axis: (3,), unit vector.

    Returns:
        (...), radians in [-pi, pi).
    """
    sine = axis[0] * (rotmat[..., 2, 1] - rotmat[..., 1, 2]) + axis[1] * (rotmat[..., 0, 2] - rotmat[..., 2, 0])
    sine = sine + axis[2] * (rotmat[..., 1, 0] - rotmat[..., 0, 1])
    angle = 2.0 * np.arctan2(sine, 1.0 + np.einsum("...ii->...", rotmat))
    return np.asarray((angle + np.pi) % (2.0 * np.pi) - np.pi, np.float32)


def _give_to_elbow(pose: F32, elbow: int, wrist: int, forearm: F32, angle: F32) -> None:
    turn = rotvec_to_rotmat(angle[:, None] * forearm)
    pose[:, elbow] = pose[:, elbow] @ turn
    pose[:, wrist] = np.swapaxes(turn, -1, -2) @ pose[:, wrist]


def _excess(angle: F32, most: float) -> F32:
    """Return the part of a twist beyond a limit.

    Towards a half turn the remaining twist tapers to zero, so that it does not jump between the two limits where the
    angle changes sign.

    Args:
        angle: (T,), radians.
        most: The limit, radians.

    Returns:
        (T,), radians.
    """
    held = np.clip(angle, -most, most) * np.minimum(1.0, (np.pi - np.abs(angle)) / TAPER_RAD)
    return np.asarray(angle - held, np.float32)


def _unit(vector: F32) -> F32:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
