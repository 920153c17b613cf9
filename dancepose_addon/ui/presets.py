"""A user's own fit presets, kept and listed as Blender keeps those of its render settings."""

from typing import Any, ClassVar

from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
import bpy

FOLDER = "dancepose/fit"


class DANCEPOSE_PT_fit_presets(PresetPanel, bpy.types.Panel):
    """The list behind the icon in the Fit panel's head."""

    bl_label = "Fit Presets"
    preset_subdir = FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "dancepose.add_fit_preset"


class DANCEPOSE_OT_add_fit_preset(AddPresetBase, bpy.types.Operator):
    """Keep the settings of the fit under a name, or remove those that are kept"""

    bl_idname = "dancepose.add_fit_preset"
    bl_label = "Add Fit Preset"
    preset_menu = "DANCEPOSE_PT_fit_presets"
    preset_subdir = FOLDER
    # A preset is a script that Blender runs: of the selected dancer or, where none is, for the next import.
    preset_defines: ClassVar[list[Any]] = [
        "active = bpy.context.view_layer.objects.active",
        "dancers = [thing for thing in (active, active and active.parent) if thing and 'dancepose_record' in thing]",
        "settings = (dancers[0] if dancers else bpy.context.scene).dancepose",
    ]
    preset_values: ClassVar[list[Any]] = [
        f"settings.{name}" for name in ("device", "refine", "adapt", "smooth", "level", "foot_lock")
    ]


CLASSES = (
    DANCEPOSE_OT_add_fit_preset,
    DANCEPOSE_PT_fit_presets,
)
