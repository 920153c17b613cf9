# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the rest skeleton and the soles of a character's armature."""

from collections.abc import Iterator
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.arrays import F64
from ...core.errors import InputError
from ...core.retarget.character_map import SIDES, CharacterMap
from ...core.retarget.rest_skeleton import RestSkeleton
from ...core.retarget.target_feet import FootPoints
from ..narrowing import armature_of, mesh_of

LARGEST_RATIO: Final = 1.02
"""Scales along two axes that differ by more are not uniform."""
FURTHEST: Final = 1e7
"""Units, of any bone or vertex: ten kilometres in millimetres."""
DEFORM_PREFIX: Final = "DEF-"
"""Rigify's bones that move the skin."""


def read_rest_skeleton(armature: bpy.types.Object | None) -> RestSkeleton:
    """Read the bones of an armature in rest.

    Args:
        armature: The object.

    Returns:
        Its rest skeleton.

    Raises:
        InputError: If it is no armature, is linked from another file, or has a scale that is not uniform.
    """
    if armature is None or armature.type != "ARMATURE":
        raise InputError("No armature is selected. Select the armature of a character.")
    if armature.library is not None:
        raise InputError(
            f"{armature.name} is linked from another file and cannot be changed. Make a library override of it or "
            "append it."
        )
    data = armature_of(armature)
    if data.library is not None and data.pose_position != "POSE":
        raise InputError(f"The bones of {armature.name} are linked and shown in rest. Make them local first.")
    world = np.array(armature.matrix_world, np.float64)
    if not (np.abs(world) < FURTHEST).all():
        raise InputError(
            f"{armature.name} has a place or a size that is no number, or beyond any use. Export the character again."
        )
    stretch = np.linalg.svd(world[:3, :3], compute_uv=False)
    if stretch[2] <= 0.0 or stretch[0] > LARGEST_RATIO * stretch[2]:
        raise InputError(
            f"{armature.name} has a scale of {stretch[0]:.3g}, {stretch[1]:.3g} and {stretch[2]:.3g} along its axes. "
            "Apply its scale, or make it the same along all axes."
        )
    if np.linalg.det(world[:3, :3]) < 0.0:
        raise InputError(f"{armature.name} is mirrored by a negative scale. Apply its scale first.")
    bones = list(armature_of(armature).bones)
    if not bones:
        raise InputError(f"{armature.name} has no bones. Select the armature of a character.")
    heads = np.array([bone.head_local for bone in bones], np.float64)
    tails = np.array([bone.tail_local for bone in bones], np.float64)
    rotmat = np.array([bone.matrix_local.to_3x3() for bone in bones], np.float64)
    places = np.concatenate([heads, tails, rotmat.reshape(-1, 9)], axis=1)
    if not (np.abs(places) < FURTHEST).all():  # written so that NaN fails as well
        raise InputError(
            f"{armature.name} has bones at places that are no numbers, or beyond {FURTHEST:g} units. Export it again."
        )
    number = {bone.name: index for index, bone in enumerate(bones)}
    scale = float(np.cbrt(np.linalg.det(world[:3, :3])))
    return RestSkeleton(
        name=str(armature.name),
        names=tuple(number),
        parents=np.array([number[bone.parent.name] if bone.parent is not None else -1 for bone in bones]),
        heads=heads,
        tails=tails,
        rotmat=rotmat,
        world_rotmat=world[:3, :3] / scale,
        world_scale=scale,
        world_origin_m=world[:3, 3],
        inherits=np.array([bone.use_inherit_rotation for bone in bones]),
        connected=np.array([bone.use_connect for bone in bones]),
    )


def skinned_meshes(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """Return the meshes that an armature deforms; helper meshes such as bone shapes are not among them."""
    return [
        thing
        for thing in bpy.data.objects
        if thing.type == "MESH"
        and any(
            isinstance(modifier, bpy.types.ArmatureModifier) and modifier.object == armature
            for modifier in thing.modifiers
        )
    ]


def read_foot_points(armature: bpy.types.Object, skeleton: RestSkeleton, character: CharacterMap) -> FootPoints:
    """Read the vertices that follow the feet and the toes, in rest.

    Args:
        armature: The armature.
        skeleton: Its rest skeleton.
        character: Its map.

    Returns:
        The vertices; no parts where nothing is skinned to the feet.
    """
    part_of = _foot_groups(skeleton, character)
    found: dict[str, list[F64]] = {}
    into = np.linalg.inv(np.array(armature.matrix_world, np.float64))
    for mesh in skinned_meshes(armature):
        places = rest_vertices(mesh) @ (into @ np.array(mesh.matrix_world, np.float64)).T
        for part, chosen in _vertices_by_part(mesh, part_of):
            found.setdefault(part, []).append(places[chosen, :3])
    return FootPoints({part: np.concatenate(points) for part, points in found.items()})


def _foot_groups(skeleton: RestSkeleton, character: CharacterMap) -> dict[str, str]:
    """Return the part of every vertex group that belongs to a foot."""
    part_of: dict[str, str] = {}
    for side in SIDES:
        for part in (f"{side}_ankle", f"{side}_foot"):
            for bone in character.bones.get(part, ()):
                for below in (bone, *skeleton.descendants(bone)):
                    name = skeleton.names[below]
                    part_of[name] = part
                    part_of[DEFORM_PREFIX + name.replace("_fk", "")] = part
    return part_of


def rest_vertices(mesh: bpy.types.Object) -> F64:
    """Return the undeformed vertices, homogeneous, (V, 4).

    Args:
        mesh: A mesh.

    Raises:
        InputError: If a vertex is at a place that is no number, or unusably far away.
    """
    data = mesh_of(mesh)
    points = np.empty(3 * len(data.vertices), np.float32)
    data.vertices.foreach_get("co", points)
    if not (np.abs(points) < FURTHEST).all():
        raise InputError(
            f"{mesh.name} has vertices at places that are no numbers, or beyond {FURTHEST:g} units. Export it again."
        )
    return np.concatenate([points.reshape(-1, 3), np.ones((len(data.vertices), 1))], axis=1).astype(np.float64)


def _vertices_by_part(mesh: bpy.types.Object, part_of: dict[str, str]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield the vertices of each part: those that one of its groups moves most."""
    wanted = {group.index: part_of[group.name] for group in mesh.vertex_groups if group.name in part_of}
    if not wanted:
        return
    chosen: dict[str, list[int]] = {}
    for vertex in mesh_of(mesh).vertices:
        heaviest = max(vertex.groups, key=lambda group: group.weight, default=None)
        if heaviest is not None and heaviest.group in wanted:
            chosen.setdefault(wanted[heaviest.group], []).append(vertex.index)
    for part, vertices in chosen.items():
        yield part, np.array(vertices)
