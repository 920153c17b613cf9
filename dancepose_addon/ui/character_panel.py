# SPDX-License-Identifier: GPL-3.0-or-later
"""The Character panel: makes the user's own rig dance."""

import bpy

from ..blender.narrowing import layout_of_panel
from ..core.retarget.character_map import part_title
from .character_operators import NO_CHARACTER, DANCEPOSE_OT_drive_armature, DANCEPOSE_OT_find_bones
from .character_properties import character_of, selected_character
from .panel_drawing import SidebarPanel, draw_problem, draw_text, property_column
from .text_layout import translate


class DANCEPOSE_PT_character(SidebarPanel):
    """Drives the selected armature with a dancer's motion."""

    bl_idname = "DANCEPOSE_PT_character"
    bl_label = "Character"
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        layout, thing = layout_of_panel(self), selected_character(context)
        if thing is None:
            draw_text(layout, context, translate(NO_CHARACTER), icon="INFO")
            return
        settings = character_of(thing)
        layout.label(text=thing.name, icon="ARMATURE_DATA", translate=False)
        column = property_column(layout)
        column.prop(settings, "dancer")
        column.prop(settings, "lock_feet")
        row = layout.row()
        row.scale_y = 1.4
        row.operator(DANCEPOSE_OT_drive_armature.bl_idname, icon="POSE_HLT")
        draw_problem(layout, context, settings.problem)
        if settings.result:
            draw_text(layout, context, settings.result, icon="CHECKMARK")
        for doubt in settings.doubts.splitlines():
            draw_text(layout, context, doubt, icon="QUESTION")


class DANCEPOSE_PT_character_bones(SidebarPanel):
    """Shows and corrects the bones of the character."""

    bl_idname = "DANCEPOSE_PT_character_bones"
    bl_parent_id = "DANCEPOSE_PT_character"
    bl_label = "Bones"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        layout, thing = layout_of_panel(self), selected_character(context)
        if thing is None:
            return
        layout.operator(DANCEPOSE_OT_find_bones.bl_idname, icon="VIEWZOOM")
        column = property_column(layout)
        for row in character_of(thing).parts:
            column.prop(row, "bones", text=part_title(row.part).capitalize(), translate=False)


CHARACTER_PANELS = (DANCEPOSE_PT_character, DANCEPOSE_PT_character_bones)
