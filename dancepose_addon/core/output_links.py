# SPDX-License-Identifier: Apache-2.0
"""Links in a folder of results: what a link to a file leads to would be replaced by a result, or appended to."""

from collections.abc import Iterable, Iterator
import os
from pathlib import Path

from .errors import OutputError


def resolved(path: Path) -> Path:
    """Return an absolute path without links. ``Path.resolve`` fails for links that lead in a circle."""
    return Path(os.path.realpath(path))


def links_in(folder: Path) -> Iterator[Path]:
    """Yield the links below a folder, without following them."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield Path(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError:
            continue


def require_files_inside(links: Iterable[Path], folder: Path) -> None:
    """Require that links to files lead to files in a folder. Links to folders may lead anywhere, as to another disk.

    Args:
        links: Paths; those that are no links are passed over.
        folder: The folder that they are in.

    Raises:
        OutputError: A link leads to a file elsewhere, or to nothing.
    """
    inside = resolved(folder)
    for link in links:
        if link.is_symlink():
            target = resolved(link)
            if not target.is_dir() and inside not in target.parents:
                raise OutputError(
                    f"{link} is a link, and would be written through to {target}. Replace it by a copy, or remove it."
                )
