# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of the DancePose tab in the sidebar of the 3D viewport, in the order of the work.

``draw`` only shows stored values. Everything that takes time runs when a setting changes or a button is pressed.
"""

from typing import cast

import bpy

from ..blender.narrowing import layout_of_panel, mesh_of, scene_of, ui_scale_of
from ..blender.rig.dancer import find_skin, read_record
from ..blender.rig.vertex_cache import MODIFIER
from . import overlay
from .blender_types import Icon
from .body_choices import BETA_NAMES
from .character_panel import CHARACTER_PANELS
from .importing import DANCEPOSE_OT_import_fit, DANCEPOSE_OT_import_motions, DANCEPOSE_OT_refit
from .output_operators import (
    DANCEPOSE_OT_build_stage,
    DANCEPOSE_OT_clear_stage,
    DANCEPOSE_OT_export,
    DANCEPOSE_OT_render,
)
from .panel_drawing import SidebarPanel, draw_problem, draw_text, property_column
from .presets import DANCEPOSE_PT_fit_presets
from .properties import active_dancer, settings_in, stage_of
from .source_operators import (
    DANCEPOSE_OT_bake,
    DANCEPOSE_OT_fit_preset,
    DANCEPOSE_OT_jump,
    DANCEPOSE_OT_reset_shape,
    DANCEPOSE_OT_unbake,
)
from .text_layout import PADDING_PX, lines_of, paragraph, room_in, topic_share, topics_share, translate
from .translations import CONTEXT


class DANCEPOSE_PT_source(SidebarPanel):
    """Chooses the motion and shows what was detected in it."""

    bl_idname = "DANCEPOSE_PT_source"
    bl_label = "Source"
    bl_order = 0
    bl_options = set()

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        settings, dancer, layout = settings_in(context), active_dancer(context), layout_of_panel(self)
        if dancer is not None:
            layout.label(text=dancer.name, icon="ARMATURE_DATA", translate=False)
        column = property_column(layout)
        column.prop(settings, "source")
        if settings.found:
            _draw_found(layout.box(), context, settings.found)
        if dancer is not None:
            row = layout.row(align=True)
            row.prop(settings, "on_import", expand=True)
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.operator(DANCEPOSE_OT_import_fit.bl_idname, icon="IMPORT")
        layout.operator(
            DANCEPOSE_OT_import_motions.bl_idname, text="Import Files...", text_ctxt=CONTEXT, icon="FILE_FOLDER"
        )
        draw_problem(layout, context, settings.problem)
        if settings.result:
            draw_text(layout, context, settings.result, icon="CHECKMARK")


def _draw_found(box: bpy.types.UILayout, context: bpy.types.Context, text: str) -> None:
    """Draw findings in two columns, the first as wide as its texts. Notes and long texts span both columns."""
    scale, room = ui_scale_of(context), room_in(context, boxed=True)
    rows: list[tuple[Icon, str, str]] = []
    for line in text.splitlines():
        icon: Icon = "QUESTION" if line.startswith("? ") else "ERROR" if line.startswith("! ") else "DOT"
        content = line.removeprefix("? ").removeprefix("! ")
        topic, colon, value = content.partition(": ")
        if colon and icon != "ERROR":
            rows.append((icon, translate(topic.capitalize()), translate(value)))
        else:
            rows.append((icon, "", content))
    share = topics_share([topic for _, topic, _ in rows], context, room)
    column = box.column(align=True)
    column.scale_y = 0.8
    for icon, topic, value in rows:
        if not topic or topic_share(topic, context, room) > share:
            paragraph(column, context, f"{topic}: {value}" if topic else value, room, icon)
            continue
        for number, part in enumerate(lines_of(value, context, (1.0 - share) * room - PADDING_PX * scale)):
            split = column.split(factor=share)
            split.label(text="" if number else topic, icon="BLANK1" if number else icon, translate=False)
            split.label(text=part, translate=False)


class DANCEPOSE_PT_reading(SidebarPanel):
    """Overrides what was detected."""

    bl_idname = "DANCEPOSE_PT_reading"
    bl_parent_id = "DANCEPOSE_PT_source"
    bl_label = "Override"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        settings, column = settings_in(context), property_column(layout_of_panel(self))
        column.prop(settings, "layout")
        if settings.layout == "FILE":
            column.prop(settings, "layout_file")
        for name in ("fps", "unit", "up", "mirror", "values", "everyone", "take", "accept_doubt"):
            column.prop(settings, name)
        column.separator()
        column.prop(settings, "first")
        column.prop(settings, "last")
        column.separator()
        column.prop(settings, "audio")
        if settings.audio:
            column.prop(settings, "audio_start")


class DANCEPOSE_PT_body(SidebarPanel):
    """Chooses the body and its shape."""

    bl_idname = "DANCEPOSE_PT_body"
    bl_label = "Body"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        settings, dancer, layout = settings_in(context), active_dancer(context), layout_of_panel(self)
        column = property_column(layout)
        column.prop(settings, "body")
        if settings.body_found:
            draw_text(layout, context, settings.body_found, icon="INFO")
        if settings.hands_found:
            draw_text(layout, context, settings.hands_found, icon="VIEW_PAN")
        if settings.height:
            layout.label(text=f"{translate('Body Height')}: {settings.height:.3f} m", translate=False)
        column = property_column(layout)
        column.prop(settings, "give_betas")
        for index in range(10):
            name = f"{index + 1}" if settings.body else BETA_NAMES[index]
            column.prop(settings, "shown_betas", index=index, slider=True, text=name, text_ctxt=CONTEXT)
        layout.operator(DANCEPOSE_OT_reset_shape.bl_idname, icon="LOOP_BACK")
        column = property_column(layout)
        column.prop(settings, "correctives")
        if dancer is not None:
            skin = find_skin(dancer)
            baked = skin is not None and MODIFIER in skin.modifiers
            row = layout.row(align=True)
            row.operator(DANCEPOSE_OT_bake.bl_idname, icon="FILE_CACHE")
            if baked:
                row.operator(DANCEPOSE_OT_unbake.bl_idname, icon="X")


class DANCEPOSE_PT_fit(SidebarPanel):
    """Sets how the body is fitted to the keypoints."""

    bl_idname = "DANCEPOSE_PT_fit"
    bl_label = "Fit"
    bl_order = 2

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        """Draw the icon of the user's own presets."""
        DANCEPOSE_PT_fit_presets.draw_panel_header(layout_of_panel(self))

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        settings, layout = settings_in(context), layout_of_panel(self)
        layout.operator_menu_enum(
            DANCEPOSE_OT_fit_preset.bl_idname, "preset", text="Preset", text_ctxt=CONTEXT, icon="PRESET"
        )
        column = property_column(layout)
        column.prop(settings, "regressor")
        column.prop(settings, "device")
        if settings.regressor_found:
            draw_text(layout, context, settings.regressor_found, icon="INFO")
        draw_problem(layout, context, settings.regressor_problem)
        column = property_column(layout)
        column.prop(settings, "refine")
        options = column.column()
        options.active = settings.refine
        options.prop(settings, "adapt")
        column.prop(settings, "smooth")
        column.prop(settings, "level")
        column.prop(settings, "foot_lock")
        column.prop(settings, "keep_contacts")
        column.prop(settings, "style")
        row = layout.row()
        row.scale_y = 1.2
        row.operator(DANCEPOSE_OT_refit.bl_idname, icon="FILE_REFRESH")


class DANCEPOSE_PT_result(SidebarPanel):
    """Shows the error of the fit and its worst frames."""

    bl_idname = "DANCEPOSE_PT_result"
    bl_label = "Result"
    bl_order = 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a dancer is selected."""
        return active_dancer(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        dancer, scene, layout = active_dancer(context), scene_of(context), layout_of_panel(self)
        if dancer is None:
            return
        errors, record = overlay.errors_of(dancer), read_record(dancer)
        if errors is None:
            draw_text(layout, context, translate("Rotations imported directly; no fit error"), icon="INFO")
            return
        table = list(record.report["error_mm"].values())[-1]
        now = errors.frame_mm[record.clip_frame(scene.frame_current_final)]
        grid = layout.grid_flow(columns=2, row_major=True, even_columns=True)
        for name, value in (("Now", now), ("Mean", table["mean"]), ("Median", table["median_frame"])):
            grid.label(text=name, text_ctxt=CONTEXT)
            grid.label(text=f"{value:.1f} mm" if value == value else "-", translate=False)
        layout.label(text="Worst Frames", text_ctxt=CONTEXT)
        column = layout.column(align=True)
        for frame in errors.worst:
            scene_frame = round(record.scene_frame(frame))
            text = f"{scene_frame}:  {errors.frame_mm[frame]:.1f} mm"
            jump = column.operator(DANCEPOSE_OT_jump.bl_idname, text=text, icon="TIME", translate=False)
            cast("DANCEPOSE_OT_jump", jump).frame = scene_frame
        column = property_column(layout)
        stage = stage_of(scene)
        column.prop(stage, "show_graph")
        column.prop(stage, "show_points")
        row = column.row()
        row.active = stage.show_points
        row.prop(stage, "point_range")
        for notice in record.report["notices"]:
            draw_text(layout, context, notice, icon="INFO")


class DANCEPOSE_PT_stage(SidebarPanel):
    """Sets floor, lights, camera and colours."""

    bl_idname = "DANCEPOSE_PT_stage"
    bl_label = "Stage"
    bl_order = 5

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        stage, dancer, layout = stage_of(scene_of(context)), active_dancer(context), layout_of_panel(self)
        column = property_column(layout)
        for name in ("camera", "floor", "light"):
            column.prop(stage, name)
        row = column.row()
        row.active = stage.floor != "none"  # It is the colour of floor and wall.
        row.prop(stage, "background")
        column.prop(stage, "transparent")
        column.prop(stage, "look")
        column.prop(stage, "figure")
        skin = find_skin(dancer) if dancer is not None else None
        if skin is not None:
            layout.label(text="Colours", text_ctxt=CONTEXT)
            column = property_column(layout)
            for material in mesh_of(skin).materials:
                if material is not None:
                    name = material.name.removeprefix("DancePose ").partition(".")[0].capitalize()
                    column.prop(material, "dancepose_colour", text=name, text_ctxt=CONTEXT)
        row = layout.row(align=True)
        row.operator(DANCEPOSE_OT_build_stage.bl_idname, icon="SCENE")
        row.operator(DANCEPOSE_OT_clear_stage.bl_idname, text="", icon="TRASH")
        draw_problem(layout, context, stage.problem)


class DANCEPOSE_PT_render(SidebarPanel):
    """Renders a film or its frames."""

    bl_idname = "DANCEPOSE_PT_render"
    bl_label = "Render"
    bl_order = 6

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        scene, layout = scene_of(context), layout_of_panel(self)
        stage = stage_of(scene)
        column = property_column(layout)
        column.prop(stage, "engine")
        sizes = column.column(align=True)
        sizes.prop(stage, "width")
        sizes.prop(stage, "height")
        column.prop(scene.render, "fps", text="Frame Rate", text_ctxt=CONTEXT)
        column.prop(stage, "range")
        column.prop(stage, "form")
        if stage.form == "VIDEO":
            column.prop(stage, "with_audio")
        column.prop(stage, "output")
        column.prop(stage, "start_over")
        row = layout.row()
        row.scale_y = 1.4
        row.operator(DANCEPOSE_OT_render.bl_idname, icon="RENDER_ANIMATION")
        draw_problem(layout, context, stage.problem)
        if stage.rendered:
            draw_text(layout, context, stage.rendered, icon="CHECKMARK")


class DANCEPOSE_PT_export(SidebarPanel):
    """Exports a dancer for other programs."""

    bl_idname = "DANCEPOSE_PT_export"
    bl_label = "Export"
    bl_order = 7

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        stage, layout = stage_of(scene_of(context)), layout_of_panel(self)
        column = property_column(layout)
        column.prop(stage, "export_format")
        layout.operator(DANCEPOSE_OT_export.bl_idname, icon="EXPORT")
        draw_problem(layout, context, stage.problem)


PANELS: tuple[type[bpy.types.Panel], ...] = (
    DANCEPOSE_PT_source,
    DANCEPOSE_PT_reading,
    DANCEPOSE_PT_body,
    DANCEPOSE_PT_fit,
    DANCEPOSE_PT_result,
    *CHARACTER_PANELS,
    DANCEPOSE_PT_stage,
    DANCEPOSE_PT_render,
    DANCEPOSE_PT_export,
)


def draw_import_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entry in File > Import."""
    layout_of_panel(self).operator(
        DANCEPOSE_OT_import_motions.bl_idname, text="Skeleton Motion (DancePose)", text_ctxt=CONTEXT
    )
