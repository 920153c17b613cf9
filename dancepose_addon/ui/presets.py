# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own fit presets, stored and listed like Blender's render presets."""

from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
import bpy

FOLDER = "dancepose/fit"
PRESET_SETTINGS = ("device", "refine", "adapt", "smooth", "level", "foot_lock", "keep_contacts", "style")


class DANCEPOSE_PT_fit_presets(PresetPanel, bpy.types.Panel):
    """The list behind the icon in the header of the Fit panel."""

    bl_label = "Fit Presets"
    preset_subdir = FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "dancepose.add_fit_preset"


class DANCEPOSE_OT_add_fit_preset(AddPresetBase, bpy.types.Operator):  # type: ignore[misc] # Blender's own mixin
    """Adds or removes a fit preset."""

    bl_idname = "dancepose.add_fit_preset"
    bl_label = "Add Fit Preset"
    bl_description = "Save the settings of the fit under a name, or remove a saved preset"
    preset_menu = "DANCEPOSE_PT_fit_presets"
    preset_subdir = FOLDER
    # A preset is a script that Blender runs. It changes the selected dancer or, if there is none, the next import.
    preset_defines = [
        "active = bpy.context.view_layer.objects.active",
        "dancers = [thing for thing in (active, active and active.parent) if thing and 'dancepose_record' in thing]",
        "settings = (dancers[0] if dancers else bpy.context.scene).dancepose",
    ]
    preset_values = [f"settings.{name}" for name in PRESET_SETTINGS]


CLASSES = (
    DANCEPOSE_OT_add_fit_preset,
    DANCEPOSE_PT_fit_presets,
)
