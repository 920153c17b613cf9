# SPDX-License-Identifier: Apache-2.0
"""Fingers and face of a file's SMPL+H or SMPL-X parameters.

    poses of 52 joints        22 of the body, 15 of the left hand, 15 of the right hand
    poses of 55 joints        the same with jaw, left and right eye before the hands
    named arrays              left_hand_pose, right_hand_pose (45 each) or pose_hand (90), jaw_pose, leye_pose,
                              reye_pose, expression

Fingers that are all zero are no fingers: tools fill unknown joints with zeros. MANO's principal components (6 to 44
numbers for a hand) need MANO's own basis and cannot be read.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...arrays import F64
from ..recording import Finding, PoseDetail
from .rotation_forms import rotvec_of_6d, rotvec_of_matrices

FINGER_COUNT: Final = 30
BODY_COUNT: Final = 22
FACE_COUNT: Final = 3
FINGERS_READ: Final = Finding("hands", "30 finger joints", 0.99, "the file turns them")
COMPONENTS: Final = Finding(
    "hands", "left out", 0.8, "they are stored as MANO's principal components; store rotations (use_pca=False)"
)
HANDS: Final = (
    ("left_hand_pose", "right_hand_pose"),
    ("leftHandPose", "rightHandPose"),
    ("smplx_lhand_pose", "smplx_rhand_pose"),
)
BOTH_HANDS: Final = ("pose_hand", "hand_pose")
JAWS: Final = ("jaw_pose", "pose_jaw", "smplx_jaw_pose")
EYES: Final = ("leye_pose", "reye_pose")
EXPRESSIONS: Final = ("expression", "expressions", "smplx_expr", "expr")


def detail_of(rotvec: F64) -> PoseDetail | None:
    """Take fingers and face out of a pose.

    Args:
        rotvec: (T, J, 3), radians, J of SMPL, SMPL+H or SMPL-X.

    Returns:
        What there is, or None.
    """
    if rotvec.shape[1] < BODY_COUNT + FINGER_COUNT:
        return None
    face = rotvec[:, BODY_COUNT : BODY_COUNT + FACE_COUNT] if rotvec.shape[1] == 55 else None
    return pose_detail(rotvec[:, -FINGER_COUNT:], face, None)


def pose_detail(hands: F64 | None, face: F64 | None, expression: F64 | None) -> PoseDetail | None:
    """Keep what a file really has.

    Args:
        hands: (T, 30, 3), radians, or None.
        face: (T, 3, 3), radians, jaw and eyes, or None.
        expression: (T, E), or None.

    Returns:
        Without parts that are all zero or not finite; None where nothing is left.
    """
    kept = [part if part is not None and np.isfinite(part).all() and part.any() else None for part in (hands, face)]
    shown = expression is not None and np.isfinite(expression).all() and expression.any()
    if kept[0] is None and kept[1] is None and not shown:
        return None
    return PoseDetail(kept[0], kept[1], expression if shown else None)


def detail_in(table: Mapping[str, Any], frames: int) -> tuple[PoseDetail | None, tuple[Finding, ...]]:
    """Find fingers and face in arrays that have their own names.

    Args:
        table: Name of a member -> its value.
        frames: Number of frames of the body's pose.

    Returns:
        What there is, or None; and a finding where hands are stored in a form that cannot be read.
    """
    hands, findings = _hands(table, frames)
    jaw = next((part for name in JAWS if (part := _joints(table.get(name), frames, 1)) is not None), None)
    eyes = [_joints(table.get(name), frames, 1) for name in EYES]
    face = None
    if jaw is not None or any(eye is not None for eye in eyes):
        face = np.concatenate([np.zeros((frames, 1, 3)) if part is None else part for part in (jaw, *eyes)], axis=1)
    expression = None
    for name in EXPRESSIONS:
        value = table.get(name)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 2 and len(value) == frames:
            expression = value.astype(np.float64)
            break
    return pose_detail(hands, face, expression), findings


def _hands(table: Mapping[str, Any], frames: int) -> tuple[F64 | None, tuple[Finding, ...]]:
    for pair in HANDS:
        values = [table.get(name) for name in pair]
        if any(value is not None for value in values):
            sides = [_joints(value, frames, FINGER_COUNT // 2) for value in values]
            whole = [side for side in sides if side is not None]
            if len(whole) < len(sides):
                return None, (COMPONENTS,) if any(_moves(value) for value in values) else ()
            return np.concatenate(whole, axis=1), ()
    for name in BOTH_HANDS:
        if table.get(name) is not None:
            both = _joints(table.get(name), frames, FINGER_COUNT)
            return both, (COMPONENTS,) if both is None and _moves(table.get(name)) else ()
    return None, ()


def _joints(value: Any, frames: int, count: int) -> F64 | None:
    """Rotation vectors (T, count, 3) of an array in any form, or None."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.size == 0:
        return None
    array = value.astype(np.float64)
    array = array[:frames] if array.ndim > 1 and len(array) > frames else array
    if array.size == frames * count * 3:
        return array.reshape(frames, count, 3)
    if array.size == frames * count * 9:
        return rotvec_of_matrices(array.reshape(frames, count, 3, 3))
    if array.size == frames * count * 6:
        return rotvec_of_6d(array.reshape(frames, count, 6))
    if array.size == count * 3:
        return np.tile(array.reshape(1, count, 3), (frames, 1, 1))
    return None


def _moves(value: Any) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.ndim < 2:
        return False
    return bool(np.nanmax(np.abs(value - value[:1]), initial=0.0) > 0.0)


def merged(whole: PoseDetail | None, named: PoseDetail | None) -> PoseDetail | None:
    """Return fingers and face of arrays with their own names, else those of the whole pose.

    Args:
        whole: Of the whole pose, or None.
        named: Of the arrays, or None.
    """
    if whole is None or named is None:
        return named or whole
    return PoseDetail(
        whole.hands if named.hands is None else named.hands,
        whole.face if named.face is None else named.face,
        named.expression,
    )
