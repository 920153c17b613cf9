"""The animated rig as a file for other programs: FBX, glTF, USD with its skeleton; Alembic as moving vertices.

Only what is selected is exported. Root motion is kept where SMPL has it: on the pelvis.
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
"""Formats of moving vertices, which can have SMPL's pose correctives; those with a skeleton have plain skinning."""


THETA: Final = (".npz", ".bvh")
"""Formats of rotations, which need no Blender."""


def export_rig(path: Path, things: Iterable[bpy.types.Object], scene: bpy.types.Scene) -> None:
    """Write ``things``, over the frame range of ``scene``, in the format that the suffix names.

    Raises:
        InputError: there is no such format. OutputError: Blender could not write it.
    """
    exporter = EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        raise InputError(f"{path} is of no format that is exported; choose {', '.join(EXPORTERS)}.")
    with replacing(path) as temporary, _only_selected(things, scene.view_layers[0]):
        try:
            exporter(str(temporary.absolute()), scene)
        except (RuntimeError, AttributeError) as error:  # AttributeError: this Blender was built without the format
            raise write_error(path, str(error).strip().splitlines()[-1]) from error
        if not temporary.is_file():
            raise OutputError(f"{path} was not written: this Blender exports no {path.suffix}. Use another Blender.")


def export_dancer(path: Path, armature: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Write one dancer over its clip: theta (.npz), BVH, or a format of ``EXPORTERS``; frames are the scene's, but for
    theta and BVH, which keep the rate of the source.

    Raises:
        InputError: there is no such format, or the dancer was taken apart. OutputError: it cannot be written.
    """
    record = read_record(armature)
    suffix = path.suffix.lower()
    if suffix in THETA:
        motion, body = read_motion(armature), body_of(record)
        if suffix == ".npz":
            motion.save(path, body)
        else:
            write_bvh(motion, body, path)
        return
    skin = skin_of(armature)
    with _frame_range(scene, math.floor(record.first_frame), math.ceil(record.last_frame)), _plain(skin, suffix):
        export_rig(path, (armature, skin), scene)


@contextmanager
def _plain(skin: bpy.types.Object, suffix: str) -> Iterator[None]:
    """Without its correctives where the format has a skeleton: others would take each for a morph target."""
    whole = skin.data
    if suffix in CACHES or whole.shape_keys is None:
        yield
        return
    skin.data = plain = whole.copy()
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
    """Select ``things`` alone; what was selected and active is put back."""
    view_layer.update()  # what was linked just now is not among its objects before
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
