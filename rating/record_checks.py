# SPDX-License-Identifier: Apache-2.0
"""Records as frozen dataclasses: reading from JSON values with one sentence per fault, and writing."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, field, fields
from datetime import datetime
import difflib
import re
from typing import Any, Final, NoReturn, TypeVar

from dancepose.study.plan.values import Check
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.whole_numbers import is_finite_number

T = TypeVar("T")

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
HEX: Final = re.compile(r"[0-9a-f]{16,128}")
UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")
MOST_TEXT: Final = 100_000


def key(check: Check, default: Any = MISSING) -> Any:
    """Declare a key of a record.

    Args:
        check: Check and conversion of its value.
        default: Value where the key is missing; without a default it is required.
    """
    if default is MISSING:
        return field(metadata={"check": check})
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"check": check})
    return field(default=default, metadata={"check": check})


def record_from(kind: type[T], value: Any, where: str) -> T:
    """Make a record from a JSON object.

    Args:
        kind: A dataclass whose fields are declared with `key`.
        value: The JSON value.
        where: Its place, for messages.

    Raises:
        FormatError: A key is missing or unknown, or a value is not allowed.
    """
    if not isinstance(value, Mapping):
        _reject(value, where, "an object")
    declared = {item.name: item for item in fields(kind) if item.metadata}  # type: ignore[arg-type]
    unknown = [name for name in value if name not in declared]
    if unknown:
        near = difflib.get_close_matches(unknown[0], declared, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(declared)}."
        raise FormatError(f"{where} has the unknown key {unknown[0]!r:.100}. {hint}")
    missing = [name for name, item in declared.items() if _is_required(item) and name not in value]
    if missing:
        raise FormatError(f"{where} lacks the key {missing[0]!r}.")
    found = {
        name: item.metadata["check"](value[name], f"{where}, {name}")
        for name, item in declared.items()
        if name in value
    }
    return kind(**found)


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def plain_values(record: Any) -> dict[str, Any]:
    """Return the JSON values of a record."""
    return {name: _plain(value) for name, value in asdict(record).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return value


def _reject(value: Any, where: str, expected: str) -> NoReturn:
    raise FormatError(f"{where} is {value!r:.200}; expected {expected}.")


def records_of(kind: type) -> Check:
    """Make a check for a list of records."""

    def check(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            _reject(value, where, "a list of objects")
        return tuple(record_from(kind, entry, f"{where} {number}") for number, entry in enumerate(value, 1))

    return check


def record_of(kind: type, *, optional: bool = False) -> Check:
    """Make a check for one record, or null where it is optional."""

    def check(value: Any, where: str) -> Any:
        return None if optional and value is None else record_from(kind, value, where)

    return check


def list_of(entry_check: Check, *, least: int = 0, most: int = 100_000) -> Check:
    """Make a check for a list of values, with bounds on its length."""

    def check(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            _reject(value, where, f"a list of {least} to {most} entries")
        return tuple(entry_check(entry, f"{where} {number}") for number, entry in enumerate(value, 1))

    return check


def table_of_values(entry_check: Check, name_check: Check | None = None) -> Check:
    """Make a check for an object whose values are all of one kind."""

    def check(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            _reject(value, where, "an object")
        for name in value:
            (name_check or check_identifier)(name, f"{where}, the key {name!r:.100}")
        return {name: entry_check(entry, f"{where}, {name}") for name, entry in value.items()}

    return check


def matching(pattern: re.Pattern[str], expected: str) -> Check:
    """Make a check for text of a pattern."""

    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _reject(value, where, expected)
        return value

    return check


check_identifier: Final = matching(IDENTIFIER, "up to 64 letters, digits, _ and -")
check_language: Final = matching(LANGUAGE, "a language code, such as en or zh")
check_hex: Final = matching(HEX, "a hash in lower-case hexadecimal digits")


def check_any_text(value: Any, where: str) -> str:
    """Require text, which may be empty."""
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        _reject(value, where, f"text of at most {MOST_TEXT} characters")
    return value


def is_utc(value: Any) -> bool:
    """Whether a JSON value is a time in UTC that exists."""
    if not isinstance(value, str) or not UTC.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def check_utc(value: Any, where: str) -> str:
    """Require a time in UTC."""
    if not is_utc(value):
        _reject(value, where, "a time in UTC, such as 2026-01-31T12:00:00Z")
    return str(value)


def optional(check: Check) -> Check:
    """Make a check that also accepts null."""

    def checked(value: Any, where: str) -> Any:
        return None if value is None else check(value, where)

    return checked


def one_of_checks(expected: str, *checks: Callable[[Any], bool]) -> Check:
    """Make a check for a value that fulfils at least one condition."""

    def check(value: Any, where: str) -> Any:
        if not any(condition(value) for condition in checks):
            _reject(value, where, expected)
        return value

    return check


def is_whole(value: Any) -> bool:
    """Whether a JSON value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return is_finite_number(value)
