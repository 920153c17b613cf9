# SPDX-License-Identifier: GPL-3.0-or-later
"""Mouse, keys and pictures of a Blender with a window, for the scripts that run inside it.

Blender handles mouse events between two calls of a timer, so each step yields waiting times in seconds.
"""

from collections.abc import Callable, Generator
from pathlib import Path
import subprocess
import sys
from typing import Any, TypeVar, cast

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
TAB = "DancePose"
HEADER_PX, HEADER_PITCH_PX = 16, 28  # first header's centre from the sidebar's top; one closed panel to the next
ROW_PX = 7  # step of the mouse while it searches for a button

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
