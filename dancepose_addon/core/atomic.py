# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a reader never sees half of one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
from functools import cache
import os
from pathlib import Path
import re
import shutil
import sys
import time
from typing import Final

from .errors import OutputError

MAX_NAME_BYTES: Final = 255
"""Of one name in all common file systems."""
UNFINISHED: Final[set[Path]] = set()
"""Files of this process that are removed where it is ended without delay (``core/interruption.py``)."""
ABANDONED_AFTER_S: Final = 60.0
"""A temporary file that has not changed for so long, and whose process does not run here, is removed. On a shared disk
its process may run on another machine."""
_NUMBERED: Final = re.compile(r"(?P<start>\..+\.)(?P<process>\d{1,10})(?P<end>\.part(\.[^.]+)?)")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, on failure it is removed.

    The temporary name keeps the suffix, so that writers which choose a format by it work. A symbolic link stays one:
    its target is replaced.

    Args:
        path: To be written.

    Yields:
        The path to write to.

    Raises:
        OutputError: The folder cannot be made or the file cannot be written (permission, disk full), or there is a
            device, a pipe or a socket.
    """
    target = _target_of(path)
    temporary = target.with_name(temporary_name(target))
    UNFINISHED.add(temporary)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(temporary)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        # Where the folder is none, there is nothing to remove, and that must not hide the reason given above.
        with suppress(OSError):
            temporary.unlink()
        UNFINISHED.discard(temporary)


def _target_of(path: Path) -> Path:
    """Return the file that is replaced: where a link leads to, or the path itself."""
    if not path.name or "\0" in path.name:
        raise OutputError(f"{str(path)!r:.100} is not the name of a file. Give one.")
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        is_special = target.exists() and not target.is_file() and not target.is_dir()
    except OSError as error:
        raise output_error(path, error) from error
    if is_special:
        raise OutputError(f"{path} is a device, a pipe or a socket, which is not replaced. Give the name of a file.")
    return target


def remove_unfinished() -> None:
    """Remove the temporary files of this process, before it is ended in the middle of writing."""
    for temporary in list(UNFINISHED):
        with suppress(OSError):
            temporary.unlink()


def remove_abandoned(temporary: Path) -> None:
    """Remove what processes that were killed have left under the temporary name of a file or a folder.

    Args:
        temporary: The name that this process uses, with its number in it.
    """
    wanted = _NUMBERED.fullmatch(temporary.name)
    for name in _leftovers_in(str(temporary.parent)):
        found = _NUMBERED.fullmatch(name)
        if found and wanted and (found["start"], found["end"]) == (wanted["start"], wanted["end"]):
            _remove_if_abandoned(temporary.with_name(name), int(found["process"]))


@cache
def _leftovers_in(folder: str) -> tuple[str, ...]:
    """Return the temporary names in a folder, as found when this process first writes into it.

    A folder may hold as many files as there are frames, so it is not read again for each of them.
    """
    try:
        with os.scandir(folder) as entries:
            return tuple(entry.name for entry in entries if _NUMBERED.fullmatch(entry.name))
    except OSError:
        return ()


def _remove_if_abandoned(path: Path, process: int) -> None:
    with suppress(OSError):
        if time.time() - path.lstat().st_mtime < ABANDONED_AFTER_S or _is_running(process):
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _is_running(process: int) -> bool:
    """Return whether a process may exist; on Windows the question itself would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # It belongs to another user.
        return True
    return True


def temporary_name(path: Path) -> str:
    """Return the name under which a file is written before it replaces ``path``.

    Args:
        path: Of the finished file.

    Returns:
        A hidden name of at most 255 bytes. It has no ``#``, which Blender replaces by the number of a frame.
    """
    suffix = path.suffix if len(path.suffix.encode(errors="surrogateescape")) <= 16 else ""
    end = f".{os.getpid()}.part{suffix}"
    stem = re.sub(r"[#%\x00-\x1f\udc80-\udcff]", "_", path.name.removesuffix(suffix))
    return "." + stem.encode()[: MAX_NAME_BYTES - 1 - len(end.encode())].decode(errors="ignore") + end


def output_error(path: Path, error: OSError, *, advice: str = "Choose another place with --out.") -> OutputError:
    """Say in one sentence why a file could not be written.

    Args:
        path: Of the file.
        error: What the system said.
        advice: What to do, a sentence.

    Returns:
        The error to raise.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"The disk is full: {path} could not be written. Free some space and run the same command again; "
            "finished work is kept."
        )
    reason = error.strerror or str(error)
    if error.errno == errno.EISDIR:
        return OutputError(f"{path} could not be written, because it is a folder. Remove it, or choose another place.")
    return OutputError(f"{path} could not be written ({reason}). {advice}")
