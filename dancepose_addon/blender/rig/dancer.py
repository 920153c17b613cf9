# SPDX-License-Identifier: GPL-3.0-or-later
"""A fitted motion as an animated rig with its skin, and the record of its origin that the file keeps."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import bpy

from ...core.arrays import F32
from ...core.body.figure_file import figure_of
from ...core.body.model import BodyModel
from ...core.body.model_io import load_body
from ...core.body.motion import BodyMotion
from ...core.errors import InputError
from ..data_blocks import remove_unused
from ..narrowing import action_of, frame_rate_of, mesh_of
from .actions import animate
from .armature import create_armature, set_rest_joints, tree_of_bones
from .mesh import create_body_mesh, set_rest_shape
from .migration import decode_record, encode_record

RECORD: Final = "dancepose_record"
"""Custom property of the armature: the record as JSON. Files written by the headless renderer have it too."""
SKIN: Final = "dancepose_skin"
"""Custom property of the armature: the mesh object."""
FIGURE: Final = "dancepose_figure"
"""Custom property of the armature: the figure whose surface the mesh has; missing for the body's own."""
POINTS: Final = "dancepose_points"
"""Custom property of the armature: the mesh that stores the keypoints."""


NO_HANDS: Final = "none"
"""The dancer's body has no fingers."""
HANDS_RELAXED: Final = "relaxed"
"""The source has no fingers, so they rest."""
HANDS_FROM_FILE: Final = "file"
"""The fingers are those of the source."""


@dataclass(frozen=True)
class DancerRecord:
    """What a rig was made from.

    Attributes:
        source: Name of the source, as the sequence gives it.
        layout: Name of the keypoint layout.
        fps: Frame rate of the motion.
        frames: Number of frames of the motion.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
        body: Fingerprint of the body.
        body_name: Name of the body.
        body_file: Path of the body's file; empty for the default body.
        first_frame: Scene frame of the first key.
        scene_fps: Frame rate of the scene that the keys were written for.
        audio: Path, start and duration in seconds of the music, or None.
        notes: Notes of the reader.
        hands: Where the fingers come from: ``none``, ``relaxed`` or ``file``.
        report: Report of the fit, as JSON values.
    """

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
    hands: str = NO_HANDS
    report: dict[str, Any] = field(default_factory=dict)

    def clip_frame(self, scene_frame: float) -> int:
        """Return the frame of the motion nearest to a scene frame, clamped to the clip."""
        index = round((scene_frame - self.first_frame) * self.fps / self.scene_fps)
        return min(max(index, 0), self.frames - 1)

    def scene_frame(self, clip_frame: int) -> float:
        """Return the scene frame of a frame of the motion."""
        return self.first_frame + clip_frame * self.scene_fps / self.fps

    def with_betas(self, betas: Iterable[float]) -> "DancerRecord":
        """Return a copy with another shape."""
        return replace(self, betas=tuple(betas))

    @property
    def last_frame(self) -> float:
        """Scene frame of the last key."""
        return self.scene_frame(self.frames - 1)


def write_record(armature: bpy.types.Object, record: DancerRecord) -> None:
    """Store a record with its armature."""
    armature[RECORD] = encode_record(asdict(record))


def read_record(armature: bpy.types.Object) -> DancerRecord:
    """Read the record of a dancer. The parsed record is cached for as long as its text stays the same.

    Raises:
        InputError: If the object has no record, a damaged one, or one of a newer release.
    """
    text = armature.get(RECORD)
    if not isinstance(text, str):
        raise InputError(f"{armature.name} was not made by DancePose. Select a dancer.")
    try:
        return _parse(text, armature.name)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"The motion record of {armature.name} is damaged ({error}). Import the motion again."
        ) from error


@lru_cache(maxsize=64)
def _parse(text: str, name: str) -> DancerRecord:
    table = decode_record(text, name)
    table["betas"], table["notes"] = tuple(table["betas"]), tuple(table["notes"])
    if table["audio"] is not None:
        path, start_s, duration_s = table["audio"]
        table["audio"] = (str(path), float(start_s), float(duration_s))
    return DancerRecord(**table)


def dancers_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the armature of every dancer in a scene, sorted by name."""
    return sorted((thing for thing in scene.objects if _is_dancer(thing)), key=lambda armature: str(armature.name))


def _is_dancer(thing: bpy.types.Object) -> bool:
    return thing.type == "ARMATURE" and thing.get(RECORD) is not None


def dancer_of(thing: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the dancer that an object is or whose skin it is, or None."""
    for candidate in (thing, thing.parent if thing is not None else None):
        if candidate is not None and _is_dancer(candidate):
            return candidate
    return None


def body_of(record: DancerRecord) -> BodyModel:
    """Load the body that a dancer was built from.

    Raises:
        MissingFileError: If the body's file does not exist.
        BodyFileError: If the body's file is damaged.
        InputError: If the file now holds another body.
    """
    body = load_body(Path(record.body_file) if record.body_file else None)
    if body.fingerprint != record.body:
        where = record.body_file or "The body shipped with DancePose"
        raise InputError(
            f"{where} is now {body.name} ({body.fingerprint}), but this dancer was made from {record.body_name} "
            f"({record.body}). Restore that file, or import the motion again."
        )
    return body


def shown_body_of(armature: bpy.types.Object) -> BodyModel:
    """Load the body of a dancer with the joints that its rig has: those of older files have no fingers.

    Raises:
        MissingFileError: If the body's file does not exist.
        BodyFileError: If the body's file is damaged.
        InputError: If the file now holds another body.
    """
    return body_with_bones(body_of(read_record(armature)), armature)


def body_with_bones(body: BodyModel, armature: bpy.types.Object) -> BodyModel:
    """Return a body with the joints that a rig has, and the surface that its mesh has."""
    figure = armature.get(FIGURE)
    if isinstance(figure, str) and figure:
        worn = body.drawn if body.drawn is not None and body.drawn.figure == figure else figure_of(body, figure)
        body = worn or body
    return body.full if tree_of_bones(armature) == body.full.tree else body


def hands_of(motion: BodyMotion, armature: bpy.types.Object) -> str:
    """Return where the fingers of a motion on a rig come from, as ``DancerRecord.hands`` has it."""
    if not tree_of_bones(armature).has_fingers:
        return NO_HANDS
    return HANDS_RELAXED if motion.hands_rotmat is None else HANDS_FROM_FILE


def skin_of(armature: bpy.types.Object) -> bpy.types.Object:
    """Return the mesh object of a dancer.

    Raises:
        InputError: If it was deleted.
    """
    skin = find_skin(armature)
    if skin is None or skin.name not in bpy.data.objects:
        raise InputError(f"{armature.name} has no body mesh. Undo its deletion, or import the motion again.")
    return skin


def find_skin(armature: bpy.types.Object) -> bpy.types.Object | None:
    """Return the mesh object of a dancer, or None if there is none."""
    skin = armature.get(SKIN)
    return skin if isinstance(skin, bpy.types.Object) else None


def stored_mesh(armature: bpy.types.Object) -> bpy.types.Mesh | None:
    """Return the mesh that stores a dancer's keypoints, or None if there is none."""
    mesh = armature.get(POINTS)
    return mesh if isinstance(mesh, bpy.types.Mesh) else None


def build_rig(
    motion: BodyMotion,
    body: BodyModel,
    *,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    name: str,
    correctives: bool,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Build armature and mesh of a motion's body, not animated yet.

    Args:
        motion: Motion whose shape and scale are used.
        body: Body to build.
        view_layer: View layer that shows ``collection``.
        collection: Collection to link both objects to.
        name: Name of the armature.
        correctives: Whether to add exact pose correctives, which slow playback down.

    Returns:
        The armature object and the mesh object.
    """
    armature = create_armature(
        name, body.full, betas=motion.betas, scale=motion.scale, collection=collection, view_layer=view_layer
    )
    mesh = create_body_mesh(
        f"{name} body",
        body.shown,
        betas=motion.betas,
        scale=motion.scale,
        armature=armature,
        collection=collection,
        correctives=correctives,
    )
    armature[SKIN] = mesh
    if body.shown.figure:
        armature[FIGURE] = body.shown.figure
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
    """Build armature and mesh and animate them at the scene's frame rate.

    Args:
        motion: Motion to play.
        body: Body to build.
        scene: Scene whose frame rate applies.
        view_layer: View layer that shows ``collection``.
        collection: Collection to link both objects to.
        name: Name of the armature.
        first_frame: Scene frame of the first key.
        correctives: Whether to add exact pose correctives, which slow playback down.

    Returns:
        The armature object and the mesh object.
    """
    armature, mesh = build_rig(
        motion, body, view_layer=view_layer, collection=collection, name=name, correctives=correctives
    )
    animate(armature, motion, scene_fps=frame_rate_of(scene), first_frame=first_frame)
    return armature, mesh


def set_shape(
    armature: bpy.types.Object, body: BodyModel, *, betas: F32, scale: float, view_layer: bpy.types.ViewLayer
) -> None:
    """Give a dancer another body shape: rest mesh, correctives and rest joints together. The motion is unchanged.

    Args:
        armature: Armature of the dancer.
        body: Body that the dancer was built from.
        betas: (B,) shape coefficients.
        scale: Scale of the body about SMPL's origin.
        view_layer: View layer in which the bones are edited.

    Raises:
        InputError: If the mesh was deleted or edited, or ``body`` is not the one it was built from.
    """
    skin = skin_of(armature)
    count, shown = len(mesh_of(skin).vertices), body_with_bones(body, armature)
    if count != len(shown.v_template_m):
        raise InputError(
            f"{skin.name} has {count} vertices and {body.name} has {len(shown.v_template_m)}: the mesh was made from "
            "another body, or edited. Choose its body in the Body panel, or import the motion again."
        )
    set_rest_shape(skin, shown, betas=betas, scale=scale)
    set_rest_joints(armature, shown, betas=betas, scale=scale, view_layer=view_layer)


def replace_motion(
    armature: bpy.types.Object,
    motion: BodyMotion,
    body: BodyModel,
    *,
    scene_fps: float,
    first_frame: float,
    view_layer: bpy.types.ViewLayer,
) -> None:
    """Give a dancer another motion and its shape. Object, placement and materials are kept.

    Args:
        armature: Armature of the dancer.
        motion: Motion to play.
        body: Body that the dancer was built from.
        scene_fps: Frame rate of the scene.
        first_frame: Scene frame of the first key.
        view_layer: View layer in which the bones are edited.

    Raises:
        InputError: If the mesh was deleted or edited, or ``body`` is not the one it was built from.
    """
    set_shape(armature, body, betas=motion.betas, scale=motion.scale, view_layer=view_layer)
    before = action_of(armature)
    animate(armature, motion, scene_fps=scene_fps, first_frame=first_frame)
    if before is not None:
        remove_unused([before])
