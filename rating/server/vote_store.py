# SPDX-License-Identifier: Apache-2.0
"""Sessions and votes in SQLite or PostgreSQL. A vote is on the disk before it is acknowledged, and stored once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import sqlite3
import threading
from typing import Any, Final, Protocol

from dancepose_addon.core.errors import DancePoseError, FormatError, OutputError

from ..records import RatingPlan
from .network_disks import require_local_disk
from .stored_rows import ANY_ROW, BUSY_S, record_of_row, require_tables

VOTELESS_S: Final = 300.0
"""After this time without a first vote a slot is given to another rater, where no other slot is free."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    session TEXT PRIMARY KEY, slot TEXT, platform TEXT NOT NULL, participant TEXT NOT NULL, status TEXT NOT NULL,
    seen DOUBLE PRECISION NOT NULL, excluded INTEGER NOT NULL, record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_participant ON sessions (participant);
CREATE TABLE IF NOT EXISTS votes (
    session TEXT NOT NULL, trial INTEGER NOT NULL, skipped INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (session, trial)
)
"""
COLUMNS: Final = "session, slot, platform, participant, status, excluded, record"


class StoreBusyError(DancePoseError):
    """The database cannot store anything at the moment; the page tries again."""


@dataclass(frozen=True)
class StoredSession:
    """A row of the table of sessions.

    Attributes:
        session: Random id.
        slot: Its slot; None for visitors who did not consent.
        platform: Where the rater comes from.
        participant: HMAC of the platform's id, or "".
        status: As in sessions.jsonl.
        is_excluded: Whether its slot was given to another rater.
        record: The JSON line of the session.
    """

    session: str
    slot: str | None
    platform: str
    participant: str
    status: str
    is_excluded: bool
    record: dict[str, Any]


class Cursor(Protocol):
    """What is used of a cursor (PEP 249)."""

    rowcount: int

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""

    def fetchall(self) -> list[Any]:
        """Return all rows."""


class VoteStore:
    """The database of one rating.

    Args:
        address: Path of an SQLite file, or ``postgresql://...``.
        plan: The plan that its votes belong to.

    Raises:
        OutputError: The database cannot be opened, or is on a network disk.
        FormatError: It belongs to another plan.
    """

    def __init__(self, address: Path | str, plan: RatingPlan) -> None:
        self._lock = threading.RLock()
        self._address = address
        self._is_sqlite = isinstance(address, Path)
        self._connection: Any = None
        with self._change() as cursor:
            for statement in TABLES.split(";"):
                cursor.execute(statement)
            self._execute(cursor, "INSERT INTO facts VALUES ('plan', ?) ON CONFLICT DO NOTHING", plan.hash)
            stored = self._rows(cursor, "SELECT value FROM facts WHERE name = 'plan'")[0][0]
            if stored != plan.hash and not self._rows(cursor, f"{ANY_ROW} LIMIT 1"):
                self._execute(cursor, "UPDATE facts SET value = ? WHERE name = 'plan'", plan.hash)
                stored = plan.hash
        if stored != plan.hash:
            self.close()
            other = f"move {address.name} to another folder" if isinstance(address, Path) else "use another database"
            raise FormatError(
                f"The database holds votes of another plan ({stored[:12]}, expected {plan.hash[:12]}). Restore the "
                f"plan they were collected with, or {other} for a new study."
            )

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> Any:
        if self._connection is None:
            self._connection = self._open_sqlite() if self._is_sqlite else self._open_postgres()
        return self._connection

    def _open_sqlite(self) -> Any:
        path = Path(self._address)
        require_local_disk(path.parent)
        try:
            connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            connection.execute("PRAGMA synchronous=FULL")
            # What is forgotten is overwritten with zeros.
            connection.execute("PRAGMA secure_delete=ON")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreBusyError(f"{path} is locked by another program. Close it and try again.") from error
            raise OutputError(
                f"{path} cannot be opened as a database ({error}). Check the folder's permissions."
            ) from error
        except sqlite3.DatabaseError as error:
            raise FormatError(f"{path} is damaged or no database ({error}). Restore it from a copy.") from error
        require_tables(connection, path)
        if mode != "wal":
            raise OutputError(f"{path} is on a disk without write-ahead logs. Move the rating folder to a local disk.")
        return connection

    def _open_postgres(self) -> Any:
        try:
            import psycopg
        except ImportError as error:
            raise OutputError("PostgreSQL needs psycopg. Install the extra `rating-postgres` of dancepose.") from error
        try:
            return psycopg.connect(str(self._address), connect_timeout=10)
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[-1:] or [""]
            raise StoreBusyError(
                f"The PostgreSQL server cannot be reached ({reason[0]}). Check the address."
            ) from error

    @contextmanager
    def _change(self) -> Iterator[Cursor]:
        """Run statements in one transaction, which is on the disk when this ends."""
        with self._lock:
            cursor = self._connect().cursor()
            try:
                if self._is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                else:
                    # One writer at a time, also where several servers share the database.
                    cursor.execute("SELECT pg_advisory_xact_lock(7201988)")
                yield cursor
                self._connection.commit()
            except Exception as error:
                self._roll_back()
                raise _readable(error) from error

    def _roll_back(self) -> None:
        try:
            if not self._is_sqlite or self._connection.in_transaction:
                self._connection.rollback()
        except Exception:  # the connection is gone, whatever its library raises: the next call opens another
            self._connection = None

    def _execute(self, cursor: Cursor, query: str, *values: Any) -> int:
        cursor.execute(query if self._is_sqlite else query.replace("?", "%s"), values)
        return cursor.rowcount

    def _rows(self, cursor: Cursor, query: str, *values: Any) -> list[Any]:
        self._execute(cursor, query, *values)
        return cursor.fetchall()

    def find(self, *, session: str = "", participant: str = "") -> StoredSession | None:
        """Return a session by its id, or the one of a participant."""
        with self._change() as cursor:
            return self._find(cursor, session, participant)

    def _find(self, cursor: Cursor, session: str, participant: str) -> StoredSession | None:
        query = f"SELECT {COLUMNS} FROM sessions WHERE "
        rows = self._rows(cursor, query + "session = ?", session) if session else []
        if not rows and participant:
            rows = self._rows(cursor, query + "participant = ? AND slot IS NOT NULL ORDER BY seen DESC", participant)
        return _session(rows[0]) if rows else None

    def lease(self, record: dict[str, Any], plan: RatingPlan, *, now_s: float, lease_s: float) -> StoredSession | str:
        """Give a slot to a session; the same session or participant gets the same again.

        Args:
            record: The session, with ``session``, ``platform`` and ``participant``.
            plan: The plan with its slots.
            now_s: Time.
            lease_s: After this time without a sign a slot is free again.

        Returns:
            The session with its slot, or why there is none: ``full`` or ``closed``.
        """
        with self._change() as cursor:
            known = self._find(cursor, record["session"], record["participant"])
            if known is not None and known.slot is not None:
                return known
            if self._rows(cursor, "SELECT value FROM facts WHERE name = 'closed'"):
                return "closed"
            free = self._free_slots(cursor, plan, now_s, lease_s)
            if not free:
                return "full"
            return self._insert(cursor, {**record, "slot": free[0], "status": "partial"}, now_s)

    def _free_slots(self, cursor: Cursor, plan: RatingPlan, now_s: float, lease_s: float) -> list[str]:
        """Return the slots that no rater holds; where there are none, those that are held without a vote.

        The latter keep one visitor from taking all slots without rating anything.
        """
        query = (
            "SELECT slot, seen, status, (SELECT COUNT(*) FROM votes WHERE votes.session = sessions.session) "
            "FROM sessions WHERE slot IS NOT NULL AND excluded = 0 AND "
            "(status = 'complete' OR (status = 'partial' AND seen > ?)) ORDER BY seen"
        )
        held = self._rows(cursor, query, now_s - lease_s)
        taken = {row[0] for row in held}
        free = [slot.id for slot in plan.slots if slot.id not in taken]
        kept = {
            slot for slot, seen_s, status, votes in held if status == "complete" or votes or seen_s > now_s - VOTELESS_S
        }
        return free or [row[0] for row in held if row[0] not in kept]

    def _insert(self, cursor: Cursor, record: dict[str, Any], now_s: float) -> StoredSession:
        # A visitor who declined at first may come back and consent: the row is replaced.
        self._execute(cursor, "DELETE FROM sessions WHERE session = ?", record["session"])
        names = ("session", "slot", "platform", "participant", "status")
        session, slot, platform, participant, status = values = [record[name] for name in names]
        query = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, 0, ?)"
        self._execute(cursor, query, *values, now_s, _json(record))
        return StoredSession(session, slot, platform, participant, status, is_excluded=False, record=record)

    def decline(self, record: dict[str, Any], *, now_s: float) -> None:
        """Count a visitor who did not consent; nothing else of them is stored."""
        with self._change() as cursor:
            if self._find(cursor, record["session"], "") is None:
                bare = {"session": record["session"], "slot": None, "platform": record["platform"], "participant": "",
                        "status": "no-consent"}  # fmt: skip
                self._insert(cursor, bare, now_s)

    def add_vote(self, session: str, trial: int, record: dict[str, Any], *, is_skipped: bool, now_s: float) -> bool:
        """Store a vote.

        Returns:
            Whether it is new; the first vote of a trial stays.
        """
        with self._change() as cursor:
            query = "INSERT INTO votes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
            count = self._execute(cursor, query, session, trial, int(is_skipped), _json(record))
            self._execute(cursor, "UPDATE sessions SET seen = ? WHERE session = ?", now_s, session)
            return count == 1

    def finish(self, session: str, record: dict[str, Any], *, is_excluded: bool, now_s: float) -> None:
        """Store the end of a session."""
        with self._change() as cursor:
            query = "UPDATE sessions SET status = ?, excluded = ?, seen = ?, record = ? WHERE session = ?"
            self._execute(cursor, query, record["status"], int(is_excluded), now_s, _json(record), session)

    def give_back(self, slot: str) -> int:
        """Free a slot for another rater; its votes stay. Returns how many sessions held it."""
        with self._change() as cursor:
            query = "UPDATE sessions SET excluded = 1, status = 'returned' WHERE slot = ? AND excluded = 0"
            return self._execute(cursor, query, slot)

    def set_closed(self, *, is_closed: bool) -> None:
        """Close the study for new raters, or open it again; those who have begun can finish."""
        with self._change() as cursor:
            self._execute(cursor, "DELETE FROM facts WHERE name = 'closed'")
            if is_closed:
                self._execute(cursor, "INSERT INTO facts VALUES ('closed', '1')")

    @property
    def is_closed(self) -> bool:
        """Whether new raters are turned away."""
        with self._change() as cursor:
            return bool(self._rows(cursor, "SELECT value FROM facts WHERE name = 'closed'"))

    def trials_done(self, session: str) -> list[int]:
        """Return the trials of a session that were answered or skipped."""
        with self._change() as cursor:
            return [
                row[0]
                for row in self._rows(cursor, "SELECT trial FROM votes WHERE session = ? ORDER BY trial", session)
            ]

    def votes_of(self, session: str) -> list[dict[str, Any]]:
        """Return the votes of a session, without what was skipped."""
        with self._change() as cursor:
            query = "SELECT record FROM votes WHERE session = ? AND skipped = 0 ORDER BY trial"
            return [record_of_row(row[0]) for row in self._rows(cursor, query, session)]

    def everything(self) -> tuple[list[StoredSession], list[dict[str, Any]], list[dict[str, Any]]]:
        """Return all sessions, all votes and all skipped trials, as of one moment."""
        with self._change() as cursor:
            sessions = [_session(row) for row in self._rows(cursor, f"SELECT {COLUMNS} FROM sessions ORDER BY session")]
            rows = self._rows(cursor, "SELECT skipped, record FROM votes ORDER BY session, trial")
        votes = [record_of_row(text) for skipped, text in rows if not skipped]
        return sessions, votes, [record_of_row(text) for skipped, text in rows if skipped]

    def forget(self, *, session: str = "", participant: str = "") -> tuple[int, int]:
        """Delete the sessions of a rater and their votes, also from the log.

        Returns:
            How many sessions and votes there were.
        """
        with self._change() as cursor:
            query = "SELECT session FROM sessions WHERE session = ? OR (participant = ? AND participant != '')"
            found = [row[0] for row in self._rows(cursor, query, session, participant)]
            votes = sum(self._execute(cursor, "DELETE FROM votes WHERE session = ?", name) for name in found)
            for name in found:
                self._execute(cursor, "DELETE FROM sessions WHERE session = ?", name)
        if self._is_sqlite:
            with self._lock:
                self._connect().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(found), votes


def _session(row: Any) -> StoredSession:
    session, slot, platform, participant, status, excluded, record = row
    return StoredSession(
        session, slot, platform, participant, status, is_excluded=bool(excluded), record=record_of_row(record)
    )


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _readable(error: Exception) -> Exception:
    """Return a failure of the database as a sentence; anything else as it is."""
    if isinstance(error, DancePoseError):
        return error
    said = str(error)
    if isinstance(error, sqlite3.OperationalError) and ("full" in said or "disk I/O" in said):
        return StoreBusyError(f"The disk of the database is full or fails ({said}). Free some space; nothing was lost.")
    if isinstance(error, sqlite3.OperationalError) and ("locked" in said or "busy" in said):
        return StoreBusyError("The database is locked by another program. Close that program; nothing was lost.")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.ProgrammingError | sqlite3.IntegrityError
    ):
        return StoreBusyError(f"The database cannot be used ({said}). Restore it from a copy.")
    if type(error).__module__.startswith("psycopg"):
        return StoreBusyError(
            f"The PostgreSQL server failed ({said.strip().splitlines()[0] if said.strip() else 'no reason'})."
        )
    return error
