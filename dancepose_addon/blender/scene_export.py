# SPDX-License-Identifier: GPL-3.0-or-later
"""Export of the animated rig: FBX, glTF and USD with a skeleton, Alembic as moving vertices.

Only selected objects are exported. The root motion stays on the pelvis, as in SMPL.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import math
from pathlib import Path
from typing import Final

import bpy

from ..core.atomic import replacing
from ..core.errors import InputError, OutputError
from ..core.io.writers.bvh import write_bvh
from .narrowing import mesh_of, present
from .render.rendering import write_error
from .rig.dancer import body_of, read_record, skin_of
from .rig.motion_reader import read_motion


def _fbx(path: str, _scene: bpy.types.Scene) -> None:
    bpy.ops.export_scene.fbx(
        filepath=path,
        use_selection=True,
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
        use_selection=True,
        export_animations=True,
        export_animation_mode="ACTIVE_ACTIONS",
        export_force_sampling=True,
        export_optimize_animation_size=False,
        export_morph=False,
    )


def _usd(path: str, _scene: bpy.types.Scene) -> None:
    bpy.ops.wm.usd_export(
        filepath=path,
        selected_objects_only=True,
        export_animation=True,
        export_armatures=True,
        export_shapekeys=False,
    )


def _alembic(path: str, scene: bpy.types.Scene) -> None:
    bpy.ops.wm.alembic_export(
        filepath=path,
        start=scene.frame_start,
        end=scene.frame_end,
        selected=True,
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
"""Formats of moving vertices, which include SMPL's pose correctives. Formats with a skeleton have plain skinning."""
ROTATION_FORMATS: Final = (".npz", ".bvh")
"""Formats of rotations, which are written without Blender."""


def export_rig(path: Path, things: Iterable[bpy.types.Object], scene: bpy.types.Scene) -> None:
    """Write objects over the frame range of a scene, in the format of the file's suffix.

    Args:
        path: File to write.
        things: Objects to export.
        scene: Scene whose frame range is exported.

    Raises:
        InputError: If the suffix is not a supported format.
        OutputError: If Blender cannot write the file.
    """
    exporter = EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        raise InputError(f"{path}: {path.suffix or 'no suffix'} is not an export format. Use {', '.join(EXPORTERS)}.")
    with replacing(path) as temporary, _only_selected(things, scene.view_layers[0]):
        try:
            exporter(str(temporary.absolute()), scene)
        except (RuntimeError, AttributeError) as error:  # AttributeError: this build lacks the format
            raise write_error(path, str(error).strip().splitlines()[-1]) from error
        if not temporary.is_file():
            raise OutputError(
                f"{path} was not written: this build of Blender cannot export {path.suffix}. Use another build, such "
                "as the one from blender.org."
            )


def export_dancer(path: Path, armature: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Write one dancer over its clip.

    SMPL parameters (.npz) and BVH keep the frame rate of the source. The formats of ``EXPORTERS`` have the frames of
    the scene.

    Args:
        path: File to write; its suffix chooses the format.
        armature: Armature of the dancer.
        scene: Scene that shows the dancer.

    Raises:
        InputError: If the suffix is not a supported format, or parts of the dancer were deleted.
        OutputError: If the file cannot be written.
    """
    record = read_record(armature)
    suffix = path.suffix.lower()
    if suffix in ROTATION_FORMATS:
        motion, body = read_motion(armature), body_of(record)
        if suffix == ".npz":
            motion.save(path, body)
        else:
            write_bvh(motion, body, path)
        return
    skin = skin_of(armature)
    first, last = math.floor(record.first_frame), math.ceil(record.last_frame)
    with _frame_range(scene, first, last), _without_correctives(skin, suffix):
        export_rig(path, (armature, skin), scene)


@contextmanager
def _without_correctives(skin: bpy.types.Object, suffix: str) -> Iterator[None]:
    """Remove the correctives for formats with a skeleton: other programs would import each as a morph target."""
    whole = mesh_of(skin)
    if suffix in CACHES or whole.shape_keys is None:
        yield
        return
    plain = present(whole.copy())
    skin.data = plain
    try:
        skin.shape_key_clear()
        yield
    finally:
        skin.data = whole
        bpy.data.meshes.remove(plain)


@contextmanager
def _frame_range(scene: bpy.types.Scene, first: int, last: int) -> Iterator[None]:
    before = scene.frame_start, scene.frame_end, scene.frame_current
    scene.frame_start, scene.frame_end = first, max(first, last)
    try:
        yield
    finally:
        scene.frame_start, scene.frame_end = before[:2]
        scene.frame_set(before[2])


@contextmanager
def _only_selected(things: Iterable[bpy.types.Object], view_layer: bpy.types.ViewLayer) -> Iterator[None]:
    """Select only ``things``; restore the selection and the active object afterwards."""
    view_layer.update()  # objects that were just linked are missing from the view layer until it is updated
    chosen = list(things)
    active = view_layer.objects.active
    before = [thing for thing in view_layer.objects if thing.select_get(view_layer=view_layer)]
    try:
        for thing in view_layer.objects:
            thing.select_set(thing in chosen, view_layer=view_layer)
        view_layer.objects.active = chosen[0]
        yield
    finally:
        for thing in view_layer.objects:
            thing.select_set(thing in before, view_layer=view_layer)
        view_layer.objects.active = active
