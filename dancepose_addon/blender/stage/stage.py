# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor, backdrop and three soft lights for a shot."""

from dataclasses import dataclass, replace
import math
from typing import Final

import bpy
from mathutils import Matrix, Vector
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F64
from ...core.axes import from_smpl
from ...core.camera_framing import Shot
from .. import compat
from ..materials import Rgb, Rgba, set_input, set_surface
from ..narrowing import components, expect, present, render_of

STAGE_VERSION: Final = 2
"""Increase with every change that alters a picture, so that finished frames of an older stage are not mixed in."""

BACKDROP_RGBA: Final[Rgba] = (0.36, 0.365, 0.375, 1.0)
WORLD_RGB: Final[Rgb] = (0.62, 0.65, 0.70)
WORLD_STRENGTH: Final = 0.20
CLEAR_BEHIND_M: Final = 2.5
SWEEP_M: Final = 14.0
SWEEP_STEPS: Final = 48
BOWL_SIDES: Final = 96
AIM_HEIGHT_M: Final = 1.0


@dataclass(frozen=True)
class SoftLight:
    """An area light.

    Size and power are given for a distance of one metre and scaled with the distance, so that the picture looks the
    same at any distance.

    Attributes:
        name: Name of the light.
        azimuth_deg: Horizontal angle from the camera's direction, positive to the right of the picture.
        elevation_deg: Angle above the floor.
        size: Diameter in metres at one metre.
        watts: Power at one metre.
        rgb: Scene-linear colour.
    """

    name: str
    azimuth_deg: float
    elevation_deg: float
    size: float
    watts: float
    rgb: Rgb


LIGHTS: Final = (
    SoftLight("key", -40.0, 50.0, 0.25, 13.0, (1.0, 0.965, 0.92)),
    SoftLight("fill", 48.0, 28.0, 0.75, 1.4, (0.90, 0.95, 1.0)),
    SoftLight("rim", 150.0, 50.0, 0.40, 7.0, (1.0, 1.0, 1.0)),
)


@dataclass(frozen=True)
class StageSettings:
    """Appearance of the stage.

    Attributes:
        backdrop_rgb: Scene-linear colour of floor and wall.
        light: Factor on the strength of every light.
        transparent: Whether the backdrop is transparent. Its shadow remains if the engine has shadow catchers.
        round: Whether the wall surrounds the stage, for cameras that circle.
        floor: Whether there are a floor and a wall.
    """

    backdrop_rgb: Rgb = BACKDROP_RGBA[:3]
    light: float = 1.0
    transparent: bool = False
    round: bool = False
    floor: bool = True


def build_stage(
    scene: bpy.types.Scene, collection: bpy.types.Collection, shot: Shot, settings: StageSettings = StageSettings()
) -> None:
    """Add floor, backdrop and lights for a shot, and set the scene's world.

    Args:
        scene: Scene to change.
        collection: Collection to link the new objects to.
        shot: Shot whose camera sees the stage.
        settings: Appearance of the stage.
    """
    to_world, render = _stage_to_world(shot), render_of(scene)
    for light in LIGHTS:
        collection.objects.link(_create_light(replace(light, watts=light.watts * settings.light), shot, to_world))
    if settings.floor:
        backdrop = _create_backdrop(shot, to_world, settings)
        collection.objects.link(backdrop)
        # Workbench has no shadow catchers and would draw the floor.
        backdrop.is_shadow_catcher = settings.transparent
        backdrop.hide_render = settings.transparent and str(render.engine) != "CYCLES"
    if settings.transparent:
        render.film_transparent = True
        present(render.image_settings).color_mode = "RGBA"
    world = bpy.data.worlds.new("DancePose")
    world.color = settings.backdrop_rgb
    background = next(node for node in compat.use_nodes(world).nodes if node.type == "BACKGROUND")
    set_input(background, "Color", (*WORLD_RGB, 1.0))
    set_input(background, "Strength", WORLD_STRENGTH * settings.light)
    scene.world = world


def _stage_to_world(shot: Shot) -> Matrix:
    """Return the transform from stage axes to the world.

    Stage axes have their origin on the floor at the centre of the dance, x to the right of the picture, y away from
    the camera and z up.
    """
    front = Vector(from_smpl(shot.front, axes="z_up", unit="m").tolist())
    origin = Vector(from_smpl(shot.centre_m, axes="z_up", unit="m").tolist())
    away, up = -front, Vector((0.0, 0.0, 1.0))
    right = expect(away.cross(up), Vector)
    matrix = Matrix((components(right), components(away), components(up))).transposed().to_4x4()
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


def _sweep(shot: Shot) -> tuple[F64, NDArray[np.int64]]:
    """Return vertices and quads of a floor that curves up into a wall, so gradually that no horizon is visible."""
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


def _bowl(shot: Shot) -> tuple[F64, NDArray[np.int64]]:
    """Return vertices and quads of a backdrop on all sides, for a camera that circles inside it."""
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


def _sweep_profile() -> F64:
    """Return the curve from floor to wall, (N, 2) metres: depth and height.

    The curvature starts and ends at zero, as in a transition curve of a railway. On a circular arc the eye finds the
    line where it begins.
    """
    way = np.linspace(0.0, 1.0, SWEEP_STEPS + 1)
    slope = (math.pi / 2.0) * way * way * (3.0 - 2.0 * way)
    steps = np.stack([np.cos(slope), np.sin(slope)], axis=1)
    middles = (steps[1:] + steps[:-1]) / 2.0
    return SWEEP_M * np.concatenate([np.zeros((1, 2)), np.cumsum(middles, axis=0)]) / SWEEP_STEPS


def _backdrop_material(rgba: Rgba) -> bpy.types.Material:
    material = bpy.data.materials.new("DancePose backdrop")
    set_surface(material, rgba, roughness=0.9, specular=0.1)
    return material


def _create_light(light: SoftLight, shot: Shot, to_world: Matrix) -> bpy.types.Object:
    distance = light_distance_m(shot)
    data = expect(bpy.data.lights.new(f"DancePose {light.name}", "AREA"), bpy.types.AreaLight)
    data.shape = "DISK"
    data.size = light.size * distance
    data.energy = light.watts * distance**2
    data.color = light.rgb
    lamp = bpy.data.objects.new(data.name, data)
    towards = light_direction(light)
    place = Vector((0.0, 0.0, AIM_HEIGHT_M)) + distance * Vector(towards.tolist())
    aim = Vector(towards.tolist()).to_track_quat("Z", "Y").to_matrix().to_4x4()
    lamp.matrix_world = to_world @ Matrix.Translation(components(place)) @ aim
    return lamp


def key_direction(shot: Shot) -> tuple[float, float, float]:
    """Return the unit vector from the dancer to the key light, in Blender's world axes."""
    x, y, z = components(_stage_to_world(shot).to_3x3() @ Vector(light_direction(LIGHTS[0]).tolist()))
    return x, y, z


def light_distance_m(shot: Shot) -> float:
    """Return a distance in metres at which the light hardly changes while the dancer moves through the space."""
    return 4.5 + 1.5 * float(shot.reach_m.max())


def light_direction(light: SoftLight) -> F64:
    """Return the unit vector from the dancer to a light in stage axes, (3,)."""
    azimuth, elevation = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), -level * math.cos(azimuth), math.sin(elevation)])
