# SPDX-License-Identifier: Apache-2.0
"""Tables of points other than one array: an entry for each frame, an array for each joint, names beside the array."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..anatomy import measure_fit, sample
from ..layouts import layouts_with
from ..recording import Finding, Hints
from .frame_entries import in_order
from .frame_lists import FRAMES, NAMES, frames_in, has_flat_points
from .frame_times import LOST_CONFIDENCE
from .numbers import RATE_KEYS, text_of
from .person_tracks import tracks_in
from .point_arrays import ARRAY, POINTS
from .timed_rates import TIMED_RATE
from .track_points import table_of_points

NAME_KEYS: Final = (
    NAMES, "joints_names", "joint_name", "keypoint_names", "keypoints_names", "point_names", "landmark_names",
    "marker_names", "markers_names", "bone_names", "bone_name", "bones", "names", "labels", "markers", "joints",
)  # fmt: skip
MOST_DEPTH: Final = 3
POSE_NAMES: Final = ("smpl_poses", "poses", "pose", "rotations")
PERSON_COST: Final = 0.45
"""Cost below which numbers are plainly the places of joints."""
FEWEST_JOINTS: Final = 10
MOST_NAME_LETTERS: Final = 100


def names_in(arrays: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of points that stand beside an array of them.

    Args:
        arrays: Content of a file by name.

    Returns:
        The names, or none.
    """
    for key in NAME_KEYS:
        value = arrays.get(key)
        if isinstance(value, np.ndarray) and value.dtype.kind in "US" and value.ndim == 1:
            names = [text_of(value[number : number + 1]) for number in range(len(value))]
        elif isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            names = value
        else:
            continue
        if all(names):
            return tuple(name[:MOST_NAME_LETTERS] for name in names)
    return ()


def points_by_frame(
    arrays: Mapping[str, Any], source: str, hints: Hints
) -> tuple[Mapping[str, Any], tuple[Finding, ...]]:
    """Gather points that a file has frame by frame, or joint by joint, into arrays.

    Args:
        arrays: Content of a file by name.
        source: The file, for messages.
        hints: ``take`` chooses the person.

    Returns:
        A table with one array, or the table as it was; and what is doubtful about the choice.

    Raises:
        FormatError: The points are two-dimensional, or differ in number.
        InputError: There is no such person.
    """
    if POINTS in arrays:
        return arrays, ()
    arrays = _by_frame(arrays)
    by_joint = _joint_by_joint(arrays)
    if by_joint:
        _require_take(len(by_joint), hints, source)
        name, table = by_joint[hints.take]
        return {**table, **_rates(arrays)}, _about(name, len(by_joint), hints)
    entries = _entries(arrays, 0)
    if entries is None:
        return arrays, ()
    ordered = in_order(entries, source)
    tracks = tracks_in(ordered.entries)
    _require_take(len(tracks), hints, source)
    track = tracks[hints.take]
    table = table_of_points(track, source)
    if not table:
        return arrays, ()
    return (
        {
            ARRAY: table["points"],
            "confidence": table["confidence"],
            NAMES: table.get(NAMES) or list(names_in(arrays)),
            **({} if ordered.timed is None else {TIMED_RATE: ordered.timed}),
            **_rates(arrays),
        },
        (*_about(track.name, len(tracks), hints), *(ordered.findings or _unseen_frames(table["points"]))),
    )


def positions_called_poses(arrays: Mapping[str, Any], hints: Hints) -> F64 | None:
    """Places of joints that a file calls poses, as rotations are called elsewhere.

    Args:
        arrays: Content of a file by name.
        hints: ``values=rotations`` keeps them as rotations.

    Returns:
        The array, or None where its numbers are not plainly the places of a person's joints.
    """
    if hints.values == "rotations" or "rest_pelvis" in arrays:  # which motions of DancePose have
        return None
    value = next((arrays[name] for name in POSE_NAMES if isinstance(arrays.get(name), np.ndarray)), None)
    if value is None or value.dtype.kind not in "fiu" or value.ndim not in (2, 3) or len(value) == 0:
        return None
    is_flat = value.ndim == 2
    count = value.shape[1] // 3 if is_flat else value.shape[1]
    if value.shape[-1] != (3 * count if is_flat else 3):
        return None
    points = sample(value.reshape(len(value), -1, 3).astype(np.float64))
    if 2 * len(np.unique(points[len(points) // 2], axis=0)) < count:
        return None  # rotations of a rest pose: most are zero
    cost = min((measure_fit(points, layout).cost for layout in layouts_with(count)), default=np.inf)
    return value.astype(np.float64) if cost < PERSON_COST else None


def _unseen_frames(points: F64) -> tuple[Finding, ...]:
    """Name the frames in which a person is not seen. (T, K, 3)."""
    lost = int(np.isnan(points).all(axis=(1, 2)).sum())
    if not lost:
        return ()
    why = "the person is not there in them; they are bridged as gaps"
    return (Finding("lost frames", f"{lost} of {len(points)}", LOST_CONFIDENCE, why),)


def _about(name: str, persons: int, hints: Hints) -> tuple[Finding, ...]:
    if persons < 2:
        return ()
    why = f"the file holds {persons}, and --read take=N chooses another"
    return (Finding("person", name, hints.confidence_in(name), why, persons),)


def _rates(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {key: arrays[key] for key in RATE_KEYS if key in arrays}


def _entries(value: Any, depth: int) -> list[Any] | None:
    """The list of frames in a file, wherever it is nested."""
    found = frames_in(value)
    if found is not None:
        return found
    if isinstance(value, list) and has_flat_points(value):
        raise FormatError(
            "The file has two-dimensional key-points (pixels) alone. Give the 3D ones (OpenPose --3d, "
            "MediaPipe's world landmarks, or another tool's)."
        )
    if depth < MOST_DEPTH and isinstance(value, Mapping):
        for item in value.values():
            if isinstance(item, Mapping | list):
                found = _entries(item, depth + 1)
                if found is not None:
                    return found
    return None


def _require_take(persons: int, hints: Hints, source: str) -> None:
    """Raise InputError where a file has no person of the number that is asked for."""
    if hints.take >= persons:
        raise InputError(
            f"{source} holds {counted(persons, 'person')}; there is no number {hints.take}. Give --read take=0 or more."
        )


def _by_frame(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arrays (K, 3) by the numbers of their frames as frames; other tables as they are."""
    tables = {key: value for key, value in arrays.items() if isinstance(value, np.ndarray) and value.ndim == 2}
    shapes = {value.shape for value in tables.values()}
    if len(tables) < FEWEST_JOINTS or len(shapes) != 1 or not all(str(key).isdecimal() for key in tables):
        return arrays
    count, width = shapes.pop()
    if width not in (3, 4) or not layouts_with(count) or layouts_with(len(tables)):
        return arrays
    frames = {str(key): {"points": value} for key, value in tables.items()}
    return {FRAMES: frames, **{key: value for key, value in arrays.items() if key not in tables}}


def _joint_by_joint(arrays: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """An array (T, 3) for each joint as one array, with the joints' names, for each person by name."""
    tables = [("0", arrays), *((key, item) for key, item in arrays.items() if isinstance(item, Mapping))]
    tables += [(key, _named_entries(item)) for key, item in arrays.items() if isinstance(item, list)]
    found = []
    for person, table in tables:
        joints = {
            str(name)[:MOST_NAME_LETTERS]: value
            for name, value in table.items()
            if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 3 and value.dtype.kind in "fiu"
        }
        lengths = {len(value) for value in joints.values()}
        if len(joints) >= FEWEST_JOINTS and len(lengths) == 1:
            found.append((str(person)[:24], {ARRAY: np.stack(list(joints.values()), axis=1), NAMES: list(joints)}))
    return found


def _named_entries(entries: list[Any]) -> dict[str, Any]:
    """A list with a table for each joint, of its name and its places, as a table by name."""
    found: dict[str, Any] = {}
    for entry in entries:
        name = entry.get("name", entry.get("joint")) if isinstance(entry, Mapping) else None
        if not isinstance(name, str):
            return {}
        places = [item for item in entry.values() if isinstance(item, np.ndarray) and item.ndim == 2]
        if places:
            found[name] = places[0]
    return found
