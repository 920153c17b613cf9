"""Which file each system has for each song, what is in it, and what names its content."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError, FormatError, MissingFileError
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import validate

from .config import Song, Study, System

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


@dataclass
class Hashes:
    """Content hashes of files and folders, remembered by size and time of change between runs."""

    cache: Path
    known: dict[str, list[Any]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def open(cls, cache: Path) -> "Hashes":
        """Read the remembered hashes; what cannot be read is computed anew."""
        try:
            return cls(cache, json.loads(cache.read_bytes()))
        except (OSError, ValueError):
            return cls(cache)

    def save(self) -> None:
        """Write them down for the next run."""
        if self.changed:
            with replacing(self.cache) as temporary:
                temporary.write_text(json.dumps(self.known), encoding="utf-8")
            self.changed = False

    def of(self, path: Path) -> str:
        """Sixteen hex digits of a file's content, or of all files in a folder but its music.

        Raises:
            MissingFileError: it cannot be read.
        """
        try:
            if not path.is_dir():
                return self._of_file(path)
            digest = hashlib.blake2b(digest_size=8)
            for entry in sorted(path.iterdir()):
                if entry.is_file() and entry.suffix.lower() not in AUDIO_SUFFIXES:
                    digest.update(f"{entry.name}\0{self._of_file(entry)}\0".encode())
            return digest.hexdigest()
        except OSError as error:
            raise MissingFileError(
                f"{path} cannot be read ({error.strerror}). Check the file and its rights."
            ) from error

    def _of_file(self, path: Path) -> str:
        state = path.stat()
        key, mark = str(path), [state.st_size, state.st_mtime_ns]
        remembered = self.known.get(key)
        if remembered is not None and remembered[:2] == mark:
            return str(remembered[2])
        digest = hashlib.blake2b(digest_size=8)
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        self.known[key] = [*mark, digest.hexdigest()]
        self.changed = True
        return digest.hexdigest()


@dataclass(frozen=True)
class SourceInfo:
    """What a look into a source tells. trouble: why it cannot be used, in a sentence; layout, duration_s, fps: else."""

    layout: str = ""
    duration_s: float = 0.0
    fps: float = 0.0
    notes: tuple[str, ...] = ()
    trouble: str = ""


@dataclass
class SourceInfos:
    """Looks into sources, remembered by content: reading a long dance takes a second."""

    cache: Path
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def open(cls, cache: Path) -> "SourceInfos":
        """Read what is remembered."""
        try:
            return cls(cache, json.loads(cache.read_bytes()))
        except (OSError, ValueError):
            return cls(cache)

    def save(self) -> None:
        """Write it down for the next run."""
        if self.changed:
            with replacing(self.cache) as temporary:
                temporary.write_text(json.dumps(self.known), encoding="utf-8")
            self.changed = False

    def of(self, study: Study, system: System, path: Path, content: str) -> SourceInfo:
        """Look into a source. content: its hash."""
        key = json.dumps([content, system.layout, system.fps])
        if key not in self.known:
            self.known[key] = _look(study.root / path, system)
            self.changed = True
        table = self.known[key]
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
