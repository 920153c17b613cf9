# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a character's skin reaches around its bones, for the camera."""

from collections.abc import Sequence

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.retarget.rest_skeleton import RestSkeleton
from .rest_reader import rest_vertices


def read_bone_reach(
    armature: bpy.types.Object, meshes: Sequence[bpy.types.Object], skeleton: RestSkeleton, bones: Sequence[int]
) -> dict[int, float]:
    """Measure the skin around bones in the rest pose.

    Args:
        armature: Armature of the character.
        meshes: Its meshes; hidden ones are left out.
        skeleton: Its rest skeleton.
        bones: Indices of the bones.

    Returns:
        For each bone, how far the vertices that are nearest to its head are from it, in the armature's units.
    """
    heads = skeleton.heads[list(bones)]
    into = np.linalg.inv(np.array(armature.matrix_world, np.float64))
    furthest = np.zeros(len(bones))
    for mesh in meshes:
        if mesh.hide_render:
            continue
        matrix = into @ np.array(mesh.matrix_world, np.float64)
        _widen(furthest, rest_vertices(mesh)[:, :3] @ matrix[:3, :3].T + matrix[:3, 3], heads)
    return {bone: float(distance) for bone, distance in zip(bones, furthest, strict=True)}


def _widen(furthest: F64, places: F64, heads: F64) -> None:
    """Raise the distances to those of more vertices, in place; a thousand vertices at a time."""
    for first in range(0, len(places), 1000):
        distance = np.linalg.norm(places[first : first + 1000, None] - heads, axis=2)
        nearest = distance.argmin(axis=1)
        np.maximum.at(furthest, nearest, distance[np.arange(len(distance)), nearest])
