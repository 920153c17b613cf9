# SPDX-License-Identifier: GPL-3.0-or-later
"""A dancer's skin as a baked vertex cache (PC2), for scenes that are too heavy to skin on every frame."""

from pathlib import Path
import struct
from typing import Final

import bpy
import numpy as np

from ...core.arrays import F32
from ...core.atomic import replacing
from ...core.body.model import skin
from ...core.errors import InputError
from ..narrowing import expect, item_named, mesh_of
from .dancer import read_record, shown_body_of, skin_of
from .motion_reader import read_motion

MODIFIER: Final = "DancePose cache"
HEADER: Final = struct.Struct("<12siiffi")
"""PC2 header, little-endian: signature, version 1, points, first frame, frames per sample, samples."""


def write_cache(armature: bpy.types.Object, path: Path) -> None:
    """Write the skinned vertices of every frame of the clip, in the mesh's own axes.

    Args:
        armature: Armature of the dancer.
        path: File to write (.pc2).

    Raises:
        InputError: If the dancer's mesh was deleted or edited.
        OutputError: If the file cannot be written.
    """
    skin_object, record = skin_of(armature), read_record(armature)
    body, motion = shown_body_of(armature), read_motion(armature)
    if len(mesh_of(skin_object).vertices) != len(body.v_template_m):
        raise InputError(
            f"The mesh of {armature.name} was edited and no longer has the vertices of {body.name}. Undo the edit, or "
            "import the motion again."
        )
    step = record.scene_fps / record.fps
    head = HEADER.pack(b"POINTCACHE2\0", 1, len(body.v_template_m), record.first_frame, step, len(motion))
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(head)

        def write_vertices(_first: int, vertices_m: F32) -> None:
            file.write(np.ascontiguousarray(vertices_m, "<f4").data)

        skin(
            body,
            motion.pose_in(body.tree),
            betas=motion.betas,
            translation_m=motion.translation_m,
            scale=motion.scale,
            each=write_vertices,
        )


def bake(armature: bpy.types.Object, path: Path) -> int:
    """Write a cache and play it instead of skinning the mesh.

    The dancer can still be moved as a whole. Later changes of the pose are not shown until it is baked again.

    Args:
        armature: Armature of the dancer.
        path: File to write (.pc2).

    Returns:
        The size of the file in bytes.

    Raises:
        InputError: If the dancer's mesh was deleted or edited.
        OutputError: If the file cannot be written.
    """
    write_cache(armature, path)
    record = read_record(armature)
    _play_cache(skin_of(armature), path, first=record.first_frame, step=record.scene_fps / record.fps)
    return path.stat().st_size


def is_baked(armature: bpy.types.Object) -> bool:
    """Return whether a dancer plays a cache."""
    return MODIFIER in skin_of(armature).modifiers


def unbake(armature: bpy.types.Object) -> None:
    """Skin the mesh by the rig again. The cache file is kept, since other scenes may use it."""
    skin_object = skin_of(armature)
    modifier = item_named(skin_object.modifiers, MODIFIER)
    if modifier is not None:
        skin_object.modifiers.remove(modifier)
    _set_skinning(skin_object, on=True)


def _play_cache(skin_object: bpy.types.Object, path: Path, *, first: float, step: float) -> None:
    found = item_named(skin_object.modifiers, MODIFIER) or skin_object.modifiers.new(MODIFIER, "MESH_CACHE")
    modifier = expect(found, bpy.types.MeshCacheModifier)
    modifier.cache_format = "PC2"
    modifier.filepath = str(path.absolute())
    modifier.interpolation = "LINEAR"
    modifier.time_mode, modifier.play_mode = "FRAME", "SCENE"
    modifier.frame_start, modifier.frame_scale = first, 1.0 / step
    modifier.deform_mode = "OVERWRITE"
    _set_skinning(skin_object, on=False)


def _set_skinning(skin_object: bpy.types.Object, *, on: bool) -> None:
    """Turn the armature modifier and the pose correctives on or off, with everything that drives them."""
    for modifier in skin_object.modifiers:
        if modifier.type == "ARMATURE":
            modifier.show_viewport = modifier.show_render = on
    keys = mesh_of(skin_object).shape_keys
    if keys is None:
        return
    for key in list(keys.key_blocks)[1:]:
        key.mute = not on
    if keys.animation_data is not None:
        for driver in keys.animation_data.drivers:
            driver.mute = not on
