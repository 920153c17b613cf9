"""Small buttons of the Source, Body, Fit and Result panels."""

from typing import Any

import bpy

from ..blender.rig.dancer import read_record
from ..blender.rig.vertex_cache import bake, is_baked, unbake
from ..core.errors import DancePoseError
from . import overlay, update_callbacks
from .modal_task import ModalSteps
from .preferences import working_folder
from .properties import active_dancer, settings_in
from .text_layout import told

PRESETS = (
    ("STUDY", "As Measured", "For studies: exact, and nothing that a model did is mended"),
    ("ANIMATION", "Smooth and Grounded", "For animation: noise is taken out, and standing feet are still"),
    ("CLOSEST", "Closest", "The smallest error: points may shift on the body"),
    ("REGRESSOR", "Regressor Alone", "What the network says, without refinement; the fastest"),
)
PRESET_VALUES: dict[str, dict[str, Any]] = {
    "STUDY": {"refine": True, "adapt": False, "smooth": 0.0, "level": True, "foot_lock": False},
    "ANIMATION": {"refine": True, "adapt": False, "smooth": 1.0, "level": True, "foot_lock": True},
    "CLOSEST": {"refine": True, "adapt": True, "smooth": 0.0, "level": True, "foot_lock": False},
    "REGRESSOR": {"refine": False, "adapt": False, "smooth": 0.0, "level": True, "foot_lock": False},
}


class DANCEPOSE_OT_fit_preset(bpy.types.Operator):
    """Set everything of the fit for one purpose"""

    bl_idname = "dancepose.fit_preset"
    bl_label = "Fit Preset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads a plain set)

    preset: bpy.props.EnumProperty(name="Preset", items=PRESETS)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        """What the preset that is pointed at is for."""
        return next(text for name, _, text in PRESETS if name == properties.preset)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when one is chosen."""
        settings = settings_in(context)
        for name, value in PRESET_VALUES[self.preset].items():
            setattr(settings, name, value)
        return {"FINISHED"}


class DANCEPOSE_OT_reset_shape(ModalSteps, bpy.types.Operator):
    """Give the body the shape back that the fit found; without a dancer, the mean shape"""

    bl_idname = "dancepose.reset_shape"
    bl_label = "Reset Shape"

    def steps(self, context: bpy.types.Context) -> Any:
        """Quick enough for one step."""
        yield 0.0, "Giving the shape back"
        dancer, settings = active_dancer(context), settings_in(context)
        fitted = [] if dancer is None else read_record(dancer).report.get("betas") or []
        if dancer is not None:
            height = update_callbacks.shape_dancer(dancer, fitted, context.view_layer)
        else:
            height = update_callbacks.height_of(update_callbacks.chosen_body(settings, context), fitted, 1.0)
        with update_callbacks.quiet():
            settings.betas = update_callbacks.padded(fitted)
            settings.give_betas = False
            settings.height = height


class DANCEPOSE_OT_jump(bpy.types.Operator):
    """Go to this frame"""

    bl_idname = "dancepose.jump"
    bl_label = "Go to Frame"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender reads a plain set)

    frame: bpy.props.IntProperty(options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when the button is pressed."""
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


class DANCEPOSE_OT_bake(ModalSteps, bpy.types.Operator):
    """Play the body from a file of baked vertices, which is much lighter; changes of the pose are seen after another
    baking"""

    bl_idname = "dancepose.bake"
    bl_label = "Bake Vertex Cache"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a dancer."""
        return active_dancer(context) is not None

    def steps(self, context: bpy.types.Context) -> Any:
        """Skinning is fast enough to be waited for."""
        dancer = active_dancer(context)
        assert dancer is not None
        yield 0.0, "Baking"
        path = working_folder(context) / f"{bpy.path.clean_name(dancer.name)}.pc2"
        size = bake(dancer, path)
        return told("Baked {:.0f} MB into {}").format(size / 1e6, path)


class DANCEPOSE_OT_unbake(bpy.types.Operator):
    """Let the rig and its correctives move the body again"""

    bl_idname = "dancepose.unbake"
    bl_label = "Leave Cache"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads a plain set)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """It has to play one."""
        dancer = active_dancer(context)
        try:
            return dancer is not None and is_baked(dancer)
        except DancePoseError:
            return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when the button is pressed."""
        dancer = active_dancer(context)
        if dancer is not None:
            unbake(dancer)
        overlay.forget()
        return {"FINISHED"}


CLASSES = (
    DANCEPOSE_OT_fit_preset,
    DANCEPOSE_OT_reset_shape,
    DANCEPOSE_OT_jump,
    DANCEPOSE_OT_bake,
    DANCEPOSE_OT_unbake,
)
