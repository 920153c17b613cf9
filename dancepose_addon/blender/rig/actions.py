"""A motion as F-curves, written in bulk."""

from collections.abc import Sequence
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.body.model import JOINT_NAMES
from ...core.body.motion import BodyMotion
from ...core.body.rotation import continuous_quat, rotmat_to_quat
from .. import compat

INTERPOLATIONS: Final = {"LINEAR": 1, "BEZIER": 2}
"""Blender's numbers for a key's interpolation, as foreach_set wants them."""
SMOOTH_BELOW: Final = 0.6
"""Clips with fewer keys than this per scene frame are eased between keys; straight lines would look jerky."""


def animate(
    armature: bpy.types.Object,
    motion: BodyMotion,
    *,
    scene_fps: float,
    first_frame: float = 0.0,
    interpolation: str = "AUTO",
) -> None:
    """Give ``armature`` the motion: a quaternion per bone, and the pelvis its translation.

    Key ``i`` stands where its time falls, at scene frame ``first_frame + i / motion.fps * scene_fps``, so any clip
    plays at its true speed. Quaternions keep their signs from key to key, so that component-wise interpolation stays
    on the short way; Blender normalises the result. interpolation: LINEAR, BEZIER, or AUTO, which eases slow clips.
    """
    frames = first_frame + np.arange(len(motion)) * (scene_fps / motion.fps)
    quats = continuous_quat(rotmat_to_quat(motion.pose_rotmat.astype(np.float64)))
    if interpolation == "AUTO":
        interpolation = "BEZIER" if motion.fps < SMOOTH_BELOW * scene_fps else "LINEAR"
    kind = INTERPOLATIONS[interpolation]
    curves, groups = compat.assign_new_action(armature, armature.name)
    for joint, name in enumerate(JOINT_NAMES):
        path = f'pose.bones["{name}"].'
        group = groups.new(name)
        if joint == 0:
            location = motion.translation_m.T
            add_curves(curves, group, path + "location", frames, location, kind=kind)
        add_curves(curves, group, path + "rotation_quaternion", frames, quats[:, joint].T, kind=kind)


def add_curves(
    curves: Any,
    group: bpy.types.ActionGroup,
    path: str,
    frames: NDArray[np.floating],
    values: Sequence[NDArray[np.floating]] | NDArray[np.floating],
    *,
    kind: int,
) -> None:
    """Add curves of linear or eased keys.

    frames: (T,), scene frames; values: (C, T), a row per component of the property at ``path``.
    """
    points = np.empty((len(frames), 2), np.float32)
    points[:, 0] = frames
    kinds = np.full(len(frames), kind, np.int32)
    for index, row in enumerate(values):
        curve = curves.new(path, index=index)
        curve.group = group
        points[:, 1] = row
        curve.keyframe_points.add(len(frames))
        curve.keyframe_points.foreach_set("co", points.ravel())
        curve.keyframe_points.foreach_set("interpolation", kinds)
        curve.update()
