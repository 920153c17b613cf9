# SPDX-License-Identifier: Apache-2.0
"""The file of each system for each song, what it contains, and a hash of its content."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
import re
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.bounded_files import require_regular
from dancepose_addon.core.errors import DancePoseError, FormatError, InputError, MissingFileError, OutputError
from dancepose_addon.core.io.theta import interpret_theta
from dancepose_addon.core.options import arguments_of
from dancepose_addon.core.retarget.gltf_header import character_files
from dancepose_addon.core.skeleton.doubt import require_sure
from dancepose_addon.core.skeleton.readers import examine, require_plausible, sequence_of
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording
from dancepose_addon.core.skeleton.sequence import validate

from .jobs import file_hash
from .program import code_hash
from .study_file import SYSTEM_FIT_OPTIONS, Song, Study, System, layout_file_of

AUDIO_SUFFIXES: Final = (".wav", ".mp3", ".ogg", ".m4a", ".flac")
GLOB_CHARACTERS: Final = "*?["


def find_sources(system: System, songs: Iterable[Song], root: Path) -> dict[str, Path | DancePoseError]:
    """Find the file or folder of each song.

    ``files`` with {song} in it is a path for each song. A folder is searched for entries named as the song, with any
    suffix. Anything else is a glob, whose matches are chosen by their names or stems.

    Args:
        system: The system whose files are searched.
        songs: The songs.
        root: Folder of the study file.

    Returns:
        By name of the song: the path as the study file states it (from ``root``), or why there is none.
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


def folder_of(system: System, root: Path) -> Path:
    """Return the folder that holds a system's files: the part of ``files`` before any placeholder or wildcard."""
    path = root / system.files
    if "{song}" not in system.files and path.is_dir():
        return path
    fixed = path.parts
    for number, part in enumerate(fixed):
        if "{song}" in part or any(character in part for character in GLOB_CHARACTERS):
            return Path(*fixed[:number])
    return path.parent


def _entries(system: System, root: Path) -> list[Path]:
    folder = root / system.files
    if folder.is_dir():
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    else:
        pattern = Path(system.files)
        base = Path(pattern.anchor) if pattern.is_absolute() else root
        entries = list(base.glob(str(pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern)))
    # Paths stay as the file states them, so that a study that is moved as a whole keeps its plan.
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


MAX_FILE_BYTES: Final = 4 << 30
"""Of a motion or a song: the largest WAV, six hours of stereo."""


class Cache:
    """Values that are kept between runs in a JSON file, each under a key that contains all it depends on."""

    def __init__(self, path: Path) -> None:
        self._path, self._changed = path, False
        self._known: dict[str, Any] = {}
        # A cache that cannot be read is computed again.
        with suppress(OSError, ValueError, TypeError, RecursionError):
            if path.is_file():
                self._known = dict(json.loads(path.read_bytes()))

    def get(self, key: str, find: Callable[[], Any]) -> Any:
        """Return the value stored under ``key``; if there is none, store what ``find`` returns."""
        if key not in self._known:
            self._known[key] = find()
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        """Write the values that were added, where that is possible."""
        if self._changed:
            with suppress(OutputError), replacing(self._path) as temporary:
                temporary.write_text(json.dumps(self._known), encoding="utf-8")
            self._changed = False


def content_hash(path: Path, hashes: Cache) -> str:
    """Hash the content of a file, or of all files in a folder except music, to 16 hex digits.

    Args:
        path: File or folder.
        hashes: Hashes of files, by path, size and time of change.

    Raises:
        MissingFileError: It cannot be read.
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
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror}). Check the file and its permissions."
        ) from error


def _file_hash(path: Path, hashes: Cache) -> str:
    if require_regular(path) > MAX_FILE_BYTES:
        raise FormatError(
            f"{path} has {path.stat().st_size >> 30} GiB; at most {MAX_FILE_BYTES >> 30} are read (limit)."
        )
    state = path.stat()
    # The time of the last change of the entry shows a file that was replaced by one of equal size and date.
    key = f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ctime_ns}\0{state.st_ino}"
    return str(hashes.get(key, lambda: file_hash(path)))


@dataclass(frozen=True)
class SourceInfo:
    """What a source contains.

    Attributes:
        layout: Name of its skeleton layout.
        rotations: Whether it holds SMPL rotations, which need no regressor.
        duration_s: Length, seconds.
        fps: Frames per second.
        notes: Sentences for the user.
        trouble: Why it cannot be used, as a sentence; the rest is empty then.
    """

    layout: str = ""
    rotations: bool = False
    duration_s: float = 0.0
    fps: float = 0.0
    notes: tuple[str, ...] = ()
    trouble: str = ""


SYSTEM_KEYS: Final = ("fps", "layout", "regressor", *(option.name for option in SYSTEM_FIT_OPTIONS))
KEY_OPTIONS: Final = re.compile(rf"--(?:no-)?({'|'.join(SYSTEM_KEYS).replace('_', '-')})(?![\w-])")


def in_study_terms(text: str) -> str:
    """Replace options of the command line in a message by the keys of [[system]] that do the same."""
    text = text.replace("--accept-doubt", '`read = "doubt=accept"` of the [[system]]')
    text = re.sub(r"--read ([a-z]+=[\w.-]+)", r'`read = "\1"` of the [[system]]', text)
    text = text.replace("--betas", "`betas` of [stage]")
    return KEY_OPTIONS.sub(_key_of_option, text)


def _key_of_option(found: re.Match[str]) -> str:
    return f"`{found[1].replace('-', '_')}` of the [[system]]"


def _notes(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(in_study_terms(note) for note in notes)


def without_music(notes: Iterable[str]) -> list[str]:
    """Drop the notes about a source's own music: a study plays the song's."""
    return [note for note in notes if "no music" not in note]


def files_of(study: Study, system: System) -> dict[str, Path]:
    """Return the files that a system's entry names besides its motions, by what they are."""
    named = {
        "regressor": study.path(system.regressor),
        "rotation style": study.style_file(system),
        "layout": layout_file_of(system),
        "motion of body_from": study.path(system.fit.body_from),
    }
    return {title: path for title, path in named.items() if path is not None}


def character_paths(study: Study) -> tuple[Path, ...]:
    """Return the files of a study's character: itself, what it links, and its map."""
    files = (*character_files(study.path(study.stage.character)), study.path(study.stage.character_map))
    return tuple(path for path in files if path is not None)


def stage_paths(study: Study) -> tuple[Path, ...]:
    """Return the files that every clip of a study is rendered with: body and character."""
    body = study.path(study.stage.body)
    return (*(() if body is None else (body,)), *character_paths(study))


def look_into(path: Path, system: System, content: str, infos: Cache) -> SourceInfo:
    """Read a source and describe it. Reading a long dance takes a second, so the result is cached.

    Args:
        path: File or folder.
        system: The system that it belongs to.
        content: Hash of its content.
        infos: Descriptions of sources, by content.
    """
    layout = layout_file_of(system)
    described = layout.read_text(encoding="utf-8", errors="replace") if layout and layout.is_file() else system.layout
    key = json.dumps([code_hash(), content, described, system.fps, system.read, arguments_of(system.fit)])
    table = infos.get(key, lambda: asdict(_look(path, system)))
    return SourceInfo(**{**table, "notes": tuple(table["notes"])})


def _look(path: Path, system: System) -> SourceInfo:
    try:
        hints = Hints(layout=system.layout, fps=system.fps).with_text(system.read)
        examination = examine(path, hints)
        require_plausible(examination, hints)
        recording, interpretation = examination.recording, examination.interpretation
        if isinstance(recording, PoseRecording):
            return _describe_rotations(recording, system, hints)
        if interpretation is not None and interpretation.fps is None:
            raise _no_rate(path, system)
        sequence = validate(sequence_of(examination))
    except DancePoseError as error:
        return SourceInfo(trouble=in_study_terms(str(error)))
    return SourceInfo(
        sequence.layout.name, duration_s=sequence.duration_s, fps=sequence.fps, notes=_notes(sequence.notes)
    )


def _describe_rotations(recording: PoseRecording, system: System, hints: Hints) -> SourceInfo:
    fps = hints.fps or recording.fps
    if fps is None:
        raise _no_rate(Path(recording.source), system)
    # The same refusal as that of the fit, before anything is rendered.
    system.fit.require_for_rotations(recording.source)
    findings = (*recording.findings, *interpret_theta(recording, hints)[2])
    require_sure(findings, None, recording.source, hints)
    doubts = (finding.sentence() for finding in findings if finding.doubtful)
    duration_s = len(recording.rotvec) / fps
    return SourceInfo(
        "smpl24", rotations=True, duration_s=duration_s, fps=fps, notes=_notes((*recording.notes, *doubts))
    )


def _no_rate(path: Path, system: System) -> InputError:
    return InputError(
        f"{path} does not state its frame rate. Add `fps` to the [[system]] {system.name}, or store `fps` in the file."
    )
