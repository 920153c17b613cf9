# SPDX-License-Identifier: Apache-2.0
"""Arrays of the points of one person who was followed through the frames of a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError
from .frame_lists import FEWEST_POINTS, NAMES, POINT_KEYS, is_place, named_places, place_of, points_of_entry
from .person_tracks import Track


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
        names = [str(name)[:100] for name, item in named_places(first).items() if is_place(item)]
        if len(names) < FEWEST_POINTS:
            return {}
        tables = [named_places(entry) for entry in track.entries]
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


def _names_in(entry: Mapping[str, Any], key: str, count: int) -> list[str]:
    """Names of the points, where each point or the entry has them."""
    value = entry.get(key)
    if isinstance(value, list):
        named = [item.get("name", item.get("part")) for item in value if isinstance(item, Mapping)]
        if len(named) == count and all(isinstance(name, str) and name for name in named):
            return [str(name)[:100] for name in named]
    return []
