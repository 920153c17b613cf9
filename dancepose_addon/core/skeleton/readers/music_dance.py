# SPDX-License-Identifier: Apache-2.0
"""The music & dance (M&D) data: a folder with skeletons.json, config.json and the music.

Tang, Jia and Mao 2018, Dance with Melody. ``skeletons`` holds 23 points about ``center``, centimetres, y up;
config.json names the frames of the music, 25 a second, that the dance covers.

There are two releases. The one of 2018 keeps frames at another rate than 25 a second (5.9 for a waltz), the corrected
one of 2019 lies within 2 % of it. Where a clip is in both, its first and last poses are the same: either release
spans the whole window. So the true rate is always frames over the window's length, and a clip played at it stays with
its music to the end; at 25 a second a clip of the corrected release would run up to a second ahead.
"""

from pathlib import Path
from typing import Any, Final
import wave

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError, InputError
from ...frame_rates import require_frame_rate
from ..recording import Head, Hints, PointRecording, Recording
from ..sequence import AudioWindow
from .json_points import read_json, recording_of_json
from .numbers import as_numbers

SKELETONS: Final = "skeletons.json"
CONFIG: Final = "config.json"
AUDIO_SUFFIXES: Final = (".wav", ".mp3", ".ogg", ".m4a", ".flac")
NOMINAL_FPS: Final = 25.0
NOTED_DEVIATION: Final = 0.05
NOTED_END_S: Final = 0.1
"""Music that ends earlier before the dance is said."""
DEFAULT_LAYOUT: Final = "md23"


FORM: Final = "music & dance (M&D)"
OWN_KEYS: Final = {"skeletons", "center"}


def recognises(head: Head) -> bool:
    """Tell a folder with skeletons.json in it, or a file that starts like JSON."""
    return (head.path / SKELETONS).is_file() if head.path.is_dir() else head.text.lstrip()[:1] in ("{", "[")


def open_file(path: Path, hints: Hints) -> Recording:
    """Read an M&D folder, its skeletons.json, or other points in JSON; see ``readers.open_recording``."""
    file = path / SKELETONS if path.is_dir() else path
    table = read_json(file)
    if not path.is_dir() and not (isinstance(table, dict) and OWN_KEYS & set(table)):
        return recording_of_json(table, path, hints)
    if not isinstance(table, dict):
        raise FormatError(f"{file} holds a {type(table).__name__}; expected an object. Is it a file of the M&D data?")
    points, centre = _points(table, "skeletons", 3, file), _points(table, "center", 2, file)
    if len(points) == 0:
        raise InputError(f"{file} has zero frames. Check that the file was written completely.")
    if points.shape[2] != 3 or centre.shape != (len(points), 3):
        raise FormatError(
            f"{file} has skeletons of shape {points.shape} and center of shape {centre.shape}; expected (T, points, 3) "
            "and (T, 3). Check that the file was written completely."
        )
    length = table.get("length", len(points))
    if length != len(points):
        raise FormatError(f"{file} says it has {length!r:.40} frames and holds {len(points)}. Fetch the file again.")
    window_s = _window(file.parent / CONFIG)
    notes: list[str] = []
    rate = _rate(len(points), window_s, hints.fps, notes)
    return PointRecording(
        points=as_numbers(points + centre[:, None], str(file)),
        form=FORM,
        source=str(path),
        layout=DEFAULT_LAYOUT,
        unit="cm",
        up="y",
        fps=rate,
        fps_why=f"the audio window in {CONFIG} gives it" if window_s else "the format has it",
        audio=_audio(file.parent, window_s, len(points) / rate, notes),
        notes=tuple(notes),
    )


def _rate(count: int, window_s: tuple[float, float] | None, fps: float | None, notes: list[str]) -> float:
    if window_s is None:
        if fps is None:
            notes.append(f"There is no {CONFIG} beside the skeletons, so they are played at {NOMINAL_FPS:g} fps.")
        return NOMINAL_FPS if fps is None else require_frame_rate(fps)
    start_s, end_s = window_s
    true_fps = count / (end_s - start_s)
    if fps is not None:
        rate = require_frame_rate(fps)
        if abs(rate / true_fps - 1) > NOTED_DEVIATION:
            notes.append(f"Played at {rate:g} fps as asked; the audio window would need {true_fps:.2f} fps.")
        return rate
    if abs(true_fps / NOMINAL_FPS - 1) > NOTED_DEVIATION:
        notes.append(
            f"The audio window lasts {end_s - start_s:.2f} s and there are {count} frames: this is the 2018 release, "
            f"played at {true_fps:.2f} fps instead of {NOMINAL_FPS:g}."
        )
    return true_fps


def _window(config: Path) -> tuple[float, float] | None:
    """Start and end of the dance in its music, seconds; None without a config.json."""
    if not config.is_file():
        return None
    table = _read_table(config)
    try:
        start, end = float(table["start_position"]), float(table["end_position"])
    except (KeyError, TypeError, ValueError):
        raise FormatError(
            f"{config} has no numbers start_position and end_position. Correct it, or remove it and give --fps."
        ) from None
    if not (0 <= start < end < np.inf):
        raise FormatError(
            f"{config} has a window from frame {start:g} to {end:g}. Correct it, or remove it and give --fps."
        )
    return start / NOMINAL_FPS, end / NOMINAL_FPS


def _audio(folder: Path, window_s: tuple[float, float] | None, motion_s: float, notes: list[str]) -> AudioWindow | None:
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()]
    found.sort(key=lambda path: (path.stem.lower() != "audio", AUDIO_SUFFIXES.index(path.suffix.lower())))
    if not found:
        notes.append(f"There is no music in {folder} ({', '.join(AUDIO_SUFFIXES)}), so the dance is silent.")
        return None
    start_s, end_s = window_s or (0.0, motion_s)
    # At a rate that the user chose the dance may end before its music does.
    window = AudioWindow(found[0], start_s, min(end_s - start_s, motion_s))
    length_s = wav_length_s(found[0])
    if length_s is not None and start_s + window.duration_s > length_s + NOTED_END_S:
        notes.append(
            f"{found[0].name} lasts {length_s:.2f} s and the dance is from {start_s:.2f} to "
            f"{start_s + window.duration_s:.2f} s in it: there is no music from its end on."
        )
    return window


def wav_length_s(path: Path) -> float | None:
    """Return the length of a .wav file, seconds; None for other files and where its header cannot be read."""
    if path.suffix.lower() != ".wav":
        return None
    try:
        with wave.open(str(path), "rb") as file:
            frame_bytes = file.getsampwidth() * file.getnchannels()
            # A header may say more than the file has.
            return min(file.getnframes(), path.stat().st_size // frame_bytes) / file.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError, RuntimeError, ValueError):
        return None


def _read_table(file: Path) -> dict[str, Any]:
    """A JSON file that has to hold a table."""
    table = read_json(file)
    if not isinstance(table, dict):
        raise FormatError(f"{file} holds a {type(table).__name__}; expected an object. Is it a file of the M&D data?")
    return table


def _points(table: dict[str, Any], key: str, dimensions: int, file: Path) -> NDArray[np.float64]:
    if key not in table:
        keys = ", ".join(sorted(map(str, table))[:8]) or "none"
        raise FormatError(f"{file} has no {key!r} (keys: {keys}); an M&D file has length, center and skeletons.")
    value = table[key]
    if isinstance(value, list) and not value:
        return np.zeros((0,) * (dimensions - 1) + (3,))
    try:
        points = np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        raise FormatError(
            f"{file}: {_find_ragged(value, key)}. Fetch the file again, or cut the frames that are incomplete."
        ) from None
    if points.ndim != dimensions:
        raise FormatError(f"{file}: {key} has shape {points.shape}; expected {dimensions} dimensions.")
    return points


def _find_ragged(value: Any, key: str) -> str:
    """Name the first frame whose number of points differs from the first's, or whose entries are not numbers."""
    first = np.shape(value[0]) if isinstance(value, list) and _is_regular(value[0]) else None
    for index, frame in enumerate(value if isinstance(value, list) else []):
        if not _is_regular(frame) or np.shape(frame) != first:
            return f"{key} of frame {index} is incomplete or differs in shape from that of frame 0"
    return f"{key} is not an array of numbers"


def _is_regular(frame: Any) -> bool:
    try:
        np.array(frame, np.float64)
    except (ValueError, TypeError, OverflowError):
        return False
    return True
