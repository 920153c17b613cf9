"""What holds for every file of a user."""

import bpy

DEVICES = (
    ("auto", "Automatic", "The fastest that truly runs"),
    ("cuda", "CUDA", "An NVIDIA GPU, through onnxruntime"),
    ("cpu", "CPU", "onnxruntime on the processor"),
    ("numpy", "NumPy", "Without onnxruntime"),
)


class DANCEPOSE_AP_preferences(bpy.types.AddonPreferences):
    """Paths of the user's own files."""

    bl_idname = __package__.rpartition(".")[0]

    body: bpy.props.StringProperty(
        name="Body",
        description="SMPL-format body to use where a scene names none; empty: the one shipped",
        subtype="FILE_PATH",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Blender calls this to draw the preferences."""
        self.layout.prop(self, "body")


def preferred_body(context: bpy.types.Context) -> str:
    """The body of the preferences, or nothing: from a checkout there are none."""
    addon = context.preferences.addons.get(DANCEPOSE_AP_preferences.bl_idname)
    return addon.preferences.body if addon is not None and addon.preferences is not None else ""
