"""The rig's skeleton: 24 bones whose pose quaternions are SMPL's local rotations."""

from collections.abc import Iterator
from contextlib import contextmanager
import math
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F32
from ...core.body.model import JOINT_NAMES, PARENTS, BodyModel
from ...core.errors import InputError

TO_BLENDER: Final = (math.pi / 2.0, 0.0, 0.0)
"""Euler angles of the armature object: y up, facing +z (SMPL) becomes z up, facing -y (Blender). Left stays +x."""
SHORTEST_BONE_M: Final = 0.04


def create_armature(
    name: str,
    body: BodyModel,
    *,
    betas: F32,
    scale: float,
    collection: bpy.types.Collection,
    view_layer: bpy.types.ViewLayer,
) -> bpy.types.Object:
    """Build the armature of ``body`` in its T-pose.

    Every bone points along +Y with roll 0, so its rest matrix is the identity and the quaternion of its pose bone is
    SMPL's local rotation. betas: (B,); scale: of the body about SMPL's origin. Both are applied to the rest joints.
    """
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(name, data)
    armature.rotation_euler = TO_BLENDER
    collection.objects.link(armature)
    view_layer.update()
    with _edit_bones(armature, view_layer) as bones:
        for joint, bone_name in enumerate(JOINT_NAMES):
            bone = bones.new(bone_name)
            if PARENTS[joint] >= 0:
                bone.parent = bones[JOINT_NAMES[PARENTS[joint]]]
        _lay(bones, np.float32(scale) * body.rest_joints(betas))
    return armature


def set_rest_joints(
    armature: bpy.types.Object, body: BodyModel, *, betas: F32, scale: float, view_layer: bpy.types.ViewLayer
) -> None:
    """Move the rest joints of a rig to those of another shape. betas: (B,); scale: about SMPL's origin.

    Raises:
        InputError: bones are missing, or the armature cannot be edited where it is.
    """
    missing = [name for name in JOINT_NAMES if name not in armature.data.bones]
    if missing:
        raise InputError(f"{armature.name} lacks the bone {missing[0]}. Undo its removal, or import the motion again.")
    if armature.name not in view_layer.objects or armature.hide_get(view_layer=view_layer):
        raise InputError(f"{armature.name} is hidden, so its bones cannot be moved. Show it first.")
    with _edit_bones(armature, view_layer) as bones:
        _lay(bones, np.float32(scale) * body.rest_joints(betas))


def _lay(bones: bpy.types.ArmatureEditBones, joints_m: F32) -> None:
    """Put the head of every bone at its joint, pointing along +Y with roll 0."""
    lengths = _bone_lengths(joints_m)
    for joint, name in enumerate(JOINT_NAMES):
        bone = bones[name]
        bone.head = joints_m[joint].tolist()
        bone.tail = (joints_m[joint] + np.array([0.0, lengths[joint], 0.0])).tolist()
        bone.roll = 0.0


def _bone_lengths(joints_m: F32) -> NDArray[np.float64]:
    """Half the way to the nearest child: bones cannot point at it, but their size should tell them apart."""
    lengths = np.full(len(PARENTS), np.inf)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            lengths[parent] = min(lengths[parent], 0.5 * float(np.linalg.norm(joints_m[joint] - joints_m[parent])))
    return np.where(np.isfinite(lengths), np.maximum(lengths, SHORTEST_BONE_M), SHORTEST_BONE_M)


@contextmanager
def _edit_bones(armature: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Iterator[bpy.types.ArmatureEditBones]:
    """Bones can only be made in edit mode; the active object and the selection are put back afterwards."""
    active = view_layer.objects.active
    selected = [other for other in view_layer.objects if other.select_get(view_layer=view_layer)]
    view_layer.objects.active = armature
    try:
        with bpy.context.temp_override(view_layer=view_layer, active_object=armature, object=armature):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                yield armature.data.edit_bones
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        for other in view_layer.objects:
            other.select_set(other in selected, view_layer=view_layer)
        view_layer.objects.active = active
