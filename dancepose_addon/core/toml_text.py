# SPDX-License-Identifier: Apache-2.0
"""TOML from files of other people: ``tomllib``, with limits."""

import re
import tomllib
from typing import Any, Final

MAX_TOML_BYTES: Final = 1 << 20
"""Of a document: the time for the longest one that the other limit allows stays at some seconds."""
MAX_KEY_PARTS: Final = 100
"""Of a key with dots. ``tomllib`` takes time that grows with the square of this number, or more: minutes for 200 kB."""
_QUOTED: Final = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'')
_BETWEEN: Final = re.compile(r"[,=\[\]{}#]")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document.

    Args:
        text: The document.

    Returns:
        Its table.

    Raises:
        ValueError: It is not TOML, too large, or has keys of too many parts.
    """
    if len(text) > MAX_TOML_BYTES:
        raise ValueError(f"it has over {MAX_TOML_BYTES >> 20} MiB")
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_KEY_PARTS:
            bare = "".join(_QUOTED.sub('""', line).split())
            if any(part.count(".") > MAX_KEY_PARTS for part in _BETWEEN.split(bare)):
                raise ValueError(f"a key has over {MAX_KEY_PARTS} parts in line {number}")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
