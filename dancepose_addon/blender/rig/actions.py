# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as F-curves, written in bulk."""

from collections.abc import Sequence
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F64
from ...core.body.joint_tree import BODY_JOINTS
from ...core.body.motion import BodyMotion
from ...core.body.rotation import continuous_quat, rotmat_to_quat
from .. import compat
from .armature import tree_of_bones

INTERPOLATIONS: Final = {"LINEAR": 1, "BEZIER": 2}
"""Blender's numbers for a key's interpolation, as ``foreach_set`` expects them."""
STILL: Final = 1e-6
"""Largest change of a quaternion's component in a joint that does not turn."""
SMOOTH_BELOW: Final = 0.6
"""Clips with fewer keys per scene frame get Bezier interpolation: straight segments would look jerky."""


def animate(
    armature: bpy.types.Object,
    motion: BodyMotion,
    *,
    scene_fps: float,
    first_frame: float = 0.0,
    interpolation: str = "AUTO",
) -> None:
    """Animate a rig: one quaternion per bone, and the translation on the pelvis.

    Key ``i`` is at scene frame ``first_frame + i / motion.fps * scene_fps``, so a clip of any rate plays at its true
    speed. Fingers that never turn get one key. The signs of the quaternions are continuous from key to key, so that
    component-wise interpolation follows the shorter arc; Blender normalises the result.

    Args:
        armature: Rig made by ``create_armature``.
        motion: Motion to write.
        scene_fps: Frame rate of the scene.
        first_frame: Scene frame of the first key.
        interpolation: ``LINEAR``, ``BEZIER``, or ``AUTO``, which chooses by ``SMOOTH_BELOW``.
    """
    frames = first_frame + np.arange(len(motion)) * (scene_fps / motion.fps)
    tree = tree_of_bones(armature)
    quats = continuous_quat(rotmat_to_quat(motion.pose_in(tree).astype(np.float64)))
    resting = _resting(quats) if tree.has_fingers else np.zeros(len(tree), bool)
    if interpolation == "AUTO":
        interpolation = "BEZIER" if motion.fps < SMOOTH_BELOW * scene_fps else "LINEAR"
    kind = INTERPOLATIONS[interpolation]
    curves, groups = compat.assign_new_action(armature, armature.name)
    for joint, name in enumerate(tree.names):
        path = f'pose.bones["{name}"].'
        group = groups.new(name)
        if joint == 0:
            location = motion.translation_m.T
            add_curves(curves, group, path + "location", frames, location, kind=kind)
        keys = slice(1) if resting[joint] else slice(None)
        add_curves(curves, group, path + "rotation_quaternion", frames[keys], quats[keys, joint].T, kind=kind)


def _resting(quats: F64) -> NDArray[np.bool_]:
    """Return which joints of fingers and face never turn, (J,): one key is enough for them. quats: (T, J, 4)."""
    still = np.abs(quats - quats[:1]).max(axis=(0, 2)) < STILL
    still[:BODY_JOINTS] = False
    return np.asarray(still)


def add_curves(
    curves: compat.FCurveCollection,
    group: bpy.types.ActionGroup,
    path: str,
    frames: NDArray[np.floating],
    values: Sequence[NDArray[np.floating]] | NDArray[np.floating],
    *,
    kind: int,
) -> None:
    """Add one F-curve per component of a property.

    Args:
        curves: Collection to add to.
        group: Group of the new curves.
        path: Data path of the property.
        frames: (T,) scene frames of the keys.
        values: (C, T) one row per component.
        kind: Interpolation, a value of ``INTERPOLATIONS``.
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
