# SPDX-License-Identifier: Apache-2.0
"""Whole numbers in documents: Python reads them of any size, and then no float holds them."""

import re
import sys
from typing import Any, Final

LONG_NUMBER: Final = re.compile(r"[0-9]{309}")
"""Digits of the smallest whole numbers that a float does not hold."""


def whole_number(text: str) -> int:
    """Read a whole number that a float can hold.

    Args:
        text: Its digits.

    Raises:
        ValueError: It is too large.
    """
    return require_bounded(int(text))


def require_bounded(value: int) -> int:
    """Return a whole number that a float can hold.

    Raises:
        ValueError: It is too large.
    """
    if abs(value) > sys.float_info.max:
        raise ValueError("it has a whole number of over 308 digits")
    return value


def is_finite_number(value: Any) -> bool:
    """Whether a value of a document is a number, and not a flag, that a float holds and that is finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def require_bounded_numbers(value: Any) -> None:
    """Look through the lists and tables of a document.

    Args:
        value: A document, as Python's parsers return it.

    Raises:
        ValueError: A whole number in it is too large for a float.
    """
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            waiting += entry.values()
        elif isinstance(entry, list):
            waiting += entry
        elif isinstance(entry, int):
            require_bounded(entry)
