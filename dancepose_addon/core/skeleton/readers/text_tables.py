# SPDX-License-Identifier: Apache-2.0
"""CSV with a header, and TRC: points as columns of text.

CSV: a column for each coordinate, named after its point with x, y or z (``head_x``, ``head.y``, ``X head``), and with
``confidence``, ``conf`` or ``score`` for how sure it is; a column ``time`` (seconds) gives the rate. Comma, semicolon
or tab. TRC (OpenSim, Motion Analysis): its header names markers, unit and rate.
"""

from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Final

import numpy as np

from ...arrays import F64
from ...errors import FormatError, InputError, MissingFileError
from ..recording import Head, Hints, PointRecording
from .marker_names import each_once
from .named_points import arranged
from .numbers import usable_rate

AXES: Final = {"x": 0, "y": 1, "z": 2}
SURENESS: Final = ("confidence", "conf", "score", "likelihood")
TIMES: Final = ("time", "times", "t", "seconds", "timestamp", "time_s")
LARGEST: Final = 1e9
LONGEST_STEP_S: Final = 0.5
"""Times further apart are no seconds: frame numbers, or milliseconds."""
MOST_COLUMNS: Final = 4096
MOST_TITLE_LETTERS: Final = 200
_COORDINATE: Final = re.compile(
    r"^(?:(?P<name>.+?)[ ._:/-]*(?P<axis>[xyzXYZ]|confidence|conf|score|likelihood)"
    r"|(?P<first>[xyzXYZ])[ ._:/-]+(?P<rest>.+))$"
)


def recognises_csv(head: Head) -> bool:
    """Tell CSV by its suffix, or by a first line of coordinates' names."""
    if head.path.suffix.lower() in (".csv", ".tsv"):
        return True
    first = head.text.split("\n", 1)[0]
    return first.count(",") >= 15 and len(re.findall(r"[ ._:/-][xyzXYZ](?=,|$)", first)) >= 15


def open_csv(path: Path, hints: Hints) -> PointRecording:
    """Read a CSV file; see ``readers.open_recording``."""
    lines = _lines(path)
    if not lines:
        raise InputError(f"{path} is empty; expected a header and a line for each frame.")
    delimiter = max(",;\t", key=lines[0].count)
    columns = _columns([cell.strip().strip('"') for cell in lines[0].split(delimiter)], path)
    values = _numbers(lines[1:], delimiter, columns.width, path)
    points = np.full((len(values), len(columns.names), 3), np.nan)
    for (point, axis), column in columns.coordinates.items():
        points[:, point, axis] = values[:, column]
    confidence = None
    if columns.sureness:
        confidence = np.ones(points.shape[:2], np.float32)
        for point, column in columns.sureness.items():
            confidence[:, point] = np.clip(np.nan_to_num(values[:, column]), 0.0, 1.0)
    rate = None
    if columns.time is not None and hints.fps is None:
        rate = _rate_of(values[:, columns.time], path)
    recording = PointRecording(
        points=points,
        form="CSV",
        source=str(path),
        names=tuple(columns.names),
        fps=rate,
        fps_why="its column of times gives it",
        confidence=confidence,
    )
    if all(re.fullmatch(r"\D{0,12}\d+", name) for name in columns.names) and hints.layout is None:
        return recording  # numbered, not named: the order is all there is
    return arranged(recording, hints, bones=True)


@dataclass
class _Columns:
    """What the columns of a table are: names of points, column of (point, axis), of confidences, of the time."""

    width: int
    names: list[str] = field(default_factory=list)
    coordinates: dict[tuple[int, int], int] = field(default_factory=dict)
    sureness: dict[int, int] = field(default_factory=dict)
    time: int | None = None


def _columns(header: list[str], path: Path) -> _Columns:
    if len(header) > MOST_COLUMNS:
        raise FormatError(f"{path} has {len(header)} columns, more than {MOST_COLUMNS}. Keep the points' own.")
    columns = _Columns(len(header))
    index: dict[str, int] = {}
    for column, whole in enumerate(header):
        title = whole[:MOST_TITLE_LETTERS]
        if title.lower() in TIMES:
            columns.time = column
            continue
        found = _COORDINATE.match(title)
        if not found:
            continue
        name, part = (found["name"], found["axis"]) if found["name"] else (found["rest"], found["first"])
        point = index.setdefault(name, len(index))
        if part.lower() in SURENESS:
            columns.sureness[point] = column
        else:
            columns.coordinates[point, AXES[part.lower()]] = column
    complete = [name for name, point in index.items() if all((point, axis) in columns.coordinates for axis in range(3))]
    if len(complete) < 5:
        raise FormatError(
            f"{path} has no columns for the x, y and z of at least five points (its first are "
            f"{', '.join(title[:20] for title in header[:6])}). Name them point_x, point_y, point_z."
        )
    keep = {index[name]: number for number, name in enumerate(complete)}
    columns.names = complete
    columns.coordinates = {(keep[p], axis): c for (p, axis), c in columns.coordinates.items() if p in keep}
    columns.sureness = {keep[p]: c for p, c in columns.sureness.items() if p in keep}
    return columns


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a table of points.") from error
    return [line for line in text.splitlines() if line.strip()]


def _numbers(lines: list[str], delimiter: str, width: int, path: Path) -> F64:
    """A table (T, width); empty cells are NaN."""
    if not lines:
        raise InputError(f"{path} has zero frames. Check that the file was written completely.")
    values = np.full((len(lines), width), np.nan)
    for row, line in enumerate(lines):
        cells = line.split(delimiter)
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            raise FormatError(f"{path} has {len(cells)} cells in line {row + 2} of its table; its header has {width}.")
        for column, cell in enumerate(cells[:width]):
            text = cell.strip()
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                raise FormatError(f"{path} has {text[:24]!r} where a number is expected, in line {row + 2}.") from None
            values[row, column] = value if abs(value) < LARGEST else np.nan
    return values


def _rate_of(times_s: F64, path: Path) -> float | None:
    """Frames per second of a column of times, if they run on evenly."""
    steps = np.diff(times_s[np.isfinite(times_s)])
    if len(steps) == 0 or not (steps > 0).all():
        return None
    typical = float(np.median(steps))
    if typical >= LONGEST_STEP_S or np.mean(np.abs(steps / typical - 1.0) < 0.2) < 0.9:
        return None  # milliseconds, frame numbers, or gaps: the user says what it is
    return usable_rate((len(steps)) / float(steps.sum()), str(path))


def recognises_trc(head: Head) -> bool:
    """Tell TRC by its first word, or by its suffix."""
    return head.text.lstrip().startswith("PathFileType") or head.path.suffix.lower() == ".trc"


def open_trc(path: Path, hints: Hints) -> PointRecording:
    """Read a TRC file; see ``readers.open_recording``."""
    lines = _lines(path)
    if len(lines) < 5:
        raise FormatError(f"{path} is not TRC: it has {len(lines)} lines. Export it again.")
    delimiter = "\t" if "\t" in lines[1] else ","
    try:
        keys, values = lines[1].split(delimiter), lines[2].split(delimiter)
        header = {key.strip(): value.strip() for key, value in zip(keys, values, strict=False)}
        titles = [name.strip() for name in lines[3].split(delimiter)[2:] if name.strip()]
        rate, unit = float(header["DataRate"]), header.get("Units", "mm").lower()
    except (IndexError, KeyError, ValueError) as error:
        raise FormatError(f"{path} is not TRC: its header lacks {error}. Export it again.") from error
    names, notes = each_once([title[:MOST_TITLE_LETTERS] for title in titles], path)
    if len(names) < 5 or len(names) * 3 + 2 > MOST_COLUMNS:
        raise FormatError(f"{path} names {len(names)} markers; expected at least five. Export it again.")
    # A line of X1, Y1, Z1 may stand between the names and the numbers.
    body = [line for line in lines[4:] if not re.match(r"^[\s,]*[XYZ]1\b", line)]
    table = _numbers([line.rstrip(f"{delimiter} ") for line in body], delimiter, 2 + 3 * len(names), path)
    points = table[:, 2:].reshape(len(table), len(names), 3)
    units = {"mm": "mm", "cm": "cm", "m": "m", "in": "inch", "inches": "inch", "meters": "m", "millimeters": "mm"}
    recording = PointRecording(
        points=points,
        form="TRC",
        source=str(path),
        names=tuple(names),
        unit=units.get(unit),
        fps=usable_rate(rate, str(path)),
        fps_why="its DataRate says it",
        notes=notes,
    )
    return arranged(recording, hints, bones=True)
