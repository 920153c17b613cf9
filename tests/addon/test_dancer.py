# SPDX-License-Identifier: GPL-3.0-or-later
"""A dancer's shape, its motion read back, its cache and its removal, against core's skinning."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, forward_kinematics, skin
from dancepose_addon.core.errors import InputError

from .conftest import BLENDER_FROM_SMPL, place, shown_vertices

TOLERANCE_M = 1e-4
FRAME = 12


@pytest.fixture
def dancer(blender, flexible_body, wild_motion, monkeypatch):
    from dancepose_addon.blender.rig import dancer as module

    # The file of the flexible body is none; what is tested is what happens with it.
    monkeypatch.setattr(module, "load_body", lambda _path: flexible_body)
    return place(blender, wild_motion, flexible_body, fps=20, first_frame=1.0).armature


def expected(body, motion, index):
    points = skin(
        body,
        motion.pose_rotmat[index : index + 1],
        betas=motion.betas,
        translation_m=motion.translation_m[index : index + 1],
        scale=motion.scale,
    )
    return points[0] @ BLENDER_FROM_SMPL.T


def test_another_shape_moves_mesh_correctives_and_joints(blender, dancer, flexible_body, wild_motion):
    from dancepose_addon.blender.rig.dancer import set_shape, skin_of

    betas = np.array([2.0, -1.0, 0.5, 0, 0, 0, 0, 0, 0, 1.5], np.float32)
    set_shape(dancer, flexible_body, betas=betas, scale=0.9, view_layer=blender.context.view_layer)
    blender.context.scene.frame_set(1 + FRAME)
    changed = replace(wild_motion, betas=betas, scale=0.9)
    away = np.linalg.norm(shown_vertices(blender, skin_of(dancer)) - expected(flexible_body, changed, FRAME), axis=1)
    assert away.max() < TOLERANCE_M
    _, joints = forward_kinematics(
        np.float32(0.9) * flexible_body.rest_joints(betas),
        wild_motion.pose_rotmat[[FRAME]],
        wild_motion.translation_m[[FRAME]],
    )
    posed = dancer.evaluated_get(blender.context.evaluated_depsgraph_get())
    heads = np.array([posed.matrix_world @ posed.pose.bones[name].head for name in JOINT_NAMES])
    assert np.abs(heads - joints[0] @ BLENDER_FROM_SMPL.T).max() < TOLERANCE_M


def test_the_motion_comes_back_as_it_went_in(dancer, wild_motion):
    from dancepose_addon.blender.rig.motion_reader import read_motion

    back = read_motion(dancer)
    np.testing.assert_allclose(back.pose_rotmat, wild_motion.pose_rotmat, atol=1e-5)
    np.testing.assert_allclose(back.translation_m, wild_motion.translation_m, atol=1e-6)
    np.testing.assert_allclose(back.betas, wild_motion.betas, atol=1e-6)
    assert (back.scale, back.fps) == (pytest.approx(wild_motion.scale), wild_motion.fps)


def test_what_an_animator_changed_is_read(dancer, wild_motion):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.rig.motion_reader import read_motion

    curves = [curve for curve in compat.curves_of(dancer.animation_data.action) if curve.data_path.endswith("location")]
    for curve in curves:
        curve.keyframe_points.remove(curve.keyframe_points[FRAME])
        curve.update()
    back = read_motion(dancer)
    between = (wild_motion.translation_m[FRAME - 1] + wild_motion.translation_m[FRAME + 1]) / 2.0
    np.testing.assert_allclose(back.translation_m[FRAME], between, atol=1e-5)
    others = np.delete(np.arange(len(wild_motion)), FRAME)
    np.testing.assert_allclose(back.translation_m[others], wild_motion.translation_m[others], atol=1e-5)


def test_a_baked_cache_shows_the_same_and_can_be_left(blender, dancer, flexible_body, wild_motion, tmp_path):
    from dancepose_addon.blender.rig.dancer import skin_of
    from dancepose_addon.blender.rig.vertex_cache import bake, is_baked, unbake

    path = tmp_path / "dancer.pc2"
    size = bake(dancer, path)
    assert size == 32 + 12 * len(flexible_body.v_template_m) * len(wild_motion) == path.stat().st_size
    assert is_baked(dancer)
    mesh = skin_of(dancer)
    for index in (0, FRAME, len(wild_motion) - 1):
        blender.context.scene.frame_set(1 + index)
        away = np.linalg.norm(shown_vertices(blender, mesh) - expected(flexible_body, wild_motion, index), axis=1)
        assert away.max() < TOLERANCE_M
    dancer.pose.bones["left_knee"].scale = (2.0, 2.0, 2.0)  # a cache does not follow the rig
    blender.context.scene.frame_set(1 + FRAME)
    assert np.abs(shown_vertices(blender, mesh) - expected(flexible_body, wild_motion, FRAME)).max() < TOLERANCE_M
    unbake(dancer)
    assert not is_baked(dancer)
    blender.context.scene.frame_set(1 + FRAME)
    assert np.abs(shown_vertices(blender, mesh) - expected(flexible_body, wild_motion, FRAME)).max() > 0.01
    dancer.pose.bones["left_knee"].scale = (1.0, 1.0, 1.0)
    blender.context.scene.frame_set(1 + FRAME)
    assert np.abs(shown_vertices(blender, mesh) - expected(flexible_body, wild_motion, FRAME)).max() < TOLERANCE_M


def test_another_body_under_the_same_name_is_noticed(dancer, body, monkeypatch):
    from dancepose_addon.blender.rig import dancer as module

    swapped = replace(body, v_template_m=body.v_template_m * np.float32(1.1))
    monkeypatch.setattr(module, "load_body", lambda _path: swapped)
    with pytest.raises(InputError, match="Restore that file"):
        module.body_of(module.read_record(dancer))


def test_a_failed_build_takes_everything_back(blender, body, wild_motion, monkeypatch):
    from dancepose_addon.blender import import_motion

    def fail(*_arguments, **_named):
        raise RuntimeError("as if memory ran out")

    monkeypatch.setattr(import_motion, "store_points", fail)
    kinds = ("objects", "meshes", "armatures", "actions", "materials", "shape_keys", "collections")
    before = {kind: len(getattr(blender.data, kind)) for kind in kinds}
    with pytest.raises(RuntimeError, match="memory"):
        place(blender, wild_motion, body, fps=25)
    assert {kind: len(getattr(blender.data, kind)) for kind in kinds} == before


def test_an_object_of_someone_elses_is_no_dancer(blender):
    from dancepose_addon.blender.rig.dancer import dancer_of, read_record

    other = blender.data.objects.new("other", blender.data.armatures.new("other"))
    assert dancer_of(other) is None
    assert dancer_of(None) is None
    with pytest.raises(InputError, match="not made by DancePose"):
        read_record(other)
    other["dancepose_record"] = "{ half a record"
    with pytest.raises(InputError, match="Import the motion again"):
        read_record(other)
