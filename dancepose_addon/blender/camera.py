"""The camera of a shot."""

import bpy
from mathutils import Matrix
import numpy as np

from ..core.framing import Shot
from ..core.skeleton.axes import from_smpl

BEYOND_M = 60.0
"""Clipping distance behind the dancer: further than any backdrop."""


def create_camera(scene: bpy.types.Scene, collection: bpy.types.Collection, shot: Shot) -> bpy.types.Object:
    """Add the camera of ``shot`` to ``collection`` and make it the scene's."""
    data = bpy.data.cameras.new("DancePose camera")
    data.sensor_fit = "VERTICAL"
    data.angle_y = shot.field_rad
    distance = float(np.linalg.norm(shot.position_m - shot.centre_m))
    data.clip_start, data.clip_end = 0.1, distance + BEYOND_M
    camera = bpy.data.objects.new(data.name, data)
    matrix = np.eye(4)
    matrix[:3, :3] = from_smpl(shot.rotmat.T, axes="z_up", unit="m").T
    matrix[:3, 3] = from_smpl(shot.position_m, axes="z_up", unit="m")
    camera.matrix_world = Matrix(matrix.tolist())
    collection.objects.link(camera)
    scene.camera = camera
    return camera
