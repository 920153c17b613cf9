# SPDX-License-Identifier: Apache-2.0
"""Arrays beside which a file has the number or time of each frame."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...arrays import F64, Indices
from ...counting import counted
from ...errors import InputError
from ..recording import FIRST_OF_SEVERAL, Finding
from .csv_headers import RECORDING_COLUMNS
from .frame_lists import IDENTITIES
from .frame_times import agreed_places, longest_run_of, require_no_return, strided, with_lost_frames
from .timed_rates import TIME_KEYS_S

NUMBER_KEYS: Final = (
    "frame_ids", "frame_id", "frame_indices", "frame_index", "frame_numbers", "frame_number", "frame_nums", "frames",
    "frame", "frame_idx", "frame_idxs", "idx", "indices", "image_ids", "image_id",
)  # fmt: skip
ROW_KEYS: Final = (*NUMBER_KEYS, *TIME_KEYS_S)


def on_frames(
    points: F64, confidence: F64 | None, arrays: Mapping[str, Any], source: str
) -> tuple[F64, F64 | None, tuple[Finding, ...]]:
    """Put points on the frames that an array of numbers or times gives.

    Args:
        points: (T, K, 3).
        confidence: (T, K), or None.
        arrays: Content of the file by name.
        source: The file, for messages.

    Returns:
        Points and confidence in order, NaN and 0 in lost frames, and a finding where there are any.

    Raises:
        InputError: Numbers repeat, or most frames would be lost.
    """
    _require_one_person(arrays, len(points), source)
    found = _numbers_in(arrays, len(points), source)
    if found is None:
        return points, confidence, ()
    order, places, steps = found
    points, lost = with_lost_frames(points[order], places, source)
    if confidence is not None:
        confidence = np.nan_to_num(with_lost_frames(confidence[order], places, source)[0])
    return points, confidence, (*lost, *steps)


def longest_stretch(arrays: Mapping[str, Any], frames: int, source: str) -> tuple[Indices, tuple[Finding, ...]]:
    """Choose the rows of the longest stretch without lost frames, by an array of numbers or times.

    Args:
        arrays: Arrays by name.
        frames: Number of rows.
        source: The file, for messages.

    Returns:
        Rows in order, and a finding where some are left out.

    Raises:
        InputError: Numbers repeat.
    """
    _require_one_person(arrays, frames, source)
    found = _numbers_in(arrays, frames, source)
    if found is None:
        return np.arange(frames), ()
    order, places, steps = found
    if places is None or places[-1] + 1 == frames:
        return order, steps
    start, end = longest_run_of(places)
    why = f"{frames} of {places[-1] + 1} are there by their numbers or times, and this is the longest stretch"
    gaps = Finding("frames", f"{places[start]} to {places[end - 1]}", FIRST_OF_SEVERAL, why)
    return order[start:end], (gaps, *steps)


def _require_one_person(arrays: Mapping[str, Any], frames: int, source: str) -> None:
    """Raise InputError where an array names several persons or recordings for the frames."""
    for key in (*IDENTITIES, *RECORDING_COLUMNS):
        for name in (key, f"{key}s"):
            value = arrays.get(name)
            if not isinstance(value, np.ndarray) or value.size != frames or value.dtype.kind not in "iuSUf":
                continue
            found = np.unique(value)
            if 1 < len(found) <= frames // 2:
                raise InputError(
                    f"{source} has frames of {counted(len(found), 'person or recording', 'persons or recordings')} by "
                    f"its array {name}. Give the frames of one."
                )


def _numbers_in(
    arrays: Mapping[str, Any], frames: int, source: str
) -> tuple[Indices, Indices | None, tuple[Finding, ...]] | None:
    """Order and places of frames by arrays of numbers or times, and a finding where numbers go up by more than one."""
    columns: dict[str, F64] = {}
    for key in ROW_KEYS:
        value = arrays.get(key)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.size != frames or frames < 2:
            continue
        numbers = value.reshape(-1).astype(np.float64)
        if not np.isfinite(numbers).all():
            continue
        if len(np.unique(numbers)) == frames:
            columns[key] = numbers
        elif (np.diff(numbers) < 0.0).any():
            raise InputError(
                f"{source} has frames of the same number in {key}, out of order. It holds several persons or "
                "recordings: give the frames of one."
            )
    if not columns:
        return None
    first = next(iter(columns))
    order = np.argsort(columns[first], kind="stable")
    for key in columns:
        if key not in NUMBER_KEYS:
            require_no_return(columns[key][order], f"array {key}", source)
    steps = strided(columns[first]) if first in NUMBER_KEYS and len(columns) == 1 else ()
    return order, agreed_places(column[order] for column in columns.values()), steps
