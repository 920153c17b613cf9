# SPDX-License-Identifier: Apache-2.0
"""Entries for each frame by the number or time that they have: in order, persons of a frame together, gaps filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, Final

import numpy as np

from ...arrays import F64, Indices
from ...counting import counted
from ...errors import InputError
from ..recording import Finding
from .csv_headers import RECORDING_COLUMNS
from .frame_lists import IDENTITIES
from .frame_times import agreed_places, entries_at, require_no_return, strided
from .timed_rates import TIME_KEYS_S, TimedRate, rate_of_times

FRAME_KEYS: Final = (
    "frame", "frame_id", "frame_index", "frame_number", "frame_idx", "frame_num", "frameId", "frameIndex",
    "frameNumber",
    "image_id", "img_id", "image", "image_name", "img_name", "img_path", "image_path", "file_name", "filename", "file",
)  # fmt: skip
"""Keys of the number of an entry's frame, or of a file of a frame, whose name ends in its number."""
MOST_PERSONS: Final = 16
"""Of one frame."""
_ENDS_IN_NUMBER: Final = re.compile(r"^(.*?)(\d{1,12})(?:\.\w{1,5})?$")


@dataclass(frozen=True)
class OrderedEntries:
    """Frames of a container.

    Attributes:
        entries: One for each frame, or a list of persons; empty for lost frames.
        findings: About lost frames.
        timed: The rate by the entries' times, or None without any.
    """

    entries: list[Any]
    findings: tuple[Finding, ...] = ()
    timed: TimedRate | None = None


def in_order(entries: Sequence[Any], source: str) -> OrderedEntries:
    """Put entries on frames by the numbers or times that they have.

    Args:
        entries: As ``frame_lists.frames_in`` returns them.
        source: The file, for messages.

    Returns:
        One for each frame.

    Raises:
        InputError: They are of several recordings, or a frame has several entries that name no person; or most frames
            would be lost.
    """
    _require_one_recording(entries, source)
    first_keys = entries[0] if entries and isinstance(entries[0], Mapping) else ()
    keys = [key for key in (*FRAME_KEYS, *TIME_KEYS_S) if key in first_keys]
    columns = {key: found for key in keys if (found := _values_of(entries, key)) is not None}
    entries, first = _by_frame(entries, columns, source)
    columns = {key: values[first] for key, values in columns.items()}
    timed = next(
        (rate_of_times(columns[key], s, f"the entries' {key}") for key, s in TIME_KEYS_S.items() if key in columns),
        None,
    )
    for key in TIME_KEYS_S:
        if key in columns:
            require_no_return(columns[key], f"{key} of its entries", source)
    places = agreed_places(columns.values())
    steps = strided(columns[next(iter(columns))]) if timed is None and columns else ()
    if places is None or places[-1] + 1 == len(places):
        return OrderedEntries(list(entries), steps, timed)
    placed, finding = entries_at(entries, places, source)
    return OrderedEntries(placed, (finding, *steps), timed)


def _by_frame(entries: Sequence[Any], columns: Mapping[str, F64], source: str) -> tuple[Sequence[Any], Indices]:
    """Entries in the order of their first number or time, with persons of a frame in one list.

    Args:
        entries: Of frames.
        columns: Numbers and times by key, (T,) each.
        source: The file, for messages.

    Returns:
        One for each frame, and the place of its first entry among those given.
    """
    for key, values in columns.items():
        frames, first, frame_of = np.unique(values, return_index=True, return_inverse=True)
        if len(frames) == len(values):
            return [entries[place] for place in first], first
        if len(frames) == 1:
            continue  # no number of a frame
        if _are_together(entries, frame_of, values, is_number=key in FRAME_KEYS):
            together: list[list[Any]] = [[] for _ in frames]
            for number, entry in zip(frame_of.tolist(), entries, strict=True):
                together[number].append(entry)
            return together, first
        if (np.diff(values) < 0.0).any():
            again = float(frames[np.bincount(frame_of) > 1][0])
            raise InputError(
                f"{source} has several entries of {key} {again:g}. They are of several persons or recordings: give "
                f"those of one, or name each person ({IDENTITIES[2]})."
            )
    every = np.arange(len(entries))
    in_turn = _persons_in_turn(entries)
    return (entries, every) if in_turn is None else (in_turn, every[:: len(in_turn[0])])


def _are_together(entries: Sequence[Any], frame_of: Indices, values: F64, *, is_number: bool) -> bool:
    """Whether entries of one frame are its persons: they name different ones, or follow each other.

    Args:
        entries: Of frames.
        frame_of: Number of the frame of each.
        values: Their frame numbers or times, (T,).
        is_number: Whether they are frame numbers; equal times may be rounded ones.

    Returns:
        False for entries of several recordings, or of one person.
    """
    names = [next((str(entry[key])[:100] for key in IDENTITIES if key in entry), None) for entry in entries]
    if None not in names and len(set(zip(names, frame_of.tolist(), strict=True))) == len(entries):
        return True
    counts = np.bincount(frame_of)
    follow = bool((np.diff(values) >= 0.0).all()) and int(counts.max()) <= MOST_PERSONS
    return follow and (is_number or int(counts.min()) == int(counts.max()))


def _persons_in_turn(entries: Sequence[Any]) -> list[list[Any]] | None:
    """Entries without numbers in which the same persons follow each other in every frame; None for others."""
    if not all(isinstance(entry, Mapping) for entry in entries):
        return None
    for key in IDENTITIES:
        names = [str(entry.get(key))[:100] for entry in entries]
        count = len(set(names))
        if 1 < count <= len(names) // 2 and len(names) % count == 0 and names == names[:count] * (len(names) // count):
            return [list(entries[start : start + count]) for start in range(0, len(entries), count)]
    return None


def _require_one_recording(entries: Sequence[Any], source: str) -> None:
    """Raise InputError where a key names several recordings, and not another thing in each entry."""
    first = entries[0] if entries and isinstance(entries[0], Mapping) else {}
    known = [key for key in RECORDING_COLUMNS if key in first and key not in IDENTITIES]
    for key in known:
        found = {str(entry[key])[:100] for entry in entries if isinstance(entry, Mapping) and key in entry}
        if 1 < len(found) <= len(entries) // 2 and (key not in FRAME_KEYS or _values_of(entries, key) is None):
            names = ", ".join(f"{name:.20}" for name in sorted(found)[:3])
            count = counted(len(found), "recording")
            raise InputError(f"{source} has entries of {count} ({names}) by their {key}. Give those of one.")


def _values_of(entries: Sequence[Any], key: str) -> F64 | None:
    """The number that every entry has under a key, (T,), or None where one has none."""
    if not all(isinstance(entry, Mapping) and key in entry for entry in entries):
        return None
    if all(isinstance(entry[key], str) for entry in entries):
        return _numbers_of([entry[key] for entry in entries])
    values = [np.asarray(entry[key]) for entry in entries]
    if any(value.size != 1 or value.dtype.kind not in "iuf" for value in values):
        return None
    column = np.array([value.reshape(-1)[0] for value in values], np.float64)
    return column if np.isfinite(column).all() else None


def _numbers_of(names: list[str]) -> F64 | None:
    """The numbers at the end of file names that are alike but for them; None for other names."""
    found = [_ENDS_IN_NUMBER.match(name[-200:]) for name in names]
    if any(match is None for match in found) or len({match[1] for match in found if match}) > 1:
        return None
    return np.array([int(match[2]) for match in found if match], np.float64)
