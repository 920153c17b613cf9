# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a character once for a study, so that its songs can be framed without Blender."""

from pathlib import Path

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.retarget.character_record import CharacterRecord
from ...core.retarget.find_map import find_character_map
from ...core.retarget.map_file import read_map_file
from ...core.retarget.rest_skeleton import RestSkeleton
from .add_character import CharacterChoice
from .character_file import import_character
from .rest_reader import read_foot_points, read_rest_skeleton, rest_vertices


def measure_character(choice: CharacterChoice, out: Path, *, scene: bpy.types.Scene) -> CharacterRecord:
    """Import a character and write what its framing needs.

    Args:
        choice: The character.
        out: File of the record.
        scene: The active scene, which keeps the character.

    Returns:
        The record.

    Raises:
        InputError: If it cannot be used.
        FormatError: If a file cannot be read.
    """
    objects = import_character(choice.file, scene=scene)
    skeleton = read_rest_skeleton(objects.armature)
    overrides = None if choice.map_file is None else read_map_file(choice.map_file, skeleton)
    character = find_character_map(skeleton, overrides=overrides)
    reach = _reach(objects.armature, objects.meshes, skeleton, character.driven())
    record = CharacterRecord(skeleton, character, read_foot_points(objects.armature, skeleton, character), reach)
    record.save(out)
    return record


def _reach(
    armature: bpy.types.Object, meshes: tuple[bpy.types.Object, ...], skeleton: RestSkeleton, bones: list[int]
) -> dict[int, float]:
    """Return how far the vertices that are nearest to each bone's head are from it, in the armature's units."""
    heads = skeleton.heads[bones]
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
