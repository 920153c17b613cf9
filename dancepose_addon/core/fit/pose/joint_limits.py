"""How far joints turn, and how far a regressor may be wrong about them.

Knees and elbows are hinges; the ranges of the others are those of clinical tables (American Academy of Orthopaedic
Surgeons, Joint Motion, 1965), widened by what dancers reach, since a limit is there to keep noise from breaking a joint
and not to correct a dancer.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...body.model import JOINT_COUNT, JOINT_INDEX, MIRRORED_JOINTS

_DEGREES: Final = {
    # joint: (low, high) about x, y and z; x to the body's left, y up, z forward; left side, the right one mirrors it
    "left_knee": ((-5.0, 165.0), (-40.0, 40.0), (-25.0, 25.0)),
    "left_collar": ((-45.0, 45.0), (-50.0, 45.0), (-40.0, 55.0)),
    "left_elbow": ((-180.0, 180.0), (-165.0, 5.0), (-5.0, 5.0)),
    "left_ankle": ((-65.0, 85.0), (-60.0, 60.0), (-60.0, 60.0)),
    "left_foot": ((-70.0, 60.0), (-25.0, 25.0), (-25.0, 25.0)),
    "left_wrist": ((-80.0, 80.0), (-50.0, 60.0), (-95.0, 95.0)),
    "spine1": ((-45.0, 75.0), (-45.0, 45.0), (-45.0, 45.0)),
    "spine2": ((-45.0, 60.0), (-45.0, 45.0), (-45.0, 45.0)),
    "spine3": ((-45.0, 60.0), (-45.0, 45.0), (-45.0, 45.0)),
    "neck": ((-60.0, 60.0), (-60.0, 60.0), (-50.0, 50.0)),
    "head": ((-60.0, 60.0), (-60.0, 60.0), (-50.0, 50.0)),
}


ELBOWS: Final = (JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"])

_SPREADS: Final = {
    # joint: about x, y and z of its own axes, radians; a left arm's long axis is x, a leg's is y
    "pelvis": (0.3, 0.3, 0.3),
    "left_hip": (0.3, 0.25, 0.3),
    "left_knee": (0.4, 0.1, 0.06),
    "left_ankle": (0.3, 0.15, 0.15),
    "left_foot": (0.2, 0.05, 0.05),
    "spine1": (0.12, 0.12, 0.12),
    "spine2": (0.12, 0.12, 0.12),
    "spine3": (0.12, 0.12, 0.12),
    "neck": (0.2, 0.2, 0.2),
    "head": (0.25, 0.25, 0.25),
    "left_collar": (0.15, 0.15, 0.15),
    "left_shoulder": (0.4, 0.3, 0.3),
    "left_elbow": (0.4, 0.4, 0.08),
    "left_wrist": (0.15, 0.2, 0.3),
    "left_hand": (0.02, 0.02, 0.02),
}


def _spreads() -> NDArray[np.float32]:
    table = np.zeros((JOINT_COUNT, 3), np.float32)
    for name, spread in _SPREADS.items():
        table[JOINT_INDEX[name]] = table[MIRRORED_JOINTS[JOINT_INDEX[name]]] = spread
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
