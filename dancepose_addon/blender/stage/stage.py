# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor, backdrop and three soft lights for a shot."""

from dataclasses import replace

import bpy
from mathutils import Matrix, Vector
import numpy as np

from ...core.axes import from_smpl
from ...core.camera_framing import Shot
from ...core.stage_design import (
    AIM_HEIGHT_M,
    LIGHTS,
    WORLD_RGB,
    WORLD_STRENGTH,
    SoftLight,
    StageSettings,
    bowl,
    light_direction,
    light_distance_m,
    shaded_tile,
    sweep,
    tile_quads,
)
from .. import compat
from ..materials import Rgba, set_input, set_surface
from ..narrowing import components, expect, present, render_of


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
    if settings.floor != "none":
        backdrop = _create_backdrop(shot, to_world, settings)
        collection.objects.link(backdrop)
        # Workbench has no shadow catchers and would draw the floor.
        backdrop.is_shadow_catcher = settings.transparent
        backdrop.hide_render = settings.transparent and str(render.engine) != "CYCLES"
    if settings.floor == "tiles" and not settings.transparent:
        collection.objects.link(_create_tiles(shot, to_world, settings))
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
    vertices, faces = bowl(shot) if settings.round else sweep(shot)
    data = bpy.data.meshes.new("DancePose backdrop")
    data.from_pydata(vertices.tolist(), [], faces.tolist())
    data.shade_smooth()
    data.materials.append(_backdrop_material((*settings.backdrop_rgb, 1.0)))
    backdrop = bpy.data.objects.new(data.name, data)
    backdrop.matrix_world = to_world
    return backdrop


def _create_tiles(shot: Shot, to_world: Matrix, settings: StageSettings) -> bpy.types.Object:
    """Return the tiles as a mesh on the floor with a material per shade: Workbench shows no textures of nodes."""
    vertices, quads, shades = tile_quads(shot)
    data = bpy.data.meshes.new("DancePose tiles")
    data.from_pydata(vertices.tolist(), [], quads.tolist())
    used, index = np.unique(shades, return_inverse=True)
    for shade in used.tolist():
        data.materials.append(_backdrop_material((*shaded_tile(settings.backdrop_rgb, shade), 1.0)))
    data.polygons.foreach_set("material_index", index.astype(np.int32))
    tiles = bpy.data.objects.new(data.name, data)
    tiles.matrix_world = to_world
    tiles.visible_shadow = False
    return tiles


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
