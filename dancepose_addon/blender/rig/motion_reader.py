# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a dancer's motion back from the scene, including an animator's edits."""

from typing import Final

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.body.model import JOINT_INDEX, JOINT_NAMES
from ...core.body.motion import BodyMotion
from ...core.body.rotation import quat_to_rotmat
from ...core.errors import InputError
from .. import compat
from ..narrowing import action_of
from .dancer import read_record

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
        The motion, with the shape and scale of the dancer's record.

    Raises:
        InputError: If the dancer has no record or no animation, or has quaternions of zero length.
    """
    record = read_record(armature)
    action = action_of(armature)
    if action is None:
        raise InputError(f"{armature.name} is no longer animated. Undo the removal, or import the motion again.")
    frames = record.first_frame + np.arange(record.frames) * (record.scene_fps / record.fps)
    quats = np.zeros((record.frames, len(JOINT_NAMES), 4))
    quats[..., 0] = 1.0
    translation = np.zeros((record.frames, 3))
    for curve in compat.curves_of(action):
        bone, _, channel = curve.data_path.removeprefix('pose.bones["').partition('"].')
        if bone not in JOINT_INDEX or not curve.data_path.startswith("pose.bones"):
            continue
        if channel == QUATERNION:
            quats[:, JOINT_INDEX[bone], curve.array_index] = _sample(curve, frames)
        elif channel == "location" and bone == JOINT_NAMES[0]:
            translation[:, curve.array_index] = _sample(curve, frames)
    lengths = np.linalg.norm(quats, axis=-1, keepdims=True)
    if not (lengths > SHORTEST_QUATERNION).all():
        raise InputError(f"{armature.name} has keys with quaternions of zero length. Undo the edit that made them.")
    return BodyMotion(
        pose_rotmat=quat_to_rotmat(quats / lengths).astype(np.float32),
        translation_m=translation.astype(np.float32),
        betas=np.array(record.betas, np.float32),
        scale=record.scale,
        fps=record.fps,
        provenance={key: record.report.get(key) for key in ("source", "layout", "body", "regressor", "provider")},
    )


def _sample(curve: bpy.types.FCurve, frames: F64) -> F64:
    """Return the values of the keys where they are still at ``frames``, else the interpolated curve. frames: (T,)."""
    keys = curve.keyframe_points
    if len(keys) == len(frames):
        points = np.empty(2 * len(frames), np.float32)
        keys.foreach_get("co", points)
        if np.allclose(points[0::2], frames, atol=SAME_FRAME):
            return points[1::2].astype(np.float64)
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])
