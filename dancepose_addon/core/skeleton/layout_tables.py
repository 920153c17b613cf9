# SPDX-License-Identifier: Apache-2.0
"""Skeleton layouts as data."""

from typing import Final

from ..body.model import JOINT_NAMES, MIRRORED_JOINTS, PARENTS
from .layout import Layout

SMPL24: Final = Layout(
    name="smpl24",
    title="SMPL joints (24)",
    keypoints=JOINT_NAMES,
    edges=tuple((PARENTS[j], j) for j in range(1, 24)),
    joints=tuple(range(24)),
    mirrored=MIRRORED_JOINTS,
    left=(1, 16),
    right=(2, 17),
    top=(12, 15),
    bottom=(7, 8, 10, 11),
)

# HumanML3D's joints (Guo et al. 2022): SMPL's without the hands.
SMPL22: Final = Layout(
    name="smpl22",
    title="SMPL joints without hands (22)",
    keypoints=JOINT_NAMES[:22],
    edges=tuple((PARENTS[j], j) for j in range(1, 22)),
    joints=tuple(range(22)),
    mirrored=MIRRORED_JOINTS[:22],
    left=(1, 16),
    right=(2, 17),
    top=(12, 15),
    bottom=(7, 8, 10, 11),
)

# The meaning of the points was lost by the authors of the data; these names follow from the geometry of the clips
# (points 7 to 16 lie from the dancer's right to the left, toes point forward). They behave like skin markers.
MD23: Final = Layout(
    name="md23",
    title="Music & dance markers (23)",
    keypoints=(
        "head_right", "head_left", "lower_spine", "right_shoulder", "right_elbow", "right_forearm", "right_wrist",
        "right_hip", "right_knee", "right_ankle", "right_heel", "right_toe", "left_shoulder", "left_elbow",
        "left_forearm", "left_wrist", "left_hip", "left_knee", "left_ankle", "left_heel", "left_toe",
        "left_forearm_2", "right_wrist_2",
    ),
    edges=(
        (0, 1), (0, 3), (1, 12), (3, 12), (3, 2), (12, 2), (3, 4), (4, 5), (5, 6), (6, 22), (12, 13), (13, 14),
        (14, 15), (14, 21), (2, 7), (2, 16), (7, 16), (7, 8), (8, 9), (9, 10), (10, 11), (9, 11), (16, 17),
        (17, 18), (18, 19), (19, 20), (18, 20),
    ),
    joints=(15, 15, 3, 17, 17, 19, 21, 2, 5, 8, 8, 11, 16, 16, 18, 20, 1, 4, 7, 7, 10, 18, 21),
    mirrored=(1, 0, 2, 12, 13, 21, 15, 16, 17, 18, 19, 20, 3, 4, 5, 6, 7, 8, 9, 10, 11, 5, 15),
    left=(12, 16),
    right=(3, 7),
    top=(0, 1),
    bottom=(9, 10, 11, 18, 19, 20),
)  # fmt: skip

# COCO's 17 key-points (Lin et al. 2014, Microsoft COCO), as AIST++ and most detectors give them.
COCO17: Final = Layout(
    name="coco17",
    title="COCO key-points (17)",
    keypoints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    edges=(
        (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12),
        (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    ),
    joints=(15, 15, 15, 15, 15, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8),
    mirrored=(0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15),
    left=(5, 11),
    right=(6, 12),
    top=(0, 1, 2, 3, 4),
    bottom=(15, 16),
)  # fmt: skip

# OpenPose's BODY_25 (Cao et al. 2019, OpenPose).
BODY25: Final = Layout(
    name="body25",
    title="OpenPose BODY_25 (25)",
    keypoints=(
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
        "right_small_toe", "right_heel",
    ),
    edges=(
        (0, 1), (0, 15), (0, 16), (15, 17), (16, 18), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9),
        (9, 10), (10, 11), (8, 12), (12, 13), (13, 14), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
    ),
    joints=(15, 9, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 15, 15, 15, 15, 10, 10, 7, 11, 11, 8),
    mirrored=(0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21),
    left=(5, 12),
    right=(2, 9),
    top=(0, 15, 16, 17, 18),
    bottom=(11, 14, 19, 20, 21, 22, 23, 24),
)  # fmt: skip

# The 17 of Human3.6M's 32 points that its literature uses (Ionescu et al. 2014; order of Pavllo et al. 2019).
H36M17: Final = Layout(
    name="h36m17",
    title="Human3.6M (17)",
    keypoints=(
        "hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "thorax",
        "neck_nose", "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
        "right_wrist",
    ),
    edges=(
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10), (8, 11), (11, 12), (12, 13),
        (8, 14), (14, 15), (15, 16),
    ),
    joints=(0, 2, 5, 8, 1, 4, 7, 3, 9, 15, 15, 16, 18, 20, 17, 19, 21),
    mirrored=(0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13),
    left=(11, 4),
    right=(14, 1),
    top=(9, 10),
    bottom=(3, 6),
)  # fmt: skip
