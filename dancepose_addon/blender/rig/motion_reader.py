# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a dancer's motion back from the scene, including an animator's edits."""

from typing import Final

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.body.hands import is_relaxed, parts_of_pose
from ...core.body.motion import BodyMotion
from ...core.body.rotation import quat_to_rotmat
from ...core.errors import InputError
from .. import compat
from ..narrowing import action_of
from .armature import tree_of_bones
from .dancer import HANDS_FROM_FILE, read_record

QUATERNION: Final = "rotation_quaternion"
SHORTEST_QUATERNION: Final = 1e-6
"""Quaternions shorter than this have no direction and cannot be normalised."""
SAME_FRAME: Final = 1e-3
"""Keys within this many frames of their original place count as unmoved."""


def read_motion(armature: bpy.types.Object) -> BodyMotion:
    """Read the F-curves of a dancer at the frame rate of its source.

    Args:
        armature: Armature of the dancer.

    Returns:
        The motion, with the shape and scale of the dancer's record. Fingers are part of it where the source had them or
        an animator has moved them.

    Raises:
        InputError: If the dancer has no record or no animation, or has quaternions of zero length.
    """
    record = read_record(armature)
    action = action_of(armature)
    if action is None:
        raise InputError(f"{armature.name} is no longer animated. Undo the removal, or import the motion again.")
    frames = record.first_frame + np.arange(record.frames) * (record.scene_fps / record.fps)
    tree = tree_of_bones(armature)
    quats = np.zeros((record.frames, len(tree), 4))
    quats[..., 0] = 1.0
    translation = np.zeros((record.frames, 3))
    for curve in compat.curves_of(action):
        bone, _, channel = curve.data_path.removeprefix('pose.bones["').partition('"].')
        if bone not in tree.index or not curve.data_path.startswith("pose.bones"):
            continue
        if channel == QUATERNION:
            quats[:, tree.index[bone], curve.array_index] = _sample(curve, frames)
        elif channel == "location" and bone == tree.names[0]:
            translation[:, curve.array_index] = _sample(curve, frames)
    lengths = np.linalg.norm(quats, axis=-1, keepdims=True)
    if not (lengths > SHORTEST_QUATERNION).all():
        raise InputError(f"{armature.name} has keys with quaternions of zero length. Undo the edit that made them.")
    pose, hands, face = parts_of_pose(quat_to_rotmat(quats / lengths).astype(np.float32), tree)
    from_file = record.hands == HANDS_FROM_FILE
    if hands is not None and not from_file and is_relaxed(hands):
        hands = None
    if face is not None and not from_file and np.allclose(face, np.eye(3), atol=1e-5):
        face = None
    return BodyMotion(
        pose_rotmat=pose,
        translation_m=translation.astype(np.float32),
        betas=np.array(record.betas, np.float32),
        scale=record.scale,
        fps=record.fps,
        provenance={key: record.report.get(key) for key in ("source", "layout", "body", "regressor", "provider")},
        hands_rotmat=hands,
        face_rotmat=face,
    )


def _sample(curve: bpy.types.FCurve, frames: F64) -> F64:
    """Return the values of the keys where they are still at ``frames``, else the interpolated curve. frames: (T,)."""
    keys = curve.keyframe_points
    if len(keys) == 1 and not curve.modifiers:
        return np.full(len(frames), keys[0].co[1])
    if len(keys) == len(frames):
        points = np.empty(2 * len(frames), np.float32)
        keys.foreach_get("co", points)
        if np.allclose(points[0::2], frames, atol=SAME_FRAME):
            return points[1::2].astype(np.float64)
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])
