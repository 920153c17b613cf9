# SPDX-License-Identifier: Apache-2.0
"""Containers with an entry for each frame: persons are followed through them, and become tables of arrays.

[{"joints": [[x, y, z], ...]}, ...]                     a table for each frame
[{"people": [{"pose_keypoints_3d": [...]}, ...]}, ...]  OpenPose, MMPose (instances), EasyMocap (annots)
[[{"id": 0, "keypoints3d": [...]}, ...], ...]           EasyMocap: a list of persons for each frame
[{"LeftHand": [x, y, z], ...}, ...]                     named points
[{"landmarks": [{"x": ..., "y": ..., "z": ...}]}, ...]  MediaPipe
{"000001.jpg": {"tid": [1, 2], "smpl": [{...}, {...}]}} PHALP (4D-Humans), ROMP
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError
from .rotation_forms import BODY_COUNTS, ROTATION_COUNTS
from .tidy_values import as_array

PEOPLE: Final = ("people", "instances", "annots", "persons", "bodies", "body_list")
"""Where a frame lists its persons."""
IDENTITIES: Final = (
    "id", "tid", "person_id", "track_id", "personID", "pid", "body_id", "person", "subject", "subject_id", "actor",
)  # fmt: skip
POINT_KEYS: Final = (
    "keypoints3d", "keypoints3D", "keypoints_3d", "pose_keypoints_3d", "joints19", "joints15", "keypoints",
    "joints3d", "joints_3d", "3d_joints", "joints",
    "points", "landmarks", "world_landmarks", "worldLandmarks", "pose_world_landmarks", "poseWorldLandmarks",
    "positions", "joint_positions", "keypoint", "pose", "skeleton",
)  # fmt: skip
"""Where a person's entry has its points."""
POSE_KEYS: Final = (
    "body_pose", "pose_body", "poses", "pose", "fullpose", "thetas", "smpl_thetas", "pose_aa", "smpl_pose",
    "pose_params",
    "pred_thetas", "pred_pose",
)  # fmt: skip
SCORES: Final = ("visibility", "confidence", "score", "likelihood", "presence", "conf")
FRAMES: Final = "frames"
"""The name of a file's only list."""
NAMES: Final = "joint_names"
FEWEST_POINTS: Final = 5
MOST_FRAMES: Final = 200_000
MOST_GAPS: Final = 4
"""Frames without a file or key, for each that has one; with more of them, the numbers are no frames."""
_FRAME_NAME: Final = re.compile(r"\d+(?:\.\w{1,5})?$")
_EASYMOCAP: Final = (78, 87)
"""Widths of EasyMocap's poses of SMPL+H and SMPL-X, whose hands are components."""
_SINGLE: Final = frozenset(size * count for count in (*ROTATION_COUNTS, *BODY_COUNTS) for size in (3, 4, 6, 9))


@dataclass(frozen=True)
class Track:
    """One person in the frames of a file.

    Attributes:
        name: As the file identifies the person.
        frames: Numbers of the frames that show the person.
        entries: The person's entry in each of them.
        total: Frames of the file.
    """

    name: str
    frames: list[int]
    entries: list[Mapping[str, Any]]
    total: int


def frames_in(value: Any) -> list[Any] | None:
    """The frames of a container, or None where it has no entry for each frame.

    Args:
        value: A list or a table.

    Returns:
        Entries in their order.
    """
    if isinstance(value, list):
        entries = value
    elif isinstance(value, Mapping) and any(isinstance(value.get(key), list) for key in PEOPLE):
        entries = [value]
    elif isinstance(value, Mapping) and all(_FRAME_NAME.search(str(key)[-40:]) for key in value):
        entries = _by_number(value)
    else:
        return None
    if not 0 < len(entries) <= MOST_FRAMES or not any(_persons(entry) for entry in entries[:200]):
        return None
    return entries if all(isinstance(entry, Mapping | list) or entry is None for entry in entries) else None


def _by_number(table: Mapping[str, Any]) -> list[Any]:
    """Values in the order of the numbers that their keys end in, with nothing where numbers are missing."""
    times = _times_of(table)
    if times is not None:
        return [table[key] for _, key in sorted(zip(times, table, strict=True))]
    numbers = [int(re.findall(r"\d+", _FRAME_NAME.search(str(key)[-40:])[0])[0]) for key in table]  # type: ignore[index]
    if len(set(numbers)) < len(numbers):
        return list(table.values())
    in_order = sorted(zip(numbers, table.values(), strict=True), key=lambda pair: pair[0])
    return with_gaps([number for number, _ in in_order], [value for _, value in in_order])


def _times_of(table: Mapping[str, Any]) -> list[float] | None:
    """Keys as numbers with a point, each another one, or None."""
    try:
        times = [float(key) for key in table]
    except (TypeError, ValueError):
        return None
    return times if any("." in str(key) for key in table) and len(set(times)) == len(times) else None


def with_gaps(numbers: list[int], entries: list[Any]) -> list[Any]:
    """Frames at the places that their numbers give them, with nothing in between."""
    steps = np.diff(numbers)
    if not len(steps) or not (steps > 0).all():
        return entries
    step = Counter(steps.tolist()).most_common(1)[0][0]
    total = (numbers[-1] - numbers[0]) // step + 1
    if (steps % step).any() or total > MOST_GAPS * len(entries):
        return entries
    placed: list[Any] = [[] for _ in range(total)]
    for number, entry in zip(numbers, entries, strict=True):
        placed[(number - numbers[0]) // step] = entry
    return placed


def tracks_in(entries: Sequence[Any]) -> list[Track]:
    """Follow persons through frames by what identifies them.

    Args:
        entries: As ``frames_in`` returns them.

    Returns:
        Persons, the one seen in most frames first.
    """
    found: dict[str, tuple[list[int], list[Mapping[str, Any]]]] = {}
    for number, entry in enumerate(entries):
        for name, person in _persons(entry):
            frames, tables = found.setdefault(name, ([], []))
            if not frames or frames[-1] != number:
                frames.append(number)
                tables.append(person)
    if len(found) > 1 and all(len(frames) == 1 for frames, _ in found.values()) and _is_one_each(found):
        found = {"0": ([number for (number,), _ in found.values()], [table for _, (table,) in found.values()])}
    tracks = [Track(name, frames, tables, len(entries)) for name, (frames, tables) in found.items()]
    return sorted(tracks, key=lambda track: -len(track.frames))


def _is_one_each(found: Mapping[str, tuple[list[int], list[Mapping[str, Any]]]]) -> bool:
    """Whether names that are all different number the frames, not persons."""
    frames = [frames[0] for frames, _ in found.values()]
    return len(set(frames)) == len(frames)


def _persons(entry: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The persons that one frame shows, each under its name."""
    if isinstance(entry, list):
        listed = [person for person in entry if isinstance(person, Mapping) and _is_person(person)]
        return [(_identity(person, number), person) for number, person in enumerate(listed)]
    if not isinstance(entry, Mapping):
        return []
    key = next((key for key in PEOPLE if isinstance(entry.get(key), list)), None)
    if key is not None:
        return _persons(entry[key])
    if isinstance(entry.get("smpl"), list):
        return _phalp(entry)
    if _is_person(entry):
        return [(_identity(entry, 0), entry)]
    return []


def _phalp(entry: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """PHALP's entry of a frame: a list for each property, in the order of ``tid``."""
    names = np.asarray(entry.get("tid", entry.get("tracked_ids", []))).ravel().tolist()
    persons = [person for person in entry["smpl"] if isinstance(person, Mapping)]
    return [
        (str(names[number])[:24] if number < len(names) else str(number), person)
        for number, person in enumerate(persons)
        if _is_person(person)
    ]


def _identity(person: Mapping[str, Any], number: int) -> str:
    for key in IDENTITIES:
        value = person.get(key)
        if isinstance(value, str | int | float) or (isinstance(value, np.ndarray) and value.size == 1):
            return str(np.asarray(value).reshape(-1)[0])[:24]
    return str(number)


def _is_person(table: Mapping[str, Any]) -> bool:
    """Whether a table holds the pose or the points of one person at one moment."""
    for key in POSE_KEYS:
        value = table.get(key)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            continue
        if value.size in _SINGLE or ("Rh" in table and value.size in _EASYMOCAP):
            return True
    if any(len(points_of_entry(table.get(key))) >= FEWEST_POINTS for key in POINT_KEYS):
        return True
    return sum(is_place(item) for item in _named_places(table).values()) >= FEWEST_POINTS


def _named_places(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of named points: the entry, or what it has under a usual key."""
    return next((table[key] for key in POINT_KEYS if isinstance(table.get(key), Mapping)), table)


def is_place(item: Any) -> bool:
    """Tell the place of a point: three or four numbers, or a table with x, y and z.

    Args:
        item: Any.

    Returns:
        Whether it is one.
    """
    if isinstance(item, Mapping):
        return {"x", "y", "z"} <= {str(key).lower() for key in item}
    return isinstance(item, np.ndarray) and item.shape in ((3,), (4,)) and item.dtype.kind in "fiu"


def place_of(item: Any) -> NDArray[np.float64]:
    """A point's place and confidence.

    Args:
        item: As ``is_place`` accepts.

    Returns:
        (4,): x, y, z and a confidence; NaN and 0 where it is no place.
    """
    nothing = np.array([np.nan, np.nan, np.nan, 0.0])
    if isinstance(item, Mapping):
        low = {str(key).lower(): part for key, part in item.items()}
        score = next((low[key] for key in SCORES if key in low), 1.0)
        item = as_array([low.get("x"), low.get("y"), low.get("z"), score])
    if not isinstance(item, np.ndarray) or item.ndim != 1 or not 3 <= item.size <= 4 or item.dtype.kind not in "fiu":
        return nothing
    place = nothing.copy()
    place[:3] = item[:3]
    place[3] = item[3] if item.size == 4 else float(np.isfinite(place[:3]).all())
    return place


def points_of_entry(value: Any) -> NDArray[np.float64]:
    """The points of one person at one moment.

    Args:
        value: (K, 3) or (K, 4); a flat list of these; or a list of tables with x, y and z.

    Returns:
        (K, 4), x, y, z and confidence; (0, 4) where it is nothing of that kind.
    """
    nothing = np.zeros((0, 4))
    if isinstance(value, list) and value and all(is_place(item) for item in value):
        return np.array([place_of(item) for item in value])
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        return nothing
    array = value.astype(np.float64)
    while array.ndim > 2 and len(array) == 1:
        array = array[0]
    if array.ndim == 1 and array.size >= 3 * FEWEST_POINTS:
        array = _in_rows(array)
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        return nothing
    if array.shape[1] == 4:
        return array
    return np.column_stack([array, np.isfinite(array).all(axis=1).astype(np.float64)])


def _in_rows(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flat numbers as rows of four where every fourth may be a confidence, else of three."""
    if flat.size % 4 == 0:
        fourth = flat[3::4]
        if flat.size % 3 or bool(np.all((fourth >= 0.0) & (fourth <= 1.0))):
            return flat.reshape(-1, 4)
    return flat.reshape(-1, 3) if flat.size % 3 == 0 else flat


def table_of_points(track: Track, source: str) -> dict[str, Any]:
    """The points of a track as arrays.

    Args:
        track: Of a person.
        source: The file, for messages.

    Returns:
        ``points`` (T, K, 3), ``confidence`` (T, K), and ``joint_names`` where the file has them. Frames that do not
        show the person are NaN with confidence 0. Empty where the track has no points.

    Raises:
        FormatError: The number of points differs between frames.
    """
    first = track.entries[0]
    key = next((key for key in POINT_KEYS if len(points_of_entry(first.get(key))) >= FEWEST_POINTS), None)
    table: dict[str, Any] = {}
    if key is not None:
        rows = [_scored(points_of_entry(entry.get(key)), entry) for entry in track.entries]
        names = _names_in(first, key, len(rows[0]))
    else:
        names = [str(name)[:100] for name, item in _named_places(first).items() if is_place(item)]
        if len(names) < FEWEST_POINTS:
            return {}
        tables = [_named_places(entry) for entry in track.entries]
        rows = [np.array([place_of(entry.get(name)) for name in names]) for entry in tables]
    counts = {len(row) for row in rows if len(row)}
    if len(counts) != 1:
        raise FormatError(f"{source} has frames of different numbers of points. Cut those frames out.")
    points = np.full((track.total, counts.pop(), 4), np.nan)
    points[..., 3] = 0.0
    for frame, row in zip(track.frames, rows, strict=True):
        if len(row):
            points[frame] = row
    table |= {"points": points[..., :3], "confidence": np.clip(np.nan_to_num(points[..., 3]), 0.0, 1.0)}
    if names:
        table[NAMES] = names
    return table


def _scored(points: NDArray[np.float64], entry: Mapping[str, Any]) -> NDArray[np.float64]:
    """Points with the scores that stand beside them (MMPose)."""
    for key in ("keypoint_scores", "keypoints_scores", "scores", "confidence"):
        scores = entry.get(key)
        if isinstance(scores, np.ndarray) and scores.shape == (len(points),) and scores.dtype.kind in "fiu":
            return np.column_stack([points[:, :3], scores])
    return points


def has_flat_points(entries: Sequence[Any]) -> bool:
    """Tell frames that have points in the picture alone, by OpenPose's key or by their two coordinates.

    Args:
        entries: Of a list of frames.

    Returns:
        Whether a frame has such points.
    """
    for entry in entries[:200]:
        key = next((key for key in PEOPLE if isinstance(entry, Mapping) and isinstance(entry.get(key), list)), None)
        listed = entry[key] if key else entry if isinstance(entry, list) else [entry]
        for person in listed:
            if not isinstance(person, Mapping):
                continue
            if isinstance(person.get("pose_keypoints_2d"), np.ndarray):
                return True
            values = [person.get(key) for key in POINT_KEYS]
            if any(isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 2 for value in values):
                return True
    return False


def _names_in(entry: Mapping[str, Any], key: str, count: int) -> list[str]:
    """Names of the points, where each point or the entry has them."""
    value = entry.get(key)
    if isinstance(value, list):
        named = [item.get("name", item.get("part")) for item in value if isinstance(item, Mapping)]
        if len(named) == count and all(isinstance(name, str) and name for name in named):
            return [str(name)[:100] for name in named]
    return []


def longest_run(track: Track) -> tuple[int, int]:
    """The longest stretch of frames without a gap.

    Args:
        track: Of a person.

    Returns:
        First and one past the last index into the track's entries.
    """
    frames = np.array(track.frames)
    cuts = [0, *(np.flatnonzero(np.diff(frames) != 1) + 1).tolist(), len(frames)]
    return max(pairwise(cuts), key=lambda span: span[1] - span[0])
