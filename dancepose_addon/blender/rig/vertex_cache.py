"""A dancer's skin as a baked vertex cache (PC2), for scenes that are too heavy to skin on every frame."""

from pathlib import Path
import struct
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.atomic import replacing
from ...core.body.model import skin
from ...core.errors import InputError
from .dancer import body_of, read_record, skin_of
from .motion_reader import read_motion

MODIFIER: Final = "DancePose cache"
HEADER: Final = struct.Struct("<12siiffi")
"""PC2: signature, version 1, points, first frame, frames per sample, samples; all little-endian."""


def write_cache(armature: bpy.types.Object, path: Path) -> None:
    """Write the exact skin of every frame of the clip into ``path`` (.pc2), in the mesh's own axes.

    Raises:
        InputError: the dancer was taken apart. OutputError: the file cannot be written.
    """
    mesh, record = skin_of(armature), read_record(armature)
    body, motion = body_of(record), read_motion(armature)
    if len(mesh.data.vertices) != len(body.v_template_m):
        raise InputError(f"The mesh of {armature.name} was edited, so {body.name} cannot be baked onto it.")
    step = record.scene_fps / record.fps
    head = HEADER.pack(b"POINTCACHE2\0", 1, len(body.v_template_m), record.first_frame, step, len(motion))
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(head)

        def keep(_first: int, vertices: NDArray[np.float32]) -> None:
            file.write(np.ascontiguousarray(vertices, "<f4").data)

        skin(
            body,
            motion.pose_rotmat,
            betas=motion.betas,
            translation_m=motion.translation_m,
            scale=motion.scale,
            each=keep,
        )


def bake(armature: bpy.types.Object, path: Path) -> int:
    """Write a cache and play it instead of skinning. Returns the file's size in bytes; raises as ``write_cache`` does.

    The dancer can still be moved as a whole; later changes of the pose are not seen until it is baked again.
    """
    write_cache(armature, path)
    record = read_record(armature)
    _play(skin_of(armature), path, first=record.first_frame, step=record.scene_fps / record.fps)
    return path.stat().st_size


def is_baked(armature: bpy.types.Object) -> bool:
    """Whether the dancer plays a cache."""
    return skin_of(armature).modifiers.get(MODIFIER) is not None


def unbake(armature: bpy.types.Object) -> None:
    """Play the rig again. The file stays, since others may use it."""
    mesh = skin_of(armature)
    modifier = mesh.modifiers.get(MODIFIER)
    if modifier is not None:
        mesh.modifiers.remove(modifier)
    _skinned(mesh, on=True)


def _play(mesh: bpy.types.Object, path: Path, *, first: float, step: float) -> None:
    modifier = mesh.modifiers.get(MODIFIER) or mesh.modifiers.new(MODIFIER, "MESH_CACHE")
    modifier.cache_format = "PC2"
    modifier.filepath = str(path)
    modifier.interpolation = "LINEAR"
    modifier.time_mode, modifier.play_mode = "FRAME", "SCENE"
    modifier.frame_start, modifier.frame_scale = first, 1.0 / step
    modifier.deform_mode = "OVERWRITE"
    _skinned(mesh, on=False)


def _skinned(mesh: bpy.types.Object, *, on: bool) -> None:
    """Turn armature and correctives on or off, with all that drives them."""
    for modifier in mesh.modifiers:
        if modifier.type == "ARMATURE":
            modifier.show_viewport = modifier.show_render = on
    keys = mesh.data.shape_keys
    if keys is None:
        return
    for key in keys.key_blocks[1:]:
        key.mute = not on
    if keys.animation_data is not None:
        for driver in keys.animation_data.drivers:
            driver.mute = not on
