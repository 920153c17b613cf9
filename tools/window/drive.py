"""Runs inside a real Blender with a window: installs the zip and works the sidebar with the mouse, as a user would.

blender --python drive.py -- FOLDER     FOLDER holds extension.zip and example/; pictures and facts.json go there.

Blender handles the mouse's events between two calls of a timer, so the script is a generator that yields seconds.
"""

from collections.abc import Callable, Generator, Iterator
import importlib
import json
import os
from pathlib import Path
import subprocess
import sys
import traceback
from typing import Any

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
MODULE = "bl_ext.user_default.dancepose"
TAB = "DancePose"
HEADER_PX, HEADER_PITCH_PX = 16, 28
"""Middle of the first header below the sidebar's top, and from one closed panel to the next, at a scale of 1."""
BUTTON_TO_INNER_HEADER_PX = 38
"""From where a button is found, near its upper edge, to the header of the panel inside, if that is next."""
BACKGROUND = (0.35, 0.36, 0.38)
ROW_PX = 7
"""Steps in which the mouse looks for a button."""
FIT_TIMEOUT_S = 120.0
LANGUAGES = ("zh_HANS", "ja_JP")
BLENDERS_OWN = ("Median", "Fit", "Top", "Skin")
"""Words for which Blender has a translation, of another thing."""

Steps = Generator[float, None, Any]
facts: dict[str, Any] = {"blender": bpy.app.version_string, "pictures": {}}


def xdotool(*words: object) -> None:
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


def view() -> bpy.types.Area:
    (window,) = bpy.context.window_manager.windows
    return max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width)


def sidebar() -> bpy.types.Region:
    return next(region for region in view().regions if region.type == "UI")


def box() -> dict[str, int]:
    """The sidebar on the screen, pixels from its top left corner."""
    region, (window,) = sidebar(), bpy.context.window_manager.windows
    return {
        "left": region.x,
        "top": window.height - region.y - region.height,
        "width": region.width,
        "height": region.height,
    }


def move(x: float, y: float) -> Steps:
    xdotool("mousemove", round(x), round(y))
    yield 0.08


def click(x: float, y: float, *, times: int = 1) -> Steps:
    # Blender looks at where the mouse is before it looks at what it does.
    yield from move(x - 1, y)
    yield from move(x, y)
    xdotool("click", "--repeat", times, "--delay", 60, 1)
    yield 0.4


def picture(name: str) -> Steps:
    """The whole screen, with the mouse out of the way."""
    yield from move(400, 620)
    yield 0.5
    path = FOLDER / f"{name}.png"
    subprocess.run(["import", "-window", "root", str(path)], check=True, timeout=60)
    facts["pictures"][name] = {"file": path.name, **box()}


def open_tab() -> Steps:
    """Click down the tabs until the right one is open."""
    place = box()
    for down in range(20, place["height"], 20):
        if sidebar().active_panel_category == TAB:
            break
        yield from click(place["left"] + place["width"] - 12, place["top"] + down)
    facts["tab"] = sidebar().active_panel_category


def panels() -> list[Any]:
    """The panels of the tab that Blender shows now, from top to bottom."""
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
    """Of the panel of that number where all above it are closed."""
    place = box()
    return place["left"] + 60, place["top"] + HEADER_PX + HEADER_PITCH_PX * number


def what_is_under_the_mouse(keys: str) -> Steps:
    """What Blender copies of the button there."""
    bpy.context.window_manager.clipboard = "nothing"
    xdotool("key", keys)
    yield 0.12
    return bpy.context.window_manager.clipboard


def find(wanted: Callable[[str], bool], *, keys: str, across: float) -> Steps:
    """Where the button is of which Blender copies something wanted; None if nowhere. across: 0 left, 1 right."""
    place = box()
    for down in range(30, place["height"], ROW_PX):
        x, y = place["left"] + across * (place["width"] - 24), place["top"] + down
        yield from move(x, y)
        found = yield from what_is_under_the_mouse(keys)
        if wanted(found):
            return x, y + ROW_PX / 2
    return None


def dancers() -> list[bpy.types.Object]:
    return [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]


def set_source() -> Steps:
    """Type the path into the field, as one does who has it at hand."""
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
    facts["source"] = bpy.context.scene.dancepose.source


def press_fit() -> Steps:
    """Find the button and press it."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_fit"), keys="ctrl+c", across=0.5)
    facts["fit_button"] = place
    if place is not None:
        yield from click(*place)


def import_and_fit() -> Steps:
    """Press the button and wait."""
    yield from press_fit()
    waited = 0.0
    while not dancers() and waited < FIT_TIMEOUT_S:
        yield 0.25
        waited += 0.25
    yield 1.5
    facts["seconds"] = waited
    facts["fitted"] = state()
    facts["result"] = bpy.context.scene.dancepose.result


def state() -> dict[str, Any]:
    """What an undo or an ESC has to leave or to bring back."""
    return {
        "dancers": [dancer.name for dancer in dancers()],
        "keys": [_key_count(dancer) for dancer in dancers()],
        "data": {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "armatures", "actions")},
        "problem": bpy.context.scene.dancepose.problem,
    }


def undo_and_redo() -> Steps:
    """One step back, and one forth, with the keys."""
    for name, keys in (("undone", "ctrl+z"), ("redone", "ctrl+shift+z")):
        yield from move(400, 560)
        xdotool("key", keys)
        yield 1.5
        facts[name] = state()


def escape() -> Steps:
    """Fit again, as another dancer, and change one's mind."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_fit"), keys="ctrl+c", across=0.5)
    dancers()[0].dancepose.on_import = "ADD"
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
    dancers()[0].dancepose.on_import = "REPLACE"


def _running() -> list[Any]:
    (window,) = bpy.context.window_manager.windows
    return list(getattr(window, "modal_operators", ()))


def _key_count(dancer: bpy.types.Object) -> int:
    animation = dancer.animation_data
    return 0 if animation is None or animation.action is None else len(animation.action.fcurves[0].keyframe_points)


def show_override() -> Steps:
    """The panel inside the first one: below its last button, while nothing has been imported yet."""
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.import_motions"), keys="ctrl+c", across=0.5)
    if place is None:
        return
    inner = place[0] - 80, place[1] + BUTTON_TO_INNER_HEADER_PX
    yield from click(*inner)
    for language in ("en_US", *LANGUAGES):
        yield from speak(language)
        name = "panel-reading" if language == "en_US" else f"{language}-reading"
        yield from picture(name)
        facts["pictures"][name]["from"] = round(inner[1]) - HEADER_PX
    yield from speak("en_US")
    yield from click(*inner)


def make_background(*, plain: bool) -> Steps:
    """The sidebar lies over the view: pictures of it should show nothing else."""
    space = view().spaces.active
    space.overlay.show_overlays = space.show_gizmo = space.show_region_toolbar = not plain
    space.shading.background_type = "VIEWPORT" if plain else "THEME"
    space.shading.background_color = BACKGROUND
    for thing in bpy.context.scene.objects:
        thing.hide_set(plain)
    yield 0.5


def look_at_the_dancer() -> Steps:
    """As one would with the numpad."""
    area = view()
    region = next(region for region in area.regions if region.type == "WINDOW")
    (window,) = bpy.context.window_manager.windows
    bpy.context.scene.frame_set(120)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_orbit(angle=0.3, type="ORBITLEFT")
        bpy.ops.view3d.view_selected()
    yield 1.0


def speak(language: str) -> Steps:
    """Blender's interface in another language, and what it then shows for the extension's words and for its own."""
    preferences = bpy.context.preferences.view
    preferences.language = language
    preferences.use_translate_interface = language != "en_US"
    yield 0.5
    translations = importlib.import_module(f"{MODULE}.ui.translations")
    look_up = bpy.app.translations.pgettext_iface
    words = [text for _, text in translations.TRANSLATIONS[LANGUAGES[0]]]
    facts.setdefault("words", {})[language] = {text: look_up(text, translations.CONTEXT) for text in words}
    facts.setdefault("own_words", {})[language] = {text: look_up(text) for text in BLENDERS_OWN}
    facts.setdefault("widths", {})[language] = dict(_widths())


def _widths() -> Iterator[tuple[str, tuple[str, float]]]:
    """Of what a property's row holds: its kind and name, and the widest text, in pixels at the scale that there is."""
    wording = importlib.import_module(f"{MODULE}.ui.wording")
    context = bpy.context

    def widest(texts: list[str]) -> tuple[str, float]:
        return max(
            ((text, wording.width_of(text, context)) for text in map(wording.told, texts)), key=lambda pair: pair[1]
        )

    for group in (context.scene.dancepose, context.scene.dancepose_stage):
        for name, prop in group.bl_rna.properties.items():
            if prop.is_hidden or name in ("rna_type", "name"):
                continue
            kind = "checkbox" if prop.type == "BOOLEAN" else "label"
            yield f"{kind} {name}", widest([prop.name])
            if prop.type == "ENUM" and name != "on_import":
                yield f"choice {name}", widest([item.name for item in prop.enum_items])


def show_every_panel() -> Steps:
    """Each panel in each language, open alone."""
    names = [cls.__name__.removeprefix("DANCEPOSE_PT_") for cls in panels()]
    facts["panels"] = names
    # In a fresh file the first panel alone is open.
    yield from click(*header(0))
    yield from picture("closed")
    yield from _open_each(names, "panel")
    for language in LANGUAGES:
        yield from speak(language)
        yield from _open_each(names, language)
    yield from speak("en_US")


def _open_each(names: list[str], prefix: str) -> Steps:
    """Open each panel alone, photograph it, scroll where it is longer than the view, close it."""
    for number, name in enumerate(names):
        yield from click(*header(number))
        yield from picture(f"{prefix}-{name}")
        yield from _scrolled(f"{prefix}-{name}")
        yield from click(*header(number))


def _scrolled(name: str) -> Steps:
    """Further pictures down a panel, until the wheel changes nothing; then back to the top."""
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
    """All of it."""
    yield 1.0
    view().spaces.active.show_region_ui = True
    yield 1.0
    yield from open_tab()
    yield from set_source()
    yield from make_background(plain=True)
    yield from show_override()
    yield from make_background(plain=False)
    yield from import_and_fit()
    yield from look_at_the_dancer()
    yield from picture("window")
    yield from undo_and_redo()
    yield from escape()
    yield from make_background(plain=True)
    yield from show_every_panel()


def start() -> None:
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
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


start()
