# SPDX-License-Identifier: Apache-2.0
"""The motion files that a command is given, and how one that fails is reported."""

from collections import Counter
from collections.abc import Callable
from glob import has_magic
from pathlib import Path

import typer

from dancepose_addon.core.errors import Cancelled, DancePoseError, InputError, MissingFileError, ReportError
from dancepose_addon.core.skeleton.readers import MOTION_SUFFIXES, is_one_motion

SKELETONS = "skeletons.json"
STUDY_JOURNAL = "journal.jsonl"
"""File that a study writes into its output folder."""
STUDY_CACHE = "cache/hashes.json"


def expand_sources(given: list[str]) -> list[Path]:
    """Return every motion file that the arguments name, in order, without duplicates.

    A folder means the motion files in it at any depth, except those that a study wrote, unless it is one motion itself
    (M&D, or a file for each frame); a pattern means what it matches.

    Args:
        given: Paths and glob patterns.

    Raises:
        InputError: An argument matches no motion file.
        MissingFileError: A folder cannot be read.
    """
    found: list[Path] = []
    for text in given:
        if not text:
            raise InputError("A path is empty. Give a file, a folder or a glob pattern.")
        path = Path(text)
        try:
            if not path.exists() and has_magic(text):
                anchor = Path(path.anchor or ".")
                inner = sorted(anchor.glob(str(path.relative_to(path.anchor)) if path.anchor else text))
            else:
                inner = [path]
            motions = [motion for entry in inner for motion in _within(entry)]
        except OSError as error:
            raise MissingFileError(
                f"{text} cannot be read ({error.strerror}). Check its name and permissions."
            ) from error
        if not motions:
            held = _suffixes_in(path)
            raise InputError(
                f"{text} matches no motion file{f' ({held})' if held else ''}. Give a file of a known format, a folder "
                "of them, or a glob pattern."
            )
        found += motions
    return list(dict.fromkeys(found))


def _within(path: Path) -> list[Path]:
    """Return the motion files of a path: the path itself, or those in the folder."""
    if not path.is_dir() or is_one_motion(path):
        return [path]
    folders = {file.parent for file in path.rglob(SKELETONS)}
    # What a study wrote is made of the motions that are listed anyway.
    written = {file.parent for file in path.rglob(STUDY_JOURNAL) if file.parent != path}
    written |= {file.parent for file in path.rglob(STUDY_CACHE)}
    skipped = folders | written
    files = [
        file
        for file in path.rglob("*")
        if file.is_file() and file.suffix.lower() in MOTION_SUFFIXES and not skipped & {file.parent, *file.parents}
    ]
    return sorted([*folders, *files])


def _suffixes_in(path: Path) -> str:
    """What a folder without motions holds, for a message."""
    if not path.is_dir():
        return ""
    suffixes = Counter(file.suffix.lower()[:12] for file in path.iterdir() if file.is_file() and file.suffix)
    return f"it holds {', '.join(f'{n} {suffix}' for suffix, n in suffixes.most_common(3))}" if suffixes else ""


def for_each(paths: list[Path], work: Callable[[Path], None]) -> None:
    """Call ``work`` for every path; report paths that fail, and continue with the others.

    Args:
        paths: The motion files.
        work: Called with each path.

    Raises:
        DancePoseError: The only path failed.
        InputError: Some of several paths failed.
    """
    bad: list[tuple[Path, str]] = []
    for path in paths:
        try:
            work(path)
        except (Cancelled, ReportError):
            raise
        except DancePoseError as error:
            if len(paths) == 1:
                raise
            bad.append((path, str(error)))
            typer.echo(f"dancepose: {error}", err=True)
    if bad:
        names = "".join(f"\n  {path}" for path, _ in bad)
        raise InputError(f"{len(bad)} of {len(paths)} files could not be used:{names}")
