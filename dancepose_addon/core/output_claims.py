# SPDX-License-Identifier: Apache-2.0
"""Outputs that this process is writing, so that a second command on one of them is refused."""

import atexit
from collections.abc import Iterable
from contextlib import suppress
import hashlib
import os
from pathlib import Path
import stat
import tempfile
from typing import Final

from .errors import OutputError
from .file_locks import try_lock
from .printable_text import quoted

FOLDER_NAME: Final = "dancepose-outputs"
MODE: Final = 0o700
MOST_CLAIMS: Final = 64
"""Each claim is an open file, of which a process may have 1,024 or 256. Two conversions of one folder meet in these."""
_claims: Final[dict[str, int]] = {}
"""Descriptor of the lock of each output, by its key."""


def claim_outputs(paths: Iterable[Path | None]) -> None:
    """Hold outputs until this process ends.

    The operating system releases the locks with the process, so none has to be removed by hand. They are files of the
    user's own folder among the temporary files and hold for one machine. Where that folder cannot be used, nothing is
    held.

    Args:
        paths: Files to write; None is passed over. Of more than 64 the first are held.

    Raises:
        OutputError: Another process holds one of them.
    """
    folder = _lock_folder()
    for path in paths:
        if folder is None or path is None:
            continue
        name = os.fsencode(os.path.realpath(path))
        key = hashlib.blake2b(name, digest_size=16).hexdigest()
        if key in _claims or len(_claims) >= MOST_CLAIMS:
            continue
        try:
            flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(folder / key, flags, 0o600)
        except OSError:
            continue
        if not try_lock(descriptor):
            os.close(descriptor)
            raise OutputError(
                f"Another command is writing {quoted(str(path), 200)}. Wait until it has finished, or choose another "
                "output."
            )
        _claims[key] = descriptor
        atexit.register(_forget, folder / key)


def _forget(path: Path) -> None:
    """Remove the file of a lock that is still held; one that is left behind does no harm."""
    with suppress(OSError):
        path.unlink()


def _lock_folder() -> Path | None:
    """Return the user's folder of locks, or None where it is missing or somebody else's."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        folder = Path(tempfile.gettempdir()) / f"{FOLDER_NAME}-{user}"
        folder.mkdir(mode=MODE, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    owned = not hasattr(os, "getuid") or status.st_uid == user
    return folder if stat.S_ISDIR(status.st_mode) and owned else None
