"""What differs between Blender 4.2 and 5.2, in one place."""

from typing import Any

import bpy

HAS_ACTION_SLOTS = bpy.app.version >= (4, 4, 0)
HAS_MEDIA_TYPE = bpy.app.version >= (5, 0, 0)
NODES_ARE_OPTIONAL = bpy.app.version < (5, 0, 0)


def assign_new_action(owner: bpy.types.Object, name: str) -> tuple[Any, Any]:
    """Give ``owner`` an empty action and return its (F-curves, groups) to fill.

    Since 4.4 the curves lie in the channel bag of a slot. The view layer must have seen the owner, and a slot is
    assigned once only: assigning it again can crash Blender.
    """
    action = bpy.data.actions.new(name)
    animation = owner.animation_data_create()
    if not HAS_ACTION_SLOTS:
        animation.action = action
        return action.fcurves, action.groups
    slot = action.slots.new(id_type="OBJECT", name=owner.name)
    bag = action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)
    animation.action = action
    if animation.action_slot is None:
        animation.action_slot = slot
    return bag.fcurves, bag.groups


def curves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """Every F-curve of an action, whatever version made it."""
    if not HAS_ACTION_SLOTS:
        return list(action.fcurves)
    return [
        curve
        for layer in action.layers
        for strip in layer.strips
        for slot in action.slots
        if (bag := strip.channelbag(slot)) is not None
        for curve in bag.fcurves
    ]


def strips_of(editor: bpy.types.SequenceEditor) -> Any:
    """The sequencer's strips: ``sequences`` until 4.3, ``strips`` since."""
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def end_of(strip: Any) -> int:
    """Frame after a strip's last: ``frame_final_end`` until 5.1, ``right_handle`` since."""
    return int(strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end)


def use_nodes(block: bpy.types.Material | bpy.types.World) -> None:
    """Give a material or world its node tree, which it always has since 5.0."""
    if NODES_ARE_OPTIONAL:
        block.use_nodes = True


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
