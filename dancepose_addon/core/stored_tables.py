# SPDX-License-Identifier: Apache-2.0
"""JSON tables that one command writes for another: a crash or a full disk may have damaged them."""

from pathlib import Path
from typing import Any

from .bounded_files import brief, parse_json, read_document
from .errors import DancePoseError, FormatError


def read_stored_table(path: Path) -> dict[str, Any]:
    """Read a table of DancePose's own.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is damaged.
    """
    try:
        table = parse_json(read_document(path, what="a file of DancePose"))
    except ValueError as error:
        raise FormatError(f"{path} is damaged ({brief(error)}). Delete it, and run what made it again.") from error
    if not isinstance(table, dict):
        raise FormatError(f"{path} is damaged (it is no table). Delete it, and run what made it again.")
    return table


def has_keys(path: Path, *keys: str) -> bool:
    """Tell whether a file is a table of DancePose's own with certain keys.

    Args:
        path: The file.
        keys: Keys that it has to have.
    """
    try:
        return set(keys) <= set(read_stored_table(path))
    except DancePoseError:
        return False
