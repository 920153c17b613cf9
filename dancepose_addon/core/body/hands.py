# SPDX-License-Identifier: Apache-2.0
"""Rotations of the fingers: the relaxed hand, and poses of SMPL's trees made from each other.

In SMPL's T-pose the palms face down and the fingers point to the sides, so a finger of the left hand closes about -z
and one of the right hand about +z.
"""

from functools import cache
from typing import Final

import numpy as np

from ..arrays import F32
from .joint_tree import BODY_JOINTS, FACE_JOINTS, FINGER_JOINTS, FINGERS, JOINT_COUNT, JointTree
from .rotation import rotvec_to_rotmat

FINGER_COUNT: Final = len(FINGER_JOINTS)
CURL_RAD: Final = {
    "index": (0.25, 0.40, 0.25),
    "middle": (0.33, 0.47, 0.28),
    "ring": (0.40, 0.50, 0.30),
    "pinky": (0.45, 0.50, 0.30),
}
"""Flexion of the knuckle, the middle and the last joint of a resting finger, radians. The fingers of a resting hand
form a cascade: flexion increases from the index to the little finger."""
SPREAD_RAD: Final = {"index": 0.10, "middle": 0.02, "ring": -0.09, "pinky": -0.20}
"""By which resting fingers are drawn together, about y of the left hand, radians."""
THUMB_ROTVEC: Final = ((0.12, 0.28, 0.10), (0.0, 0.12, 0.0), (0.0, 0.20, 0.0))
"""Rotation vectors of the left thumb: its root turns towards the index finger, its joints bend slightly, radians."""


@cache
def _relaxed() -> F32:
    rotvec = np.zeros((2, FINGER_COUNT // 2, 3))
    for index, finger in enumerate(FINGERS):
        for part in range(3):
            joint = 3 * index + part
            if finger == "thumb":
                rotvec[0, joint] = THUMB_ROTVEC[part]
            else:
                rotvec[0, joint] = (0.0, SPREAD_RAD[finger] if part == 0 else 0.0, -CURL_RAD[finger][part])
    rotvec[1] = rotvec[0] * np.array([1.0, -1.0, -1.0])
    return rotvec_to_rotmat(rotvec.reshape(-1, 3)).astype(np.float32)


def relaxed_hands(frames: int, pose_rotmat: F32 | None = None) -> F32:
    """Compute the fingers of resting hands.

    Args:
        frames: Number of frames T.
        pose_rotmat: (T, 24, 3, 3) of SMPL, whose rotations of the hand joints turn the fingers without the thumbs;
            None for none.

    Returns:
        (T, 30, 3, 3) in SMPL+H's order: left hand, right hand.
    """
    hands = np.tile(_relaxed(), (frames, 1, 1, 1))
    if pose_rotmat is not None:
        for side in range(2):
            turn = pose_rotmat[:, BODY_JOINTS + side]
            if np.abs(turn - np.eye(3, dtype=np.float32)).max(initial=0.0) < 1e-6:
                continue
            for finger, name in enumerate(FINGERS):
                if name != "thumb":
                    joint = 15 * side + 3 * finger
                    hands[:, joint] = turn @ hands[:, joint]
    return hands


def is_relaxed(hands_rotmat: F32) -> bool:
    """Tell whether fingers rest in every frame.

    Args:
        hands_rotmat: (T, 30, 3, 3).

    Returns:
        True where they are those of ``relaxed_hands``.
    """
    return bool(np.abs(hands_rotmat - _relaxed()).max(initial=0.0) < 1e-4)


def pose_in_tree(pose_rotmat: F32, hands_rotmat: F32 | None, face_rotmat: F32 | None, tree: JointTree) -> F32:
    """Arrange rotations for a tree. Fingers that are not known are relaxed, jaw and eyes neutral.

    Args:
        pose_rotmat: (T, 24, 3, 3) of SMPL.
        hands_rotmat: (T, 30, 3, 3) of SMPL+H's fingers, or None.
        face_rotmat: (T, 3, 3, 3) of SMPL-X's jaw and eyes, or None.
        tree: Wanted.

    Returns:
        (T, J, 3, 3), local to the parent.
    """
    if not tree.has_fingers:
        return pose_rotmat
    pose = np.empty((len(pose_rotmat), len(tree), 3, 3), np.float32)
    pose[:, :BODY_JOINTS] = pose_rotmat[:, :BODY_JOINTS]
    first = tree.first_finger
    if tree.has_face:
        pose[:, BODY_JOINTS:first] = np.eye(3, dtype=np.float32) if face_rotmat is None else face_rotmat
    pose[:, first:] = relaxed_hands(len(pose), pose_rotmat) if hands_rotmat is None else hands_rotmat
    return pose


def parts_of_pose(pose_rotmat: F32, tree: JointTree) -> tuple[F32, F32 | None, F32 | None]:
    """Undo ``pose_in_tree``.

    Args:
        pose_rotmat: (T, J, 3, 3), local to the parent.
        tree: Of J joints.

    Returns:
        SMPL's pose (T, 24, 3, 3) with neutral hand joints where the tree has fingers; fingers (T, 30, 3, 3) or None;
        jaw and eyes (T, 3, 3, 3) or None.
    """
    if not tree.has_fingers:
        return pose_rotmat, None, None
    pose = np.empty((len(pose_rotmat), JOINT_COUNT, 3, 3), np.float32)
    pose[:, :BODY_JOINTS] = pose_rotmat[:, :BODY_JOINTS]
    pose[:, BODY_JOINTS:] = np.eye(3, dtype=np.float32)
    first = tree.first_finger
    face = pose_rotmat[:, first - len(FACE_JOINTS) : first] if tree.has_face else None
    return pose, np.ascontiguousarray(pose_rotmat[:, first:], np.float32), face
