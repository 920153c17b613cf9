# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a character from a file: glTF, VRM, FBX or a .blend."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np

from ...core.errors import FormatError, InputError, MissingFileError
from ...core.retarget.gltf_header import require_readable_gltf
from ...core.retarget.special_files import require_ordinary_files
from ...core.retarget.unpacked_size import require_bounded_blend, require_bounded_fbx
from ..data_blocks import rollback_on_failure
from ..narrowing import mesh_of, render_of
from .generated_faces import require_bounded_modifiers
from .rest_reader import rest_vertices, skinned_meshes


@dataclass(frozen=True)
class CharacterObjects:
    """A character in the scene.

    Attributes:
        armature: Its armature.
        meshes: Meshes that the armature moves: skinned ones, and those that are parented to its bones.
    """

    armature: bpy.types.Object
    meshes: tuple[bpy.types.Object, ...]


def _gltf(path: Path, _collection: bpy.types.Collection) -> None:
    require_readable_gltf(path)
    bpy.ops.import_scene.gltf(filepath=str(path.absolute()))


def _fbx(path: Path, _collection: bpy.types.Collection) -> None:
    require_bounded_fbx(path)
    require_ordinary_files(path)
    # The add-on reads skeletons as its users know them; Blender 5 may come without it.
    if hasattr(bpy.types, "IMPORT_SCENE_OT_fbx"):
        bpy.ops.import_scene.fbx(filepath=str(path.absolute()))
    else:
        bpy.ops.wm.fbx_import(filepath=str(path.absolute()))


def _blend(path: Path, collection: bpy.types.Collection) -> None:
    require_bounded_blend(path)
    require_ordinary_files(path)
    # The stub omits that it is a context manager.
    library: Any = bpy.data.libraries
    with library.load(str(path.absolute()), link=False) as (source, target):
        target.objects = source.objects
    loaded = [thing for thing in target.objects if isinstance(thing, bpy.types.Object)]
    wanted = {thing for thing in loaded if thing.type == "ARMATURE"}
    wanted |= {thing for armature in list(wanted) for thing in _moved_meshes(armature)}
    for thing in list(wanted):
        above = thing.parent
        while above is not None:
            wanted.add(above)
            above = above.parent
    require_bounded_modifiers(path.name, wanted)
    for thing in loaded:
        if thing in wanted:
            collection.objects.link(thing)
        elif thing.users == 0:
            bpy.data.objects.remove(thing)


IMPORTERS: Final[dict[str, Callable[[Path, bpy.types.Collection], None]]] = {
    ".glb": _gltf,
    ".gltf": _gltf,
    ".vrm": _gltf,
    ".fbx": _fbx,
    ".blend": _blend,
}


def import_character(path: Path, *, scene: bpy.types.Scene) -> CharacterObjects:
    """Import a character into the active scene. If it cannot be used, nothing is left in the file.

    Args:
        path: The character's file.
        scene: The active scene. Its frame rate and frame range, which importers change, are kept.

    Returns:
        Its objects.

    Raises:
        MissingFileError: If the file does not exist.
        FormatError: If Blender cannot read it.
        InputError: If it holds no character, or several.
    """
    importer = IMPORTERS.get(path.suffix.lower())
    if importer is None:
        raise InputError(f"{path.name} is not a character's file. Give one of {', '.join(IMPORTERS)}.")
    if not path.is_file():
        raise MissingFileError(f"{path} does not exist. Give the file of a character.")
    with rollback_on_failure(), _timing_kept(scene):
        before = set(bpy.data.objects)
        try:
            importer(path, scene.collection)
        except (RuntimeError, OSError, AttributeError, KeyError, ValueError, TypeError) as error:
            raise FormatError(
                f"{path.name} cannot be imported by Blender ({_reason(error)}). Save it again from its program."
            ) from error
        new = [thing for thing in bpy.data.objects if thing not in before]
        require_bounded_modifiers(path.name, new)
        scene.view_layers[0].update()
        armature = _only_armature(path, new)
        meshes = tuple(_moved_meshes(armature))
        if meshes and not any(
            np.ptp(rest_vertices(mesh), axis=0).any() for mesh in meshes if len(mesh_of(mesh).vertices)
        ):
            raise InputError(
                f"{path.name} has a skin whose vertices are all at one place, so it cannot be seen. Export it again."
            )
        for thing in new:
            if thing.type == "MESH" and thing not in meshes:
                thing.hide_render = True
    return CharacterObjects(armature, meshes)


def _reason(error: Exception) -> str:
    """Return the last line of an operator's error that is about the file, not about Blender's own code."""
    lines = [line.strip().removeprefix("Error: ") for line in str(error).splitlines()]
    useful = [line for line in lines if line and not line.startswith(("Location:", "File ", "Python: Traceback"))]
    return useful[-1] if useful else type(error).__name__


@contextmanager
def _timing_kept(scene: bpy.types.Scene) -> Iterator[None]:
    """Restore the frame rate and the frame range of a scene afterwards."""
    render = render_of(scene)
    before = render.fps, render.fps_base, scene.frame_start, scene.frame_end, scene.frame_current
    try:
        yield
    finally:
        render.fps, render.fps_base, scene.frame_start, scene.frame_end = before[:4]
        scene.frame_set(before[4])


def _only_armature(path: Path, things: list[bpy.types.Object]) -> bpy.types.Object:
    """Return the armature of the only character among objects."""
    armatures = [thing for thing in things if thing.type == "ARMATURE"]
    if not armatures:
        raise InputError(f"{path.name} holds no armature, so it is no character. Give a rigged one.")
    if len(armatures) > 1:
        skinned = [armature for armature in armatures if skinned_meshes(armature)]
        if len(skinned) != 1:
            names = ", ".join(armature.name for armature in (skinned or armatures)[:4])
            raise InputError(
                f"{path.name} holds {len(skinned or armatures)} armatures ({names}). Give a file with one character."
            )
        armatures = skinned
    return armatures[0]


def _moved_meshes(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """Return the meshes that an armature deforms or carries on its bones."""
    skinned = skinned_meshes(armature)
    carried = [
        thing
        for thing in bpy.data.objects
        if thing.type == "MESH" and thing.parent == armature and thing.parent_type == "BONE" and thing not in skinned
    ]
    return skinned + carried
