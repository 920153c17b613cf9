# SPDX-License-Identifier: Apache-2.0
"""The journal: the result of each job, one line each, appended by the one run that works on a study."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
import json
import logging
import os
from pathlib import Path
import time
from typing import Any, Final

from dancepose_addon.core.atomic import output_error
from dancepose_addon.core.bounded_files import require_regular
from dancepose_addon.core.errors import DancePoseError, FormatError, MissingFileError
from dancepose_addon.core.file_locks import try_lock
from dancepose_addon.core.whole_numbers import is_finite_number

from ..plan.jobs import MAX_LINE_BYTES, Job, Result

MAX_BYTES: Final = 1 << 30
"""Of a journal: a million jobs have some 400 MB."""
LOGGER: Final = logging.getLogger(__name__)


@dataclass
class Journal:
    """Results of this run and of earlier ones.

    Attributes:
        path: The file.
        entries: The last result of each job, as JSON values, by id.
    """

    path: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Read a journal; lines that were cut short by a crash or a full disk are skipped.

        Raises:
            MissingFileError: It cannot be read.
            FormatError: It is not a regular file, or larger than 1 GiB.
        """
        journal = cls(path)
        try:
            size = require_regular(path)
            if size > MAX_BYTES:
                raise FormatError(
                    f"The journal {path} has {size >> 20} MiB; at most {MAX_BYTES >> 20} are read (limit). Remove it: "
                    "finished frames are kept."
                )
            with path.open("rb") as file:
                for line in iter(lambda: file.readline(MAX_LINE_BYTES), b""):
                    with suppress(ValueError, RecursionError):
                        entry = json.loads(line)
                        if _is_entry(entry):
                            journal.entries[entry["job"]] = entry
        except FileNotFoundError:
            pass
        except OSError as error:
            raise MissingFileError(
                f"The journal {path} cannot be read ({error.strerror}). Correct its permissions, or remove it: "
                "finished frames are kept."
            ) from error
        return journal

    def record(self, job: Job, result: Result) -> None:
        """Append a result. If the disk is full it is kept in memory only; its files are found by later runs."""
        entry = {key: value for key, value in asdict(result).items() if value not in ("", {})}
        entry |= {"key": job.key, "at": round(time.time(), 2)}
        self.entries[job.id] = entry
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                # A newline in front as well, so that a line that was cut short before does not spoil this one.
                os.write(descriptor, b"\n" + json.dumps(entry).encode() + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            LOGGER.warning("the journal %s cannot be written (%s)", self.path, error.strerror)

    def finished(self, job: Job) -> dict[str, Any] | None:
        """Return the entry of a job that succeeded with the key that it has now."""
        entry = self.entries.get(job.id)
        return entry if entry is not None and entry["ok"] and entry["key"] == job.key else None


def _is_entry(entry: Any) -> bool:
    """Tell whether a line has the form that ``Journal.record`` writes."""
    if not isinstance(entry, dict) or not isinstance(entry.get("ok"), bool):
        return False
    texts = (entry.get("job"), entry.get("key"), *(entry.get(key, "") for key in ("kind", "message", "digest")))
    detail = entry.get("detail", {})
    if not all(isinstance(text, str) for text in texts) or not isinstance(detail, dict):
        return False
    numbers = (entry.get("at"), entry.get("seconds", 0.0), detail.get("rendered", 0))
    files = detail.get("files", {})
    return (
        all(is_finite_number(number) for number in numbers)
        and isinstance(files, dict)
        and all(isinstance(value, str) for value in files.values())
        and all(_is_inside(name) for name in files)
    )


def _is_inside(name: str) -> bool:
    """Tell whether a path is one below the output folder, as ``fingerprints`` names it."""
    path = Path(name)
    return not path.anchor and ".." not in path.parts and "\0" not in name


@contextmanager
def locked_study(lock: Path) -> Iterator[None]:
    """Lock a study's folder; the lock ends with the process.

    Raises:
        DancePoseError: Another run has locked it.
        OutputError: The folder cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise output_error(lock, error, advice="Make the folder writable, or set [output] folder.") from error
    try:
        if not try_lock(descriptor):
            raise DancePoseError(
                f"Another run is working on {lock.parent}. Wait for it, or follow it with `dancepose study status`."
            )
        yield
    finally:
        os.close(descriptor)
