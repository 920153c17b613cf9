# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: installs the zip and operates the sidebar with the mouse, as a user would.

Run with ``blender --python drive.py -- FOLDER``, with the folder above ``tools`` on the path. FOLDER holds
extension.zip and example/, and receives pictures and facts.json. Blender handles mouse events between two calls of a
timer, so the script yields waiting times in seconds.
"""

from collections.abc import Iterator
import importlib
import json
import os
import sys
import traceback
from typing import Any, cast

import bpy

from tools.window.character_session import dancers, drive_character, key_count
from tools.window.pointer import (
    FOLDER,
    HEADER_PX,
    Steps,
    box,
    click,
    facts,
    find,
    header,
    move,
    open_tab,
    panels,
    picture,
    present,
    settings_of,
    view,
    window,
    xdotool,
)

MODULE = "bl_ext.user_default.dancepose"
BUTTON_TO_INNER_HEADER_PX = 38  # from where a button is found, near its upper edge, to the next inner panel's header
BACKGROUND = (0.35, 0.36, 0.38)
FIT_TIMEOUT_S = 120.0
LANGUAGES = ("zh_HANS", "ja_JP")
BLENDERS_OWN = ("Median", "Fit", "Top", "Skin")  # words that Blender translates with another meaning


def set_source() -> Steps:
    """Type the path into the Motion field."""
    wanted = str(FOLDER / "example" / "waltz")
    place = yield from find(lambda text: text.endswith("dancepose.source"), keys="ctrl+shift+alt+c", across=0.6)
    facts["source_field"] = place
    if place is None:
        return
    yield from click(*place, times=2)
    xdotool("key", "ctrl+a")
    yield 0.1
    xdotool("type", "--delay", 15, wanted)
    yield 0.2
    xdotool("key", "Return")
    yield 1.0
    facts["source"] = settings_of(present(bpy.context.scene)).source


def press_fit() -> Steps:
    """Press Import & Fit."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_fit"), keys="ctrl+c", across=0.5)
    facts["fit_button"] = place
    if place is not None:
        yield from click(*place)


def import_example() -> Steps:
    """Press Import & Fit and wait for the dancer."""
    yield from press_fit()
    waited = 0.0
    while not dancers() and waited < FIT_TIMEOUT_S:
        yield 0.25
        waited += 0.25
    yield 1.5
    facts["seconds"] = waited
    facts["fitted"] = state()
    facts["result"] = settings_of(present(bpy.context.scene)).result


def state() -> dict[str, Any]:
    """Return what undo, redo and Esc must remove, restore or leave unchanged."""
    return {
        "dancers": [dancer.name for dancer in dancers()],
        "keys": [key_count(dancer) for dancer in dancers()],
        "data": {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "armatures", "actions")},
        "problem": settings_of(present(bpy.context.scene)).problem,
    }


def undo_and_redo() -> Steps:
    """Press undo and redo once each."""
    for name, keys in (("undone", "ctrl+z"), ("redone", "ctrl+shift+z")):
        yield from move(400, 560)
        xdotool("key", keys)
        yield 1.5
        facts[name] = state()


def escape() -> Steps:
    """Start a fit of another dancer and press Esc."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_fit"), keys="ctrl+c", across=0.5)
    settings_of(dancers()[0]).on_import = "ADD"
    facts["before_escape"] = state()
    if place is None:
        return
    xdotool("mousemove", round(place[0]), round(place[1]))
    yield 0.2
    xdotool("click", 1)
    yield 0.4
    facts["running"] = [getattr(operator, "bl_idname", "") for operator in _running()]
    xdotool("key", "Escape")
    yield 3.0
    facts["escaped"] = state()
    settings_of(dancers()[0]).on_import = "REPLACE"


def _running() -> list[Any]:
    return list(getattr(window(), "modal_operators", ()))


def show_override() -> Steps:
    """Take pictures of the inner panel of Source, which is below its last button before the first import."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_motions"), keys="ctrl+c", across=0.5)
    if place is None:
        return
    inner = place[0] - 80, place[1] + BUTTON_TO_INNER_HEADER_PX
    yield from click(*inner)
    for language in ("en_US", *LANGUAGES):
        yield from switch_language(language)
        name = "panel-reading" if language == "en_US" else f"{language}-reading"
        yield from picture(name)
        facts["pictures"][name]["from"] = round(inner[1]) - HEADER_PX
    yield from switch_language("en_US")
    yield from click(*inner)


def make_background(*, plain: bool) -> Steps:
    """Show an empty view behind the sidebar, which overlaps it, or the usual one."""
    space = view().spaces.active
    assert isinstance(space, bpy.types.SpaceView3D)
    present(space.overlay).show_overlays = space.show_gizmo = space.show_region_toolbar = not plain
    shading = present(space.shading)
    shading.background_type = "VIEWPORT" if plain else "THEME"
    shading.background_color = BACKGROUND
    for thing in present(bpy.context.scene).objects:
        thing.hide_set(plain)
    yield 0.5


def look_at_the_dancer() -> Steps:
    """Turn the view to the dancer."""
    area = view()
    region = next(region for region in area.regions if region.type == "WINDOW")
    present(bpy.context.scene).frame_set(120)
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_orbit(angle=0.3, type="ORBITLEFT")
        bpy.ops.view3d.view_selected()
    yield 1.0


def switch_language(language: str) -> Steps:
    """Switch Blender's language and record the translations of the extension's words and of Blender's own."""
    preferences = present(present(bpy.context.preferences).view)
    preferences.language = language  # type: ignore[assignment] # any installed language
    preferences.use_translate_interface = language != "en_US"
    yield 0.5
    translations = importlib.import_module(f"{MODULE}.ui.translations")
    look_up = bpy.app.translations.pgettext_iface
    words = [text for _, text in translations.TRANSLATIONS[LANGUAGES[0]]]
    facts.setdefault("words", {})[language] = {text: look_up(text, translations.CONTEXT) for text in words}
    facts.setdefault("own_words", {})[language] = {text: look_up(text) for text in BLENDERS_OWN}
    facts.setdefault("widths", {})[language] = dict(_widths())


def _widths() -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield, for each text of a property's row, its kind and name, and the widest variant with its width in pixels."""
    text_layout = importlib.import_module(f"{MODULE}.ui.text_layout")
    context = bpy.context

    def widest(texts: list[str]) -> tuple[str, float]:
        pairs = ((text, text_layout.width_of(text, context)) for text in map(text_layout.translate, texts))
        return max(pairs, key=lambda pair: pair[1])

    owner = cast("Any", present(bpy.context.scene))
    for group in (owner.dancepose, owner.dancepose_stage):
        for name, prop in group.bl_rna.properties.items():
            if prop.is_hidden or name in ("rna_type", "name"):
                continue
            kind = "checkbox" if prop.type == "BOOLEAN" else "label"
            yield f"{kind} {name}", widest([prop.name])
            if prop.type == "ENUM" and name != "on_import":
                yield f"choice {name}", widest([item.name for item in prop.enum_items])


def show_every_panel() -> Steps:
    """Take pictures of each panel in each language, with all others closed."""
    names = [cls.__name__.removeprefix("DANCEPOSE_PT_") for cls in panels()]
    facts["panels"] = names
    # In a new file only the first panel is open.
    yield from click(*header(0))
    yield from picture("closed")
    yield from _open_each(names, "panel")
    for language in LANGUAGES:
        yield from switch_language(language)
        yield from _open_each(names, language)
    yield from switch_language("en_US")


def _open_each(names: list[str], prefix: str) -> Steps:
    """Open each panel, take a picture, scroll if it is longer than the view, and close it."""
    for number, name in enumerate(names):
        yield from click(*header(number))
        yield from picture(f"{prefix}-{name}")
        yield from _scrolled(f"{prefix}-{name}")
        yield from click(*header(number))


def _scrolled(name: str) -> Steps:
    """Scroll down and take further pictures until nothing changes; then scroll back to the top."""
    place = box()
    middle = (place["left"] + 60, place["top"] + HEADER_PX)
    for part in range(2, 5):
        yield from move(*middle)
        xdotool("click", "--repeat", 6, "--delay", 40, 5)
        yield 0.6
        before = FOLDER / facts["pictures"][name if part == 2 else f"{name}-{part - 1}"]["file"]
        yield from picture(f"{name}-{part}")
        this = facts["pictures"][f"{name}-{part}"]
        if (FOLDER / this["file"]).read_bytes() == before.read_bytes():
            del facts["pictures"][f"{name}-{part}"]
            break
    yield from move(*middle)
    xdotool("click", "--repeat", 40, "--delay", 15, 4)
    yield 0.5


def script() -> Steps:
    """Run the whole session."""
    yield 1.0
    space = view().spaces.active
    assert isinstance(space, bpy.types.SpaceView3D)
    space.show_region_ui = True
    yield 1.0
    for step in (
        open_tab(), set_source(), make_background(plain=True), show_override(), make_background(plain=False),
        import_example(), look_at_the_dancer(), picture("window"), undo_and_redo(), escape(),
        make_background(plain=True), show_every_panel(), make_background(plain=False), drive_character(),
    ):  # fmt: skip
        yield from step


def start_session() -> None:
    """Install the zip and start the script with a timer."""
    preferences = present(bpy.context.preferences)
    present(preferences.view).show_splash = False
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.extensions.package_install_files(
        filepath=str(FOLDER / "extension.zip"), repo="user_default", enable_on_install=True
    )
    facts["enabled"] = MODULE in preferences.addons
    running = script()

    def tick() -> float:
        try:
            return next(running)
        except StopIteration:
            facts["complete"] = True
        except Exception:
            traceback.print_exc()
            facts["error"] = traceback.format_exc()
        (FOLDER / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        sys.stdout.flush()
        os._exit(0 if facts.get("complete") else 1)

    bpy.app.timers.register(tick, first_interval=2.0)


start_session()
