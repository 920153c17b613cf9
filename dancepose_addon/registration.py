# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration of the extension: classes in order, properties and menus; unregistration in reverse."""

from collections.abc import Callable
from typing import Any, Final

import bpy

from .ui import character_operators, importing, output_operators, overlay, presets, source_operators
from .ui.character_properties import DANCEPOSE_PG_character, DANCEPOSE_PG_part
from .ui.colours import colour_property
from .ui.file_handler import DANCEPOSE_FH_motions
from .ui.panels import PANELS, draw_import_entry
from .ui.preferences import ADDON, DANCEPOSE_AP_preferences, apply_preferences
from .ui.properties import DANCEPOSE_PG_settings, DANCEPOSE_PG_stage
from .ui.text_layout import set_translation_context
from .ui.translations import TRANSLATIONS

CLASSES: Final[tuple[Any, ...]] = (
    DANCEPOSE_AP_preferences,
    DANCEPOSE_PG_settings,
    DANCEPOSE_PG_stage,
    DANCEPOSE_PG_part,
    DANCEPOSE_PG_character,
    *importing.CLASSES,
    *source_operators.CLASSES,
    *output_operators.CLASSES,
    *character_operators.CLASSES,
    *presets.CLASSES,
    DANCEPOSE_FH_motions,
    *PANELS,
)
PROPERTIES: Final[tuple[tuple[Any, str, Callable[[], Any]], ...]] = (
    (bpy.types.Scene, "dancepose", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_settings)),
    (bpy.types.Object, "dancepose", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_settings)),
    (
        bpy.types.Object,
        "dancepose_character",
        lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_character),
    ),
    (bpy.types.Scene, "dancepose_stage", lambda: bpy.props.PointerProperty(type=DANCEPOSE_PG_stage)),
    (bpy.types.Material, "dancepose_colour", colour_property),
)


def register_all() -> None:
    """Register the classes, then the properties that use them, then menus, translations and overlays."""
    for cls in CLASSES:
        set_translation_context(cls)
        bpy.utils.register_class(cls)
    for owner, name, make in PROPERTIES:
        setattr(owner, name, make())
    bpy.types.TOPBAR_MT_file_import.append(draw_import_entry)  # type: ignore[arg-type] # the stub omits the menu
    bpy.app.translations.register(ADDON, TRANSLATIONS)
    overlay.start_overlay()
    apply_preferences()


def unregister_all() -> None:
    """Undo ``register_all``, in reverse."""
    overlay.stop_overlay()
    bpy.app.translations.unregister(ADDON)
    bpy.types.TOPBAR_MT_file_import.remove(draw_import_entry)  # type: ignore[arg-type] # the stub omits the menu
    for owner, name, _ in reversed(PROPERTIES):
        delattr(owner, name)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
