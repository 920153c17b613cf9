# SPDX-License-Identifier: Apache-2.0
"""Orders of points of body models, pose estimators and cameras, beside those of ``unnamed_skeletons``.

Sources: smplx/joint_names.py and vertex_ids.py; SPIN's and HMR 2.0's lists of 49 and 44 joints; EasyMocap's
dataset/config.py; LSP, MPII, MPI-INF-3DHP and Panoptic data sets; Stereolabs' ZED SDK; Xsens MVN; LaFAN1.
"""

from typing import Final

from ..body.model import JOINT_NAMES
from .hand_points import FINGER_ORDER, hand_names
from .layout_tables import BODY25
from .layout_tables_more import AZURE32, SMPLH52, SMPLX55
from .unnamed_skeletons import UNNAMED, UnnamedSkeleton


def _more(count: int) -> tuple[str, ...]:
    """Names of points that are left out."""
    return tuple(f"unused_point{number}" for number in range(count))


def _sided(parts: tuple[str, ...], *, right_first: bool = False) -> tuple[str, ...]:
    sides = ("right", "left") if right_first else ("left", "right")
    return tuple(f"{side}_{part}" for side in sides for part in parts)


_ARM: Final = ("shoulder", "elbow", "wrist")
_LEG: Final = ("hip", "knee", "ankle")
_LSP: Final = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
_PANOPTIC: Final = (
    "neck",
    "nose",
    "pelvis",
    *(f"left_{p}" for p in (*_ARM, *_LEG)),
    *(f"right_{p}" for p in (*_ARM, *_LEG)),
)
_MPII: Final = (*_LSP[:6], "pelvis", "spine3", "neck", "head_top", *_LSP[6:])
_H36M16: Final = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine2", "neck",
    "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
_MPI17: Final = (
    "head_top", "neck", *_sided(_ARM, right_first=True), *_sided(_LEG, right_first=True), "pelvis", "spine2", "head",
)  # fmt: skip
_MPI28: Final = (
    "spine3", "spine4", "spine2", "spine1", "pelvis", "neck", "head", "head_top",
    *_sided(("clavicle", *_ARM, "hand")), *_sided((*_LEG, "foot", "toe_tip")),
)  # fmt: skip
_XSENS23: Final = (
    "pelvis", "L5", "L3", "T12", "T8", "neck", "head",
    *_sided(("clavicle", "upperarm", "forearm", "wrist"), right_first=True),
    *_sided(("upleg", "shin", "ankle", "toebase"), right_first=True),
)  # fmt: skip
_LAFAN22: Final = (
    "pelvis", *_sided(("upleg", "shin", "foot", "toebase")), "spine1", "spine2", "spine3", "neck", "head",
    *_sided(("clavicle", "upperarm", "forearm", "wrist")),
)  # fmt: skip
_ZED_PARTS: Final = ("clavicle", *_ARM, *_LEG, "big_toe", "small_toe", "heel")
_ZED38: Final = (
    "pelvis", "spine1", "spine2", "spine3", "neck", "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    *(f"{side}_{part}" for part in _ZED_PARTS for side in ("left", "right")),
    *_more(8),
)  # fmt: skip

_BOTH_HANDS: Final = (*hand_names("left"), *hand_names("right"))
_TIPS: Final = tuple(f"{side}_{finger}4" for side in ("left", "right") for finger in FINGER_ORDER)

MODELS: Final = (
    UnnamedSkeleton("LSP (14)", (*_LSP, "neck", "head_top"), "smpl22"),
    UnnamedSkeleton("CMU Panoptic (15)", _PANOPTIC, "smpl22"),
    UnnamedSkeleton("MPII (16)", _MPII, "smpl22"),
    UnnamedSkeleton("Human3.6M (16)", _H36M16, "smpl22"),
    UnnamedSkeleton("MPI-INF-3DHP (17)", _MPI17, "smpl22"),
    UnnamedSkeleton("LaFAN1 (22)", _LAFAN22, "smpl22"),
    UnnamedSkeleton("Xsens (23)", _XSENS23, "smpl22"),
    UnnamedSkeleton("MPI-INF-3DHP (28)", _MPI28, "smpl24"),
    UnnamedSkeleton("ZED BODY_34", (*AZURE32.keypoints, "left_heel", "right_heel"), "azure32"),
    UnnamedSkeleton("ZED BODY_38", _ZED38, "smpl22"),
    UnnamedSkeleton("HMR 2.0 (44)", (*BODY25.keypoints, *_more(19)), "body25"),
    UnnamedSkeleton("SMPL with vertices (45)", (*JOINT_NAMES, *_more(21)), "smpl24"),
    UnnamedSkeleton("SPIN (49)", (*BODY25.keypoints, *_more(24)), "body25"),
    UnnamedSkeleton("ROMP (54)", (*JOINT_NAMES, *_more(30)), "smpl24"),
    UnnamedSkeleton("EasyMocap body and hands (67)", (*BODY25.keypoints, *_BOTH_HANDS), "body25"),
    UnnamedSkeleton("ROMP (71)", (*JOINT_NAMES, *_more(47)), "smpl24"),
    UnnamedSkeleton("SMPL+H with vertices (73)", (*SMPLH52.keypoints, *_more(11), *_TIPS), "smpl22"),
    UnnamedSkeleton("EasyMocap body, hands and face (118)", (*BODY25.keypoints, *_BOTH_HANDS, *_more(51)), "body25"),
    UnnamedSkeleton("SMPL-X (127)", (*SMPLX55.keypoints, *_more(11), *_TIPS, *_more(51)), "smpl22"),
    UnnamedSkeleton("EasyMocap body, hands and face (137)", (*BODY25.keypoints, *_BOTH_HANDS, *_more(70)), "body25"),
    UnnamedSkeleton("SMPL-X (144)", (*SMPLX55.keypoints, *_more(11), *_TIPS, *_more(68)), "smpl22"),
)


def unnamed_with(count: int) -> tuple[UnnamedSkeleton, ...]:
    """Find every known order of so many points.

    Args:
        count: Points of a file.

    Returns:
        The orders, none where none is known.
    """
    first = (UNNAMED[count],) if count in UNNAMED else ()
    return (*first, *(skeleton for skeleton in MODELS if len(skeleton.names) == count))
