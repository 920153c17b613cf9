"""The animated rig as a file for other programs: FBX, glTF, USD with its skeleton; Alembic as moving vertices.

The scene is exported whole, so it has to hold the rig alone. Root motion is kept where SMPL has it: on the pelvis.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import bpy

from ..core.atomic import replacing
from ..core.errors import InputError, OutputError
from .rendering import write_error


def _fbx(path: str, _scene: bpy.types.Scene) -> None:
    bpy.ops.export_scene.fbx(
        filepath=path,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,
        mesh_smooth_type="FACE",
        bake_anim=True,
        bake_anim_use_nla_strips=False,
        bake_anim_use_all_actions=False,
        bake_anim_simplify_factor=0.0,
        bake_anim_step=1.0,
    )


def _gltf(path: str, _scene: bpy.types.Scene) -> None:
    bpy.ops.export_scene.gltf(
        filepath=path,
        export_format="GLB",
        export_animations=True,
        export_animation_mode="ACTIVE_ACTIONS",
        export_force_sampling=True,
        export_optimize_animation_size=False,
        export_morph=False,
    )


def _usd(path: str, _scene: bpy.types.Scene) -> None:
    bpy.ops.wm.usd_export(filepath=path, export_animation=True, export_armatures=True, export_shapekeys=False)


def _alembic(path: str, scene: bpy.types.Scene) -> None:
    bpy.ops.wm.alembic_export(
        filepath=path,
        start=scene.frame_start,
        end=scene.frame_end,
        export_hair=False,
        export_particles=False,
        as_background_job=False,
        evaluation_mode="RENDER",
    )


EXPORTERS: Final[dict[str, Callable[[str, bpy.types.Scene], None]]] = {
    ".fbx": _fbx,
    ".glb": _gltf,
    ".usd": _usd,
    ".usda": _usd,
    ".usdc": _usd,
    ".abc": _alembic,
}
CACHES: Final = (".abc",)
"""Formats of moving vertices, which can have SMPL's pose correctives; those with a skeleton have plain skinning."""


def export_scene(path: Path, scene: bpy.types.Scene) -> None:
    """Write everything in ``scene``, over its frame range, in the format that the suffix names.

    Raises:
        InputError: there is no such format. OutputError: Blender could not write it.
    """
    exporter = EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        raise InputError(f"{path} is of no format that is exported; choose {', '.join(EXPORTERS)}.")
    with replacing(path) as temporary:
        try:
            exporter(str(temporary.absolute()), scene)
        except (RuntimeError, AttributeError) as error:  # AttributeError: this Blender was built without the format
            raise write_error(path, str(error).strip().splitlines()[-1]) from error
        if not temporary.is_file():
            raise OutputError(f"{path} was not written: this Blender exports no {path.suffix}. Use another Blender.")
