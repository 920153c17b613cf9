# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage and camera for all dancers of a scene, in a separate collection that can be rebuilt."""

from dataclasses import dataclass
import math
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F64
from ...core.axes import to_smpl
from ...core.camera_framing import (
    PITCH_RAD,
    Shot,
    facing_vector,
    follow,
    frame_points,
    outline_points,
    unit_or_forward,
)
from ...core.camera_orbit import orbit, orbited
from ...core.errors import InputError
from ...core.stage_design import StageSettings
from ..data_blocks import remove_unused, rollback_on_failure
from ..narrowing import action_of, frame_rate_of
from ..rig.dancer import body_of, dancers_of, read_record
from ..rig.motion_reader import read_motion
from .camera import create_camera, move_camera
from .stage import build_stage

STUDIO: Final = "DancePose Stage"
MARK: Final = "dancepose_stage"
STRAIGHT_DOWN_RAD: Final = math.radians(89.9)


@dataclass(frozen=True)
class StudioSettings:
    """Camera and stage.

    Attributes:
        camera: ``FRONT``, ``SIDE``, ``TOP``, ``FOLLOW`` or ``ORBIT``.
        aspect: Width divided by height of the picture.
        stage: Appearance of the stage.
    """

    camera: str = "FRONT"
    aspect: float = 1.0
    stage: StageSettings = StageSettings()


@dataclass(frozen=True)
class _FilmedPoints:
    """Outline points of all dancers in SMPL's axes, relative to the scene's floor.

    Attributes:
        points_m: (F, N, 3) metres, one row per scene frame.
        front: (3,) horizontal unit vector that the dancers face on average.
        first_frame: Scene frame of the first row.
    """

    points_m: F64
    front: F64
    first_frame: int


def build_studio(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, settings: StudioSettings) -> Shot:
    """Build floor, lights and a camera for all dancers of a scene, replacing those built before.

    Args:
        scene: Scene to change.
        view_layer: View layer that shows the scene.
        settings: Camera and stage.

    Returns:
        The shot that the stage was built for.

    Raises:
        InputError: If there is no dancer, or one that cannot be read.
    """
    filmed = _filmed_points(scene)
    shot, positions, rotmats = _shots(filmed, settings, frame_rate_of(scene))
    with rollback_on_failure():
        collection = bpy.data.collections.new(STUDIO)
        collection[MARK] = True
        build_stage(scene, collection, shot, settings.stage)
        camera = create_camera(scene, collection, shot)
    clear_studio(scene)
    scene.collection.children.link(collection)
    scene.camera = camera
    if len(positions) > 1:
        move_camera(camera, positions, rotmats, first_frame=filmed.first_frame, view_layer=view_layer)
    return shot


def clear_studio(scene: bpy.types.Scene) -> None:
    """Remove the stage made by ``build_studio``, if there is one."""
    world = scene.world
    for collection in _stages(scene):
        things = list(collection.objects)
        data = [thing.data for thing in things]
        materials = [material for block in data for material in getattr(block, "materials", ())]
        blocks: list[bpy.types.ID | None] = [*data, *materials, *(action_of(thing) for thing in things)]
        for thing in things:
            bpy.data.objects.remove(thing)
        bpy.data.collections.remove(collection)
        remove_unused([block for block in dict.fromkeys(blocks) if block is not None])
    remove_unused([other for other in bpy.data.worlds if other != world and other.name.startswith("DancePose")])


def not_staged(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return all objects of a scene except those made by ``build_studio``."""
    staged = {thing for collection in _stages(scene) for thing in collection.objects}
    return [thing for thing in scene.objects if thing not in staged]


def _stages(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    return [child for child in scene.collection.children if child.get(MARK)]


def _filmed_points(scene: bpy.types.Scene) -> _FilmedPoints:
    dancers = dancers_of(scene)
    if not dancers:
        raise InputError("There is no dancer in this scene to build a stage for. Import a motion first.")
    records = [read_record(dancer) for dancer in dancers]
    first = math.floor(min(record.first_frame for record in records))
    frames = np.arange(first, math.ceil(max(record.last_frame for record in records)) + 1)
    clips: list[NDArray[np.floating]] = []
    facing = np.zeros(3)
    for dancer, record in zip(dancers, records, strict=True):
        motion = read_motion(dancer)
        world = np.array(dancer.matrix_world)
        outline = outline_points(body_of(record), motion) @ world[:3, :3].T + world[:3, 3]
        shown = [record.clip_frame(frame) for frame in frames]
        clips.append(to_smpl(outline[shown], axes="z_up", unit="m"))
        facing_here = to_smpl(world[:3, :3] @ facing_vector(motion.pose_rotmat), axes="z_up", unit="m")
        facing += facing_here / max(float(np.linalg.norm(world[:3, 0])), 1e-9) * len(motion)
    facing[1] = 0.0
    points = np.concatenate(clips, axis=1).astype(np.float64)
    return _FilmedPoints(points, unit_or_forward(facing), first)


def _shots(filmed: _FilmedPoints, settings: StudioSettings, fps: float) -> tuple[Shot, F64, F64]:
    """Return the shot that the stage is built for and, for a moving camera, its path.

    Args:
        filmed: Points to keep in the picture.
        settings: Camera and stage.
        fps: Frame rate of the scene.

    Returns:
        The shot; positions, (F, 3) metres; rotations, (F, 3, 3). F is 0 for a camera that does not move.
    """
    points, front, aspect = filmed.points_m, filmed.front, settings.aspect
    flat, still = points.reshape(-1, 3), (np.zeros((0, 3)), np.zeros((0, 3, 3)))
    if settings.camera == "FOLLOW":
        shot, way = follow(points, front=front, aspect=aspect, fps=fps)
        return shot, shot.position_m + way, np.repeat(shot.rotmat[None], len(way), axis=0)
    if settings.camera == "ORBIT":
        shot, centre = orbit(flat, front=front, aspect=aspect)
        angles = np.linspace(0.0, 2.0 * math.pi, len(points))
        moved = [orbited(shot, centre, angle) for angle in angles.tolist()]
        return shot, np.array([place for place, _ in moved]), np.array([turn for _, turn in moved])
    if settings.camera == "SIDE":
        front = np.cross([0.0, 1.0, 0.0], front)
    pitch = STRAIGHT_DOWN_RAD if settings.camera == "TOP" else PITCH_RAD
    return frame_points(flat, front=front, aspect=aspect, pitch_rad=pitch), *still
