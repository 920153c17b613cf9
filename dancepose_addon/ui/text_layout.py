# SPDX-License-Identifier: GPL-3.0-or-later
"""Translated text, broken into lines that fit the sidebar.

All texts of the extension use a separate translation context: Blender's tables take precedence in the default
context, and there *Fit*, *Median* or *Top* mean other things.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
import inspect
import re

import blf
import bpy

from ..blender.narrowing import present, ui_scale_of
from .blender_types import Icon
from .translations import CONTEXT

ICON_PX = 20.0
MARGINS_PX = 48.0
"""Width of tabs, scroll bar and panel margins in a sidebar. A box takes ``ICON_PX`` more."""
PADDING_PX = 12.0
"""Padding of a label, both sides together."""
WIDEST_TOPIC = 0.55
"""Largest share of a box's width for its first column."""
PIECES = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]|[^\s\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]+\s*|\s+")
"""Units that are not broken: words, and single characters of scripts without spaces."""


def translate(text: str) -> str:
    """Return a text in the user's language, or unchanged if there is no translation."""
    return str(bpy.app.translations.pgettext_iface(text, CONTEXT))


def set_translation_context(cls: type) -> None:
    """Set the extension's translation context on a class, its properties and their items.

    Must be called before the class is registered.

    Args:
        cls: Panel, operator or property group.
    """
    if issubclass(cls, bpy.types.Panel | bpy.types.Operator):
        cls.bl_translation_context = CONTEXT
    # Only the class's own annotations: what it inherits from Blender's classes uses Blender's translations.
    for deferred in inspect.get_annotations(cls).values():
        if hasattr(deferred, "keywords"):
            deferred.keywords.setdefault("translation_context", CONTEXT)


def wrap(text: str, room: float, measure: Callable[[str], float]) -> list[str]:
    """Break a text into lines. A word that is wider than a line is broken inside.

    Args:
        text: Text to break.
        room: Maximum width of a line.
        measure: Function that returns the width of a text.

    Returns:
        The lines.
    """
    lines: list[str] = []
    line = ""
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
    """Return the width of a label's text in pixels."""
    return _measure(text, _font_size(context))


def lines_of(text: str, context: bpy.types.Context, room: float) -> tuple[str, ...]:
    """Break a text into lines no wider than ``room`` pixels."""
    return _lines(text, max(round(room), 60), _font_size(context))


def paragraph(
    column: bpy.types.UILayout, context: bpy.types.Context, text: str, room: float, icon: Icon = "NONE"
) -> None:
    """Draw a text as one label per line. The text is not translated.

    Args:
        column: Layout to draw into.
        context: Context of the panel.
        text: Text to draw.
        room: Maximum width including the icon, pixels.
        icon: Icon in front of the first line.
    """
    lines = lines_of(text, context, room - (PADDING_PX + (icon != "NONE") * ICON_PX) * ui_scale_of(context))
    for number, line in enumerate(lines):
        shown: Icon = icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE"
        column.label(text=line, icon=shown, translate=False)


def room_in(context: bpy.types.Context, *, boxed: bool = False) -> float:
    """Return the width between the margins of a sidebar panel, or of a box in it, in pixels."""
    margins = MARGINS_PX + boxed * ICON_PX
    return float(present(context.region).width - margins * ui_scale_of(context))


def _font_size(context: bpy.types.Context) -> float:
    style = present(context.preferences).ui_styles[0]
    return float(present(style.widget).points * ui_scale_of(context))


@lru_cache(maxsize=512)
def _measure(text: str, size: float) -> float:
    blf.size(0, size)
    return float(blf.dimensions(0, text)[0])


@lru_cache(maxsize=256)
def _lines(text: str, room: int, size: float) -> tuple[str, ...]:
    return tuple(wrap(text, room, lambda part: _measure(part, size)))


def topics_share(topics: Sequence[str], context: bpy.types.Context, room: float) -> float:
    """Return the share of a box's width for a first column that holds the topics with an icon.

    Topics that would leave the second column too little space are ignored.

    Args:
        topics: Texts of the first column.
        context: Context of the panel.
        room: Width of the box, pixels.

    Returns:
        A number in (0, ``WIDEST_TOPIC``].
    """
    shares = [topic_share(topic, context, room) for topic in topics]
    return max((share for share in shares if share <= WIDEST_TOPIC), default=WIDEST_TOPIC)


def topic_share(topic: str, context: bpy.types.Context, room: float) -> float:
    """Return the share of a box's width that one topic needs; see ``topics_share``."""
    return (width_of(topic, context) + (ICON_PX + PADDING_PX) * ui_scale_of(context)) / max(room, 1.0)
