# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences of the extension, which apply to all files of a user."""

from pathlib import Path
from typing import Literal

import bpy

from ..blender.narrowing import item_named, layout_of_panel, present, ui_scale_of
from ..inference import use_environment
from .blender_types import Icon
from .text_layout import paragraph

ADDON = __package__.rpartition(".")[0]

MARGINS_PX = 80.0
"""Width of the margins around the report's box."""
DEVICES = (
    ("auto", "Automatic", "The fastest device that runs"),
    ("cuda", "CUDA", "NVIDIA GPU, through onnxruntime"),
    ("cpu", "CPU", "Processor, through onnxruntime"),
    ("numpy", "NumPy", "Processor, without onnxruntime"),
)


def _set_environment(preferences: "DANCEPOSE_AP_preferences", _context: bpy.types.Context) -> None:
    text = preferences.environment
    use_environment(Path(bpy.path.abspath(text)) if text else None)


class DANCEPOSE_AP_preferences(bpy.types.AddonPreferences):
    """Paths to the user's own files."""

    bl_idname = ADDON

    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body for scenes that name none. Empty: the body shipped with the extension",
        subtype="FILE_PATH",
    )
    regressors: bpy.props.StringProperty(
        name="Regressors",
        description="Folder with your own regressors, named after their layout, such as md23.onnx",
        subtype="DIR_PATH",
    )
    environment: bpy.props.StringProperty(
        name="onnxruntime",
        description="Python environment whose onnxruntime is used, for example one with onnxruntime-gpu for CUDA. Its "
        "Python version must be Blender's. Empty: the onnxruntime of the extension. Takes effect after a restart",
        subtype="DIR_PATH",
        update=_set_environment,
    )
    cache: bpy.props.StringProperty(
        name="Cache",
        description="Folder for vertex caches and for frames during rendering. Empty: next to the .blend file, or the "
        "extension's own folder",
        subtype="DIR_PATH",
    )
    report: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the preferences."""
        layout = layout_of_panel(self)
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("body", "regressors", "environment", "cache"):
            layout.prop(self, name)
        row = layout.row()
        row.operator("dancepose.check", icon="CHECKMARK")
        row.operator("dancepose.copy_report", icon="COPYDOWN")
        if self.report:
            box = layout.box().column(align=True)
            box.scale_y = 0.8
            room = present(context.region).width - MARGINS_PX * ui_scale_of(context)
            for line in self.report.splitlines():
                icon: Icon = "ERROR" if line.startswith("BAD") else "INFO" if line.startswith("note") else "CHECKMARK"
                paragraph(box, context, line[4:].strip(), room, icon)


def preferences_of(context: bpy.types.Context) -> DANCEPOSE_AP_preferences | None:
    """Return the preferences, or None if the extension runs from a checkout and is not installed."""
    addons = present(context.preferences).addons
    addon = item_named(addons, ADDON)
    preferences = addon.preferences if addon is not None else None
    return preferences if isinstance(preferences, DANCEPOSE_AP_preferences) else None


def preferred_path(context: bpy.types.Context, name: Literal["body", "regressors", "cache"]) -> Path | None:
    """Return the path of a preference, or None if it is empty."""
    preferences = preferences_of(context)
    text = getattr(preferences, name) if preferences is not None else ""
    return Path(bpy.path.abspath(text)) if text else None


def working_folder(context: bpy.types.Context) -> Path:
    """Return the folder for caches and frames: from the preferences, next to the saved file, or the extension's."""
    chosen = preferred_path(context, "cache")
    if chosen is not None:
        return chosen
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / "dancepose"
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path="cache"))
    except ValueError:  # not installed as an extension
        return Path(bpy.app.tempdir) / "dancepose"


def apply_preferences() -> None:
    """Apply the preferences when the extension is enabled."""
    preferences = preferences_of(bpy.context)
    if preferences is not None and preferences.environment:
        _set_environment(preferences, bpy.context)
