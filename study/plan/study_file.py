"""study.toml: what a study consists of. Unknown keys are errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
import difflib
from pathlib import Path
import tomllib
from typing import Any, Final, TypeVar

from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.fit.pose.levenberg_marquardt import REFINE_STEPS
from dancepose_addon.core.skeleton.layouts import LAYOUTS

from . import values as check

T = TypeVar("T")


def option(kind: check.Check, default: Any = check.REQUIRED) -> Any:
    """A key of the file: ``kind`` checks and converts its value; without a default it has to be there."""
    if default is check.REQUIRED:
        return field(metadata={"check": kind})
    return field(default=default, metadata={"check": kind})


@dataclass(frozen=True, kw_only=True)
class System:
    """Who dances: a model, a recording. files: folder, glob, or path with ``{song}``; label: in pictures and report."""

    name: str = option(check.name)
    files: str = option(check.text)
    label: str = option(check.text, "")
    layout: str | None = option(check.one_of(*LAYOUTS), None)
    fps: float | None = option(check.number(0.001, 1000.0), None)
    refine: int = option(check.whole(0, 100), REFINE_STEPS)
    smooth: float = option(check.number(0.0, 100.0), 0.0)
    adapt: bool = option(check.flag, False)
    level: bool = option(check.flag, True)
    foot_lock: bool = option(check.flag, False)
    regressor: str | None = option(check.text, None)
    device: str = option(check.one_of("auto", "cuda", "cpu", "numpy"), "cpu")


@dataclass(frozen=True, kw_only=True)
class Song:
    """What is danced to. match: name or stem of its files; window: seconds of ``audio`` that the dance covers."""

    name: str = option(check.name)
    match: str = option(check.text, "")
    audio: str | None = option(check.text, None)
    window: tuple[float, float] | None = option(check.interval, None)
    bpm: float | None = option(check.number(20.0, 400.0), None)
    first_beat_s: float = option(check.number(0.0, 1e5), 0.0)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """size: pixels; fps: of the videos; engine: study (Cycles) or preview (Workbench); device: of Cycles; samples: a
    pixel, 0 for the engine's own; background: stage or transparent; seed: of Cycles' noise."""

    size: tuple[int, int] = option(check.size, (720, 720))
    fps: float = option(check.number(1.0, 240.0), 25.0)
    engine: str = option(check.one_of("study", "preview"), "study")
    device: str = option(check.one_of("cpu", "gpu", "auto"), "cpu")
    samples: int = option(check.whole(0, 4096), 0)
    background: str = option(check.one_of("stage", "transparent"), "stage")
    seed: int = option(check.whole(0, 2**31 - 1), 0)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """body: an SMPL file, or the one shipped; betas: its shape in every clip, so that it tells nothing about the
    system; [] solves for it clip by clip; floor: one height for all systems of a song, or each clip's own;
    backdrop_rgb: linear; light: strength of all lights against the usual."""

    body: str | None = option(check.text, None)
    betas: tuple[float, ...] = option(check.shape, (0.0,))
    floor: str = option(check.one_of("song", "clip"), "song")
    backdrop_rgb: tuple[float, float, float] = option(check.colour, (0.36, 0.365, 0.375))
    light: float = option(check.number(0.0, 100.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """field_deg: vertical angle of view; pitch_deg: how far it looks down; margin: of the picture, free on every
    side."""

    field_deg: float = option(check.number(2.0, 90.0), 18.0)
    pitch_deg: float = option(check.number(0.0, 60.0), 9.0)
    margin: float = option(check.number(0.0, 0.4), 0.07)


@dataclass(frozen=True, kw_only=True)
class Time:
    """length_s: of every clip, from the start; segments: cuts at the same seconds for every system; neither: as long
    as the shortest of a song's clips."""

    length_s: float | None = option(check.number(0.04, 36000.0), None)
    segments: tuple[tuple[float, float], ...] | None = option(check.intervals, None)


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is made beside the clips. compare: rows of all systems, grids, or every pair; labels: with names, without,
    or both; stills_s: seconds; still_beats: beats of the song, from its bpm; crf: of H.264, smaller is finer."""

    folder: str = option(check.text, "renders")
    loudness_lufs: float = option(check.number(-60.0, -5.0), -23.0)
    crf: int = option(check.whole(0, 40), 16)
    compare: tuple[str, ...] = option(check.several_of("row", "grid", "pairs"), ("grid",))
    labels: tuple[str, ...] = option(check.several_of("with", "without"), ("with", "without"))
    sheets: bool = option(check.flag, True)
    stills_s: tuple[float, ...] = option(check.numbers, ())
    still_beats: tuple[int, ...] = option(check.wholes, ())
    keep_frames: bool = option(check.flag, True)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the work is cut up; none of it changes a pixel. chunk_frames: 0 takes what makes starting it cheap."""

    chunk_frames: int = option(check.whole(0, 100000), 0)
    timeout_s: float = option(check.number(1.0, 1e6), 1800.0)
    retries: int = option(check.whole(0, 10), 2)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A whole study.toml. root: the folder it lies in, from which its paths are meant."""

    name: str
    root: Path
    systems: tuple[System, ...]
    songs: tuple[Song, ...]
    picture: Picture = Picture()
    stage: Stage = Stage()
    camera: Camera = Camera()
    time: Time = Time()
    output: Output = Output()
    run: Run = Run()

    @property
    def out(self) -> Path:
        """Folder of everything that is made."""
        return self.root / self.output.folder

    def path(self, text: str | None) -> Path | None:
        """A path of the file, from the file's folder."""
        return None if text is None else self.root / text


SECTIONS: Final = {"picture": Picture, "stage": Stage, "camera": Camera, "time": Time, "output": Output, "run": Run}


def load_study(path: Path) -> Study:
    """Read a study.toml.

    Raises:
        MissingFileError: no such file. FormatError: not TOML, an unknown key, or a value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror}). Write one with `dancepose study init`."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not TOML ({error}). Mend that line.") from error
    return parse_study(table, root=path.absolute().parent, source=path.name)


def parse_study(table: Mapping[str, Any], *, root: Path, source: str = "study.toml") -> Study:
    """A study from the table of its file; see ``load_study``."""
    known = ("name", "system", "song", *SECTIONS)
    _refuse_unknown(table, known, source)
    sections: dict[str, Any] = {
        key: _section(kind, table.get(key, {}), f"{source}: [{key}]") for key, kind in SECTIONS.items()
    }
    study = Study(
        name=check.text(table.get("name", root.name), f"{source}: name"),
        root=root,
        systems=_entries(System, table, "system", source),
        songs=_entries(Song, table, "song", source),
        **sections,
    )
    return _agree(study, source)


def _entries(kind: type[T], table: Mapping[str, Any], key: str, source: str) -> tuple[T, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not found:
        raise FormatError(f"{source} has no [[{key}]]; a study needs at least one. See `dancepose study init`.")
    entries = tuple(_section(kind, entry, f"{source}: [[{key}]] {n + 1}") for n, entry in enumerate(found))
    names = [getattr(entry, "name") for entry in entries]  # noqa: B009  (both kinds have one)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(f"{source} has more than one [[{key}]] named {', '.join(twice)}. Give each its own name.")
    return entries


def _section(kind: type[T], table: Any, where: str) -> T:
    if not isinstance(table, Mapping):
        raise FormatError(f"{where} is {table!r}; expected a table of keys.")
    options = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    _refuse_unknown(table, tuple(options), where)
    missing = [name for name, item in options.items() if item.default is item.default_factory and name not in table]
    if missing:
        raise FormatError(f"{where} lacks {', '.join(missing)}. Add it.")
    values = {key: options[key].metadata["check"](value, f"{where} {key}") for key, value in table.items()}
    return kind(**values)


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
            raise FormatError(f"{where} has the unknown key {key!r}. {hint}")


def _agree(study: Study, source: str) -> Study:
    """What only several keys together can get wrong."""
    time = study.time
    if time.length_s is not None and time.segments is not None:
        raise FormatError(f"{source}: [time] has both length_s and segments. Keep one.")
    if study.output.still_beats:
        unknown = [song.name for song in study.songs if song.bpm is None]
        if unknown:
            raise FormatError(
                f"{source}: [output] still_beats needs the bpm of every song; missing for {', '.join(unknown[:5])}. "
                "Add bpm and first_beat_s to these [[song]]s, or choose stills_s."
            )
    for song in study.songs:
        if song.window is not None and song.audio is None:
            raise FormatError(f"{source}: song {song.name} has a window and no audio. Add audio, or drop window.")
    return replace(
        study,
        songs=tuple(replace(song, match=song.match or song.name) for song in study.songs),
        systems=tuple(replace(system, label=system.label or system.name) for system in study.systems),
    )
