"""The extension's words as the user's language has them, in lines that the sidebar has room for.

All stand in a context of their own: in Blender's tables, which come first, *Fit*, *Median* or *Top* are other things.
"""

from collections.abc import Callable
from functools import lru_cache
import inspect
import re

import blf
import bpy

from .translations import CONTEXT

ICON_PX = 20.0
MARGINS_PX = 48.0
"""Of a sidebar's width what tabs, scroll bar and a panel's margins take; of a box inside, as much as an icon more."""
PADDING_PX = 12.0
"""Of a label, on both sides of its text."""
WIDEST_TOPIC = 0.55
"""Share of a box that its first column may take."""
PIECES = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]|[^\s\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]+\s*|\s+")
"""Between these a line may end: words, and each letter of scripts without spaces."""


def told(text: str) -> str:
    """In the user's language, where there is a translation."""
    return str(bpy.app.translations.pgettext_iface(text, CONTEXT))


def speak_our_words(cls: type) -> None:
    """Let names of a class, of its properties and of their choices be looked up in the extension's own context. Called
    before the class is registered."""
    if issubclass(cls, bpy.types.Panel | bpy.types.Operator):
        cls.bl_translation_context = CONTEXT  # type: ignore[attr-defined]
    # Only its own: what is inherited of Blender's classes has Blender's words.
    for deferred in inspect.get_annotations(cls).values():
        if hasattr(deferred, "keywords"):
            deferred.keywords.setdefault("translation_context", CONTEXT)


def wrap(text: str, room: float, measure: Callable[[str], float]) -> list[str]:
    """Lines no wider than ``room``; a word that is wider is broken where the line ends."""
    lines, line = [], ""
    for found in PIECES.findall(text):
        piece = found
        if measure((line + piece).rstrip()) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        while len(piece) > 1 and measure(piece.rstrip()) > room:
            count = next((n for n in range(len(piece) - 1, 1, -1) if measure(piece[:n]) <= room), 1)
            lines.append(piece[:count])
            piece = piece[count:]
        line = piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def width_of(text: str, context: bpy.types.Context) -> float:
    """Of a label's text, pixels."""
    return _measured(text, _size(context))


def lines_of(text: str, context: bpy.types.Context, room: float) -> tuple[str, ...]:
    """A paragraph in lines no wider than ``room``, pixels."""
    return _lines(text, max(round(room), 60), _size(context))


def paragraph(
    column: bpy.types.UILayout, context: bpy.types.Context, text: str, room: float, icon: str = "NONE"
) -> None:
    """Labels one below the other, no wider than ``room`` with their icon, pixels; the text is shown as it is."""
    scale = context.preferences.system.ui_scale
    lines = lines_of(text, context, room - (PADDING_PX + (icon != "NONE") * ICON_PX) * scale)
    for number, line in enumerate(lines):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE", translate=False)


def room_in(context: bpy.types.Context, *, boxed: bool = False) -> float:
    """Between the margins of a panel in the sidebar, or of a box in it, pixels."""
    margins = MARGINS_PX + boxed * ICON_PX
    return float(context.region.width - margins * context.preferences.system.ui_scale)


def _size(context: bpy.types.Context) -> float:
    return float(context.preferences.ui_styles[0].widget.points * context.preferences.system.ui_scale)


@lru_cache(maxsize=512)
def _measured(text: str, size: float) -> float:
    blf.size(0, size)
    return float(blf.dimensions(0, text)[0])


@lru_cache(maxsize=256)
def _lines(text: str, room: int, size: float) -> tuple[str, ...]:
    return tuple(wrap(text, room, lambda part: _measured(part, size)))


def topics_share(topics: list[str], context: bpy.types.Context, room: float) -> float:
    """Of a box's width, for a first column that holds the widest of ``topics`` with an icon, of those that leave the
    second one enough."""
    shares = [topic_share(topic, context, room) for topic in topics]
    return max((share for share in shares if share <= WIDEST_TOPIC), default=WIDEST_TOPIC)


def topic_share(topic: str, context: bpy.types.Context, room: float) -> float:
    """As ``topics_share``, for one topic."""
    return (width_of(topic, context) + (ICON_PX + PADDING_PX) * context.preferences.system.ui_scale) / max(room, 1.0)
