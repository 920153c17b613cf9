# SPDX-License-Identifier: GPL-3.0-or-later
"""Dancers with fingers, and with a face: what Blender shows against core's skinning, and the motion read back."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.hands import is_relaxed, parts_of_pose
from dancepose_addon.core.body.joint_tree import SMPL_TREE, SMPLH_TREE, SMPLX_TREE
from dancepose_addon.core.body.model import skin
from dancepose_addon.core.body.model_io import body_from_arrays
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from tests.support.bodies import synthetic_arrays

from .conftest import BLENDER_FROM_SMPL, place, shown_vertices

TOLERANCE_M = 1e-4


def moving(tree) -> BodyMotion:
    random = np.random.default_rng(3)
    rotvec = np.cumsum(random.normal(0.0, 0.15, (12, len(tree), 3)), axis=0)
    pose, hands, face = parts_of_pose(rotvec_to_rotmat(rotvec).astype(np.float32), tree)
    path = random.normal(0.0, 0.1, (12, 3)).astype(np.float32)
    betas = random.normal(0.0, 1.0, 10).astype(np.float32)
    return BodyMotion(pose, path, betas, 1.05, 20.0, {}, hands, face)


@pytest.fixture(params=[SMPLH_TREE, SMPLX_TREE], ids=lambda tree: tree.name)
def tree(request):
    return request.param


@pytest.fixture
def body_with_fingers(tree, monkeypatch):
    from dancepose_addon.blender.rig import dancer as module

    arrays = synthetic_arrays(1, vertices=600, tree=tree)
    arrays["weights"] /= arrays["weights"].sum(axis=1, keepdims=True)  # as Blender does
    made = body_from_arrays(arrays, source="synthetic")
    monkeypatch.setattr(module, "load_body", lambda _path: made)
    return made


def expected(body, motion, index):
    pose = motion.pose_in(body.full.tree)[[index]]
    place_m = motion.translation_m[[index]]
    points = skin(body.full, pose, betas=motion.betas, translation_m=place_m, scale=motion.scale)
    return points[0] @ BLENDER_FROM_SMPL.T


def test_the_skin_is_that_of_all_joints(blender, body_with_fingers, tree):
    motion = moving(tree)
    imported = place(blender, motion, body_with_fingers, fps=20)
    assert {bone.name for bone in imported.armature.data.bones} == set(tree.names)
    for frame in (0, 7):
        blender.context.scene.frame_set(frame)
        shown = shown_vertices(blender, imported.mesh)
        # use_rotations stands the body on its floor as before: the motion of the fit is what is shown.
        assert np.abs(shown - expected(body_with_fingers, imported.fit.motion, frame)).max() < TOLERANCE_M


def test_fingers_come_back_and_another_shape_keeps_them(blender, body_with_fingers, tree):
    from dancepose_addon.blender.rig.dancer import read_record, set_shape, skin_of
    from dancepose_addon.blender.rig.motion_reader import read_motion

    imported = place(blender, moving(tree), body_with_fingers, fps=20)
    assert read_record(imported.armature).hands == "file"
    back = read_motion(imported.armature)
    assert back.tree is tree
    np.testing.assert_allclose(back.pose_in(tree), imported.fit.motion.pose_in(tree), atol=1e-5)
    betas = np.linspace(-1.0, 1.0, 10).astype(np.float32)
    layer = blender.context.view_layer
    set_shape(imported.armature, body_with_fingers, betas=betas, scale=0.9, view_layer=layer)
    blender.context.scene.frame_set(5)
    changed = replace(imported.fit.motion, betas=betas, scale=0.9)
    shown = shown_vertices(blender, skin_of(imported.armature))
    assert np.abs(shown - expected(body_with_fingers, changed, 5)).max() < TOLERANCE_M


def test_without_finger_data_hands_rest_with_one_key(blender, body_with_fingers, tree):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.rig.dancer import read_record
    from dancepose_addon.blender.rig.motion_reader import read_motion

    motion = replace(moving(tree), hands_rotmat=None, face_rotmat=None)
    imported = place(blender, motion, body_with_fingers, fps=20)
    assert motion.tree is SMPL_TREE
    assert read_record(imported.armature).hands == "relaxed"
    action = imported.armature.animation_data.action
    counts = {curve.data_path: len(curve.keyframe_points) for curve in compat.curves_of(action)}
    assert counts['pose.bones["left_index2"].rotation_quaternion'] == 1
    assert counts['pose.bones["left_wrist"].rotation_quaternion'] == 12
    assert read_motion(imported.armature).tree is SMPL_TREE
    # An animator closes a finger: it is part of the motion then.
    for curve in compat.curves_of(action):
        if curve.data_path == 'pose.bones["left_index2"].rotation_quaternion':
            curve.keyframe_points[0].co[1] = 1.0 if curve.array_index in (0, 1) else 0.0
    edited = read_motion(imported.armature)
    assert edited.hands_rotmat is not None
    assert not is_relaxed(edited.hands_rotmat)


def test_a_dancer_of_an_older_file_keeps_its_bones(blender, body_with_fingers, tree):
    """Made from the same body by a release without fingers: 24 bones, which later shapes and caches respect."""
    from dancepose_addon.blender.rig import dancer as module

    plain = replace(body_with_fingers, detailed=None)
    imported = place(blender, moving(SMPL_TREE), plain, fps=20)
    assert module.body_with_bones(body_with_fingers, imported.armature) is body_with_fingers
    assert module.shown_body_of(imported.armature).tree is SMPL_TREE
    layer = blender.context.view_layer
    module.set_shape(imported.armature, body_with_fingers, betas=np.zeros(10), scale=1.0, view_layer=layer)
    assert len(imported.armature.data.bones) == 24
