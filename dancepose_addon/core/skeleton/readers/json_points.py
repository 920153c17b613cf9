# SPDX-License-Identifier: Apache-2.0
"""Points in JSON: nested lists, tables of lists, a table for each frame, and folders with one file a frame.

[[[x, y, z], ...], ...]                          points of web tools and models
{"joints": [[[...]]], "fps": 30}                 arrays by name, as in an .npz
[{"LeftHand": [x, y, z], ...}, ...]              named points for each frame
folder of *_keypoints.json (OpenPose)            people, pose_keypoints_3d
folder of 000000.json (EasyMocap)                a list with id and keypoints3d
"""

from collections.abc import Iterable
import json
from pathlib import Path
import re
from typing import Any, Final

import numpy as np

from ...bounded_files import read_whole
from ...errors import FormatError
from ..recording import Head, Hints, Recording
from .array_contents import recording_of
from .frame_lists import FRAMES, frames_in
from .point_arrays import ARRAY
from .tidy_values import tidied

FEWEST_FRAMES: Final = 2
MOST_FRAMES: Final = 200_000
MOST_FRAME_BYTES: Final = 4 << 20


MAX_JSON_BYTES: Final = 4 << 30
"""Of a JSON file, as of any motion."""


def read_json(file: Path) -> Any:
    """Parse a JSON file.

    Args:
        file: Its path.

    Returns:
        Its value.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is truncated, not JSON, or nested too deep.
    """
    try:
        return _parsed(read_whole(file, limit_bytes=MAX_JSON_BYTES, what="a JSON file of points"))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error)[:120].split())
        raise FormatError(f"{file} is truncated or not JSON ({reason}). Fetch the file again.") from error


def _parsed(data: bytes) -> Any:
    """One JSON value, or a list where every line is one (JSON Lines). Raises ValueError for anything else."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < FEWEST_FRAMES:
            raise
        return [json.loads(line) for line in lines]


def recording_of_json(value: Any, path: Path, hints: Hints) -> Recording:
    """Points from the value of a JSON file.

    Args:
        value: Lists, tables and numbers, nested.
        path: Of the file, for messages.
        hints: What the user says.

    Returns:
        Points, or SMPL parameters where the arrays are called so.

    Raises:
        FormatError: It holds no arrays of a known form.
        InputError: It has no frames.
    """
    value = tidied(value)
    if isinstance(value, np.ndarray):
        return recording_of({ARRAY: value}, path, hints)
    if isinstance(value, list) and any(isinstance(item, np.ndarray) for item in value):
        value = _without_gaps(value)
        if isinstance(value, np.ndarray):
            return recording_of({ARRAY: value}, path, hints)
    if isinstance(value, list) and value and isinstance(value[0], dict | list | np.ndarray):
        if frames_in(value) is None and not any(isinstance(item, dict) for item in value):
            raise FormatError(
                f"{path} holds lists that are no array of numbers (frames, points, 3); some frame may be incomplete."
            )
        return recording_of({FRAMES: value}, path, hints)
    if not isinstance(value, dict):
        raise FormatError(f"{path} holds a {type(value).__name__}; expected points as lists of numbers.")
    return recording_of(value, path, hints)


def _without_gaps(frames: list[Any]) -> Any:
    """Frames of which some are null as one array, NaN for these; the list where shapes differ."""
    shape = next(frame.shape for frame in frames if isinstance(frame, np.ndarray))
    if any(frame is not None and not (isinstance(frame, np.ndarray) and frame.shape == shape) for frame in frames):
        return frames
    return np.stack([np.full(shape, np.nan) if frame is None else frame for frame in frames])


def recognises_folder(head: Head) -> bool:
    """Tell a folder of frames by the names of its JSON files, which end in numbers.

    Args:
        head: Of a path.

    Returns:
        Whether it is a folder with at least two such files.
    """
    return head.path.is_dir() and len(frame_files(head.path, most=FEWEST_FRAMES)) >= FEWEST_FRAMES


def frame_files(folder: Path, *, most: int = MOST_FRAMES) -> list[Path]:
    """The JSON files of a folder that hold a frame each, in the order of their numbers.

    Args:
        folder: To look in.
        most: Files to list at most.

    Returns:
        Paths.
    """
    found: list[Path] = []
    try:
        entries: Iterable[Path] = folder.iterdir()
        for path in entries:
            if path.suffix.lower() == ".json" and re.search(r"\d{3,}(?:_keypoints)?$", path.stem[-40:]):
                found.append(path)
                if len(found) >= most:
                    break
    except OSError:
        return []
    return sorted(found, key=lambda path: (re.sub(r"\d+", "", path.stem), _number_in(path.stem), path.name))


def _number_in(stem: str) -> int:
    return int(re.findall(r"\d+", stem[-60:])[-1][-12:])


def open_folder(path: Path, hints: Hints) -> Recording:
    """Read a folder with a JSON file for each frame; see ``readers.open_recording``."""
    files = frame_files(path)
    frames: list[Any] = []
    for file in files:
        if file.stat().st_size > MOST_FRAME_BYTES:
            raise FormatError(f"{file} has {file.stat().st_size >> 20} MiB, too much for a frame.")
        frames.append(read_json(file))
    return recording_of({FRAMES: tidied(frames)}, path, hints)
