# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: installs the zip and operates the sidebar with the mouse, as a user would.

Run with ``blender --python drive.py -- FOLDER``; FOLDER holds extension.zip and example/, and receives pictures and
facts.json. Blender handles mouse events between two calls of a timer, so the script yields waiting times in seconds.
"""

from collections.abc import Callable, Generator, Iterator
import importlib
import json
import os
from pathlib import Path
import subprocess
import sys
import traceback
from typing import Any, TypeVar, cast

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
MODULE = "bl_ext.user_default.dancepose"
TAB = "DancePose"
HEADER_PX, HEADER_PITCH_PX = 16, 28  # first header's centre from the sidebar's top; one closed panel to the next
BUTTON_TO_INNER_HEADER_PX = 38  # from where a button is found, near its upper edge, to the next inner panel's header
BACKGROUND = (0.35, 0.36, 0.38)
ROW_PX = 7  # step of the mouse while it searches for a button
FIT_TIMEOUT_S = 120.0
LANGUAGES = ("zh_HANS", "ja_JP")
BLENDERS_OWN = ("Median", "Fit", "Top", "Skin")  # words that Blender translates with another meaning

T = TypeVar("T")
Steps = Generator[float, None, Any]


facts: dict[str, Any] = {"blender": bpy.app.version_string, "pictures": {}}


def present(value: T | None) -> T:
    """Return a value that Blender always sets, although its stubs declare it optional."""
    assert value is not None
    return value


def settings_of(owner: bpy.types.Scene | bpy.types.Object) -> Any:
    """Return the extension's settings of a scene or dancer."""
    return cast("Any", owner).dancepose  # known only once the zip is installed


def xdotool(*words: object) -> None:
    """Run xdotool."""
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


def window() -> bpy.types.Window:
    """Return the only window."""
    (only,) = present(bpy.context.window_manager).windows
    return only


def view() -> bpy.types.Area:
    """Return the 3D viewport."""
    return max((area for area in window().screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width)


def sidebar() -> bpy.types.Region:
    """Return the sidebar of the viewport."""
    return next(region for region in view().regions if region.type == "UI")


def box() -> dict[str, int]:
    """Return position and size of the sidebar, in pixels from the top left corner of the screen."""
    region = sidebar()
    top = window().height - region.y - region.height
    return {"left": region.x, "top": top, "width": region.width, "height": region.height}


def move(x: float, y: float) -> Steps:
    """Move the mouse."""
    xdotool("mousemove", round(x), round(y))
    yield 0.08


def click(x: float, y: float, *, times: int = 1) -> Steps:
    """Click with the left button. Blender needs a movement before it notices the new position."""
    yield from move(x - 1, y)
    yield from move(x, y)
    xdotool("click", "--repeat", times, "--delay", 60, 1)
    yield 0.4


def picture(name: str) -> Steps:
    """Take a picture of the whole screen, with the mouse out of the way."""
    yield from move(400, 620)
    yield 0.5
    path = FOLDER / f"{name}.png"
    subprocess.run(["import", "-window", "root", str(path)], check=True, timeout=60)
    facts["pictures"][name] = {"file": path.name, **box()}


def open_tab() -> Steps:
    """Click on the tabs from top to bottom until the right one is open."""
    place = box()
    for down in range(20, place["height"], 20):
        if sidebar().active_panel_category == TAB:
            break
        yield from click(place["left"] + place["width"] - 12, place["top"] + down)
    facts["tab"] = sidebar().active_panel_category


def panels() -> list[Any]:
    """Return the visible panels of the tab, from top to bottom."""
    classes = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("DANCEPOSE_PT_")]
    shown = [
        cls
        for cls in classes
        if (cls.bl_space_type, cls.bl_region_type) == ("VIEW_3D", "UI")
        and not getattr(cls, "bl_parent_id", "")
        and (not hasattr(cls, "poll") or cls.poll(bpy.context))
    ]
    return sorted(shown, key=lambda cls: getattr(cls, "bl_order", 0))


def header(number: int) -> tuple[float, float]:
    """Return the position of a panel's header if all panels above it are closed."""
    place = box()
    return place["left"] + 60, place["top"] + HEADER_PX + HEADER_PITCH_PX * number


def copy_under_mouse(keys: str) -> Steps:
    """Return what Blender copies from the button under the mouse."""
    manager = present(bpy.context.window_manager)
    manager.clipboard = "nothing"
    xdotool("key", keys)
    yield 0.12
    return manager.clipboard


def find(wanted: Callable[[str], bool], *, keys: str, across: float) -> Steps:
    """Return the position of the button whose copied text is wanted, or None. across: 0 left to 1 right."""
    place = box()
    for down in range(30, place["height"], ROW_PX):
        x, y = place["left"] + across * (place["width"] - 24), place["top"] + down
        yield from move(x, y)
        found = yield from copy_under_mouse(keys)
        if wanted(found):
            return x, y + ROW_PX / 2
    return None


def dancers() -> list[bpy.types.Object]:
    """Return all armatures."""
    return [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]


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
        "keys": [_key_count(dancer) for dancer in dancers()],
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


def _key_count(dancer: bpy.types.Object) -> int:
    animation = dancer.animation_data
    if animation is None or animation.action is None:
        return 0
    action: Any = animation.action  # this Blender is 4.3, whose actions have no slots; the stubs are newer
    return len(action.fcurves[0].keyframe_points)


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
        make_background(plain=True), show_every_panel(),
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
