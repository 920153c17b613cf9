"""A fitted motion as an animated rig with its skin, and what the file keeps of where it came from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
import json
from pathlib import Path
from typing import Any, Final

import bpy

from ...core.arrays import F32
from ...core.body.model import BodyModel
from ...core.body.model_io import load_body
from ...core.body.motion import BodyMotion
from ...core.errors import InputError
from ..blocks import remove_unused
from .actions import animate
from .armature import create_armature, set_rest_joints
from .mesh import create_body_mesh, set_rest_shape

RECORD: Final = "dancepose_record"
"""Custom property of the armature: the record, as JSON. Files that were made without the extension have it too."""
SKIN: Final = "dancepose_skin"
POINTS: Final = "dancepose_points"


@dataclass(frozen=True)
class DancerRecord:
    """What a rig was made from. source: as the sequence names it; fps, frames: of the motion; body: fingerprint, and
    body_file, empty for the default one; first_frame, scene_fps: where its keys stand; audio: path, start and duration
    in seconds, or None; report: of the fit; notes: of the reader."""

    source: str
    layout: str
    fps: float
    frames: int
    betas: tuple[float, ...]
    scale: float
    body: str
    body_name: str
    body_file: str
    first_frame: float
    scene_fps: float
    audio: tuple[str, float, float] | None = None
    notes: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)

    def clip_frame(self, scene_frame: float) -> int:
        """The motion's frame that is nearest to a frame of the scene, inside the clip."""
        index = round((scene_frame - self.first_frame) * self.fps / self.scene_fps)
        return min(max(index, 0), self.frames - 1)

    def scene_frame(self, clip_frame: int) -> float:
        """Where a frame of the motion stands in the scene."""
        return self.first_frame + clip_frame * self.scene_fps / self.fps

    def with_betas(self, betas: Iterable[float]) -> "DancerRecord":
        """The same of another shape."""
        return replace(self, betas=tuple(betas))

    @property
    def last_frame(self) -> float:
        """The scene frame of the last key."""
        return self.scene_frame(self.frames - 1)


def write_record(armature: bpy.types.Object, record: DancerRecord) -> None:
    """Keep ``record`` with the armature."""
    armature[RECORD] = json.dumps(asdict(record))


def read_record(armature: bpy.types.Object) -> DancerRecord:
    """The record of a dancer; read once for as long as it stays the same.

    Raises:
        InputError: it has none that can be read.
    """
    text = armature.get(RECORD)
    if not isinstance(text, str):
        raise InputError(f"{armature.name} was not made by DancePose. Select a dancer.")
    try:
        return _parse(text)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"What {armature.name} keeps of its motion is damaged ({error}). Import the motion again."
        ) from error


@lru_cache(maxsize=64)
def _parse(text: str) -> DancerRecord:
    table = json.loads(text)
    table["betas"], table["notes"] = tuple(table["betas"]), tuple(table["notes"])
    if table["audio"] is not None:
        path, start_s, duration_s = table["audio"]
        table["audio"] = (str(path), float(start_s), float(duration_s))
    return DancerRecord(**table)


def dancers_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Every dancer's armature in a scene, by name."""
    found = [thing for thing in scene.objects if thing.type == "ARMATURE" and RECORD in thing]
    return sorted(found, key=lambda armature: str(armature.name))


def dancer_of(thing: bpy.types.Object | None) -> bpy.types.Object | None:
    """The dancer that an object is, or whose skin it is."""
    for candidate in (thing, thing.parent if thing is not None else None):
        if candidate is not None and candidate.type == "ARMATURE" and RECORD in candidate:
            return candidate
    return None


def body_of(record: DancerRecord) -> BodyModel:
    """The body that a dancer was built from.

    Raises:
        MissingFileError, BodyFileError: its file is gone or damaged. InputError: the file is another body now.
    """
    body = load_body(Path(record.body_file) if record.body_file else None)
    if body.fingerprint != record.body:
        where = record.body_file or "The body that ships with DancePose"
        raise InputError(
            f"{where} is {body.name} ({body.fingerprint}) now; this dancer was made from {record.body_name} "
            f"({record.body}). Put that file back, or import the motion again."
        )
    return body


def skin_of(armature: bpy.types.Object) -> bpy.types.Object:
    """The dancer's mesh object.

    Raises:
        InputError: it was deleted.
    """
    skin = armature.get(SKIN)
    if skin is None or skin.name not in bpy.data.objects:
        raise InputError(f"{armature.name} has lost its body mesh. Undo the deletion, or import the motion again.")
    found: bpy.types.Object = skin
    return found


def build_rig(
    motion: BodyMotion,
    body: BodyModel,
    *,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    name: str,
    correctives: bool,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Build armature and mesh of a motion's body in ``collection``, not animated yet."""
    armature = create_armature(
        name, body, betas=motion.betas, scale=motion.scale, collection=collection, view_layer=view_layer
    )
    mesh = create_body_mesh(
        f"{name} body",
        body,
        betas=motion.betas,
        scale=motion.scale,
        armature=armature,
        collection=collection,
        correctives=correctives,
    )
    armature[SKIN] = mesh
    view_layer.update()
    return armature, mesh


def build_dancer(
    motion: BodyMotion,
    body: BodyModel,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    name: str = "Dancer",
    first_frame: float = 0.0,
    correctives: bool = True,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Build armature and mesh in ``collection`` and animate them at the scene's rate, the first key at
    ``first_frame``."""
    armature, mesh = build_rig(
        motion, body, view_layer=view_layer, collection=collection, name=name, correctives=correctives
    )
    animate(armature, motion, scene_fps=scene.render.fps / scene.render.fps_base, first_frame=first_frame)
    return armature, mesh


def set_shape(
    armature: bpy.types.Object, body: BodyModel, *, betas: F32, scale: float, view_layer: bpy.types.ViewLayer
) -> None:
    """Give a dancer another body shape: rest mesh, correctives and rest joints together. The motion stays.

    betas: (B,); scale: of the body about SMPL's origin.

    Raises:
        InputError: the mesh is lost or was edited, or ``body`` is not the one that it was built from.
    """
    skin = skin_of(armature)
    if len(skin.data.vertices) != len(body.v_template_m):
        raise InputError(
            f"{skin.name} has {len(skin.data.vertices)} vertices and {body.name} has {len(body.v_template_m)}: it was "
            "made from another body, or edited. Choose its body in the Body panel, or import the motion again."
        )
    set_rest_shape(skin, body, betas=betas, scale=scale)
    set_rest_joints(armature, body, betas=betas, scale=scale, view_layer=view_layer)


def replace_motion(
    armature: bpy.types.Object,
    motion: BodyMotion,
    body: BodyModel,
    *,
    scene_fps: float,
    first_frame: float,
    view_layer: bpy.types.ViewLayer,
) -> None:
    """Give a dancer another motion and the shape that belongs to it; object, place and materials stay."""
    set_shape(armature, body, betas=motion.betas, scale=motion.scale, view_layer=view_layer)
    animation = armature.animation_data
    before = animation.action if animation is not None else None
    animate(armature, motion, scene_fps=scene_fps, first_frame=first_frame)
    if before is not None:
        remove_unused([before])


def remove_dancer(armature: bpy.types.Object) -> None:
    """Take a dancer out of the file with everything that only it uses."""
    skin = armature.get(SKIN)
    action = armature.animation_data.action if armature.animation_data is not None else None
    blocks = [armature.data, armature.get(POINTS), action]
    if skin is not None:
        blocks += [skin.data, *skin.data.materials]
        bpy.data.objects.remove(skin)
    bpy.data.objects.remove(armature)
    remove_unused([block for block in blocks if block is not None])
