# SPDX-License-Identifier: GPL-3.0-or-later
"""What the camera sees, asked of Blender."""

import math

import numpy as np
import pytest

from dancepose_addon.core.body.model import skin
from dancepose_addon.core.camera_framing import frame_motions, project


@pytest.fixture
def filmed(blender, body, wild_motion):
    from dataclasses import replace

    from dancepose_addon.blender.render import rendering
    from dancepose_addon.blender.stage import camera, stage

    lowest = skin(body, wild_motion.pose_rotmat, betas=wild_motion.betas, correctives=False)[..., 1].min()
    lifted = wild_motion.translation_m * (1, 0, 1) - np.float32([0.0, 1.07 * lowest, 0.0])
    motion = replace(wild_motion, translation_m=lifted.astype(np.float32))
    shot = frame_motions([(body, motion)], aspect=1.5)
    scene = blender.context.scene
    rendering.set_up_picture(scene, width=480, height=320, fps=25.0)
    stage.build_stage(scene, scene.collection, shot)
    camera.create_camera(scene, scene.collection, shot)
    blender.context.view_layer.update()
    return scene, shot, motion


def test_blenders_camera_sees_what_the_shot_says(filmed, body):
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    scene, shot, motion = filmed
    points = skin(
        body,
        motion.pose_rotmat[::6],
        betas=motion.betas,
        translation_m=motion.translation_m[::6],
        scale=motion.scale,
        correctives=False,
    ).reshape(-1, 3)[::97]
    for point, (x, y, depth) in zip(points.tolist(), project(shot, points), strict=True):
        seen = world_to_camera_view(scene, scene.camera, Vector((point[0], -point[2], point[1])))
        assert seen.x == pytest.approx((x + 1.0) / 2.0, abs=1e-4)
        assert seen.y == pytest.approx((y + 1.0) / 2.0, abs=1e-4)
        assert seen.z == pytest.approx(depth, abs=1e-3)
        assert 0.0 < seen.x < 1.0
        assert 0.0 < seen.y < 1.0


def test_the_backdrop_fills_the_picture_and_is_flat_where_the_dance_is(filmed):
    from mathutils import Vector

    scene, shot, _ = filmed
    backdrop = next(thing for thing in scene.objects if thing.type == "MESH")
    to_backdrop = backdrop.matrix_world.inverted()
    eye = to_backdrop @ scene.camera.matrix_world.translation
    corners = [scene.camera.matrix_world @ corner for corner in scene.camera.data.view_frame(scene=scene)]
    for corner in corners:
        hit, *_ = backdrop.ray_cast(eye, to_backdrop @ corner - eye)
        assert hit
    right = np.array([-shot.front[2], 0.0, shot.front[0]])
    for side in (-1, 1):
        for away in (-1, 1):
            place = shot.centre_m + side * shot.reach_m[0] * right + away * shot.reach_m[1] * shot.front
            above = to_backdrop @ Vector((place[0], -place[2], 1.0))
            hit, where, normal, _ = backdrop.ray_cast(above, Vector((0.0, 0.0, -1.0)))
            assert hit
            assert (backdrop.matrix_world @ where).z == pytest.approx(0.0, abs=1e-5)
            assert abs(normal.z) == pytest.approx(1.0, abs=1e-6)


def test_lights_stand_outside_the_picture_and_above_the_floor(filmed):
    scene, shot, _ = filmed
    lamps = [thing for thing in scene.objects if thing.type == "LIGHT"]
    assert len(lamps) == 3
    for lamp in lamps:
        x, y, z = lamp.matrix_world.translation
        half = lamp.data.size / 2.0
        assert z > half
        seen = project(shot, np.array([x, z, -y]))
        outside = seen[2] < 0.0 or np.abs(seen[:2]).max() > 1.0
        assert outside
        assert math.isfinite(lamp.data.energy)
