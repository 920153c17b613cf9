"""What Blender knows of the extension: classes in order, properties, menus, and their undoing in reverse."""

from collections.abc import Callable
from typing import Any, Final

import bpy

from .ui import importing, output_operators, overlay, presets, source_operators
from .ui.colours import colour_property
from .ui.file_handler import DANCEPOSE_FH_motions
from .ui.panels import PANELS, draw_import_entry
from .ui.preferences import ADDON, DANCEPOSE_AP_preferences, start_preferences
from .ui.properties import DANCEPOSE_PG_settings, DANCEPOSE_PG_stage
from .ui.text_layout import speak_our_words
from .ui.translations import TRANSLATIONS

CLASSES: Final = (
    DANCEPOSE_AP_preferences,
    DANCEPOSE_PG_settings,
    DANCEPOSE_PG_stage,
    *importing.CLASSES,
    *source_operators.CLASSES,
    *output_operators.CLASSES,
    *presets.CLASSES,
    DANCEPOSE_FH_motions,
    *PANELS,
)
PROPERTIES: Final[tuple[tuple[Any, str, Callable[[], Any]], ...]] = (
    (bpy.types.Scene, "dancepose", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_settings)),
    (bpy.types.Object, "dancepose", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_settings)),
    (bpy.types.Scene, "dancepose_stage", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_stage)),
    (bpy.types.Material, "dancepose_colour", colour_property),
)


def register_all() -> None:
    """Register every class, then the properties that need them, then what Blender calls by itself."""
    for cls in CLASSES:
        speak_our_words(cls)
        bpy.utils.register_class(cls)
    for owner, name, make in PROPERTIES:
        setattr(owner, name, make())
    bpy.types.TOPBAR_MT_file_import.append(draw_import_entry)
    bpy.app.translations.register(ADDON, TRANSLATIONS)
    overlay.start()
    start_preferences()


def unregister_all() -> None:
    """Undo ``register_all``, in reverse."""
    overlay.stop()
    bpy.app.translations.unregister(ADDON)
    bpy.types.TOPBAR_MT_file_import.remove(draw_import_entry)
    for owner, name, _ in reversed(PROPERTIES):
        delattr(owner, name)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
