# SPDX-License-Identifier: Apache-2.0
"""Rows that a table leaves out: found by the numbers or times of the others, and put back as frames without points."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from ...arrays import F64, Indices
from ...errors import InputError
from ..recording import Finding

JITTER: Final = 0.2
"""Of clocks, as a share of a step."""
EVEN_SHARE: Final = 0.9
"""Steps that are whole multiples of the usual one, up to jitter."""
MOST_DRIFT_STEPS: Final = 2.0
MOST_DRIFT: Final = 0.02
"""From even times, as a share of the recording; more is a change of the rate."""
MOST_LOST: Final = 4
"""Frames for each row; more are two recordings in one table."""
SPARE_FRAMES: Final = 250
LOST_CONFIDENCE: Final = 0.7
"""So that the user is shown it."""
STRIDED_CONFIDENCE: Final = 0.6
MOST_STRIDE: Final = 100.0
FEWEST_COMPARED: Final = 3
"""Rows."""
FRAME_NUMBER: Final = "frame numbers"
TIMES: Final = "times"
_Entry = TypeVar("_Entry")
MOST_PLACES: Final = 1e12
"""Bound of the frames between two rows, so that their sum is an integer; far more than are read."""


def places_of(values: F64) -> Indices | None:
    """Place rows on frames of an even rate by their numbers or times.

    Args:
        values: (T,), of any unit.

    Returns:
        (T,), the frame of each row from 0 on; None where the values do not run on evenly.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    steps = np.diff(values)
    if not (steps > 0.0).all():
        return None
    share = steps / float(np.median(steps))
    counts = np.clip(np.round(share), 1.0, MOST_PLACES)
    near = (np.abs(share - counts) < JITTER) | (counts == MOST_PLACES)
    if near.mean() < EVEN_SHARE:
        return None
    counts[~near] = 1.0  # a late frame rather than a lost one
    places = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    even = values[0] + places * ((values[-1] - values[0]) / places[-1])
    off = np.abs(values - even).max() / float(np.median(steps))
    if counts.max() == MOST_PLACES:
        return places  # of which most are lost, whatever the rest
    return places if off < max(MOST_DRIFT_STEPS, MOST_DRIFT * places[-1]) else None


def longest_run_of(places: Indices) -> tuple[int, int]:
    """Find the longest stretch of frames without a gap.

    Args:
        places: (T,), frames in increasing order.

    Returns:
        First and one past the last index into them.
    """
    cuts = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
    return max(pairwise(cuts), key=lambda span: span[1] - span[0])


def agreed_places(columns: Iterable[F64]) -> Indices | None:
    """Place rows by several columns of numbers and times.

    Args:
        columns: (T,) each.

    Returns:
        By the first column that runs on evenly; where others leave out more frames, by the one that leaves out most: a
        counter of rows, or times that were made from one, show no gaps. None where no column runs on evenly.
    """
    found = [places for places in map(places_of, columns) if places is not None]
    return max(found, key=lambda places: int(places[-1]), default=None)


def strided(numbers: F64) -> tuple[Finding, ...]:
    """Find frame numbers that go up by more than one, as of every second frame of a video.

    Args:
        numbers: (T,), frame numbers in any order, not times.

    Returns:
        A doubtful finding, since a frame rate may be that of the video; or none.
    """
    steps = np.diff(np.unique(numbers[np.isfinite(numbers)]))
    usual = float(np.median(steps)) if len(steps) else 1.0
    if not 2.0 <= usual <= MOST_STRIDE or usual % 1.0:
        return ()
    why = f"they go up by {usual:g}; if the frame rate is that of the video, give --fps {usual:g} times lower"
    return (Finding("frame numbers", f"one in {usual:g}", STRIDED_CONFIDENCE, why),)


def with_lost_frames(rows: F64, places: Indices | None, source: str) -> tuple[F64, tuple[Finding, ...]]:
    """Put lost frames back, NaN.

    Args:
        rows: (T, ...).
        places: As of ``places_of``.
        source: The file, for messages.

    Returns:
        (N, ...), and a finding where N is more than T.

    Raises:
        InputError: Most frames would be lost.
    """
    if places is None or places[-1] + 1 == len(places):
        return rows, ()
    total, finding = lost_frames(places, source)
    placed = np.full((total, *rows.shape[1:]), np.nan)
    placed[places] = rows
    return placed, (finding,)


def require_no_return(times: F64, what: str, source: str) -> None:
    """Refuse times that go back where numbers have put the frames in order.

    Args:
        times: (T,), NaN where unknown.
        what: They are called.
        source: The file, for messages.

    Raises:
        InputError: They go back.
    """
    known = times[np.isfinite(times)]
    back = np.flatnonzero(np.diff(known) < 0.0)
    if len(back):
        raise InputError(
            f"{source} goes back in the {what} after row {back[0] + 1} ({known[back[0]]:g} to {known[back[0] + 1]:g}). "
            "It holds several recordings, or is out of order: cut or sort it."
        )


def once_in_order(values: F64, columns: Mapping[str, F64], source: str) -> F64:
    """Refuse tables whose times or frame numbers restart, and drop rows that are there twice.

    Args:
        values: (T, C), the table.
        columns: Times and frame numbers by what they are called, (T,) each.
        source: The file, for messages.

    Returns:
        Which rows to keep, (T,).

    Raises:
        InputError: Numbers or times go back, or a frame has two different rows.
    """
    keep = np.ones(len(values), bool)
    for name, column in columns.items():
        steps = np.diff(column)
        back = np.flatnonzero(steps < 0.0)
        if len(back):
            raise InputError(
                f"{source} goes back in its {name} from row {back[0] + 1} to {back[0] + 2} ({column[back[0]]:g} to "
                f"{column[back[0] + 1]:g}). It holds several recordings or persons, or is out of order: cut or sort it."
            )
        same = np.flatnonzero(steps == 0.0) + 1
        alike = [row for row in same if np.array_equal(values[row], values[row - 1], equal_nan=True)]
        if name == FRAME_NUMBER and len(alike) < len(same):
            row = int(next(row for row in same if row not in set(alike)))
            raise InputError(
                f"{source} has two rows of frame {column[row]:g} (rows {row} and {row + 1}). It holds several persons: "
                "give the rows of one."
            )
        if len(alike) == len(same):
            keep[same] = False
        elif _alternate(values, column):
            raise InputError(
                f"{source} has rows of the same {name} at different places (rows 1 and 2). It holds several persons: "
                "give the rows of one."
            )
    return keep


def _alternate(values: F64, times: F64) -> bool:
    """Whether equally many rows of every time are further from each other than from those of the next time."""
    counts = np.unique(times, return_counts=True)[1]
    count = int(counts[0])
    if count < 2 or (counts != count).any() or len(times) < 2 * count:
        return False
    same = np.abs(np.diff(values.reshape(-1, count, values.shape[1]), axis=1))
    following = np.abs(values[count:] - values[:-count])
    return float(np.nanmedian(same)) > 2.0 * float(np.nanmedian(following))


def table_with_lost_frames(values: F64, columns: Sequence[int], source: str) -> tuple[F64, tuple[Finding, ...]]:
    """Put lost frames of a table back by the first of its columns of times or numbers that runs on evenly.

    Args:
        values: (T, C).
        columns: 1 for times, 0 for frame numbers, the best first.
        source: The file, for messages.

    Returns:
        (N, C), NaN in lost frames, and a finding where N is more than T.

    Raises:
        InputError: Numbers or times go back, a frame has two rows, or most frames would be lost.
    """
    named = {TIMES if column else FRAME_NUMBER: values[:, column] for column in columns}
    values = values[once_in_order(values, named, source)]
    return with_lost_frames(values, agreed_places(values[:, column] for column in columns), source)


def cut_row(rows: Iterable[Sequence[str]]) -> tuple[Finding, ...]:
    """Find out whether a file ends within its last row.

    Args:
        rows: Cells of each row of numbers.

    Returns:
        A finding where the last row has fewer cells than all others, which have equally many.
    """
    counts = [len(row) for row in rows]
    if len(counts) < FEWEST_COMPARED or len(set(counts[:-1])) != 1 or counts[-1] >= counts[0]:
        return ()
    why = f"it is cut short: {counts[-1]} of {counts[0]} cells are there. The file may be incomplete"
    return (Finding("lost frames", "the last row", LOST_CONFIDENCE, why),)


def entries_at(entries: Sequence[_Entry], places: Indices, source: str) -> tuple[list[_Entry | list[_Entry]], Finding]:
    """Put entries on frames, with an empty list for each lost one.

    Args:
        entries: One for each place.
        places: As of ``places_of``, with a gap.
        source: The file, for messages.

    Returns:
        An entry for each frame, and the finding.

    Raises:
        InputError: Most frames would be lost.
    """
    total, finding = lost_frames(places, source)
    placed: list[_Entry | list[_Entry]] = [[] for _ in range(total)]
    for place, entry in zip(places, entries, strict=True):
        placed[place] = entry
    return placed, finding


def lost_frames(places: Indices, source: str) -> tuple[int, Finding]:
    """Count the frames that rows leave out.

    Args:
        places: As of ``places_of``, with a gap.
        source: The file, for messages.

    Returns:
        The number of all frames, and the finding.

    Raises:
        InputError: Most frames would be lost.
    """
    total, widest = int(places[-1]) + 1, int(np.diff(places).argmax())
    lost = total - len(places)
    if total > MOST_LOST * len(places) + SPARE_FRAMES:
        raise InputError(
            f"{source} leaves out {lost:,} of {total:,} frames by its numbers or times, most of them after row "
            f"{widest + 1}. Cut it there, or number the frames one by one."
        )
    why = f"its numbers or times leave them out, most after row {widest + 1}; they are bridged as gaps"
    return total, Finding("lost frames", f"{lost} of {total}", LOST_CONFIDENCE, why)
