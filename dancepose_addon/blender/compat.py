# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between Blender 4.2 and 5.2. All version branches are in this module."""

# Annotations are not evaluated: several of the types do not exist in every version.
from __future__ import annotations

from typing import Protocol, cast

import bpy

from .narrowing import present

HAS_ACTION_SLOTS = bpy.app.version >= (4, 4, 0)
HAS_MEDIA_TYPE = bpy.app.version >= (5, 0, 0)
NODES_ARE_OPTIONAL = bpy.app.version < (5, 0, 0)


class FCurveCollection(Protocol):
    """Interface for adding F-curves: an action's before 4.4, a channel bag's since."""

    def new(self, data_path: str, *, index: int = 0) -> bpy.types.FCurve:
        """Add a curve for one component of a property."""


class ActionGroupCollection(Protocol):
    """Interface for adding groups of F-curves."""

    def new(self, name: str) -> bpy.types.ActionGroup:
        """Add a group."""


class StripCollection(Protocol):
    """Interface for adding strips to the sequencer."""

    def new_image(
        self, name: str, filepath: str, channel: int, frame_start: int, *, fit_method: str = ...
    ) -> bpy.types.ImageStrip:
        """Add a sequence of pictures."""

    def new_sound(self, name: str, filepath: str, channel: int, frame_start: int) -> bpy.types.SoundStrip:
        """Add a sound."""

    def get(self, name: str) -> bpy.types.Strip | None:
        """Return the strip of that name."""

    def remove(self, strip: bpy.types.Strip) -> None:
        """Remove a strip."""


class _UnslottedAction(Protocol):
    """An action before 4.4."""

    @property
    def fcurves(self) -> bpy.types.ActionChannelbagFCurves:
        """Its F-curves."""

    @property
    def groups(self) -> ActionGroupCollection:
        """Its groups."""


class _SequencesEditor(Protocol):
    """A sequence editor before 4.4."""

    @property
    def sequences(self) -> StripCollection:
        """Its strips."""


def assign_new_action(owner: bpy.types.Object, name: str) -> tuple[FCurveCollection, ActionGroupCollection]:
    """Assign an empty action to ``owner``.

    Since 4.4, curves belong to the channel bag of a slot. The view layer must have been updated after ``owner`` was
    linked, and a slot is assigned only once: assigning it again can crash Blender.

    Args:
        owner: Object to animate.
        name: Name of the action.

    Returns:
        The F-curves and the groups to fill.
    """
    action = bpy.data.actions.new(name)
    animation = present(owner.animation_data_create())
    if not HAS_ACTION_SLOTS:
        animation.action = action
        unslotted = cast("_UnslottedAction", action)
        return cast("FCurveCollection", unslotted.fcurves), unslotted.groups
    slot = action.slots.new(id_type="OBJECT", name=owner.name)
    strip = cast("bpy.types.ActionKeyframeStrip", action.layers.new("Layer").strips.new(type="KEYFRAME"))
    bag = present(strip.channelbag(slot, ensure=True))
    animation.action = action
    if animation.action_slot is None:
        animation.action_slot = slot
    return cast("FCurveCollection", bag.fcurves), cast("ActionGroupCollection", bag.groups)


def curves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """Return every F-curve of an action, whichever version created it."""
    if not HAS_ACTION_SLOTS:
        return list(cast("_UnslottedAction", action).fcurves)
    return [
        curve
        for layer in action.layers
        for strip in layer.strips
        for slot in action.slots
        if (bag := cast("bpy.types.ActionKeyframeStrip", strip).channelbag(slot)) is not None
        for curve in bag.fcurves
    ]


def strips_of(editor: bpy.types.SequenceEditor) -> StripCollection:
    """Return the sequencer's strips: ``sequences`` before 4.4, ``strips`` since."""
    if hasattr(editor, "strips"):
        return cast("StripCollection", editor.strips)
    return cast("_SequencesEditor", editor).sequences


def strip_end(strip: bpy.types.Strip) -> int:
    """Return the first frame after a strip: ``frame_final_end`` before 5.1, ``right_handle`` since."""
    return int(strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end)


def trim_strip(strip: bpy.types.Strip, *, content_start: float, first: int, end: int) -> None:
    """Move a strip's content and set its visible range.

    Args:
        strip: Strip to change.
        content_start: Scene frame of the content's beginning; may be fractional.
        first: First scene frame of the strip.
        end: First scene frame after the strip.
    """
    if hasattr(strip, "content_start"):  # since 5.1; the older names will be removed
        strip.content_start = content_start
        strip.left_handle, strip.right_handle = first, end
    else:
        strip.frame_start = content_start
        strip.frame_final_start, strip.frame_final_end = first, end


def use_nodes(block: bpy.types.Material | bpy.types.World) -> bpy.types.ShaderNodeTree:
    """Return the node tree of a material or world. Before 5.0 it has to be enabled first."""
    if NODES_ARE_OPTIONAL:
        block.use_nodes = True
    return present(block.node_tree)


def choose_png(settings: bpy.types.ImageFormatSettings) -> None:
    """Set a scene's output to 8-bit RGB PNG."""
    if HAS_MEDIA_TYPE:
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    settings.color_mode = "RGB"
    settings.color_depth = "8"
    settings.compression = 30


def choose_video(settings: bpy.types.ImageFormatSettings) -> None:
    """Set a scene's output to video through FFmpeg."""
    if HAS_MEDIA_TYPE:
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
