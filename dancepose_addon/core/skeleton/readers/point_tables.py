# SPDX-License-Identifier: Apache-2.0
"""Tables of points other than one array: an entry for each frame, an array for each joint, names beside the array."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...errors import FormatError, InputError
from ..recording import Finding, Hints
from .frame_lists import NAMES, Track, frames_in, has_flat_points, table_of_points, tracks_in
from .numbers import RATE_KEYS, text_of
from .point_arrays import ARRAY, POINTS

NAME_KEYS: Final = (
    NAMES, "joints_names", "joint_name", "keypoint_names", "keypoints_names", "point_names", "landmark_names",
    "marker_names", "markers_names", "bone_names", "bone_name", "bones", "names", "labels", "markers", "joints",
)  # fmt: skip
MOST_DEPTH: Final = 3
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
    by_joint = _joint_by_joint(arrays)
    if by_joint:
        return {**by_joint, **_rates(arrays)}, ()
    entries = _entries(arrays, 0)
    if entries is None:
        return arrays, ()
    tracks = tracks_in(entries)
    if hints.take >= len(tracks):
        raise InputError(
            f"{source} holds {len(tracks)} persons; there is no number {hints.take}. Give --read take=0 or more."
        )
    track = tracks[hints.take]
    table = table_of_points(track, source)
    if not table:
        return arrays, ()
    return (
        {ARRAY: table["points"], "confidence": table["confidence"], NAMES: table.get(NAMES) or list(names_in(arrays)), **_rates(arrays)},
        _about(track, len(tracks)),
    )


def _about(track: Track, persons: int) -> tuple[Finding, ...]:
    if persons < 2:
        return ()
    why = f"the file holds {persons}, and --read take=N chooses another"
    return (Finding("person", track.name, 0.8, why, persons),)


def _rates(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {key: arrays[key] for key in RATE_KEYS if key in arrays}


def _entries(value: Any, depth: int) -> list[Any] | None:
    """The list of frames in a file, wherever it is nested."""
    found = frames_in(value)
    if found is not None:
        return found
    if isinstance(value, list) and has_flat_points(value):
        raise FormatError(
            "The file has two-dimensional key-points (pixels) alone. Give the 3D ones (OpenPose --3d, or another "
            "tool's)."
        )
    if depth < MOST_DEPTH and isinstance(value, Mapping):
        for item in value.values():
            if isinstance(item, Mapping | list):
                found = _entries(item, depth + 1)
                if found is not None:
                    return found
    return None


def _joint_by_joint(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """An array (T, 3) or (T, 4) for each joint as one array, with the joints' names."""
    for table in (arrays, *(item for item in arrays.values() if isinstance(item, Mapping))):
        joints = {
            str(name)[:MOST_NAME_LETTERS]: value
            for name, value in table.items()
            if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 3 and value.dtype.kind in "fiu"
        }
        lengths = {len(value) for value in joints.values()}
        if len(joints) >= FEWEST_JOINTS and len(lengths) == 1:
            return {ARRAY: np.stack(list(joints.values()), axis=1), NAMES: list(joints)}
    return {}
