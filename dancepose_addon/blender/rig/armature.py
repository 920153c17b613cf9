# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig's skeleton: one bone for each joint of the body, whose pose quaternion is SMPL's local rotation."""

from collections.abc import Iterator
from contextlib import contextmanager
import math
from typing import Final

import bpy
import numpy as np

from ...core.arrays import F32, F64
from ...core.body.joint_tree import SMPL_TREE, SMPLH_TREE, SMPLX_TREE, JointTree
from ...core.body.model import BodyModel
from ...core.errors import InputError
from ..narrowing import armature_of

TO_BLENDER: Final = (math.pi / 2.0, 0.0, 0.0)
"""Euler angles of the armature object, radians. y up, facing +z (SMPL) becomes z up, facing -y (Blender); the left
side stays at +x."""
SHORTEST_BONE_M: Final = 0.04
SHORTEST_FINGER_BONE_M: Final = 0.012


def create_armature(
    name: str,
    body: BodyModel,
    *,
    betas: F32,
    scale: float,
    collection: bpy.types.Collection,
    view_layer: bpy.types.ViewLayer,
) -> bpy.types.Object:
    """Build the armature of a body in its T-pose.

    Every bone points along +Y with roll 0, so its rest matrix is the identity and the quaternion of its pose bone is
    SMPL's local rotation.

    Args:
        name: Name of the object and its data.
        body: Body whose joints the bones start at.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
        collection: Collection to link the object to.
        view_layer: View layer in which the bones are edited.

    Returns:
        The armature object.
    """
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(name, data)
    armature.rotation_euler = TO_BLENDER
    collection.objects.link(armature)
    view_layer.update()
    with _edit_bones(armature, view_layer) as bones:
        for bone_name, parent in zip(body.tree.names, body.tree.parents, strict=True):
            bone = bones.new(bone_name)
            if parent >= 0:
                bone.parent = bones[body.tree.names[parent]]
        _place_bones(bones, np.float32(scale) * body.rest_joints(betas), body.tree)
    return armature


def set_rest_joints(
    armature: bpy.types.Object, body: BodyModel, *, betas: F32, scale: float, view_layer: bpy.types.ViewLayer
) -> None:
    """Move the rest joints of a rig to those of another shape.

    Args:
        armature: Rig to change.
        body: Body of the rig.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
        view_layer: View layer in which the bones are edited.

    Raises:
        InputError: If bones are missing, or the armature is hidden or not in the view layer.
    """
    missing = [name for name in body.tree.names if name not in armature_of(armature).bones]
    if missing:
        raise InputError(
            f"{armature.name} has no bone named {missing[0]}. Undo its removal, or import the motion again."
        )
    if armature.name not in view_layer.objects or armature.hide_get(view_layer=view_layer):
        raise InputError(f"{armature.name} is hidden, so its bones cannot be moved. Show it first.")
    with _edit_bones(armature, view_layer) as bones:
        _place_bones(bones, np.float32(scale) * body.rest_joints(betas), body.tree)


def tree_of_bones(armature: bpy.types.Object) -> JointTree:
    """Find out which tree a rig has, from the names of its bones.

    Args:
        armature: Rig made by ``create_armature``; an animator may have added bones.

    Returns:
        The tree.
    """
    bones = armature_of(armature).bones
    for tree in (SMPLX_TREE, SMPLH_TREE):
        if all(name in bones for name in tree.names):
            return tree
    return SMPL_TREE


def _place_bones(bones: bpy.types.ArmatureEditBones, joints_m: F32, tree: JointTree) -> None:
    """Put the head of every bone at its joint, pointing along +Y with roll 0. joints_m: (J, 3)."""
    lengths = _bone_lengths(joints_m, tree)
    for joint, name in enumerate(tree.names):
        bone = bones[name]
        bone.head = joints_m[joint].tolist()
        bone.tail = (joints_m[joint] + np.array([0.0, lengths[joint], 0.0])).tolist()
        bone.roll = 0.0


def _bone_lengths(joints_m: F32, tree: JointTree) -> F64:
    """Return half the distance to the nearest child, (J,).

    The bones cannot point at their children, but their sizes should still distinguish them.
    """
    lengths = np.full(len(tree), np.inf)
    shortest = np.full(len(tree), SHORTEST_BONE_M)
    if tree.has_fingers:
        shortest[tree.first_finger :] = SHORTEST_FINGER_BONE_M
    for joint, parent in enumerate(tree.parents):
        if parent >= 0:
            lengths[parent] = min(lengths[parent], 0.5 * float(np.linalg.norm(joints_m[joint] - joints_m[parent])))
    return np.where(np.isfinite(lengths), np.maximum(lengths, shortest), shortest)


@contextmanager
def _edit_bones(armature: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Iterator[bpy.types.ArmatureEditBones]:
    """Enter edit mode, the only one in which bones can be created; restore active object and selection afterwards."""
    active = view_layer.objects.active
    selected = [other for other in view_layer.objects if other.select_get(view_layer=view_layer)]
    view_layer.objects.active = armature
    try:
        with bpy.context.temp_override(view_layer=view_layer, active_object=armature, object=armature):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                yield armature_of(armature).edit_bones
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        for other in view_layer.objects:
            other.select_set(other in selected, view_layer=view_layer)
        view_layer.objects.active = active
