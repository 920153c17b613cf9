# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated rig against core's kinematics and skinning, which are checked against smplx elsewhere."""

from types import ModuleType

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import quat_to_rotmat, rotmat_to_quat

from .conftest import BLENDER_FROM_SMPL, shown_vertices

TOLERANCE_M = 1e-4
SCENE_FPS = 25.0


def build(bpy: ModuleType, body: BodyModel, motion: BodyMotion, *, correctives: bool) -> tuple[object, object]:
    from dancepose_addon.blender.rig.actions import animate
    from dancepose_addon.blender.rig.armature import create_armature
    from dancepose_addon.blender.rig.mesh import create_body_mesh

    scene, layer = bpy.context.scene, bpy.context.view_layer
    shape = {"betas": motion.betas, "scale": motion.scale, "collection": scene.collection}
    armature = create_armature("Dancer", body, view_layer=layer, **shape)
    mesh = create_body_mesh("Body", body, armature=armature, correctives=correctives, **shape)
    layer.update()
    animate(armature, motion, scene_fps=SCENE_FPS, interpolation="LINEAR")
    return armature, mesh


def evaluate(bpy: ModuleType, armature: object, mesh: object, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """Bone heads (24, 3) and vertices (V, 3) in the world, metres, as Blender shows them."""
    bpy.context.scene.frame_set(int(frame), subframe=frame - int(frame))
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    heads = np.array([posed.matrix_world @ posed.pose.bones[name].head for name in JOINT_NAMES])
    return heads, shown_vertices(bpy, mesh)


def expected(body: BodyModel, motion: BodyMotion, pose: np.ndarray, place: np.ndarray, *, correctives: bool):
    points = skin(
        body,
        pose[None],
        betas=motion.betas,
        translation_m=place[None],
        scale=motion.scale,
        correctives=correctives,
    )
    _, joints = forward_kinematics(motion.scale * body.rest_joints(motion.betas), pose[None], place[None])
    return joints[0] @ BLENDER_FROM_SMPL.T, points[0] @ BLENDER_FROM_SMPL.T


@pytest.mark.parametrize("correctives", [True, False])
def test_bones_and_skin_are_smpls(blender, flexible_body, wild_motion, correctives):
    armature, mesh = build(blender, flexible_body, wild_motion, correctives=correctives)
    for key in (0, 13, 29):
        heads, points = evaluate(blender, armature, mesh, key / wild_motion.fps * SCENE_FPS)
        pose, place = wild_motion.pose_rotmat[key], wild_motion.translation_m[key]
        joints, vertices = expected(flexible_body, wild_motion, pose, place, correctives=correctives)
        assert np.abs(heads - joints).max() < TOLERANCE_M
        assert np.abs(points - vertices).max() < TOLERANCE_M


def test_between_keys_drivers_see_the_pose_that_is_shown(blender, flexible_body, wild_motion):
    armature, mesh = build(blender, flexible_body, wild_motion, correctives=True)
    _, points = evaluate(blender, armature, mesh, 10.5 / wild_motion.fps * SCENE_FPS)
    first, second = rotmat_to_quat(wild_motion.pose_rotmat[10:12].astype(np.float64))
    sign = np.where((first * second).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    pose = quat_to_rotmat(first + sign * second).astype(np.float32)
    place = wild_motion.translation_m[10:12].mean(axis=0)
    _, vertices = expected(flexible_body, wild_motion, pose, place, correctives=True)
    assert np.abs(points - vertices).max() < TOLERANCE_M


def test_a_key_per_feature_that_moves_something(blender, flexible_body, wild_motion):
    _, mesh = build(blender, flexible_body, wild_motion, correctives=True)
    assert len(mesh.data.shape_keys.key_blocks) == 1 + 206


def test_rest_pose_is_smpls_own(blender, body, wild_motion):
    armature, mesh = build(blender, body, wild_motion, correctives=True)
    for bone in armature.data.bones:
        assert np.abs(np.array(bone.matrix_local)[:3, :3] - np.eye(3)).max() < 1e-6
    rest = np.empty(3 * len(mesh.data.vertices), np.float32)
    mesh.data.vertices.foreach_get("co", rest)
    by_hand = 1.07 * (body.v_template_m + np.einsum("vcb,b->vc", body.shapedirs, wild_motion.betas))
    assert np.abs(rest.reshape(-1, 3) - by_hand).max() < 1e-5


def test_materials_follow_the_surface(blender, body, wild_motion):
    _, mesh = build(blender, body, wild_motion, correctives=False)
    shown = np.empty(len(mesh.data.polygons), np.int32)
    mesh.data.polygons.foreach_get("material_index", shown)
    assert (shown == body.surface.face_material).all()
    assert [material.name.removeprefix("DancePose ") for material in mesh.data.materials] == list(body.surface.names)


def test_selection_and_active_object_are_put_back(blender, body, wild_motion):
    other = blender.data.objects.new("Other", None)
    blender.context.scene.collection.objects.link(other)
    layer = blender.context.view_layer
    layer.objects.active = other
    other.select_set(True)
    build(blender, body, wild_motion, correctives=False)
    assert layer.objects.active == other
    assert [shown.name for shown in blender.context.selected_objects] == ["Other"]
    assert blender.context.mode == "OBJECT"
