# SPDX-License-Identifier: Apache-2.0
"""Orders of points that tools write without names, other than the layouts: names by number of points.

Such an array is read as if it named its points, so that those of a known layout are found among them and the rest
(fingers, face, twist bones) is left out. Sources: the tools' own documentation and skeleton definitions.
"""

from dataclasses import dataclass
from typing import Final

from .hand_points import FINGER_ORDER, hand_names


@dataclass(frozen=True)
class UnnamedSkeleton:
    """An order of points.

    Attributes:
        title: Who writes it.
        names: Of the points. A name that no layout has marks a point that is left out.
        layout: Name of the layout whose points are among them.
    """

    title: str
    names: tuple[str, ...]
    layout: str


def _fingers(side: str, count: int) -> tuple[str, ...]:
    return tuple(f"{side}_finger_point{number}" for number in range(count))


def _mhr_hand(side: str) -> tuple[str, ...]:
    """Fingers of mhr70 from the tip (4) to the knuckle."""
    return tuple(f"{side}_{finger}{part}" for finger in FINGER_ORDER for part in (4, 3, 2, 1))


def _soma_hand(side: str) -> tuple[str, ...]:
    thumb = tuple(f"{side}HandThumb{part}" for part in ("1", "2", "3", "End"))
    others = ("Index", "Middle", "Ring", "Pinky")
    return (*thumb, *(f"{side}Hand{finger}{part}" for finger in others for part in ("1", "2", "3", "4", "End")))


def _mhr_side(side: str) -> tuple[str, ...]:
    """An arm of MHR, from clavicle to twist bones."""
    fingers = [f"{side}_pinky0"]
    for finger in ("pinky", "ring", "middle", "index"):
        fingers += [f"{side}_{finger}{number}" for number in (1, 2, 3)] + [f"{side}_{finger}_null"]
    thumb = [f"{side}_thumb{number}" for number in range(4)] + [f"{side}_thumb_null"]
    twists = [f"{side}_lowarm_twist{number}_proc" for number in range(1, 5)]
    twists += [f"{side}_uparm_twist{number}_proc" for number in range(5)]
    start = (f"{side}_clavicle", f"{side}_uparm", f"{side}_lowarm", f"{side}_wrist_twist", f"{side}_wrist")
    return (*start, *fingers, *thumb, *twists)


def _mhr_leg(side: str) -> tuple[str, ...]:
    parts = ("upleg", "lowleg", "foot", "talocrural", "subtalar", "transversetarsal", "ball")
    twists = [f"lowleg_twist{number}_proc" for number in range(1, 5)]
    twists += [f"upleg_twist{number}_proc" for number in range(5)]
    return tuple(f"{side}_{part}" for part in (*parts, *twists))


_COCO: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_FEET: Final = (
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip

MEDIAPIPE33: Final = UnnamedSkeleton(
    "MediaPipe Pose (33)",
    (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
        "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "left_heel", "right_heel", "left_big_toe", "right_big_toe",
    ),
    "body25",
)  # fmt: skip
HOLISTIC75: Final = UnnamedSkeleton(
    "MediaPipe body and hands (75)", (*MEDIAPIPE33.names, *hand_names("left"), *hand_names("right")), "body25"
)
KIT21: Final = UnnamedSkeleton(
    "KIT-ML (21)",
    (
        "pelvis", "spine1", "spine3", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder",
        "right_elbow", "right_wrist", "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe_tip",
        "right_hip", "right_knee", "right_ankle", "right_foot", "right_toe_tip",
    ),
    "smpl22",
)  # fmt: skip
SOMA77: Final = UnnamedSkeleton(
    "SOMA (77), Kimodo",
    (
        "Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head", "HeadEnd", "Jaw", "LeftEye", "RightEye",
        "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", *_soma_hand("Left"), "RightShoulder", "RightArm",
        "RightForeArm", "RightHand", *_soma_hand("Right"), "LeftLeg", "LeftShin", "LeftFoot", "LeftToeBase",
        "LeftToeEnd", "RightLeg", "RightShin", "RightFoot", "RightToeBase", "RightToeEnd",
    ),
    "smpl24",
)  # fmt: skip
SOMA30: Final = UnnamedSkeleton(
    "SOMA (30), Kimodo",
    (
        "Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head", "Jaw", "LeftEye", "RightEye", "LeftShoulder",
        "LeftArm", "LeftForeArm", "LeftHand", "LeftHandThumbEnd", "LeftHandMiddleEnd", "RightShoulder", "RightArm",
        "RightForeArm", "RightHand", "RightHandThumbEnd", "RightHandMiddleEnd", "LeftLeg", "LeftShin", "LeftFoot",
        "LeftToeBase", "RightLeg", "RightShin", "RightFoot", "RightToeBase",
    ),
    "smpl22",
)  # fmt: skip
MHR70: Final = UnnamedSkeleton(
    "SAM 3D Body (70)",
    (
        *_COCO[:9], *_COCO[11:], *_FEET, *_mhr_hand("right"), "right_wrist", *_mhr_hand("left"), "left_wrist",
        "left_olecranon", "right_olecranon", "left_cubital_fossa", "right_cubital_fossa", "left_acromion",
        "right_acromion", "neck_base",
    ),
    "body25",
)  # fmt: skip
MHR127: Final = UnnamedSkeleton(
    "Momentum Human Rig (127)",
    (
        "body_world", "root", *_mhr_leg("l"), *_mhr_leg("r"), "c_spine0", "c_spine1", "c_spine2", "c_spine3",
        *_mhr_side("r"), *_mhr_side("l"), "c_neck", "c_neck_twist1_proc", "c_neck_twist0_proc", "c_head", "c_jaw",
        "c_teeth", "c_jaw_null", "c_tongue0", "c_tongue1", "c_tongue2", "c_tongue3", "c_tongue4", "r_eye", "r_eye_null",
        "l_eye", "l_eye_null", "c_head_null",
    ),
    "smpl24",
)  # fmt: skip
WHOLEBODY133: Final = UnnamedSkeleton(
    "COCO-WholeBody (133)", (*_COCO, *_FEET, *_fingers("face", 68), *hand_names("left"), *hand_names("right")),
    "body25",
)  # fmt: skip
HALPE26: Final = UnnamedSkeleton(
    "Halpe (26)",
    (
        *_COCO, "head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe",
        "left_heel", "right_heel",
    ),
    "body25",
)  # fmt: skip
OPENPOSE18: Final = UnnamedSkeleton(
    "OpenPose COCO (18)",
    (
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
        "right_ear", "left_ear",
    ),
    "coco17",
)  # fmt: skip
PANOPTIC19: Final = UnnamedSkeleton(
    "CMU Panoptic (19)",
    (
        "neck", "nose", "mid_hip", "left_shoulder", "left_elbow", "left_wrist", "left_hip", "left_knee", "left_ankle",
        "right_shoulder", "right_elbow", "right_wrist", "right_hip", "right_knee", "right_ankle", "left_eye",
        "left_ear", "right_eye", "right_ear",
    ),
    "coco17",
)  # fmt: skip
KINECT20: Final = UnnamedSkeleton(
    "Kinect v1 (20)",
    (
        "pelvis", "spine2", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_hand", "right_shoulder",
        "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot", "right_hip",
        "right_knee", "right_ankle", "right_foot",
    ),
    "smpl24",
)  # fmt: skip

UNNAMED: Final = {
    len(skeleton.names): skeleton
    for skeleton in (
        MEDIAPIPE33, KIT21, SOMA77, SOMA30, MHR70, MHR127, WHOLEBODY133, HALPE26, OPENPOSE18, PANOPTIC19, KINECT20,
        HOLISTIC75,
    )
}  # fmt: skip
"""By number of points."""
