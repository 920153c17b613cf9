"""Checks of single values of study.toml: each returns the value as Python wants it, or says what was expected."""

from collections.abc import Callable, Sequence
import math
import re
from typing import Any, Final, NoReturn, TypeAlias

from dancepose_addon.core.errors import FormatError

Check: TypeAlias = Callable[[Any, str], Any]
REQUIRED: Final = object()
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def _refuse(value: Any, where: str, expected: str) -> NoReturn:
    raise FormatError(f"{where} is {value!r}; expected {expected}.")


def text(value: Any, where: str) -> str:
    """Words, not empty."""
    if not isinstance(value, str) or not value.strip():
        _refuse(value, where, "text")
    return value


def name(value: Any, where: str) -> str:
    """A name that may be part of any file's name."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        _refuse(value, where, "letters, digits and _ . + - alone, beginning with a letter or digit: it names files")
    return value


def flag(value: Any, where: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        _refuse(value, where, "true or false")
    return value


def number(least: float, most: float) -> Check:
    """A check for a number in a range, ends included."""

    def check(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            _refuse(value, where, f"a number from {least:g} to {most:g}")
        return float(value)

    return check


def whole(least: int, most: int) -> Check:
    """A check for a whole number in a range, ends included."""

    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _refuse(value, where, f"a whole number from {least} to {most}")
        return value

    return check


def one_of(*words: str) -> Check:
    """A check for one of some words."""

    def check(value: Any, where: str) -> str:
        if value not in words or not isinstance(value, str):
            _refuse(value, where, f"one of {', '.join(words)}")
        return value

    return check


def several_of(*words: str) -> Check:
    """A check for a list of some words, each at most once."""

    def check(value: Any, where: str) -> tuple[str, ...]:
        if not _is_list(value) or any(word not in words for word in value) or len(set(value)) != len(value):
            _refuse(value, where, f"a list of {', '.join(words)}")
        return tuple(value)

    return check


def numbers(value: Any, where: str) -> tuple[float, ...]:
    """A list of seconds, none negative."""
    if not _is_list(value) or not all(_is_number(entry) and entry >= 0 for entry in value):
        _refuse(value, where, "a list of seconds, 0 or more")
    return tuple(float(entry) for entry in value)


def shape(value: Any, where: str) -> tuple[float, ...]:
    """A list of SMPL's betas."""
    if not _is_list(value) or not all(_is_number(entry) and abs(entry) <= 10 for entry in value):
        _refuse(value, where, "a list of betas, each from -10 to 10")
    return tuple(float(entry) for entry in value)


def wholes(value: Any, where: str) -> tuple[int, ...]:
    """A list of whole numbers, none negative."""
    if not _is_list(value) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value):
        _refuse(value, where, "a list of whole numbers, 0 or more")
    return tuple(value)


def size(value: Any, where: str) -> tuple[int, int]:
    """[width, height] that H.264 can film."""
    fine = _is_list(value) and len(value) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    if not fine or any(n % 2 or not 16 <= n <= 8192 for n in value):
        _refuse(value, where, "[width, height] in pixels, even numbers from 16 to 8192")
    return value[0], value[1]


def colour(value: Any, where: str) -> tuple[float, float, float]:
    """[red, green, blue], linear."""
    if not _is_list(value) or len(value) != 3 or not all(_is_number(n) and 0.0 <= n <= 1.0 for n in value):
        _refuse(value, where, "[red, green, blue], each from 0 to 1")
    red, green, blue = (float(n) for n in value)
    return red, green, blue


def interval(value: Any, where: str) -> tuple[float, float]:
    """[from, to] in seconds."""
    if not _is_list(value) or len(value) != 2 or not all(_is_number(n) for n in value) or not 0 <= value[0] < value[1]:
        _refuse(value, where, "[from, to] in seconds, from before to")
    return float(value[0]), float(value[1])


def intervals(value: Any, where: str) -> tuple[tuple[float, float], ...]:
    """A list of [from, to] in seconds, at least one, none twice."""
    if not _is_list(value) or not value:
        _refuse(value, where, "a list of [from, to] in seconds")
    found = tuple(interval(entry, where) for entry in value)
    if len(set(found)) != len(found):
        _refuse(value, where, "every segment once")
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
