# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the JSON record that a dancer carries, and the upgrade of records written by older releases.

Version 1 (up to release 0.1) had no ``version`` key. Version 2 added it. Version 3 added ``hands``, since dancers may
have fingers. Every change of the record's keys raises
``RECORD_VERSION`` and adds one step to ``UPGRADES``, so that .blend files of all earlier releases stay readable.
"""

from collections.abc import Callable, Mapping
import json
from typing import Any, Final

from ...core.bounded_files import parse_json
from ...core.errors import InputError

RECORD_VERSION: Final = 3
VERSION_KEY: Final = "version"

JsonTable = dict[str, Any]


def _add_version(table: JsonTable) -> JsonTable:
    """Upgrade version 1, whose keys are those of version 2 without the version."""
    return table


def _add_hands(table: JsonTable) -> JsonTable:
    """Upgrade version 2, whose dancers have SMPL's 24 joints and no fingers."""
    return {**table, "hands": "none"}


UPGRADES: Final[Mapping[int, Callable[[JsonTable], JsonTable]]] = {1: _add_version, 2: _add_hands}
"""For each version, the function that turns its table into one of the next version."""


def encode_record(table: Mapping[str, Any]) -> str:
    """Return the JSON text of a record of the current version."""
    return json.dumps({VERSION_KEY: RECORD_VERSION, **table})


def decode_record(text: str, name: str) -> JsonTable:
    """Parse a record of any known version and upgrade it to the current one.

    Args:
        text: JSON text, as it is stored in the file.
        name: Name of the armature, for messages.

    Returns:
        The table of the current version, without its version key.

    Raises:
        InputError: If the record was written by a newer release.
        ValueError: If the text is not a record at all.
    """
    table = parse_json(text)
    if not isinstance(table, dict):
        raise ValueError(f"expected a JSON object, got {type(table).__name__}")  # noqa: TRY004 (a damaged value)
    version = table.pop(VERSION_KEY, 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{version!r} is not a record version")
    if version > RECORD_VERSION:
        raise InputError(
            f"{name} was saved by a newer release of DancePose (record version {version}; this release reads up to "
            f"{RECORD_VERSION}). Update the extension, or import the motion again."
        )
    while version < RECORD_VERSION:
        table = UPGRADES[version](table)
        version += 1
    return table
