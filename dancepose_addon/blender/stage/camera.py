# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera of a shot."""

import bpy
from mathutils import Matrix
import numpy as np

from ...core.arrays import F64
from ...core.axes import from_smpl
from ...core.body.rotation import continuous_quat
from ...core.camera_framing import CameraPath, Shot
from .. import compat
from ..rig.actions import INTERPOLATIONS, add_curves

BEYOND_M = 60.0
"""Clipping distance behind the dancer: further away than any backdrop."""


def create_camera(scene: bpy.types.Scene, collection: bpy.types.Collection, shot: Shot) -> bpy.types.Object:
    """Add the camera of a shot and make it the scene's.

    Args:
        scene: Scene to change.
        collection: Collection to link the camera to.
        shot: Shot to take.

    Returns:
        The camera object.
    """
    data = bpy.data.cameras.new("DancePose camera")
    data.sensor_fit = "VERTICAL"
    data.angle_y = shot.field_rad
    distance = float(np.linalg.norm(shot.position_m - shot.centre_m))
    data.clip_start, data.clip_end = 0.1, distance + BEYOND_M
    camera = bpy.data.objects.new(data.name, data)
    camera.matrix_world = _world_matrix(shot.position_m, shot.rotmat)
    collection.objects.link(camera)
    scene.camera = camera
    return camera


def _world_matrix(position_m: F64, rotmat: F64) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3] = from_smpl(rotmat.T, axes="z_up", unit="m").T
    matrix[:3, 3] = from_smpl(position_m, axes="z_up", unit="m")
    return Matrix(matrix.tolist())


def move_camera(
    camera: bpy.types.Object, positions_m: F64, rotmats: F64, *, first_frame: int, view_layer: bpy.types.ViewLayer
) -> None:
    """Set a key for a camera's position and rotation in every frame.

    Args:
        camera: Camera object.
        positions_m: (F, 3) metres, SMPL's axes.
        rotmats: (F, 3, 3) rotations, SMPL's axes.
        first_frame: Scene frame of the first key.
        view_layer: View layer that shows the camera.
    """
    view_layer.update()  # Blender can crash if an action is assigned before it has evaluated the object
    matrices = [_world_matrix(position, rotmat) for position, rotmat in zip(positions_m, rotmats, strict=True)]
    quats = continuous_quat(np.array([matrix.to_quaternion() for matrix in matrices])[:, None])[:, 0]
    camera.rotation_mode = "QUATERNION"
    frames = first_frame + np.arange(len(matrices), dtype=np.float64)
    curves, groups = compat.assign_new_action(camera, camera.name)
    group = groups.new("Camera")
    places = np.array([matrix.translation for matrix in matrices])
    kind = INTERPOLATIONS["LINEAR"]
    add_curves(curves, group, "location", frames, places.T, kind=kind)
    add_curves(curves, group, "rotation_quaternion", frames, quats.T, kind=kind)


def film_along(
    camera: bpy.types.Object, path: CameraPath, *, first_frame: int, view_layer: bpy.types.ViewLayer
) -> None:
    """Move a camera along the way of a path; a still camera is left alone.

    Args:
        camera: Camera object.
        path: Shot and way.
        first_frame: Scene frame of the film's first frame.
        view_layer: View layer that shows the camera.
    """
    if path.way_m is None:
        return
    positions = path.shot.position_m + path.way_m
    rotmats = np.repeat(path.shot.rotmat[None], len(positions), axis=0)
    move_camera(camera, positions, rotmats, first_frame=first_frame, view_layer=view_layer)
