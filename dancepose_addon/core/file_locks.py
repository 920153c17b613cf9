# SPDX-License-Identifier: Apache-2.0
"""A lock on a folder that ends with the process that holds it, however that process ends."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import sys
from typing import Final

from .atomic import UNFINISHED, output_error
from .errors import OutputError

LOCK_NAME: Final = ".dancepose-lock"


@contextmanager
def locked(
    folder: Path,
    *,
    purpose: str,
    advice: str = "Wait until it has finished, or choose another place with --work.",
    shared: bool = False,
) -> Iterator[None]:
    """Hold a folder for this process.

    The operating system releases the lock when the process ends, so a lock never has to be removed by hand.

    Args:
        folder: An existing folder.
        purpose: What is done in it, for the message, such as "renders into".
        advice: What to do about it, a sentence.
        shared: Whether other processes may hold it in the same way (not on Windows).

    Raises:
        OutputError: Another process holds it, or the file system cannot say so.
    """
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise output_error(path, error, advice="Make the folder writable, or choose another one.") from error
    try:
        if not try_lock(descriptor, shared=shared):
            raise OutputError(f"Another process {purpose} {folder}. {advice}")
        # Whoever held it before may have removed the file meanwhile; then this lock is of a file that has no name.
        if not _still_there(descriptor, path):
            raise OutputError(f"Another process {purpose} {folder} and has just finished. Run the command again.")
        UNFINISHED.add(path)
        yield
    finally:
        UNFINISHED.discard(path)
        if sys.platform == "win32":
            os.close(descriptor)
            _remove(path)
        else:
            _remove(path, descriptor)
            os.close(descriptor)


def _remove(path: Path, descriptor: int | None = None) -> None:
    """Remove the file of a lock; another process's is left alone."""
    try:
        if descriptor is None or (_still_there(descriptor, path) and try_lock(descriptor)):
            path.unlink()
    except OSError:  # Nothing depends on it: only the lock counts.
        return


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file if no other process holds it.

    Args:
        descriptor: Of the file; closing it releases the lock.
        shared: Whether several processes may hold it in this way.

    Returns:
        Whether it was taken, or the file system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # A file system without locks: two renders at once are then not noticed.
        return True
    return True
