# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the sidebar share."""

import bpy

from .blender_types import Icon
from .text_layout import paragraph, room_in


class SidebarPanel(bpy.types.Panel):
    """Base of all panels in this tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "DancePose"
    bl_options = {"DEFAULT_CLOSED"}


def property_column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Return a column of properties with their names on the left."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout.column()


def draw_text(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: Icon = "NONE", *, boxed: bool = False
) -> None:
    """Draw a paragraph, broken to the sidebar's width."""
    column = layout.column(align=True)
    column.scale_y = 0.75
    paragraph(column, context, text, room_in(context, boxed=boxed), icon)


def draw_problem(layout: bpy.types.UILayout, context: bpy.types.Context, text: str) -> None:
    """Draw a problem in a red box, if there is one."""
    if text:
        box = layout.box()
        box.alert = True
        draw_text(box, context, text, icon="ERROR", boxed=True)
