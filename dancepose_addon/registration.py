"""What Blender knows of the extension: classes in order, the scene's property, and their undoing in reverse."""

from typing import Final

import bpy

from .ui.operators import DANCEPOSE_OT_import_fit
from .ui.panels import DANCEPOSE_PT_main
from .ui.preferences import DANCEPOSE_AP_preferences
from .ui.properties import DANCEPOSE_PG_settings

CLASSES: Final = (
    DANCEPOSE_AP_preferences,
    DANCEPOSE_PG_settings,
    DANCEPOSE_OT_import_fit,
    DANCEPOSE_PT_main,
)


def register_all() -> None:
    """Register every class, then the property that needs one of them."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.dancepose = bpy.props.PointerProperty(type=DANCEPOSE_PG_settings)


def unregister_all() -> None:
    """Undo ``register_all``, in reverse."""
    del bpy.types.Scene.dancepose
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
