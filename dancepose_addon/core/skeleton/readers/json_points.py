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
from numpy.typing import NDArray

from ...bounded_files import read_whole
from ...errors import FormatError, InputError
from ..recording import Finding, Head, Hints, PointRecording, Recording
from .array_contents import recording_of
from .named_points import arranged
from .numbers import as_numbers, stored_rate
from .point_arrays import ARRAY

FRAME_KEYS: Final = ("keypoints3d", "keypoints", "joints", "pose_keypoints_3d", "points", "landmarks")
"""Where a frame's table has its points."""
FEWEST_FRAMES: Final = 2
MOST_FRAMES: Final = 200_000
MOST_FRAME_BYTES: Final = 4 << 20
PEOPLE: Final = "people"


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
        return json.loads(read_whole(file, limit_bytes=MAX_JSON_BYTES, what="a JSON file of points"))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error)[:120].split())
        raise FormatError(f"{file} is truncated or not JSON ({reason}). Fetch the file again.") from error


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
    if isinstance(value, list) and value and all(isinstance(frame, dict) for frame in value):
        return _frames(value, path, hints)
    if isinstance(value, list):
        array = _numbers(value)
        if array is None:
            raise FormatError(
                f"{path} holds lists that are no array of numbers (frames, points, 3); some frame may be incomplete."
            )
        return recording_of({ARRAY: array}, path, hints)
    if not isinstance(value, dict):
        raise FormatError(f"{path} holds a {type(value).__name__}; expected points as lists of numbers.")
    if isinstance(value.get(PEOPLE), list):
        return _frames([value], path, hints)
    table = {str(key): _arrays_in(item) for key, item in value.items()}
    return recording_of(table, path, hints)


def _numbers(value: Any) -> NDArray[np.float64] | None:
    """Nested lists as an array, or None where they are none; null is NaN."""
    try:
        array = np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    return array if array.size else None


def _arrays_in(value: Any) -> Any:
    """A table whose lists of numbers are arrays."""
    if isinstance(value, dict):
        return {str(key): _arrays_in(item) for key, item in value.items()}
    if isinstance(value, list):
        array = _numbers(value)
        if array is not None:
            return array
        return [_arrays_in(item) for item in value] if all(isinstance(item, dict) for item in value) else value
    return np.array(value) if isinstance(value, int | float) and abs(value) < 1e300 else value


def _frames(frames: list[dict[str, Any]], path: Path, hints: Hints) -> Recording:
    """A table for each frame: of people, of one array, or of named points."""
    first = frames[0]
    if PEOPLE in first:
        return _people([frame.get(PEOPLE) for frame in frames], path, hints)
    key = next((name for name in FRAME_KEYS if name in first), None)
    if key is not None and isinstance(first[key], dict):
        return _named([frame.get(key) for frame in frames], frames, path, hints)
    if key is not None:
        array = _numbers([frame.get(key) for frame in frames])
        if array is None:
            raise FormatError(f"{path} has {key} that differ in length from frame to frame. Cut those frames out.")
        return recording_of({ARRAY: _in_threes(array), **_rate_in(frames)}, path, hints)
    if any(_is_place(item) for item in first.values()):
        return _named(frames, frames, path, hints)
    stacked = {str(number): _arrays_in(frame) for number, frame in enumerate(frames[:1])}
    return recording_of(stacked["0"] if len(frames) == 1 else {"frames": [_arrays_in(f) for f in frames]}, path, hints)


def _rate_in(frames: list[dict[str, Any]]) -> dict[str, Any]:
    rate = stored_rate({key: frames[0][key] for key in ("fps",) if key in frames[0]}, "The file")
    return {} if rate is None else {"fps": np.array(rate)}


def _is_place(item: Any) -> bool:
    """Whether an entry is the place of a point: three or four numbers, or x, y and z."""
    if isinstance(item, dict):
        return {"x", "y", "z"} <= {str(key).lower() for key in item}
    return isinstance(item, list) and len(item) in (3, 4) and all(isinstance(part, int | float) for part in item)


def _place(item: Any) -> list[float]:
    if isinstance(item, dict):
        low = {str(key).lower(): part for key, part in item.items()}
        item = [low.get(axis) for axis in "xyz"]
    numbers = _numbers(item) if isinstance(item, list) and len(item) >= 3 else None
    return [np.nan] * 3 if numbers is None or numbers.ndim != 1 else numbers[:3].tolist()


def _named(tables: list[Any], frames: list[dict[str, Any]], path: Path, hints: Hints) -> PointRecording:
    """Points that every frame names."""
    first = tables[0] if isinstance(tables[0], dict) else {}
    names = [str(name)[:100] for name, item in first.items() if _is_place(item)]
    if len(names) < 5:
        raise FormatError(f"{path} names {len(names)} points in its first frame; expected at least five.")
    points = np.array(
        [[_place(table.get(name)) if isinstance(table, dict) else [np.nan] * 3 for name in names] for table in tables]
    )
    rate = _rate_in(frames).get("fps")
    recording = PointRecording(
        points=as_numbers(points, str(path)),
        form="JSON of named points",
        source=str(path),
        names=tuple(names),
        fps=None if rate is None or hints.fps is not None else float(rate),
        fps_why="the file says it",
    )
    return arranged(recording, hints, bones=True)


def _people(frames: list[Any], path: Path, hints: Hints) -> Recording:
    """OpenPose's people of every frame, or EasyMocap's: one of them."""
    chosen, most = [], 0
    for people in frames:
        listed = [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []
        most = max(most, len(listed))
        ids = {person.get("id", person.get("person_id", number)): person for number, person in enumerate(listed)}
        key = hints.take if hints.take in ids else next(iter(sorted(ids, key=str)), None) if hints.take == 0 else None
        chosen.append(_points_of(ids[key] if key is not None else {}, path))
    if hints.take >= max(most, 1):
        raise InputError(f"{path} holds {most} persons; there is no number {hints.take}. Give --read take=0 or more.")
    widths = {len(points) for points in chosen if points is not None}
    if len(widths) != 1:
        raise FormatError(f"{path} has {'no points' if not widths else 'frames of different numbers of points'}.")
    nothing = np.full((widths.pop(), 4), np.nan)
    nothing[:, 3] = 0.0
    array = np.array([nothing if points is None else points for points in chosen])
    recording = recording_of({ARRAY: array[..., :3], "confidence": np.clip(array[..., 3], 0.0, 1.0)}, path, hints)
    if most > 1 and isinstance(recording, PointRecording):
        why = f"a frame holds up to {most}, and --read take=N chooses another"
        found = Finding("person", f"number {hints.take}", 0.8, why)
        return PointRecording(**{**vars(recording), "findings": (found, *recording.findings)})
    return recording


def _points_of(person: dict[str, Any], path: Path) -> NDArray[np.float64] | None:
    """A person's points (K, 4), x, y, z, confidence; None where the frame has none."""
    key = next((name for name in FRAME_KEYS if person.get(name)), None)
    if key is None:
        if person.get("pose_keypoints_2d"):
            raise FormatError(
                f"{path} has two-dimensional key-points (pixels) alone. Give the 3D ones (OpenPose --3d, or another "
                "tool's)."
            )
        return None
    array = _numbers(person[key])
    if array is None:
        return None
    if array.ndim == 1:
        size = 4 if array.size % 4 == 0 else 3
        array = array[: array.size // size * size].reshape(-1, size)
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        raise FormatError(f"{path} has {key} of shape {array.shape}; expected x, y, z and a confidence for each point.")
    return array if array.shape[1] == 4 else np.column_stack([array, np.ones(len(array))])


def _in_threes(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 3 K) stays; (T, 4 K) with confidences becomes (T, K, 4)."""
    if array.ndim == 2 and array.shape[1] % 4 == 0 and array.shape[1] % 3:
        return array.reshape(len(array), -1, 4)
    return array


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
    if all(isinstance(frame, list) for frame in frames):  # EasyMocap: a list of persons
        return _people(frames, path, hints)
    if not all(isinstance(frame, dict) for frame in frames):
        raise FormatError(f"{path} has JSON files of different forms. Give a folder of frames alone.")
    return _frames(frames, path, hints)
