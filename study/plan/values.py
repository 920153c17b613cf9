# SPDX-License-Identifier: Apache-2.0
"""Checks of single values of study.toml: each returns the converted value, or says what was expected."""

from collections.abc import Callable, Sequence
import os
import re
from typing import Any, Final, NoReturn, TypeAlias

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.options import Option
from dancepose_addon.core.picture_options import parse_colours
from dancepose_addon.core.skeleton.layouts import LAYOUTS, SUFFIX
from dancepose_addon.core.skeleton.recording import NO_HINTS
from dancepose_addon.core.whole_numbers import is_finite_number

Check: TypeAlias = Callable[[Any, str], Any]
"""Takes a value and where it is; returns the converted value or raises FormatError."""
REQUIRED: Final = object()
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
LONGEST_TITLE: Final = 200
LONGEST_NAME: Final = 100
"""Characters of a name: names become parts of file names, which have at most 255 bytes."""
MOST_BETA: Final = 10.0
SIZE_PX: Final = (16, 8192)


def _refuse(value: Any, where: str, expected: str) -> NoReturn:
    raise FormatError(f"{where} is {value!r:.200}; expected {expected}.")


def check_text(value: Any, where: str) -> str:
    """Require text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        _refuse(value, where, "text")
    return value


def check_title(value: Any, where: str) -> str:
    """Require one short line of text, as it is shown in reports."""
    if not check_text(value, where).isprintable() or len(value) > LONGEST_TITLE:
        _refuse(value, where, f"one line of at most {LONGEST_TITLE} printable characters")
    return str(value)


def check_path(value: Any, where: str) -> str:
    """Require a path; ``~`` is expanded to the home folder."""
    path = os.path.expanduser(check_text(value, where))  # noqa: PTH111  (a glob or a pattern stays text)
    if path.startswith("~") or any(ord(character) < 32 or ord(character) == 127 for character in path):
        _refuse(value, where, "a path without control characters; `~` alone means your home folder")
    return path


def check_name(value: Any, where: str) -> str:
    """Require a name that can be part of any file name."""
    if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > LONGEST_NAME:
        _refuse(
            value,
            where,
            "a name of letters, digits and _ . + - that begins with a letter or digit, of at most "
            f"{LONGEST_NAME} characters",
        )
    return value


def check_read(value: Any, where: str) -> str:
    """Require hints for the readers, as of ``--read``: up=z,unit=cm."""
    text = check_text(value, where)
    try:
        NO_HINTS.with_text(text)
    except InputError as error:
        raise FormatError(f"{where} is {text!r:.200}: {error}") from error
    return text


def check_flag(value: Any, where: str) -> bool:
    """Require true or false."""
    if not isinstance(value, bool):
        _refuse(value, where, "true or false")
    return value


def number_from(least: float, most: float) -> Check:
    """Make a check for a number in a range, ends included."""

    def check(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            _refuse(value, where, f"a number from {least:g} to {most:g}")
        return float(value)

    return check


def whole_from(least: int, most: int) -> Check:
    """Make a check for an integer in a range, ends included."""

    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _refuse(value, where, f"a whole number from {least} to {most}")
        return value

    return check


def check_layout_name(value: Any, where: str) -> str:
    """Require the name of a layout, or the path of a layout file."""
    if isinstance(value, str) and value.endswith(SUFFIX):
        return check_path(value, where)
    if value not in LAYOUTS:
        _refuse(value, where, f"one of {', '.join(LAYOUTS)}, or the path of a {SUFFIX} file")
    return str(value)


def one_of(*words: str, renamed: dict[str, str] | None = None) -> Check:
    """Make a check for one of several words.

    Args:
        words: The words.
        renamed: Words of earlier versions, and what they are called now.
    """

    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in (*words, *(renamed or ())):
            _refuse(value, where, f"one of {', '.join(words)}")
        return (renamed or {}).get(value, value)

    return check


def several_of(*words: str) -> Check:
    """Make a check for a list of words, each at most once."""

    def check(value: Any, where: str) -> tuple[str, ...]:
        if not _is_list(value) or any(word not in words for word in value) or len(set(value)) != len(value):
            _refuse(value, where, f"a list of {', '.join(words)}")
        return tuple(value)

    return check


def fit_option_check(option: Option) -> Check:
    """Make a check for an option of the fit, from the table of fit options."""

    def check(value: Any, where: str) -> Any:
        wanted = (int, float) if option.kind is float else (option.kind,)
        right = isinstance(value, wanted) and (option.kind is bool or not isinstance(value, bool))
        try:
            return option.check(option.kind(value)) if right else _refuse(value, where, option.expected)
        except ValueError:
            _refuse(value, where, option.expected)

    return check


def check_seconds(value: Any, where: str) -> tuple[float, ...]:
    """Require a list of times in seconds, none negative."""
    if not _is_list(value) or not all(is_finite_number(entry) and entry >= 0 for entry in value):
        _refuse(value, where, "a list of seconds, 0 or more")
    return tuple(float(entry) for entry in value)


def check_betas(value: Any, where: str) -> tuple[float, ...]:
    """Require a list of SMPL shape coefficients."""
    if not _is_list(value) or not all(is_finite_number(entry) and abs(entry) <= MOST_BETA for entry in value):
        _refuse(value, where, f"a list of betas, each from {-MOST_BETA:g} to {MOST_BETA:g}")
    return tuple(float(entry) for entry in value)


def check_counts(value: Any, where: str) -> tuple[int, ...]:
    """Require a list of integers, none negative."""
    if not _is_list(value) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value):
        _refuse(value, where, "a list of whole numbers, 0 or more")
    return tuple(value)


def check_size(value: Any, where: str) -> tuple[int, int]:
    """Require [width, height] that H.264 can encode."""
    valid = _is_list(value) and len(value) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    least, most = SIZE_PX
    if not valid or any(n % 2 or not least <= n <= most for n in value):
        _refuse(value, where, f"[width, height] in pixels, even numbers from {least} to {most}")
    return value[0], value[1]


def check_colour(value: Any, where: str) -> tuple[float, float, float]:
    """Require [red, green, blue], linear."""
    if not _is_list(value) or len(value) != 3 or not all(is_finite_number(n) and 0.0 <= n <= 1.0 for n in value):
        _refuse(value, where, "[red, green, blue], each from 0 to 1")
    red, green, blue = (float(n) for n in value)
    return red, green, blue


def check_material_colours(value: Any, where: str) -> str:
    """Require ``material=hex`` pairs between commas, or nothing."""
    text = value if isinstance(value, str) else ""
    try:
        parse_colours(text)
    except ValueError:
        text = ""
    if text != value:
        _refuse(value, where, "materials and sRGB colours, such as top=3a6ea5,trousers=222222")
    return text


def check_interval(value: Any, where: str) -> tuple[float, float]:
    """Require [start, end] in seconds."""
    if (
        not _is_list(value)
        or len(value) != 2
        or not all(is_finite_number(n) for n in value)
        or not 0 <= value[0] < value[1]
    ):
        _refuse(value, where, "[start, end] in seconds, start before end")
    return float(value[0]), float(value[1])


def check_intervals(value: Any, where: str) -> tuple[tuple[float, float], ...]:
    """Require a list of [start, end] in seconds, at least one, none twice."""
    if not _is_list(value) or not value:
        _refuse(value, where, "a list of [start, end] in seconds")
    found = tuple(check_interval(entry, where) for entry in value)
    if len(set(found)) != len(found):
        _refuse(value, where, "every segment only once")
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
