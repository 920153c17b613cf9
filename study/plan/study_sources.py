"""Which file each system has for each song, what is in it, and what names its content."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, FormatError, MissingFileError
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import validate

from .study_file import Song, System

AUDIO_SUFFIXES: Final = (".wav", ".mp3", ".ogg", ".m4a", ".flac")
BLOCK: Final = 1 << 20


def find_sources(system: System, songs: Iterable[Song], root: Path) -> dict[str, Path | DancePoseError]:
    """The file or folder of each song by its name, as the file says it (from ``root``); or why there is none.

    ``files`` with {song} in it is a path for each song; a folder is searched for entries named as the song, with any
    suffix; anything else is a glob, whose matches are taken by their names or stems.
    """
    if "{song}" in system.files:
        paths = {song.name: Path(system.files.replace("{song}", song.match)) for song in songs}
        return {name: path if (root / path).exists() else _missing(system, path) for name, path in paths.items()}
    named: dict[str, list[Path]] = {}
    for path in _entries(system, root):
        for name in {path.name, path.stem}:
            named.setdefault(name, []).append(path)
    found: dict[str, Path | DancePoseError] = {}
    for song in songs:
        matches = named.get(song.match, [])
        if len(matches) == 1:
            found[song.name] = matches[0]
        elif matches:
            names = ", ".join(path.name for path in matches[:4])
            found[song.name] = FormatError(
                f"System {system.name} has several files for song {song.name} ({names}). Narrow its `files`."
            )
        else:
            found[song.name] = _missing(system, Path(system.files) / song.match)
    return found


def _entries(system: System, root: Path) -> list[Path]:
    folder = root / system.files
    if folder.is_dir():
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    else:
        pattern = Path(system.files)
        base = Path(pattern.anchor) if pattern.is_absolute() else root
        entries = list(base.glob(str(pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern)))
    # Paths stay as the file says them, so that a study that is moved as a whole keeps its plan.
    absolute = Path(system.files).is_absolute()
    kept = [path for path in entries if path.suffix.lower() not in AUDIO_SUFFIXES]
    return sorted(kept if absolute else (_relative(path, root) for path in kept))


def _relative(path: Path, root: Path) -> Path:
    try:
        return path.relative_to(root)
    except ValueError:
        return path


def _missing(system: System, path: Path) -> MissingFileError:
    return MissingFileError(f"System {system.name} has no {path}. Add the file, or change `files` or `match`.")


class Cache:
    """What is remembered between runs, by a key that names all that it hangs on; a file of JSON."""

    def __init__(self, path: Path) -> None:
        self._path, self._changed = path, False
        self._known: dict[str, Any] = {}
        # What cannot be read is found anew.
        with suppress(OSError, ValueError):
            self._known = dict(json.loads(path.read_bytes()))

    def get(self, key: str, find: Callable[[], Any]) -> Any:
        """What is remembered under ``key``, or else what ``find`` returns, remembered from now on."""
        if key not in self._known:
            self._known[key] = find()
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        """Write it down for the next run."""
        if self._changed:
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(self._known), encoding="utf-8")
            self._changed = False


def content_hash(path: Path, hashes: Cache) -> str:
    """Sixteen hex digits of a file's content, or of all files in a folder but its music.

    hashes: of files, by place, size and time of change.

    Raises:
        MissingFileError: it cannot be read.
    """
    try:
        if not path.is_dir():
            return _file_hash(path, hashes)
        digest = hashlib.blake2b(digest_size=8)
        for entry in sorted(path.iterdir()):
            if entry.is_file() and entry.suffix.lower() not in AUDIO_SUFFIXES:
                digest.update(f"{entry.name}\0{_file_hash(entry, hashes)}\0".encode())
        return digest.hexdigest()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Check the file and its rights.") from error


def _file_hash(path: Path, hashes: Cache) -> str:
    def find() -> str:
        digest = hashlib.blake2b(digest_size=8)
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    state = path.stat()
    return str(hashes.get(f"{path}\0{state.st_size}\0{state.st_mtime_ns}", find))


@dataclass(frozen=True)
class SourceInfo:
    """What a look into a source tells. trouble: why it cannot be used, in a sentence; layout, duration_s, fps: else."""

    layout: str = ""
    duration_s: float = 0.0
    fps: float = 0.0
    notes: tuple[str, ...] = ()
    trouble: str = ""


def without_music(notes: Iterable[str]) -> list[str]:
    """Notes but those on a source's own music: in a study the song's is played."""
    return [note for note in notes if "no music" not in note]


def look_into(path: Path, system: System, content: str, infos: Cache) -> SourceInfo:
    """What a look into a source of ``system`` tells: reading a long dance takes a second.

    content: its hash; infos: of sources, by content.
    """
    table = infos.get(json.dumps([content, system.layout, system.fps]), lambda: _look(path, system))
    return SourceInfo(**{**table, "notes": tuple(table.get("notes", ()))})


def _look(path: Path, system: System) -> dict[str, Any]:
    try:
        sequence = validate(read(path, layout=system.layout, fps=system.fps))
    except DancePoseError as error:
        return {"trouble": str(error)}
    return {
        "layout": sequence.layout.name,
        "duration_s": sequence.duration_s,
        "fps": sequence.fps,
        "notes": list(sequence.notes),
    }
