# SPDX-License-Identifier: Apache-2.0
"""Text that came from a file or a user, made safe to show on a terminal, in a log or in a panel."""

import json
import re
from typing import Final

MAX_QUOTE: Final = 60
"""Characters that a message quotes of one value: enough to recognise a name, too few to hide the sentence."""
MAX_MESSAGE: Final = 1000
"""Characters of one line of a message: more than any message of DancePose needs."""
MAX_PARAGRAPHS: Final = 40
"""Lines of one message. Only lists of files and the last words of a crashed Blender have more than one."""
CUT: Final = " [...] "


def quoted(value: object, limit: int = MAX_QUOTE) -> str:
    """Show a value that a file or a user chose inside a message.

    Containers are not converted to text, because a small file can describe one of any size.

    Args:
        value: Text, bytes or a number; anything else is shown by the name of its type.
        limit: Characters to show at most, without the quotation marks.

    Returns:
        The value without control characters, with quotation marks around text.
    """
    if isinstance(value, bytes | bytearray):
        value = bytes(value[: limit + 1]).decode("latin-1")
    if isinstance(value, str):
        return f"'{shown_name(value, limit)}'"
    if isinstance(value, int) and value.bit_length() > 4 * limit:
        return f"a number of {value.bit_length()} bits"
    if value is None or isinstance(value, int | float):
        return str(value)
    return f"a {type(value).__name__}"


def shown_name(text: str, limit: int = MAX_QUOTE) -> str:
    """Show a name without quotation marks.

    Args:
        text: As a file or a user wrote it.
        limit: Characters to show at most.

    Returns:
        The name without control characters.
    """
    return shortened(escaped(text[: 4 * limit]), limit)


def escaped(text: str) -> str:
    """Replace what a terminal would obey or could not show.

    Args:
        text: Any text, also with the lone surrogates that Python uses for names that are not UTF-8.

    Returns:
        The text with control characters, bidirectional controls, lone surrogates and unassigned characters as
        backslash escapes.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def unicode_json(value: object) -> str:
    """Format JSON values as text that every reader of JSON accepts.

    Args:
        value: The values; their texts may hold the lone surrogates of names that are not UTF-8.

    Returns:
        JSON with sorted keys; a lone surrogate is spelled as its backslash escape, since it is no character.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\\\u{ord(found.group()):04x}", text)


def escaped_lines(text: str) -> str:
    """Escape what a terminal would obey, and keep the line breaks.

    Args:
        text: Several lines.

    Returns:
        As many lines.
    """
    return "\n".join(map(escaped, text.split("\n")))


def shortened(text: str, limit: int) -> str:
    """Cut the middle out of a long text, so that its beginning and its end stay.

    Args:
        text: Any text.
        limit: Characters to return at most; at least 16.

    Returns:
        The text, or its beginning and its end.
    """
    if len(text) <= limit:
        return text
    kept = limit - len(CUT)
    return text[: kept - kept // 3] + CUT + text[len(text) - kept // 3 :]


def printable(message: object) -> str:
    """Make a whole message safe to print. Every expected failure passes through here (``errors.DancePoseError``).

    Args:
        message: An error or its text. Lines are kept, since lists of files have several.

    Returns:
        At most 40 lines, each of at most 1000 printable characters.
    """
    lines = str(message).split("\n", MAX_PARAGRAPHS)
    kept = [shortened(escaped(line[: 8 * MAX_MESSAGE].rstrip("\r")), MAX_MESSAGE) for line in lines[:MAX_PARAGRAPHS]]
    return "\n".join([*kept, *(["..."] if len(lines) > MAX_PARAGRAPHS else [])])
