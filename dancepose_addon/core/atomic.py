"""Writing files so that a reader never sees half of one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
import os
from pathlib import Path

from .errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, on failure it is removed.

    The temporary name keeps the suffix, so that writers which choose a format by it work.

    Raises:
        OutputError: the folder cannot be made or the file cannot be written (permission, disk full).
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        # Where the folder is none, there is nothing to remove, and that must not hide the reason given above.
        with suppress(OSError):
            temporary.unlink()


def output_error(path: Path, error: OSError) -> OutputError:
    """Say in one sentence why ``path`` could not be written."""
    if error.errno == errno.ENOSPC:
        return OutputError(
            f"The disk is full: {path} could not be written. Free some space and run the same command again; "
            "finished work is kept."
        )
    reason = error.strerror or str(error)
    return OutputError(f"{path} could not be written ({reason}). Choose another place with --out.")
