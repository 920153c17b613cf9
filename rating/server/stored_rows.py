# SPDX-License-Identifier: Apache-2.0
"""Reading a database that may have been damaged or edited: rows that are no records, and tables that are computed."""

from contextlib import closing
from pathlib import Path
import sqlite3
from typing import Any, Final

from dancepose_addon.core.bounded_files import brief, parse_json
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.printable_text import quoted

BUSY_S: Final = 10.0
ANY_ROW: Final = "SELECT session FROM sessions UNION ALL SELECT session FROM votes"
COMPUTED: Final = "SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%'"
"""What makes rows up, possibly without end."""
MOST_RECORD_CHARACTERS: Final = 1 << 20
"""Of one vote or session; the server takes 64 KiB."""


def require_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database whose rows are computed; closes it then.

    Args:
        connection: The database.
        path: Its file, for the message.

    Raises:
        FormatError: It has a view, a trigger or a virtual table.
    """
    other = connection.execute(COMPUTED).fetchone()
    if other is not None:
        connection.close()
        raise FormatError(f"{path} has {quoted(other[0])}, which DancePose does not make. Restore it from a copy.")


def record_of_row(text: Any) -> dict[str, Any]:
    """Read the JSON object of a row.

    Args:
        text: The value of the column.

    Raises:
        FormatError: It is no text, no JSON object, or longer than a million characters.
    """
    record, why = None, "it is no text of a record"
    if isinstance(text, str) and len(text) <= MOST_RECORD_CHARACTERS:
        try:
            record, why = parse_json(text), "it is no object"
        except (ValueError, RecursionError) as error:
            why = brief(error)
    if not isinstance(record, dict):
        raise FormatError(
            f"The database has a damaged record ({why}). Restore it from a copy; answer files of raters can be "
            "imported again."
        )
    return record


def holds_answers(path: Path) -> bool:
    """Return whether an SQLite file has sessions or votes; also where that cannot be found out."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            if connection.execute(COMPUTED).fetchone() is not None:
                return True
            return connection.execute(f"{ANY_ROW} LIMIT 1").fetchone() is not None
    except sqlite3.Error as error:
        return "no such table" not in str(error)
