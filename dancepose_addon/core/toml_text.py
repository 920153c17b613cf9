# SPDX-License-Identifier: Apache-2.0
"""TOML from files of other people: ``tomllib``, with limits."""

import json
import re
import tomllib
from typing import Any, Final

from .errors import InputError
from .printable_text import quoted
from .whole_numbers import require_bounded_numbers

MAX_TOML_BYTES: Final = 8 << 20
MAX_KEY_STEPS: Final = 2_000_000
"""``tomllib`` follows every part of a key with dots from the document's root: a header of 100,000 parts takes minutes.
A million steps take about a second; a document of 8 MiB with ordinary keys takes a million."""
SHORT: Final = 8
"""Lines with fewer dots are counted as one key, which is quicker and too many rather than too few."""
_QUOTED: Final = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'')
_BETWEEN: Final = re.compile(r"[,=\[\]{}]")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document.

    Args:
        text: The document.

    Returns:
        Its table.

    Raises:
        ValueError: It is not TOML, too large, or has too long keys or numbers.
    """
    if len(text) > MAX_TOML_BYTES:
        raise ValueError(f"it has over {MAX_TOML_BYTES >> 20} MiB")
    if _key_steps(text) > MAX_KEY_STEPS:
        raise ValueError("its keys have too many parts")
    try:
        table = tomllib.loads(text)
        require_bounded_numbers(table)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return table


def toml_string(text: str) -> str:
    """Return a text as a basic string of TOML, which differs from JSON's: it has no pairs of surrogates, and no DEL.

    Args:
        text: Any text.

    Raises:
        InputError: It is the name of a file that is not UTF-8, which TOML cannot hold.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{quoted(text)} is not valid UTF-8, which a TOML file cannot hold. Rename it.") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key_steps(text: str) -> int:
    """Estimate the work for the keys: of d + 1 parts below a header of h, each part takes up to h + d steps."""
    header = steps = 0
    for line in text.split("\n"):
        counts = _dots(line)
        steps += header + sum(dots * (dots + header) for dots in counts)
        if line.lstrip().startswith("["):
            header = max(counts)
    return steps


def _dots(line: str) -> list[int]:
    """Count the dots of each key or value in a line, without those in quotes and comments."""
    found = line.count(".")
    if found < SHORT:
        return [found]
    bare = "".join(_QUOTED.sub('""', line).partition("#")[0].split())
    return [part.count(".") for part in _BETWEEN.split(bare)]
