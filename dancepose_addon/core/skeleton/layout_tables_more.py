# SPDX-License-Identifier: Apache-2.0
"""Layouts of depth cameras, and SMPL's with hands."""

from typing import Final

from ..body.model import JOINT_NAMES, MIRRORED_JOINTS, PARENTS
from .layout import Layout

# Kinect for Windows SDK 2.0, JointType.
KINECT25: Final = Layout(
    name="kinect25",
    title="Kinect v2 (25)",
    keypoints=(
        "spine_base", "spine_mid", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
        "right_shoulder", "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee", "left_ankle",
        "left_foot", "right_hip", "right_knee", "right_ankle", "right_foot", "spine_shoulder", "left_hand_tip",
        "left_thumb", "right_hand_tip", "right_thumb",
    ),
    edges=(
        (0, 1), (1, 20), (20, 2), (2, 3), (20, 4), (4, 5), (5, 6), (6, 7), (7, 21), (6, 22), (20, 8), (8, 9), (9, 10),
        (10, 11), (11, 23), (10, 24), (0, 12), (12, 13), (13, 14), (14, 15), (0, 16), (16, 17), (17, 18), (18, 19),
    ),
    joints=(0, 6, 12, 15, 16, 18, 20, 22, 17, 19, 21, 23, 1, 4, 7, 10, 2, 5, 8, 11, 9, 22, 20, 23, 21),
    mirrored=(0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22),
    left=(4, 12),
    right=(8, 16),
    top=(2, 3),
    bottom=(14, 15, 18, 19),
)  # fmt: skip

# Azure Kinect Body Tracking SDK, k4abt_joint_id_t.
AZURE32: Final = Layout(
    name="azure32",
    title="Azure Kinect (32)",
    keypoints=(
        "pelvis", "spine_navel", "spine_chest", "neck", "left_clavicle", "left_shoulder", "left_elbow", "left_wrist",
        "left_hand", "left_hand_tip", "left_thumb", "right_clavicle", "right_shoulder", "right_elbow", "right_wrist",
        "right_hand", "right_hand_tip", "right_thumb", "left_hip", "left_knee", "left_ankle", "left_foot", "right_hip",
        "right_knee", "right_ankle", "right_foot", "head", "nose", "left_eye", "left_ear", "right_eye", "right_ear",
    ),
    edges=(
        (0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9), (7, 10), (2, 11), (11, 12), (12, 13),
        (13, 14), (14, 15), (15, 16), (14, 17), (0, 18), (18, 19), (19, 20), (20, 21), (0, 22), (22, 23), (23, 24),
        (24, 25), (3, 26), (26, 27), (26, 28), (26, 29), (26, 30), (26, 31),
    ),
    joints=(
        0, 3, 6, 12, 13, 16, 18, 20, 22, 22, 20, 14, 17, 19, 21, 23, 23, 21, 1, 4, 7, 10, 2, 5, 8, 11, 15, 15, 15, 15,
        15, 15,
    ),
    mirrored=(
        0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 4, 5, 6, 7, 8, 9, 10, 22, 23, 24, 25, 18, 19, 20, 21, 26, 27, 30, 31,
        28, 29,
    ),
    left=(5, 18),
    right=(12, 22),
    top=(3, 26, 27, 28, 29, 30, 31),
    bottom=(20, 21, 24, 25),
)  # fmt: skip

FINGERS: Final = ("index", "middle", "pinky", "ring", "thumb")
"""In SMPL+H's order (Romero et al. 2017)."""
HAND_JOINTS: Final = tuple(f"{side}_{finger}{n}" for side in ("left", "right") for finger in FINGERS for n in (1, 2, 3))


def _with_hands(name: str, title: str, face: tuple[str, ...]) -> Layout:
    """SMPL's 22 joints without hands, points of the face, 15 joints of either hand."""
    names = (*JOINT_NAMES[:22], *face, *HAND_JOINTS)
    first = 22 + len(face)
    mirrored = [*MIRRORED_JOINTS[:22], *(names.index(_other_side(point)) for point in names[22:])]
    edges = [(PARENTS[joint], joint) for joint in range(1, 22)] + [(15, 22 + index) for index in range(len(face))]
    joints = [*range(22), *([15] * len(face))]
    for index in range(30):
        wrist = 20 + index // 15
        edges.append((wrist if index % 3 == 0 else first + index - 1, first + index))
        # The thumb's first joint is in the palm, which the wrist carries.
        joints.append(wrist if index % 15 == 12 else wrist + 2)
    return Layout(
        name=name,
        title=title,
        keypoints=names,
        edges=tuple(edges),
        joints=tuple(joints),
        mirrored=tuple(mirrored),
        left=(1, 16),
        right=(2, 17),
        top=(12, 15),
        bottom=(7, 8, 10, 11),
    )


def _other_side(point: str) -> str:
    if point.startswith("left_"):
        return point.replace("left_", "right_")
    return point.replace("right_", "left_")


SMPLH52: Final = _with_hands("smplh52", "SMPL+H joints (52)", ())
# Pavlakos et al. 2019, SMPL-X.
SMPLX55: Final = _with_hands("smplx55", "SMPL-X joints (55)", ("jaw", "left_eye", "right_eye"))
