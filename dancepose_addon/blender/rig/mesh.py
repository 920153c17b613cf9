# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig's skin: mesh, weights, materials, and pose correctives as driven shape keys."""

from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F32
from ...core.body.figure_file import FIGURES
from ...core.body.figure_uv import figure_uv
from ...core.body.joint_tree import JointTree
from ...core.body.model import BodyModel, Surface
from ...core.stage_design import CLOTH_ROUGHNESS, PLAIN_RGBA, ROUGHNESS
from ..materials import set_surface
from ..narrowing import expect, item_named, mesh_of, present

FEATURES: Final = (
    "-2*(y*y+z*z)",
    "2*(x*y-w*z)",
    "2*(x*z+w*y)",
    "2*(x*y+w*z)",
    "-2*(x*x+z*z)",
    "2*(y*z-w*x)",
    "2*(x*z-w*y)",
    "2*(y*z+w*x)",
    "-2*(x*x+y*y)",
)
"""SMPL's pose features (Loper et al. 2015, equation 9): R - I of a joint, row by row, from its unit quaternion."""


def create_body_mesh(
    name: str,
    body: BodyModel,
    *,
    betas: F32,
    scale: float,
    armature: bpy.types.Object,
    collection: bpy.types.Collection,
    correctives: bool = True,
) -> bpy.types.Object:
    """Build the skin of a body on its armature.

    Args:
        name: Name of the object and its data.
        body: Body to build.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
        armature: Armature made by ``create_armature`` with the same shape.
        collection: Collection to link the object to.
        correctives: Whether to add the pose correctives. With them the evaluated mesh is exactly SMPL's, without
            them it is plain linear blend skinning.

    Returns:
        The mesh object.
    """
    rest = np.ascontiguousarray(np.float32(scale) * body.rest_vertices(betas), np.float32)
    data = bpy.data.meshes.new(name)
    _set_geometry(data, rest, body.faces)
    _set_materials(data, body.surface)
    if body.figure in FIGURES:
        layer = present(data.uv_layers.new(name="UVMap"))
        layer.data.foreach_set("uv", figure_uv(body).ravel())
    skin = bpy.data.objects.new(name, data)
    skin.parent = armature
    collection.objects.link(skin)
    _set_weights(skin, body.weights, body.tree)
    modifier = expect(skin.modifiers.new("Armature", "ARMATURE"), bpy.types.ArmatureModifier)
    modifier.object = armature
    if correctives and body.posedirs is not None:
        _add_correctives(skin, rest, np.float32(scale) * body.posedirs, armature, body.tree)
    return skin


def _set_geometry(data: bpy.types.Mesh, vertices_m: F32, faces: NDArray[np.int32]) -> None:
    count = len(faces)
    data.vertices.add(len(vertices_m))
    data.vertices.foreach_set("co", vertices_m.ravel())
    data.loops.add(3 * count)
    data.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    data.polygons.add(count)
    data.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    data.update(calc_edges=True)
    data.shade_smooth()


def _set_materials(data: bpy.types.Mesh, surface: Surface | None) -> None:
    if surface is None:
        data.materials.append(_material("body", PLAIN_RGBA))
        return
    for name, (red, green, blue, alpha) in zip(surface.names, surface.rgba.tolist(), strict=True):
        data.materials.append(_material(name, (red, green, blue, alpha)))
    data.polygons.foreach_set("material_index", surface.face_material.astype(np.int32))


def _material(name: str, rgba: tuple[float, float, float, float]) -> bpy.types.Material:
    """Create a material; rgba is scene-linear. Workbench shows the viewport colour, Cycles and EEVEE the shader."""
    material = bpy.data.materials.new(f"DancePose {name}")
    set_surface(material, rgba, roughness=ROUGHNESS.get(name, CLOTH_ROUGHNESS))
    return material


def _set_weights(skin: bpy.types.Object, weights: F32, tree: JointTree) -> None:
    """Write the skinning weights, (V, J), one call per entry: the API has no bulk form, and equal weights are rare."""
    for joint, name in enumerate(tree.names):
        group = skin.vertex_groups.new(name=name)
        column = weights[:, joint]
        moved = np.flatnonzero(column)
        for vertex, weight in zip(moved.tolist(), column[moved].tolist(), strict=True):
            group.add((vertex,), weight, "REPLACE")


def _add_correctives(
    skin: bpy.types.Object, rest_m: F32, posedirs_m: F32, armature: bpy.types.Object, tree: JointTree
) -> None:
    """Add a shape key for every pose feature that moves a vertex, driven by its joint's quaternion.

    Drivers store no data per frame, follow every later edit of the pose, and as simple expressions run without
    Python. They divide by the quaternion's squared length, which is not 1 between keys.

    Args:
        skin: Mesh object.
        rest_m: (V, 3) rest vertices.
        posedirs_m: (V, 3, 9 K) offsets per pose feature.
        armature: Armature whose bones drive the keys.
        tree: Of the body.
    """
    skin.shape_key_add(name="Basis", from_mix=False)
    used = np.flatnonzero(np.abs(posedirs_m).max(axis=(0, 1)) > 0.0)
    shapes = np.ascontiguousarray(np.moveaxis(posedirs_m[:, :, used], 2, 0))
    for feature, shape in zip(used.tolist(), shapes, strict=True):
        joint, entry = tree.names[1 + feature // 9], feature % 9
        key = skin.shape_key_add(name=_key_name(feature, tree), from_mix=False)
        key.points.foreach_set("co", (rest_m + shape).ravel())
        key.slider_min, key.slider_max = -2.0, 2.0
        _drive(key, armature, f'pose.bones["{joint}"].rotation_quaternion', FEATURES[entry])


def _key_name(feature: int, tree: JointTree) -> str:
    """Return the name of a feature's shape key: its joint, and row and column of R - I, counted from 1."""
    joint, entry = divmod(feature, 9)
    return f"{tree.names[1 + joint]} {entry // 3 + 1}{entry % 3 + 1}"


def set_rest_shape(skin: bpy.types.Object, body: BodyModel, *, betas: F32, scale: float) -> None:
    """Move the rest mesh and the shape keys of its correctives to another shape.

    Args:
        skin: Mesh object made by ``create_body_mesh``.
        body: Body of the mesh.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
    """
    rest = np.ascontiguousarray(np.float32(scale) * body.rest_vertices(betas), np.float32)
    mesh = mesh_of(skin)
    mesh.vertices.foreach_set("co", rest.ravel())
    keys = mesh.shape_keys
    if keys is not None and body.posedirs is not None:
        present(keys.reference_key).points.foreach_set("co", rest.ravel())
        for feature in range(body.posedirs.shape[2]):
            key = item_named(keys.key_blocks, _key_name(feature, body.tree))
            if key is not None:
                shape = rest + np.float32(scale) * body.posedirs[:, :, feature]
                key.points.foreach_set("co", np.ascontiguousarray(shape, np.float32).ravel())
    mesh.update()


def _drive(key: bpy.types.ShapeKey, armature: bpy.types.Object, quat_path: str, expression: str) -> None:
    driver = present(expect(key.driver_add("value"), bpy.types.FCurve).driver)
    driver.type = "SCRIPTED"
    for index, name in enumerate("wxyz"):
        variable = driver.variables.new()
        variable.name = name
        target = variable.targets[0]
        target.id = armature
        target.data_path = f"{quat_path}[{index}]"
    driver.expression = f"{expression}/(w*w+x*x+y*y+z*z)"
