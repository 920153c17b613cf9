"""A dancer's motion back out of the scene, with whatever an animator changed."""

from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.body.model import JOINT_INDEX, JOINT_NAMES
from ...core.body.motion import BodyMotion
from ...core.body.rotation import quat_to_rotmat
from ...core.errors import InputError
from .. import compat
from .dancer import read_record

QUATERNION: Final = "rotation_quaternion"


def read_motion(armature: bpy.types.Object) -> BodyMotion:
    """The motion of a dancer's F-curves at the rate of its source, one body for the clip.

    Raises:
        InputError: it has no animation.
    """
    record = read_record(armature)
    action = armature.animation_data.action if armature.animation_data is not None else None
    if action is None:
        raise InputError(f"{armature.name} has no animation any more. Undo its removal, or import the motion again.")
    frames = record.first_frame + np.arange(record.frames) * (record.scene_fps / record.fps)
    quats = np.zeros((record.frames, len(JOINT_NAMES), 4))
    quats[..., 0] = 1.0
    translation = np.zeros((record.frames, 3))
    for curve in compat.curves_of(action):
        bone, _, channel = curve.data_path.removeprefix('pose.bones["').partition('"].')
        if bone not in JOINT_INDEX or not curve.data_path.startswith("pose.bones"):
            continue
        if channel == QUATERNION:
            quats[:, JOINT_INDEX[bone], curve.array_index] = _values(curve, frames)
        elif channel == "location" and bone == JOINT_NAMES[0]:
            translation[:, curve.array_index] = _values(curve, frames)
    lengths = np.linalg.norm(quats, axis=-1, keepdims=True)
    if not (lengths > 1e-6).all():
        raise InputError(f"{armature.name} has keys with rotations of zero length. Undo the edit that made them.")
    return BodyMotion(
        pose_rotmat=quat_to_rotmat(quats / lengths).astype(np.float32),
        translation_m=translation.astype(np.float32),
        betas=np.array(record.betas, np.float32),
        scale=record.scale,
        fps=record.fps,
        provenance={key: record.report.get(key) for key in ("source", "layout", "body", "regressor", "provider")},
    )


def _values(curve: bpy.types.FCurve, frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """The keys themselves where they still stand at ``frames``; else the curve between its keys."""
    keys = curve.keyframe_points
    if len(keys) == len(frames):
        points = np.empty(2 * len(frames), np.float32)
        keys.foreach_get("co", points)
        if np.allclose(points[0::2], frames, atol=1e-3):
            return points[1::2].astype(np.float64)
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])
