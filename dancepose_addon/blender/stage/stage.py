"""Floor, backdrop and three soft lights around a shot."""

from dataclasses import dataclass, replace
import math
from typing import Final, TypeAlias

import bpy
from mathutils import Matrix, Vector
import numpy as np
from numpy.typing import NDArray

from ...core.axes import from_smpl
from ...core.camera_framing import Shot
from .. import compat

STAGE_VERSION: Final = 2
"""Raise with every change that alters a picture, so that finished frames of an older stage are not mixed in."""

Rgba: TypeAlias = tuple[float, float, float, float]

BACKDROP_RGBA: Final[Rgba] = (0.36, 0.365, 0.375, 1.0)
WORLD_RGB: Final = (0.62, 0.65, 0.70)
WORLD_STRENGTH: Final = 0.20
CLEAR_BEHIND_M: Final = 2.5
SWEEP_M: Final = 14.0
SWEEP_STEPS: Final = 48
BOWL_SIDES: Final = 96
AIM_HEIGHT_M: Final = 1.0


@dataclass(frozen=True)
class SoftLight:
    """An area light. azimuth_deg: from the camera's direction, positive to the picture's right; elevation_deg: above
    the floor; size: of its edge, and watts: both for one metre of distance, to the power that keeps the look the
    same at any distance."""

    name: str
    azimuth_deg: float
    elevation_deg: float
    size: float
    watts: float
    rgb: tuple[float, float, float]


LIGHTS: Final = (
    SoftLight("key", -40.0, 50.0, 0.25, 13.0, (1.0, 0.965, 0.92)),
    SoftLight("fill", 48.0, 28.0, 0.75, 1.4, (0.90, 0.95, 1.0)),
    SoftLight("rim", 150.0, 50.0, 0.40, 7.0, (1.0, 1.0, 1.0)),
)


@dataclass(frozen=True)
class StageSettings:
    """backdrop_rgb: of floor and wall, linear; light: strength of every light, against the usual; transparent: no
    backdrop but what falls on it, the shadow, where the engine can tell the two apart; round: a wall on every side,
    for cameras that go round; floor: whether there is floor and wall at all."""

    backdrop_rgb: tuple[float, float, float] = BACKDROP_RGBA[:3]
    light: float = 1.0
    transparent: bool = False
    round: bool = False
    floor: bool = True


def build_stage(
    scene: bpy.types.Scene, collection: bpy.types.Collection, shot: Shot, settings: StageSettings = StageSettings()
) -> None:
    """Add floor, backdrop and lights for ``shot``, and set the scene's world and colours."""
    to_world = _stage_to_world(shot)
    for light in LIGHTS:
        collection.objects.link(_create_light(replace(light, watts=light.watts * settings.light), shot, to_world))
    if settings.floor:
        backdrop = _create_backdrop(shot, to_world, settings)
        collection.objects.link(backdrop)
        # Workbench knows no shadow catcher and would draw the floor itself.
        backdrop.is_shadow_catcher = settings.transparent
        backdrop.hide_render = settings.transparent and scene.render.engine != "CYCLES"
    if settings.transparent:
        scene.render.film_transparent = True
        scene.render.image_settings.color_mode = "RGBA"
    world = bpy.data.worlds.new("DancePose")
    world.color = settings.backdrop_rgb
    compat.use_nodes(world)
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*WORLD_RGB, 1.0)
    background.inputs["Strength"].default_value = WORLD_STRENGTH * settings.light
    scene.world = world


def _stage_to_world(shot: Shot) -> Matrix:
    """Stage axes: origin on the floor amid the dance, x to the picture's right, y away from the camera, z up."""
    front = Vector(from_smpl(shot.front, axes="z_up", unit="m").tolist())
    origin = Vector(from_smpl(shot.centre_m, axes="z_up", unit="m").tolist())
    away, up = -front, Vector((0.0, 0.0, 1.0))
    matrix = Matrix((away.cross(up), away, up)).transposed().to_4x4()
    matrix.translation = origin
    return matrix


def _create_backdrop(shot: Shot, to_world: Matrix, settings: StageSettings) -> bpy.types.Object:
    vertices, faces = _bowl(shot) if settings.round else _sweep(shot)
    data = bpy.data.meshes.new("DancePose backdrop")
    data.from_pydata(vertices.tolist(), [], faces.tolist())
    data.shade_smooth()
    data.materials.append(_backdrop_material((*settings.backdrop_rgb, 1.0)))
    backdrop = bpy.data.objects.new(data.name, data)
    backdrop.matrix_world = to_world
    return backdrop


def _sweep(shot: Shot) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A floor that bends up into a wall on so large a radius that no horizon is seen; vertices and quads."""
    camera_m = float((shot.position_m - shot.centre_m) @ shot.front)
    bend = float(shot.reach_m[1]) + CLEAR_BEHIND_M
    profile = _sweep_profile()
    reach, rise = profile[-1]
    depth = np.concatenate([[-camera_m - bend - 4.0], bend + profile[:, 0], [bend + reach]])
    far = camera_m + bend + reach
    half_slope = math.tan(shot.field_rad / 2.0)
    wall_m = float(shot.position_m[1]) + far * half_slope * 1.5 + rise
    height = np.concatenate([[0.0], profile[:, 1], [wall_m]])
    half_width = 1.5 * far * half_slope * max(shot.aspect, 1.0) + float(shot.reach_m[0]) + 4.0
    sides = np.array([-half_width, half_width])
    vertices = np.stack(
        [np.tile(sides, len(depth)), np.repeat(depth, 2), np.repeat(height, 2)],
        axis=1,
    )
    first = 2 * np.arange(len(depth) - 1)[:, None]
    return vertices, first + np.array([0, 1, 3, 2])


def _bowl(shot: Shot) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The same all round, for a camera that circles inside; vertices and quads."""
    camera_m = float(np.linalg.norm((shot.position_m - shot.centre_m)[[0, 2]]))
    profile = _sweep_profile()
    bend = max(float(np.linalg.norm(shot.reach_m)) + CLEAR_BEHIND_M, camera_m + 1.0)
    reach, rise = profile[-1]
    wall_m = float(shot.position_m[1]) + 2.0 * (camera_m + bend + reach) * math.tan(shot.field_rad / 2.0) + rise
    radius = np.concatenate([[0.01], bend + profile[:, 0], [bend + reach]])
    height = np.concatenate([[0.0], profile[:, 1], [wall_m]])
    angles = np.linspace(0.0, 2.0 * math.pi, BOWL_SIDES, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    flat = (radius[:, None, None] * ring).reshape(-1, 2)
    vertices = np.concatenate([flat, np.repeat(height, BOWL_SIDES)[:, None]], axis=1)
    side = np.arange(BOWL_SIDES)
    after = (side + 1) % BOWL_SIDES
    quad = np.stack([side, after, after + BOWL_SIDES, side + BOWL_SIDES], axis=1)
    rows = BOWL_SIDES * np.arange(len(radius) - 1)[:, None, None]
    return vertices, (rows + quad).reshape(-1, 4)


def _sweep_profile() -> NDArray[np.float64]:
    """The bend from floor to wall, (N, 2) as depth and height. Its slope starts and ends level, as railway bends do:
    on a plain arc the eye finds the line where it begins."""
    way = np.linspace(0.0, 1.0, SWEEP_STEPS + 1)
    slope = (math.pi / 2.0) * way * way * (3.0 - 2.0 * way)
    steps = np.stack([np.cos(slope), np.sin(slope)], axis=1)
    middles = (steps[1:] + steps[:-1]) / 2.0
    return SWEEP_M * np.concatenate([np.zeros((1, 2)), np.cumsum(middles, axis=0)]) / SWEEP_STEPS


def _backdrop_material(rgba: Rgba) -> bpy.types.Material:
    material = bpy.data.materials.new("DancePose backdrop")
    material.diffuse_color = rgba
    material.roughness = 0.9
    compat.use_nodes(material)
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = rgba
    shader.inputs["Roughness"].default_value = 0.9
    shader.inputs["Specular IOR Level"].default_value = 0.1
    return material


def _create_light(light: SoftLight, shot: Shot, to_world: Matrix) -> bpy.types.Object:
    distance = light_distance_m(shot)
    data = bpy.data.lights.new(f"DancePose {light.name}", "AREA")
    data.shape = "DISK"
    data.size = light.size * distance
    data.energy = light.watts * distance**2
    data.color = light.rgb
    lamp = bpy.data.objects.new(data.name, data)
    towards = light_direction(light)
    place = Vector((0.0, 0.0, AIM_HEIGHT_M)) + distance * Vector(towards.tolist())
    aim = Vector(towards.tolist()).to_track_quat("Z", "Y").to_matrix().to_4x4()
    lamp.matrix_world = to_world @ Matrix.Translation(place) @ aim
    return lamp


def key_direction(shot: Shot) -> tuple[float, float, float]:
    """Unit vector from the dancer to the key light, in Blender's world."""
    x, y, z = _stage_to_world(shot).to_3x3() @ Vector(light_direction(LIGHTS[0]).tolist())
    return x, y, z


def light_distance_m(shot: Shot) -> float:
    """Far enough that the light hardly changes while the dancer travels."""
    return 4.5 + 1.5 * float(shot.reach_m.max())


def light_direction(light: SoftLight) -> NDArray[np.float64]:
    """Unit vector from the dancer to the light, in stage axes."""
    azimuth, elevation = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), -level * math.cos(azimuth), math.sin(elevation)])
