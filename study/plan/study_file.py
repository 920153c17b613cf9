# SPDX-License-Identifier: Apache-2.0
"""study.toml: the description of a study. Unknown keys are errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
import difflib
from pathlib import Path
from typing import Any, Final, TypeVar

from dancepose_addon.core.body.figure_file import FIGURES
from dancepose_addon.core.body.looks import LOOKS
from dancepose_addon.core.bounded_files import read_document
from dancepose_addon.core.camera_framing import CAMERAS
from dancepose_addon.core.engine_defaults import FORMER_NAMES
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.fit.settings import FIT_OPTIONS, FitSettings
from dancepose_addon.core.skeleton.layouts import SUFFIX
from dancepose_addon.core.stage_design import FLOORS
from dancepose_addon.core.toml_text import parse_toml

from . import values
from .unused_keys import require_effects

T = TypeVar("T")

SYSTEM_FIT_OPTIONS: Final = tuple(option for option in FIT_OPTIONS if option.name != "betas")
"""Fit options of a [[system]]. The body's shape is the same for all systems: [stage] betas."""


def option(kind: values.Check, default: Any = values.REQUIRED) -> Any:
    """Declare a key of the file.

    Args:
        kind: Check and conversion of its value.
        default: Value where the key is missing; without a default it is required.
    """
    if default is values.REQUIRED:
        return field(metadata={"check": kind})
    return field(default=default, metadata={"check": kind})


@dataclass(frozen=True, kw_only=True)
class System:
    """A source of dances, such as a model or a recording.

    Attributes:
        name: Name in file names.
        files: Folder, glob, or path with ``{song}`` in it.
        label: Name in pictures and in the report.
        layout: Skeleton layout, where the files do not state it: a name or the path of a .toml file.
        fps: Frames per second, where the files do not state them.
        read: Further hints for the readers, such as ``up=z,unit=cm``.
        fit: Options of the fit.
        regressor: ONNX file; None for the regressor that is shipped for the layout.
        device: What the regressor runs on.
    """

    name: str = option(values.check_name)
    files: str = option(values.check_path)
    label: str = option(values.check_title, "")
    layout: str | None = option(values.check_layout_name, None)
    fps: float | None = option(values.number_from(0.001, 1000.0), None)
    read: str | None = option(values.check_read, None)
    fit: FitSettings = FitSettings()
    regressor: str | None = option(values.check_path, None)
    device: str = option(values.one_of("auto", "cuda", "cpu", "numpy"), "cpu")


@dataclass(frozen=True, kw_only=True)
class Song:
    """A piece of music that is danced to.

    Attributes:
        name: Name in file names.
        match: Name or stem of its files in the systems' folders.
        audio: Music file; None for silence.
        window: (start, end) of the dance in ``audio``, seconds; None for the whole file.
        bpm: Beats per minute.
        first_beat_s: Time of beat 0 in the dance, seconds.
    """

    name: str = option(values.check_name)
    match: str = option(values.check_text, "")
    audio: str | None = option(values.check_path, None)
    window: tuple[float, float] | None = option(values.check_interval, None)
    bpm: float | None = option(values.number_from(20.0, 400.0), None)
    first_beat_s: float = option(values.number_from(0.0, 1e5), 0.0)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How frames are rendered.

    Attributes:
        size: (width, height), pixels.
        fps: Frames per second of the films.
        engine: ``cycles``, ``workbench`` or ``fast``.
        device: What Cycles renders on: ``cpu``, ``gpu`` or ``auto``.
        samples: Samples per pixel; 0 for the engine's default.
        background: ``stage`` or ``transparent``.
        seed: Seed of Cycles' noise.
        camera: ``still``, ``follow``, or ``auto`` for the former where the dancers travel little.
        floor: ``tiles`` of half a metre, ``plain`` or ``none``.
        look: Look of the body: ``casual``, ``mannequin`` or ``plain``.
        figure: ``neutral``, ``female`` or ``male``, where the look is casual.
        colours: Colours of single materials, such as ``top=3a6ea5,trousers=222222``.
    """

    size: tuple[int, int] = option(values.check_size, (720, 720))
    fps: float = option(values.number_from(1.0, 240.0), 25.0)
    engine: str = option(values.one_of("cycles", "workbench", "fast", renamed=FORMER_NAMES), "cycles")
    device: str = option(values.one_of("cpu", "gpu", "auto"), "cpu")
    samples: int = option(values.whole_from(0, 4096), 0)
    background: str = option(values.one_of("stage", "transparent"), "stage")
    seed: int = option(values.whole_from(0, 2**31 - 1), 0)
    camera: str = option(values.one_of(*CAMERAS), "auto")
    floor: str = option(values.one_of(*FLOORS), "tiles")
    look: str = option(values.one_of(*LOOKS), "casual")
    figure: str = option(values.one_of(*FIGURES), "neutral")
    colours: str = option(values.check_material_colours, "")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Body, floor, backdrop and light.

    Attributes:
        body: SMPL-format body file; None for the body that is shipped.
        character: Character that is shown instead of the body (.glb, .gltf, .vrm, .fbx, .blend); None for the body.
        character_map: Map file of the character's bones; None to find them.
        betas: Shape of the body in every clip, so that the shape does not identify the system; () solves for it clip
            by clip.
        floor: ``song`` for one floor height for all systems of a song, ``clip`` for each clip's own.
        backdrop_rgb: Linear colour, each in [0, 1].
        light: Strength of all lights, 1 for the default.
    """

    body: str | None = option(values.check_path, None)
    character: str | None = option(values.check_path, None)
    character_map: str | None = option(values.check_path, None)
    betas: tuple[float, ...] = option(values.check_betas, (0.0,))
    floor: str = option(values.one_of("song", "clip"), "song")
    backdrop_rgb: tuple[float, float, float] = option(values.check_colour, (0.36, 0.365, 0.375))
    light: float = option(values.number_from(0.0, 100.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The camera, which is placed per song.

    Attributes:
        field_deg: Vertical angle of view, degrees.
        pitch_deg: How far it looks down, degrees.
        margin: Share of the picture that stays free on every side.
    """

    field_deg: float = option(values.number_from(2.0, 90.0), 18.0)
    pitch_deg: float = option(values.number_from(0.0, 60.0), 9.0)
    margin: float = option(values.number_from(0.0, 0.4), 0.07)


@dataclass(frozen=True, kw_only=True)
class Time:
    """Length of the clips. With neither key, a song is as long as its shortest clip.

    Attributes:
        length_s: Length of every clip, from the start of the dance, seconds.
        segments: (start, end) of several parts, seconds; the same for every system.
    """

    length_s: float | None = option(values.number_from(0.04, 36000.0), None)
    segments: tuple[tuple[float, float], ...] | None = option(values.check_intervals, None)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is made besides the frames.

    Attributes:
        folder: Folder of all results.
        loudness_lufs: Loudness of every clip (EBU R128).
        crf: Constant rate factor of H.264; smaller is finer and larger.
        compare: Several clips in one picture: ``row`` or ``grid`` of all systems, or all ``pairs``.
        labels: Comparisons ``with`` and ``without`` the systems' names.
        sheets: Whether to write contact sheets.
        stills_s: Times of stills, seconds into the dance.
        still_beats: Beats of stills; needs ``bpm`` of every song.
        keep_frames: Whether the PNG frames of a clip stay after it was encoded.
    """

    folder: str = option(values.check_path, "renders")
    loudness_lufs: float = option(values.number_from(-60.0, -5.0), -23.0)
    crf: int = option(values.whole_from(0, 40), 16)
    compare: tuple[str, ...] = option(values.several_of("row", "grid", "pairs"), ("grid",))
    labels: tuple[str, ...] = option(values.several_of("with", "without"), ("with", "without"))
    sheets: bool = option(values.check_flag, True)
    stills_s: tuple[float, ...] = option(values.check_seconds, ())
    still_beats: tuple[int, ...] = option(values.check_counts, ())
    keep_frames: bool = option(values.check_flag, True)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the work is divided. None of it changes a pixel.

    Attributes:
        chunk_frames: Frames per render job; 0 chooses as many as keep the cost of starting one small.
        timeout_s: Time limit of a job, seconds.
        retries: How often a job that crashed is tried again.
    """

    chunk_frames: int = option(values.whole_from(0, 100000), 0)
    timeout_s: float = option(values.number_from(1.0, 1e6), 1800.0)
    retries: int = option(values.whole_from(0, 10), 2)


@dataclass(frozen=True, kw_only=True)
class Study:
    """The content of a study.toml.

    Attributes:
        name: Title of the report.
        root: Folder of the file; relative paths in it start here.
        systems: The systems.
        songs: The songs.
        picture: How frames are rendered.
        stage: Body, floor, backdrop and light.
        camera: The camera.
        time: Length of the clips.
        output: What is made.
        run: How the work is divided.
        notices: Sentences for the user about the file itself.
    """

    name: str
    root: Path
    systems: tuple[System, ...]
    songs: tuple[Song, ...]
    picture: Picture = Picture()
    stage: Stage = Stage()
    camera: Camera = Camera()
    time: Time = Time()
    output: OutputOptions = OutputOptions()
    run: Run = Run()
    notices: tuple[str, ...] = field(default=(), compare=False)

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.root / self.output.folder

    def path(self, text: str | None) -> Path | None:
        """Resolve a path of the file from the file's folder."""
        return None if text is None else self.root / text

    def fit_settings(self, system: System) -> FitSettings:
        """Return the options of a system's fits, with the shape of the study's body and paths from the study's root."""
        style, other = self.style_file(system) or system.fit.style, self.path(system.fit.body_from)
        named = {"style": style and str(style), "body_from": other and str(other)}
        return replace(system.fit, betas=self.stage.betas or None, **named)  # type: ignore[arg-type]

    def style_file(self, system: System) -> Path | None:
        """Return the file that a system's ``style`` names, if it is one."""
        style = system.fit.style
        return self.path(style) if style is not None and style.endswith(".json") else None


SECTIONS: Final = {
    "picture": Picture,
    "stage": Stage,
    "camera": Camera,
    "time": Time,
    "output": OutputOptions,
    "run": Run,
}


def load_study(path: Path) -> Study:
    """Read a study.toml.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FormatError: It is not TOML, has an unknown key, or a value that is not allowed.
    """
    try:
        table = parse_toml(read_document(path, what="a study file (`dancepose study init` writes one)"))
    except ValueError as error:
        raise FormatError(f"{path} is not valid TOML ({error}). Correct that line.") from error
    return parse_study(table, root=path.absolute().parent, source=path.name)


def parse_study(table: Mapping[str, Any], *, root: Path, source: str = "study.toml") -> Study:
    """Make a study from the table of its file.

    Args:
        table: The parsed TOML.
        root: Folder of the file.
        source: Name of the file, for messages.

    Raises:
        FormatError: An unknown key, or a value that is not allowed.
    """
    known = ("name", "system", "song", *SECTIONS)
    _refuse_unknown(table, known, source)
    sections: dict[str, Any] = {
        key: _section(kind, table.get(key, {}), f"{source}: [{key}]") for key, kind in SECTIONS.items()
    }
    study = Study(
        name=values.check_title(table.get("name", root.name or "study"), f"{source}: name"),
        root=root,
        systems=_entries(System, table, "system", source),
        songs=_entries(Song, table, "song", source),
        notices=_renamed_engine(table, source),
        **sections,
    )
    return _check_together(study, source)


def _renamed_engine(table: Mapping[str, Any], source: str) -> tuple[str, ...]:
    old = table.get("picture", {}).get("engine")
    if old not in FORMER_NAMES:
        return ()
    return (f'{source}: engine = "{old}" is now called "{FORMER_NAMES[old]}"; the old name still works.',)


def _entries(kind: type[T], table: Mapping[str, Any], key: str, source: str) -> tuple[T, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not found:
        raise FormatError(f"{source} has no [[{key}]]; a study needs at least one. See `dancepose study init`.")
    entries = tuple(_section(kind, entry, f"{source}: [[{key}]] {n + 1}") for n, entry in enumerate(found))
    names = [getattr(entry, "name") for entry in entries]  # noqa: B009  (both kinds have one)
    folded = [name.casefold() for name in names]
    again = ", ".join(sorted({name for name in names if folded.count(name.casefold()) > 1}))
    if again:
        raise FormatError(f"{source} has more than one [[{key}]] named {again}. Use names that differ in a letter.")
    return entries


def _section(kind: type[T], table: Any, where: str) -> T:
    if not isinstance(table, Mapping):
        raise FormatError(f"{where} is {table!r:.200}; expected a table of keys.")
    checks = {item.name: item.metadata["check"] for item in fields(kind) if item.metadata}  # type: ignore[arg-type]
    fit_checks = {entry.name: values.fit_option_check(entry) for entry in SYSTEM_FIT_OPTIONS} if kind is System else {}
    _refuse_unknown(table, (*checks, *fit_checks), where)
    required = [item.name for item in fields(kind) if item.default is item.default_factory]  # type: ignore[arg-type]
    missing = [name for name in required if name not in table]
    if missing:
        raise FormatError(f"{where} lacks {', '.join(missing)}. Add it.")
    found: dict[str, Any] = {key: check(table[key], f"{where} {key}") for key, check in checks.items() if key in table}
    fit = {key: check(table[key], f"{where} {key}") for key, check in fit_checks.items() if key in table}
    if fit:
        found["fit"] = FitSettings(**fit)
    return kind(**found)


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
            raise FormatError(f"{where} has the unknown key {key!r:.100}. {hint}")


def layout_file_of(system: System) -> Path | None:
    """Return the path of a system's layout file, or None where its layout has a name, or none is given."""
    return Path(system.layout) if system.layout is not None and system.layout.endswith(SUFFIX) else None


def _layout_of(system: System, root: Path) -> str | None:
    """Return a system's layout; the path of a layout file is resolved from the study's folder."""
    path = layout_file_of(system)
    return system.layout if path is None else str(root / path)


def _check_together(study: Study, source: str) -> Study:
    """Check what depends on several keys, and fill in the defaults that do."""
    time = study.time
    if time.length_s is not None and time.segments is not None:
        raise FormatError(f"{source}: [time] has both length_s and segments. Keep one.")
    if study.output.still_beats:
        unknown = [song.name for song in study.songs if song.bpm is None]
        if unknown:
            raise FormatError(
                f"{source}: [output] still_beats needs the bpm of every song; missing for {', '.join(unknown[:5])}. "
                "Add bpm and first_beat_s to these [[song]]s, or use stills_s."
            )
    if study.picture.engine == "fast" and study.stage.character is not None:
        raise FormatError(f'{source}: engine = "fast" draws no characters. Use "cycles" or "workbench", or remove it.')
    require_effects(study, source)
    for song in study.songs:
        if song.window is not None and song.audio is None:
            raise FormatError(f"{source}: song {song.name} has a window but no audio. Add audio, or remove window.")
    return replace(
        study,
        songs=tuple(replace(song, match=song.match or song.name) for song in study.songs),
        systems=tuple(
            replace(system, label=system.label or system.name, layout=_layout_of(system, study.root))
            for system in study.systems
        ),
    )
