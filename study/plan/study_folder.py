# SPDX-License-Identifier: Apache-2.0
"""Checks that a study never writes over its inputs: its output folder is compared with them on disk."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from dancepose_addon.core.errors import DancePoseError, OutputError
from dancepose_addon.core.output_links import odd_entries, require_plain, resolved

from .jobs import read_head
from .paths import StudyPaths
from .study_file import Study, load_study
from .study_sources import files_of, find_sources, folder_of

ADVICE: Final = 'Set [output] folder to a separate folder, such as "renders".'
UNLINK: Final = "Remove the link, or let it lead to a separate folder."


def require_separate_folder(study: Study) -> None:
    """Check that the output folder is apart from everything the study reads.

    The output folder may be inside the folder of study.toml, as ``renders`` is. It may not be that folder or hold it,
    and it may not be, hold, or be inside a system's folder, a source, or the folder of a song's music. Where such a
    folder contains study.toml itself (``files = "."``), a folder inside it is allowed. The same holds for what links in
    the output folder lead to, and a link to a file leads to one in the output folder.

    Raises:
        OutputError: The output folder is not separate, or is a file.
    """
    out, disk = study.out, _Disk()
    if out.exists() and not out.is_dir():
        raise OutputError(f"The output folder {out} is a file. {ADVICE}")
    if out.is_symlink() and not out.exists():
        raise OutputError(f"The output folder {out} is a link to a path that does not exist. {UNLINK}")
    titles: dict[Path, str] = {}
    for title, folder in _input_folders(study):
        if folder.exists():
            titles.setdefault(folder, title)
    _require_apart(out, f"The output folder {out}", study.root, titles, disk, ADVICE)
    for entry in odd_entries(out):
        if entry.is_symlink():
            subject = f"{entry} is a link in the output folder. Its target"
            _require_apart(entry, subject, study.root, titles, disk, UNLINK)
        require_plain([entry], out)


def require_own_plan(study: Study, file: Path) -> None:
    """Check that the output folder does not have the plan of another study file that uses it.

    Args:
        study: The study.
        file: Its file.

    Raises:
        OutputError: It has. A file that was renamed or moved, or has another output folder by now, is no other.
    """
    try:
        other = Path(str(read_head(StudyPaths(study.out).plan).get("file") or file))
        shared = not is_same_file(other, file) and is_same_file(load_study(other).out, study.out)
    except (DancePoseError, OSError, ValueError):
        return
    if shared:
        raise OutputError(f"{study.out} is the output folder of another study, {other}. {ADVICE}")


def _require_apart(path: Path, subject: str, root: Path, titles: dict[Path, str], disk: "_Disk", advice: str) -> None:
    """Refuse a place for results that is, holds, or is inside a folder of inputs."""
    own, above, above_root = disk.key(resolved(path)), disk.keys_above(path), disk.keys_above(root)
    if own in above_root:
        raise OutputError(f"{subject} is or holds the folder of study.toml. {advice}")
    for folder, title in titles.items():
        if own in disk.keys_above(folder):
            raise OutputError(f"{subject} is or holds {title} ({folder}). {advice}")
        key = disk.key(folder)
        if key in above and key not in above_root:
            raise OutputError(f"{subject} is inside {title} ({folder}). {advice}")


def changed_sources(study: Study, plan: Path) -> list[str]:
    """Find sources that were written after a plan, which ``resume`` would not notice.

    Args:
        study: The study.
        plan: File of its plan.

    Returns:
        Each as system/song.
    """
    planned_at = plan.stat().st_mtime
    changed = []
    for system in study.systems:
        for song, source in find_sources(system, study.songs, study.root).items():
            if isinstance(source, DancePoseError):
                continue
            path = study.root / source
            files = [path, *(path.iterdir() if path.is_dir() else ())]
            with suppress(OSError):  # Of a file that disappears, the fit says so.
                if max(file.stat().st_mtime for file in files) > planned_at:
                    changed.append(f"{system.name}/{song}")
    return changed


def _input_folders(study: Study) -> Iterator[tuple[str, Path]]:
    """Yield the folders that hold a study's inputs: (what it is, path)."""
    for system in study.systems:
        yield f"the folder of system {system.name}", folder_of(system, study.root)
        for song, source in find_sources(system, study.songs, study.root).items():
            if not isinstance(source, DancePoseError):
                path = study.root / source
                yield f"the source of {system.name}/{song}", path
                if not path.is_dir():
                    yield f"the folder of the source of {system.name}/{song}", path.parent
        for title, used in files_of(study, system).items():
            yield f"the folder of the {title} of system {system.name}", used.parent
    for entry in study.songs:
        audio = study.path(entry.audio)
        if audio is not None:
            yield f"the folder of the music of {entry.name}", audio.parent
    body = study.path(study.stage.body)
    if body is not None:
        yield "the folder of the body file", body.parent
    for title, file in (("character", study.stage.character), ("map of the character", study.stage.character_map)):
        named = study.path(file)
        if named is not None:
            yield f"the folder of the {title}", named.parent


class _Disk:
    """Identities of folders on disk, cached because a study may have 100,000 sources."""

    def __init__(self) -> None:
        self._keys: dict[Path, tuple[int, int] | str] = {}
        self._above: dict[Path, frozenset[tuple[int, int] | str]] = {}

    def key(self, path: Path) -> tuple[int, int] | str:
        """Return what identifies a file or folder: device and number, or the path where it does not exist."""
        if path not in self._keys:
            try:
                found = path.stat()
                self._keys[path] = (found.st_dev, found.st_ino)
            except OSError:
                self._keys[path] = str(path)
        return self._keys[path]

    def keys_above(self, path: Path) -> frozenset[tuple[int, int] | str]:
        """Return the keys of a folder and of all folders that hold it, links resolved."""
        return self._chain(resolved(path))

    def _chain(self, resolved: Path) -> frozenset[tuple[int, int] | str]:
        if resolved not in self._above:
            above = self._chain(resolved.parent) if resolved.parent != resolved else frozenset()
            self._above[resolved] = above | {self.key(resolved)}
        return self._above[resolved]


def require_no_input(study: Study, path: Path) -> None:
    """Check that a file about to be written is not the music of a song.

    Raises:
        OutputError: It is, for example through a link in the output folder.
    """
    for song in study.songs:
        audio = study.path(song.audio)
        if audio is not None and is_same_file(path, audio):
            raise OutputError(f"{path} is the music of song {song.name} and is not overwritten. {ADVICE}")


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two paths are one file on disk; paths that do not exist are compared by name."""
    try:
        return one.samefile(other)
    except OSError:
        return resolved(one) == resolved(other)
