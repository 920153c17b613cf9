# SPDX-License-Identifier: Apache-2.0
"""Frame rates from the times of rows or entries, whatever their unit and however even they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
import re
from typing import Any, Final, TypeVar

import numpy as np

from ...arrays import F64
from ...frame_rates import FASTEST_HZ, SLOWEST_HZ
from ..recording import Hints, Recording
from .frame_times import MOST_DRIFT, MOST_DRIFT_STEPS, places_of

TIMED_RATE: Final = "rate by times"
"""Name of a ``TimedRate`` among the arrays of a file."""
_TIMES: Final = ("time", "times", "timestamp", "timestamps", "time_stamp", "t", "elapsed")
_UNITS: Final = {
    1.0: ("s", "sec", "secs", "seconds"),
    1e-3: ("ms", "msec", "milliseconds"),
    1e-6: ("us", "usec", "microseconds"),
    1e-9: ("ns", "nsec", "nanoseconds"),
}
_WITH_UNIT: Final = ("{}_{}", "{} {}", "{} ({})", "{} [{}]", "{}({})", "{}[{}]")
TIME_KEYS_S: Final = {
    **dict.fromkeys(_TIMES, 1.0),
    **{
        form.format(name, unit): unit_s
        for unit_s, units in _UNITS.items()
        for name in _TIMES
        for unit in units
        for form in _WITH_UNIT
    },
    **{name + unit.capitalize(): unit_s for unit_s, units in _UNITS.items() for name in _TIMES for unit in units},
}
"""Keys of times, and seconds per unit: ``time``, ``time_ms``, ``time (ms)``, ``timeMs``."""
TIME_TITLES_S: Final = {
    **{key.lower(): unit_s for key, unit_s in TIME_KEYS_S.items()},
    **{unit: unit_s for unit_s, units in _UNITS.items() for unit in units if unit != "s"},
}
"""Titles of columns of times in lower case, which may be a unit alone, and seconds per unit."""
LONGEST_STEP_S: Final = 0.5
"""Times further apart are no seconds."""
GUESSED_HZ: Final = (10.0, 250.0)
"""Rates of motion; the unit of times is the one that gives such a rate."""
GUESSES: Final = (("milliseconds", 1e-3), ("microseconds", 1e-6), ("nanoseconds", 1e-9))
GUESS_CONFIDENCE: Final = 0.7
UNEVEN_CONFIDENCE: Final = 0.6
_AnyRecording = TypeVar("_AnyRecording", bound=Recording)
_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,9})?)$")


@dataclass(frozen=True)
class TimedRate:
    """What times say about the frame rate.

    Attributes:
        fps: Frames per second, or None where they do not give it.
        why: A clause.
        confidence: In [0, 1].
    """

    fps: float | None
    why: str
    confidence: float = 1.0


def rate_of_times(times: F64, unit_s: float = 1.0, what: str = "its times") -> TimedRate | None:
    """Find the frame rate of times.

    Args:
        times: (T,), non-finite ones are left out.
        unit_s: Seconds per unit as the file names it; 1.0 also where it names none.
        what: A name of the times, for the reason.

    Returns:
        The rate, or why there is none; None where the numbers go back or stay, as times do not.
    """
    times = times[np.isfinite(times)]
    steps = np.diff(times)
    if len(steps) == 0 or (steps < 0.0).any() or times[-1] == times[0]:
        return None
    step = float(np.median(steps)) or float(steps.mean())  # equal times: rounded ones
    unit, unit_s, confidence = _unit(step, unit_s)
    if unit is None:
        return TimedRate(None, f"{what} are {step:g} apart, which is the step of motion in no unit of time")
    why = f"{what} give it{unit}"
    places = places_of(times)
    if places is not None:
        return _usable(float(places[-1]) / float(times[-1] - times[0]) / unit_s, why, confidence)
    even = np.linspace(times[0], times[-1], len(times))
    if float(np.abs(times - even).max()) / step > max(MOST_DRIFT_STEPS, MOST_DRIFT * len(times)):
        least, most = float(steps.min()) * unit_s * 1e3, float(steps.max()) * unit_s * 1e3
        return TimedRate(None, f"{what} are uneven, {least:.3g} to {most:.3g} ms apart")
    why = f"it is the mean of {what}, which are uneven{unit}"
    return _usable(len(steps) / float(times[-1] - times[0]) / unit_s, why, min(confidence, UNEVEN_CONFIDENCE))


def with_timed_rate(recording: _AnyRecording, timed: TimedRate | None, hints: Hints) -> _AnyRecording:
    """Give a recording without a rate the one of its times.

    Args:
        recording: As read.
        timed: Of its times, or None where it has none.
        hints: A rate that the user gives goes before the times.

    Returns:
        The recording; where the times give no rate, it has the reason.
    """
    if timed is None or recording.fps is not None or hints.fps is not None:
        return recording
    return replace(recording, fps=timed.fps, fps_why=timed.why, fps_confidence=timed.confidence)


def timed_rate_in(arrays: Mapping[str, Any], frames: int) -> TimedRate | None:
    """Find the rate by an array of times beside an array of points.

    Args:
        arrays: Content of a file by name.
        frames: Number of frames.

    Returns:
        As of ``rate_of_times``; None without times.
    """
    found = arrays.get(TIMED_RATE)
    if isinstance(found, TimedRate):
        return found
    for key, unit_s in TIME_KEYS_S.items():
        value = arrays.get(key)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size == frames:
            # Frames are put in the order of their times; see numbered_arrays.
            return rate_of_times(np.sort(value.reshape(-1).astype(np.float64)), unit_s, f"its {key}")
    return None


def clock_seconds(cell: str) -> float:
    """Read the time in a cell of a table.

    Args:
        cell: A number with a decimal point or comma, [hours:]minutes:seconds, or a date and time of ISO 8601.

    Returns:
        The number, or seconds; NaN for anything else.
    """
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        clock = _CLOCK.match(cell)
    if clock:
        hours, minutes, seconds = clock.groups()
        return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(seconds.replace(",", "."))
    try:
        return (datetime.fromisoformat(cell).replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")


def _unit(step: float, unit_s: float) -> tuple[str | None, float, float]:
    """What to say of the unit, seconds per unit, and the confidence in it; None for no unit."""
    if unit_s != 1.0 or step < LONGEST_STEP_S:
        return "", unit_s, 1.0
    for name, guess_s in GUESSES:
        if GUESSED_HZ[0] <= 1.0 / (step * guess_s) <= GUESSED_HZ[1]:
            return f", taken for {name}", guess_s, GUESS_CONFIDENCE
    return None, unit_s, 0.0


def _usable(fps: float, why: str, confidence: float) -> TimedRate:
    if SLOWEST_HZ <= fps <= FASTEST_HZ:
        return TimedRate(fps, why, confidence)
    return TimedRate(None, f"by its times it would be {fps:g} frames a second")
