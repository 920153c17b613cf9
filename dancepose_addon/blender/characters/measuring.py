# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a character once for a study, so that its songs can be framed without Blender."""

from pathlib import Path

import bpy

from ...core.retarget.character_record import CharacterRecord
from ...core.retarget.find_map import find_character_map
from ...core.retarget.map_file import read_map_file
from .add_character import CharacterChoice
from .bone_reach import read_bone_reach
from .character_file import import_character
from .rest_reader import read_foot_points, read_rest_skeleton


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
    reach = read_bone_reach(objects.armature, objects.meshes, skeleton, character.driven())
    record = CharacterRecord(skeleton, character, read_foot_points(objects.armature, skeleton, character), reach)
    record.save(out)
    return record
