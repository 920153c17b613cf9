# SPDX-License-Identifier: GPL-3.0-or-later
"""Every camera of the Stage panel holds the dancers, asked of Blender frame by frame."""

import math

import numpy as np
import pytest

from tests.support.samples import body_motion, cut, waltz

from .conftest import place, shown_vertices


@pytest.fixture
def two_dancers(blender, body):
    motion = body_motion(cut(waltz(), 60), body)
    dancers = [
        place(blender, motion, body, fps=25, name=name, first_frame=first, correctives=False)
        for name, first in (("one", 1.0), ("two", 11.0))
    ]
    dancers[1].armature.location = (1.5, 0.4, 0.0)
    dancers[1].armature.rotation_euler[2] = math.radians(30.0)
    blender.context.view_layer.update()
    return dancers


def corners(bpy, scene, dancers):
    """Where every vertex of every dancer is in the picture, 0 to 1, and in front of the camera."""
    graph = bpy.context.evaluated_depsgraph_get()
    camera = scene.camera.evaluated_get(graph)
    matrix = np.array(
        camera.calc_matrix_camera(graph, x=scene.render.resolution_x, y=scene.render.resolution_y)
    ) @ np.linalg.inv(np.array(camera.matrix_world))
    places = []
    for dancer in dancers:
        points = shown_vertices(bpy, dancer.mesh)
        clip = np.c_[points, np.ones(len(points))] @ matrix.T
        assert (clip[:, 3] > 0.0).all()
        places.append(clip[:, :2] / clip[:, 3:])
    return np.concatenate(places)


@pytest.mark.parametrize("camera", ["FRONT", "SIDE", "TOP", "FOLLOW", "ORBIT"])
def test_every_camera_holds_everyone_in_every_frame(blender, two_dancers, camera):
    from dancepose_addon.blender.render.rendering import set_up_picture
    from dancepose_addon.blender.stage.studio import StudioSettings, build_studio
    from dancepose_addon.core.stage_design import StageSettings

    scene = blender.context.scene
    set_up_picture(scene, width=640, height=360, fps=25.0)
    settings = StudioSettings(camera=camera, aspect=640 / 360, stage=StageSettings(round=camera == "ORBIT"))
    build_studio(scene, blender.context.view_layer, settings)
    extent, places = np.zeros(2), []
    for frame in range(1, 72, 7):
        scene.frame_set(frame)
        seen = corners(blender, scene, two_dancers)
        assert np.abs(seen).max() < 1.0, f"{camera}, frame {frame}"
        extent = np.maximum(extent, np.abs(seen).max(axis=0))
        places.append(np.array(scene.camera.evaluated_get(blender.context.evaluated_depsgraph_get()).matrix_world))
    assert extent.max() > 0.6  # and does not stand needlessly far
    moved = np.ptp([place[:3, 3] for place in places], axis=0).max()
    assert (moved > 0.02) == (camera in ("FOLLOW", "ORBIT"))
    view = -places[0][:3, 2]
    if camera == "TOP":
        assert view[2] < -0.99
    elif camera == "ORBIT":  # half of the way round it looks the other way
        assert view[:2] @ -places[5][:2, 2] < -0.9


def test_a_stage_replaces_the_one_before_and_goes_without_a_trace(blender, two_dancers):
    from dancepose_addon.blender.stage.studio import StudioSettings, build_studio, clear_studio

    scene, layer = blender.context.scene, blender.context.view_layer
    kinds = ("objects", "meshes", "lights", "cameras", "materials", "collections", "actions")
    before = {kind: len(getattr(blender.data, kind)) for kind in kinds}
    build_studio(scene, layer, StudioSettings(camera="ORBIT"))
    once = {kind: len(getattr(blender.data, kind)) for kind in kinds}
    build_studio(scene, layer, StudioSettings(camera="ORBIT"))
    assert {kind: len(getattr(blender.data, kind)) for kind in kinds} == once
    clear_studio(scene)
    assert {kind: len(getattr(blender.data, kind)) for kind in kinds} == before
