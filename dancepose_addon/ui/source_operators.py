# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the Source, Body, Fit and Result panels."""

from typing import cast

import bpy

from ..blender.narrowing import scene_of, view_layer_of
from ..blender.rig.dancer import read_record
from ..blender.rig.vertex_cache import bake, is_baked, unbake
from ..core.errors import DancePoseError, InputError
from . import overlay, update_callbacks
from .blender_types import OperatorResult
from .modal_task import ModalSteps, Steps
from .preferences import working_folder
from .properties import NO_DANCER, active_dancer, settings_in
from .text_layout import translate

PRESETS = (
    ("MEASURED", "As Measured", "For user studies: follows the keypoints and corrects nothing in them"),
    ("ANIMATION", "Smooth and Grounded", "For animation: removes noise and keeps standing feet still"),
    ("CLOSEST", "Closest", "Smallest error: points may shift on the body"),
    ("REGRESSOR", "Regressor Only", "Output of the network without refinement; the fastest"),
)
PRESET_VALUES: dict[str, dict[str, bool | float]] = {
    "MEASURED": {"refine": True, "adapt": False, "smooth": 0.0, "level": True, "foot_lock": False},
    "ANIMATION": {"refine": True, "adapt": False, "smooth": 1.0, "level": True, "foot_lock": True},
    "CLOSEST": {"refine": True, "adapt": True, "smooth": 0.0, "level": True, "foot_lock": False},
    "REGRESSOR": {"refine": False, "adapt": False, "smooth": 0.0, "level": True, "foot_lock": False},
}


class DANCEPOSE_OT_fit_preset(bpy.types.Operator):
    """Sets all fit settings for one purpose."""

    bl_idname = "dancepose.fit_preset"
    bl_label = "Fit Preset"
    bl_description = "Set all fit settings for one purpose"
    bl_options = {"REGISTER", "UNDO"}

    preset: bpy.props.EnumProperty(name="Preset", items=PRESETS)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """Return the tooltip of one preset in the menu."""
        chosen = cast("DANCEPOSE_OT_fit_preset", properties).preset
        return next(text for name, _, text in PRESETS if name == chosen)

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Apply the preset."""
        settings = settings_in(context)
        for name, value in PRESET_VALUES[self.preset].items():
            setattr(settings, name, value)
        return {"FINISHED"}


class DANCEPOSE_OT_reset_shape(ModalSteps):
    """Restores the shape that the fit found."""

    bl_idname = "dancepose.reset_shape"
    bl_label = "Reset Shape"
    bl_description = "Restore the shape that the fit found or, without a dancer, the mean shape"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Restore the shape; fast enough for one step."""
        yield 0.0, "Restoring the shape"
        dancer, settings = active_dancer(context), settings_in(context)
        fitted = [] if dancer is None else read_record(dancer).report.get("betas") or []
        if dancer is not None:
            height = update_callbacks.shape_dancer(dancer, fitted, view_layer_of(context))
        else:
            height = update_callbacks.height_of(update_callbacks.chosen_body(settings, context), fitted, 1.0)
        with update_callbacks.suppressed():
            settings.betas = update_callbacks.padded(fitted)
            settings.give_betas = False
            settings.height = height
        return ""


class DANCEPOSE_OT_jump(bpy.types.Operator):
    """Sets the current frame to one of the worst frames."""

    bl_idname = "dancepose.jump"
    bl_label = "Go to Frame"
    bl_description = "Set the current frame to this one"
    bl_options = {"INTERNAL"}

    frame: bpy.props.IntProperty(options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Set the current frame."""
        scene_of(context).frame_set(self.frame)
        return {"FINISHED"}


class DANCEPOSE_OT_bake(ModalSteps):
    """Bakes the body's vertices into a cache."""

    bl_idname = "dancepose.bake"
    bl_label = "Bake Vertex Cache"
    bl_description = (
        "Play the body from a file of baked vertices, which is much faster. Bake again to show later changes of the "
        "pose"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a dancer is selected."""
        return active_dancer(context) is not None

    def steps(self, context: bpy.types.Context) -> Steps:
        """Bake; skinning is fast enough for one step."""
        dancer = active_dancer(context)
        if dancer is None:
            raise InputError(NO_DANCER)
        yield 0.0, "Baking"
        path = working_folder(context) / f"{bpy.path.clean_name(dancer.name)}.pc2"
        size = bake(dancer, path)
        return translate("Baked {:.0f} MB into {}").format(size / 1e6, path)


class DANCEPOSE_OT_unbake(bpy.types.Operator):
    """Stops playing the vertex cache."""

    bl_idname = "dancepose.unbake"
    bl_label = "Disable Cache"
    bl_description = "Stop playing the vertex cache: rig and correctives move the body again"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether the selected dancer plays a cache."""
        dancer = active_dancer(context)
        try:
            return dancer is not None and is_baked(dancer)
        except DancePoseError:
            return False

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Disable the cache."""
        dancer = active_dancer(context)
        if dancer is not None:
            unbake(dancer)
        overlay.clear_cache()
        return {"FINISHED"}


CLASSES = (
    DANCEPOSE_OT_fit_preset,
    DANCEPOSE_OT_reset_shape,
    DANCEPOSE_OT_jump,
    DANCEPOSE_OT_bake,
    DANCEPOSE_OT_unbake,
)
