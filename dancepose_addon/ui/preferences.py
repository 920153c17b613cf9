"""What holds for every file of a user."""

from pathlib import Path

import bpy

from ..inference import use_environment
from .text_layout import paragraph

ADDON = __package__.rpartition(".")[0]

MARGINS_PX = 80.0
"""Of the window's width what the margins of the boxes around the report take."""
DEVICES = (
    ("auto", "Automatic", "The fastest that truly runs"),
    ("cuda", "CUDA", "An NVIDIA GPU, through onnxruntime"),
    ("cpu", "CPU", "onnxruntime on the processor"),
    ("numpy", "NumPy", "Without onnxruntime"),
)


def _take_environment(preferences: "DANCEPOSE_AP_preferences", _context: bpy.types.Context) -> None:
    text = preferences.environment
    use_environment(Path(bpy.path.abspath(text)) if text else None)


class DANCEPOSE_AP_preferences(bpy.types.AddonPreferences):
    """Paths of the user's own files."""

    bl_idname = ADDON

    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body to use where a scene names none; empty: the one shipped",
        subtype="FILE_PATH",
    )
    regressors: bpy.props.StringProperty(
        name="Regressors",
        description="Folder with regressors of your own, called after their layout, such as md23.onnx",
        subtype="DIR_PATH",
    )
    environment: bpy.props.StringProperty(
        name="onnxruntime",
        description="Python environment, of this Blender's Python version, whose onnxruntime is used: one with "
        "onnxruntime-gpu, for CUDA. Empty: the one that comes with the extension. Takes effect when Blender starts",
        subtype="DIR_PATH",
        update=_take_environment,
    )
    cache: bpy.props.StringProperty(
        name="Cache",
        description="Folder for vertex caches and for frames while they are rendered; empty: beside the .blend file, "
        "or in the extension's own folder",
        subtype="DIR_PATH",
    )
    report: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this to draw the preferences."""
        layout = self.layout
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
            room = context.region.width - MARGINS_PX * context.preferences.system.ui_scale
            for line in self.report.splitlines():
                icon = "ERROR" if line.startswith("BAD") else "INFO" if line.startswith("note") else "CHECKMARK"
                paragraph(box, context, line[4:].strip(), room, icon)


def preferences_of(context: bpy.types.Context) -> DANCEPOSE_AP_preferences | None:
    """The preferences, or None: from a checkout there are none."""
    addon = context.preferences.addons.get(ADDON)
    return addon.preferences if addon is not None else None


def preferred(context: bpy.types.Context, name: str) -> Path | None:
    """The path that the preferences give for ``name``, where there is one."""
    preferences = preferences_of(context)
    text = getattr(preferences, name) if preferences is not None else ""
    return Path(bpy.path.abspath(text)) if text else None


def working_folder(context: bpy.types.Context) -> Path:
    """Where caches and frames go: the preferences' folder, beside the saved file, or the extension's own."""
    chosen = preferred(context, "cache")
    if chosen is not None:
        return chosen
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / "dancepose"
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path="cache"))
    except ValueError:  # not installed as an extension
        return Path(bpy.app.tempdir) / "dancepose"


def start_preferences() -> None:
    """What the preferences have to do when the extension is enabled."""
    preferences = preferences_of(bpy.context)
    if preferences is not None and preferences.environment:
        _take_environment(preferences, bpy.context)
