"""Checks that a study never writes over its inputs: its output folder is compared with them on disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dancepose_addon.core.errors import DancePoseError, OutputError

from .study_file import Study
from .study_sources import find_sources, folder_of

ADVICE: Final = 'Set [output] folder to a separate folder, such as "renders".'


def require_separate_folder(study: Study) -> None:
    """Check that the output folder is apart from everything the study reads.

    The output folder may be inside the folder of study.toml, as ``renders`` is. It may not be that folder or hold it,
    and it may not be, hold, or be inside a system's folder, a source, or the folder of a song's music. Where such a
    folder contains study.toml itself (``files = "."``), a folder inside it is allowed.

    Raises:
        OutputError: The output folder is not separate, or is a file.
    """
    out = study.out
    if out.exists() and not out.is_dir():
        raise OutputError(f"The output folder {out} is a file. {ADVICE}")
    if is_inside(study.root, out):
        raise OutputError(f"The output folder {out} is or holds the folder of study.toml. {ADVICE}")
    for title, path in input_paths(study):
        if not path.exists():
            continue
        if is_inside(path, out):
            raise OutputError(f"The output folder {out} is or holds {title} {path}. {ADVICE}")
        if path.is_dir() and not is_inside(study.root, path) and is_inside(out, path):
            raise OutputError(f"The output folder {out} is inside {title} {path}. {ADVICE}")


def input_paths(study: Study) -> Iterator[tuple[str, Path]]:
    """Yield what a study reads: (what it is, path)."""
    for system in study.systems:
        yield f"the folder of system {system.name},", folder_of(system, study.root)
        for song, source in find_sources(system, study.songs, study.root).items():
            if not isinstance(source, DancePoseError):
                yield f"the source of {system.name}/{song},", study.root / source
        if system.regressor is not None:
            yield f"the regressor of system {system.name},", study.root / system.regressor
    for song_entry in study.songs:
        audio = study.path(song_entry.audio)
        if audio is not None:
            yield f"the music of {song_entry.name},", audio
            yield "a folder of music,", audio.parent
    body = study.path(study.stage.body)
    if body is not None:
        yield "the body file", body


def require_no_input(study: Study, path: Path) -> None:
    """Check that a file about to be written is not the music of a song.

    Raises:
        OutputError: It is, for example through a link in the output folder.
    """
    for song in study.songs:
        audio = study.path(song.audio)
        if audio is not None and is_same_file(path, audio):
            raise OutputError(f"{path} is the music of song {song.name} and is not overwritten. {ADVICE}")


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether ``path`` is ``folder`` or inside it, links resolved."""
    resolved = path.resolve()
    return any(is_same_file(parent, folder) for parent in (resolved, *resolved.parents))


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two paths are one file or folder on disk; paths that do not exist are compared by name."""
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()
