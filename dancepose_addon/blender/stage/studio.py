"""Stage and camera around every dancer of a scene, as a collection of their own that can be made again."""

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
    orbit,
    orbited,
    outline_points,
    unit_or_forward,
)
from ...core.errors import InputError
from ..blocks import remove_unused, taken_back_on_failure
from ..rig.dancer import body_of, dancers_of, read_record
from ..rig.motion_reader import read_motion
from .camera import create_camera, move_camera
from .stage import StageSettings, build_stage

STUDIO: Final = "DancePose Stage"
MARK: Final = "dancepose_stage"
STRAIGHT_DOWN_RAD: Final = math.radians(89.9)


@dataclass(frozen=True)
class StudioSettings:
    """camera: FRONT, SIDE, TOP, FOLLOW or ORBIT; aspect: width over height of the picture."""

    camera: str = "FRONT"
    aspect: float = 1.0
    stage: StageSettings = StageSettings()


@dataclass(frozen=True)
class _Danced:
    """What is filmed, in SMPL's axes on the scene's floor. points: (F, N, 3), a row a scene frame; front: (3,)."""

    points_m: F64
    front: F64
    first_frame: int


def build_studio(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, settings: StudioSettings) -> Shot:
    """Put floor, lights and a camera around all dancers of ``scene``, instead of those it had.

    Raises:
        InputError: there is no dancer, or one that cannot be read.
    """
    danced = _everything_danced(scene)
    shot, positions, rotmats = _shots(danced, settings, scene.render.fps / scene.render.fps_base)
    with taken_back_on_failure():
        collection = bpy.data.collections.new(STUDIO)
        collection[MARK] = True
        build_stage(scene, collection, shot, settings.stage)
        camera = create_camera(scene, collection, shot)
    clear_studio(scene)
    scene.collection.children.link(collection)
    scene.camera = camera
    if len(positions) > 1:
        move_camera(camera, positions, rotmats, first_frame=danced.first_frame, view_layer=view_layer)
    return shot


def clear_studio(scene: bpy.types.Scene) -> None:
    """Remove the stage that ``build_studio`` made, where there is one."""
    world = scene.world
    for collection in _stages(scene):
        things = list(collection.objects)
        blocks = [thing.data for thing in things]
        blocks += [material for block in blocks for material in getattr(block, "materials", ())]
        blocks += [thing.animation_data.action for thing in things if thing.animation_data is not None]
        for thing in things:
            bpy.data.objects.remove(thing)
        bpy.data.collections.remove(collection)
        remove_unused([block for block in dict.fromkeys(blocks) if block is not None])
    remove_unused([other for other in bpy.data.worlds if other != world and other.name.startswith("DancePose")])


def not_staged(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Everything in a scene but what ``build_studio`` made."""
    staged = {thing for collection in _stages(scene) for thing in collection.objects}
    return [thing for thing in scene.objects if thing not in staged]


def _stages(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    return [child for child in scene.collection.children if child.get(MARK)]


def _everything_danced(scene: bpy.types.Scene) -> _Danced:
    dancers = dancers_of(scene)
    if not dancers:
        raise InputError("There is no dancer in this scene to set a stage for. Import a motion first.")
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
    return _Danced(points, unit_or_forward(facing), first)


def _shots(danced: _Danced, settings: StudioSettings, fps: float) -> tuple[Shot, F64, F64]:
    """The shot that the stage is built for, and the camera's place and rotation in every frame where it moves."""
    points, front, aspect = danced.points_m, danced.front, settings.aspect
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
