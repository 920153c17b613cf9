"""Files that a verb is given: single ones, folders, patterns; and what happens when one of them is bad."""

from collections.abc import Callable
from glob import has_magic
from pathlib import Path

import typer

from dancepose_addon.core.errors import Cancelled, DancePoseError, InputError
from dancepose_addon.core.skeleton.readers import MOTION_SUFFIXES, is_one_motion

SKELETONS = "skeletons.json"


def expand(given: list[str]) -> list[Path]:
    """Every motion that the arguments name, in order, each once.

    A folder stands for the motions in it, at any depth, unless it is one motion itself (M&D); a pattern for what it
    matches.

    Raises:
        InputError: an argument names nothing.
    """
    found: list[Path] = []
    for text in given:
        path = Path(text)
        if not path.exists() and has_magic(text):
            anchor = Path(path.anchor or ".")
            inner = sorted(anchor.glob(str(path.relative_to(path.anchor)) if path.anchor else text))
        else:
            inner = [path]
        motions = [motion for entry in inner for motion in _within(entry)]
        if not motions:
            raise InputError(f"{text} names no motion: no file or folder of a known format is there.")
        found += motions
    return list(dict.fromkeys(found))


def _within(path: Path) -> list[Path]:
    """The motions of a path: itself, or what lies in a folder."""
    if not path.is_dir() or is_one_motion(path):
        return [path]
    folders = {file.parent for file in path.rglob(SKELETONS)}
    files = [
        file
        for file in path.rglob("*")
        if file.is_file() and file.suffix.lower() in MOTION_SUFFIXES and not folders & {file.parent, *file.parents}
    ]
    return sorted([*folders, *files])


def for_each(paths: list[Path], work: Callable[[Path], None]) -> None:
    """Do ``work`` on every path; a bad one is told and listed at the end, and the others go on.

    Raises:
        DancePoseError: the only path is bad. InputError: some of several are.
    """
    bad: list[tuple[Path, str]] = []
    for path in paths:
        try:
            work(path)
        except Cancelled:
            raise
        except DancePoseError as error:
            if len(paths) == 1:
                raise
            bad.append((path, str(error)))
            typer.echo(f"dancepose: {error}", err=True)
    if bad:
        names = "".join(f"\n  {path}" for path, _ in bad)
        raise InputError(f"{len(bad)} of {len(paths)} files could not be used:{names}")
