# SPDX-License-Identifier: Apache-2.0
"""Links and special files in a folder of results.

What a link to a file leads to would be replaced by a result, or appended to. A pipe may wait for ever when it is read.
"""

from collections.abc import Iterable, Iterator
import os
from pathlib import Path

from .errors import OutputError


def resolved(path: Path) -> Path:
    """Return an absolute path without links. ``Path.resolve`` fails for links that lead in a circle."""
    return Path(os.path.realpath(path))


def odd_entries(folder: Path) -> Iterator[Path]:
    """Yield all below a folder that is no folder and no regular file; links are not followed."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif not entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except OSError:
            continue


def require_plain(entries: Iterable[Path], folder: Path) -> None:
    """Require of files in a folder that they are regular, and no links to files elsewhere.

    Links to folders may lead anywhere, as to another disk.

    Args:
        entries: Paths, which need not exist.
        folder: The folder that they are in.

    Raises:
        OutputError: A link leads to a file elsewhere or to nothing, or a path is a device, a pipe or a socket.
    """
    inside = resolved(folder)
    for entry in entries:
        if entry.is_symlink():
            target = resolved(entry)
            if not target.is_dir() and inside not in target.parents:
                raise OutputError(
                    f"{entry} is a link, and would be written through to {target}. Replace it by a copy, or remove it."
                )
        elif entry.exists() and not entry.is_file() and not entry.is_dir():
            raise OutputError(f"{entry} is not a regular file. Remove it, and run the command again.")
