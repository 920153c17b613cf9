# SPDX-License-Identifier: Apache-2.0
"""Points in JSON: nested lists, tables of lists, and a table for each frame.

[[[x, y, z], ...], ...]                          points of web tools and models
{"joints": [[[...]]], "fps": 30}                 arrays by name, as in an .npz
[{"LeftHand": [x, y, z], ...}, ...]              named points for each frame

Folders with a JSON file for each frame: see ``frame_folders``.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...bounded_files import parse_json, read_whole
from ...errors import FormatError
from ..recording import Hints, Recording
from .array_contents import recording_of
from .frame_lists import FRAMES, frames_in
from .point_arrays import ARRAY
from .tidy_values import tidied

FEWEST_FRAMES: Final = 2

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
    except ValueError as error:
        reason = " ".join(str(error)[:120].split())
        raise FormatError(f"{file} is truncated or not JSON ({reason}). Fetch the file again.") from error


def _parsed(data: bytes) -> Any:
    """One JSON value, or a list where every line is one (JSON Lines). Raises ValueError for anything else."""
    try:
        return parse_json(data)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < FEWEST_FRAMES:
            raise
        return [parse_json(line) for line in lines]


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
