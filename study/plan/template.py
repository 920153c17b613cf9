"""A first study.toml, from the folders that hold each system's files."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
from typing import Final

from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.skeleton.readers import read

from .study_sources import AUDIO_SUFFIXES

TAIL: Final = """\
[picture]
size = [720, 720]           # pixels, even
fps = 25                    # frames per second of the videos
engine = "study"            # "study": Cycles, lit and denoised; "preview": Workbench, for a first look
device = "cpu"              # of Cycles: "cpu", "gpu" or "auto"; every worker then uses the same
background = "stage"        # "transparent": also a .webm with alpha
# samples = 0               # a pixel; 0 takes what the engine is meant for
# seed = 0                  # of Cycles' noise

[time]
# Without either, each song is as long as its shortest clip.
# length_s = 10.0           # every clip, from the start of the dance
# segments = [[0, 10], [20, 30]]    # cuts at the same seconds for every system

[stage]
# body = "SMPL_NEUTRAL.pkl" # your own SMPL file; without it the free body that is shipped
floor = "song"              # one floor height for all systems of a song; "clip": each clip stands on its own
# betas = [0.0]             # shape of the body in every clip; [] solves for it clip by clip
# backdrop_rgb = [0.36, 0.365, 0.375]   # linear
# light = 1.0

[camera]
# field_deg = 18.0          # vertical angle of view
# pitch_deg = 9.0           # how far it looks down
# margin = 0.07             # of the picture, free on every side

[output]
folder = "renders"
loudness_lufs = -23.0       # EBU R128, the same for all clips
crf = 16                    # of H.264: smaller is finer and larger
compare = ["grid"]          # of "row", "grid", "pairs"; [] for none
labels = ["with", "without"]    # with names for papers, without for raters
sheets = true
# stills_s = [2.0, 5.0]     # seconds into the dance
# still_beats = [8, 16]     # needs bpm and first_beat_s of every song
keep_frames = true          # false: the PNG frames of a clip go once it is encoded

[run]
# chunk_frames = 0          # frames a worker does at a time; 0: as many as make starting it cheap
# timeout_s = 1800          # for one chunk
# retries = 2
"""


@dataclass(frozen=True)
class _Found:
    """A song as the folders show it. name: as in files; audio: path; window: seconds of it."""

    name: str
    audio: Path | None = None
    window: tuple[float, float] | None = None


def draft_study(folders: list[Path], *, audio: Path | None, root: Path) -> str:
    """The text of a study.toml for systems in ``folders``, one each, and their songs.

    audio: folder of music, by the songs' names; M&D folders bring their own.

    Raises:
        InputError: a folder is none, or holds nothing.
    """
    songs: dict[str, _Found] = {}
    lines = ["# A study: systems that dance to songs. Paths are meant from this file's folder.", ""]
    lines += [f"name = {json.dumps(root.name)}", ""]
    taken: set[str] = set()
    for folder in folders:
        entries = _entries(folder)
        for entry in entries:
            name = entry.name if entry.is_dir() else entry.stem
            if songs.get(name, _Found(name)).audio is None:
                songs[name] = _look_for_music(name, entry, audio)
        name = _unique(_clean(folder.name), taken)
        lines += ["[[system]]", f"name = {json.dumps(name)}", f"files = {json.dumps(_shown(folder, root))}"]
        lines += [f"# label = {json.dumps(name)}            # in pictures and in the report"]
        lines += ['# layout = "md23"            # where the files leave it open', "# fps = 25"]
        lines += ["# refine = 3                 # steps that draw the pose onto the points; 0: regressor alone"]
        lines += ["# smooth = 0.0               # 1: take out the points' own noise; 0 shows what a model made"]
        lines += ["# adapt = false              # let the layout's points shift on the body by up to 4 cm"]
        lines += ["# level = true               # take out a drift of the recording's floor"]
        lines += ["# foot_lock = false          # keep standing feet still and on the floor"]
        lines += ['# regressor = "model.onnx"', ""]
    taken = set()
    for song in sorted(songs.values(), key=lambda found: _natural(found.name)):
        name = _unique(_clean(song.name), taken)
        lines += ["[[song]]", f"name = {json.dumps(name)}"]
        lines += [f"match = {json.dumps(song.name)}"] if name != song.name else []
        lines += ["# audio = ...                # no music was found: silent"] if song.audio is None else []
        lines += [] if song.audio is None else [f"audio = {json.dumps(_shown(song.audio, root))}"]
        lines += [] if song.window is None else [f"window = [{song.window[0]:.3f}, {song.window[1]:.3f}]"]
        lines += ["# bpm = 120", "# first_beat_s = 0.0", ""]
    return "\n".join(lines) + "\n" + TAIL


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Give one folder of skeleton files for each system.")
    entries = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and path.suffix.lower() not in AUDIO_SUFFIXES
    ]
    if not entries:
        raise InputError(f"{folder} holds no skeleton files. Give one folder of skeleton files for each system.")
    return entries


def _look_for_music(name: str, entry: Path, audio: Path | None) -> _Found:
    if audio is not None:
        for suffix in AUDIO_SUFFIXES:
            if (audio / f"{name}{suffix}").is_file():
                return _Found(name, audio / f"{name}{suffix}")
    if entry.is_dir():
        try:
            window = read(entry).audio
        except DancePoseError:
            return _Found(name)
        if window is not None:
            return _Found(name, window.path, (window.start_s, window.start_s + window.duration_s))
    return _Found(name)


def _shown(path: Path, root: Path) -> str:
    """A path from ``root`` where it lies near, else whole."""
    relative = os.path.relpath(path.absolute(), root)
    return str(path.absolute()) if relative.startswith("../../..") else relative


def _clean(name: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name).strip("_.+-")
    return text or "unnamed"


def _unique(name: str, taken: set[str]) -> str:
    chosen, number = name, 2
    while chosen in taken:
        chosen, number = f"{name}-{number}", number + 1
    taken.add(chosen)
    return chosen


def _natural(name: str) -> list[tuple[int, int, str]]:
    """So that 2 comes before 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
