# SPDX-License-Identifier: Apache-2.0
"""A first study.toml, drafted from the folders that hold each system's files."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import textwrap
from typing import Final

from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.options import Option
from dancepose_addon.core.skeleton.readers import examine
from dancepose_addon.core.toml_text import toml_string

from .study_file import SYSTEM_FIT_OPTIONS
from .study_folder import is_same_file
from .study_sources import AUDIO_SUFFIXES

COMMENT_COLUMN: Final = 28
COMMENT_WIDTH: Final = 92
TAIL: Final = """\
[picture]
size = [720, 720]           # width and height in pixels, even numbers
fps = 25                    # frames per second of the films
engine = "cycles"           # "fast": looks alike in a tenth of the time or less, without Blender; "workbench": plain
device = "cpu"              # what Cycles renders on: "cpu", "gpu" or "auto"; the same for every worker
background = "stage"        # "transparent": also writes a .webm with alpha
camera = "auto"             # "still"; "follow": moves with the dancers; "auto": still where they travel little
floor = "tiles"             # tiles of 0.5 m, which show travel and sliding; "plain" or "none"
look = "casual"             # "mannequin" or "plain": one colour, without clothes
figure = "neutral"          # "female" or "male", where the look is "casual"
# colours = "top=3a6ea5"    # sRGB colours of single materials
# samples = 0               # samples per pixel; 0: the engine's default
# seed = 0                  # seed of Cycles' noise

[time]
# With neither key, each song is as long as its shortest clip.
# length_s = 10.0           # length of every clip, from the start of the dance
# segments = [[0, 10], [20, 30]]    # [start, end] in seconds, the same for every system

[stage]
# body = "SMPL_NEUTRAL.pkl" # your own SMPL file; default: the free body that is included
# character = "hero.glb"    # your own rigged character instead of the body: .glb, .vrm, .fbx or .blend
# character_map = "map.toml"    # its bones by part, where they are not found
floor = "song"              # one floor height for all systems of a song; "clip": each clip's own floor
# betas = [0.0]             # shape of the body in every clip; []: solve for it clip by clip
# backdrop_rgb = [0.36, 0.365, 0.375]   # linear
# light = 1.0               # strength of the lights

[camera]
# field_deg = 18.0          # vertical angle of view
# pitch_deg = 9.0           # how far the camera looks down
# margin = 0.07             # share of the picture that stays free on every side

[output]
folder = "renders"          # created; must not contain inputs
loudness_lufs = -23.0       # EBU R128, the same for all clips
crf = 16                    # quality of H.264: smaller is finer and larger
compare = ["grid"]          # several clips in one picture: "row", "grid", "pairs"; []: none
labels = ["with", "without"]    # with and without the systems' names
sheets = true               # contact sheets
# stills_s = [2.0, 5.0]     # stills at these seconds of the dance
# still_beats = [8, 16]     # stills at these beats; needs bpm and first_beat_s of every song
keep_frames = true          # false: delete the PNG frames of a clip after it was encoded

[run]
# chunk_frames = 0          # frames per render job; 0: chosen so that starting one costs little
# timeout_s = 1800          # time limit of a job
# retries = 2               # how often a job that crashed is tried again
"""


@dataclass(frozen=True)
class _FoundSong:
    """A song that the folders contain.

    Attributes:
        name: Name in file names.
        audio: Its music file, if one was found.
        window: (start, end) of the dance in ``audio``, seconds.
    """

    name: str
    audio: Path | None = None
    window: tuple[float, float] | None = None


def draft_study(folders: list[Path], *, audio: Path | None, root: Path) -> str:
    """Write the text of a study.toml.

    Args:
        folders: One folder of motion files per system.
        audio: Folder of music, named as the songs; M&D folders name their own.
        root: Folder of the file to write; paths in it are relative to this folder.

    Raises:
        InputError: A folder does not exist or is empty.
    """
    if audio is not None and not audio.is_dir():
        raise InputError(f"--audio {audio} is not a folder. Give the folder that holds the music files.")
    if audio is not None and not any(path.suffix.lower() in AUDIO_SUFFIXES for path in audio.iterdir()):
        known = ", ".join(AUDIO_SUFFIXES)
        raise InputError(f"--audio {audio} holds no music ({known}). Give the folder of the music, or leave it out.")
    for number, folder in enumerate(folders):
        twice = next((other for other in folders[:number] if is_same_file(folder, other)), None)
        if twice is not None:
            raise InputError(f"{folder} is given twice, and its files are one system's. Give one folder per system.")
    songs: dict[str, _FoundSong] = {}
    lines = ["# A study: systems that dance to songs. Paths are relative to the folder of this file.", ""]
    lines += [f"name = {toml_string(root.name)}", ""]
    taken: set[str] = set()
    for folder in folders:
        for entry in _entries(folder):
            name = entry.name if entry.is_dir() else entry.stem
            if songs.get(name, _FoundSong(name)).audio is None:
                songs[name] = _find_music(name, entry, audio)
        name = _unique(_file_name(folder.name), taken)
        lines += ["[[system]]", f"name = {toml_string(name)}", f"files = {toml_string(_shown_path(folder, root))}"]
        lines += [*_system_comments(name), ""]
    taken = set()
    for song in sorted(songs.values(), key=lambda found: _natural_order(found.name)):
        name = _unique(_file_name(song.name), taken)
        lines += ["[[song]]", f"name = {toml_string(name)}"]
        lines += [f"match = {toml_string(song.name)}"] if name != song.name else []
        if song.audio is None:
            lines.append(_comment('audio = "song.wav"', "no music was found: the clips are silent"))
        else:
            lines.append(f"audio = {toml_string(_shown_path(song.audio, root))}")
        lines += [] if song.window is None else [f"window = [{song.window[0]:.3f}, {song.window[1]:.3f}]"]
        lines += [_comment("bpm = 120", "beats per minute"), _comment("first_beat_s = 0.0", "time of beat 0"), ""]
    return "\n".join(lines) + "\n" + TAIL


def _system_comments(name: str) -> list[str]:
    return [
        _comment(f"label = {toml_string(name)}", "name in pictures and in the report"),
        _comment('layout = "md23"', "skeleton layout, where the files do not state it"),
        _comment("fps = 25", "frames per second, where the files do not state them"),
        _comment('read = "up=z,unit=cm"', "axis that points up and unit, where they are not detected"),
        *(_comment(f"{entry.name} = {_toml_value(entry)}", entry.info.help) for entry in SYSTEM_FIT_OPTIONS),
        _comment('regressor = "model.onnx"', "default: the regressor that is shipped for the layout"),
    ]


def _toml_value(entry: Option) -> str:
    return '"..."' if entry.default is None else json.dumps(entry.default)


def _comment(assignment: str, why: str) -> str:
    first, *rest = textwrap.wrap(why, COMMENT_WIDTH)
    return "\n".join(
        [f"{'# ' + assignment:<{COMMENT_COLUMN}}# {first}", *(f"{'#':<{COMMENT_COLUMN}}# {line}" for line in rest)]
    )


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Give one folder of motion files for each system.")
    entries = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and path.suffix.lower() not in AUDIO_SUFFIXES
    ]
    if not entries:
        raise InputError(f"{folder} holds no motion files. Give one folder of motion files for each system.")
    return entries


def _find_music(name: str, entry: Path, audio: Path | None) -> _FoundSong:
    if audio is not None:
        for suffix in AUDIO_SUFFIXES:
            if (audio / f"{name}{suffix}").is_file():
                return _FoundSong(name, audio / f"{name}{suffix}")
    if entry.is_dir():
        try:
            window = examine(entry).recording.audio
        except DancePoseError:
            return _FoundSong(name)
        if window is not None:
            return _FoundSong(name, window.path, (window.start_s, window.start_s + window.duration_s))
    return _FoundSong(name)


def _shown_path(path: Path, root: Path) -> str:
    """Return a path relative to ``root`` if it is near, otherwise absolute."""
    relative = os.path.relpath(path.absolute(), root)
    return str(path.absolute()) if relative.startswith("../../..") else relative


def _file_name(name: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name).strip("_.+-")
    return text or "unnamed"


def _unique(name: str, taken: set[str]) -> str:
    chosen, number = name, 2
    while chosen.casefold() in taken:
        chosen, number = f"{name}-{number}", number + 1
    taken.add(chosen.casefold())
    return chosen


def _natural_order(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key with which 2 comes before 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
