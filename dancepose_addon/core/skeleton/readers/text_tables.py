# SPDX-License-Identifier: Apache-2.0
"""Tables of numbers as text: CSV with a header or without, and TRC.

CSV: a column for each coordinate (see ``csv_headers``); a column ``time`` (seconds) gives the rate. Comma, semicolon or
tab; decimal commas where these do not separate. Without a header, each line is a frame (see ``array_contents``). TRC
(OpenSim, Motion Analysis): its header names markers, unit and rate.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
import re
from typing import Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..layouts import get_layout
from ..recording import Finding, Head, Hints, PointRecording, Recording
from .array_contents import recording_of
from .cell_tuples import expanded
from .csv_headers import (
    PERSON_COLUMNS,
    RECORDING_COLUMNS,
    Columns,
    columns_of,
    has_decimal_commas,
    is_frame_number,
    is_long,
    is_number,
    title_rows,
)
from .frame_lists import NAMES
from .frame_times import (
    FRAME_NUMBER,
    LOST_CONFIDENCE,
    TIMES,
    agreed_places,
    cut_row,
    once_in_order,
    places_of,
    strided,
    table_with_lost_frames,
    with_lost_frames,
)
from .marker_names import each_once
from .motion_text import read_motion_text
from .named_points import NUMBERED, arranged
from .numbers import LARGEST, usable_rate
from .point_arrays import ARRAY
from .timed_rates import TIME_TITLES_S, clock_seconds, rate_of_times, with_timed_rate

MOST_TIMES: Final = 4
"""Cells of a table with a line for each point that may be missing, for each that is there."""
RATE_DIFFERENCE: Final = 0.05
INDEX_TITLES: Final = ("", "index", "idx")
"""Of row numbers, where no column has those of frames."""
MOST_COLUMNS: Final = 4096
MOST_TITLE_LETTERS: Final = 200
FEWEST_NUMBERS: Final = 15
"""In the first line of a table without a header."""
FEWEST_POINTS: Final = 5


def recognises_csv(head: Head) -> bool:
    """Tell CSV by its suffix, by a first line of coordinates' names, or by a first line of many numbers."""
    if head.path.suffix.lower() in (".csv", ".tsv"):
        return True
    first = head.text.split("\n", 1)[0]
    titles = max((first.rstrip("\r").split(delimiter) for delimiter in ",;\t"), key=len)
    named = sum(re.search(r"[ ._:/-][xyzXYZ]$", title.strip()) is not None for title in titles)
    if len(titles) > FEWEST_NUMBERS and named >= FEWEST_NUMBERS:
        return True
    words = re.split(r"[\s,;]+", first.strip())[:-1]
    return len(words) >= FEWEST_NUMBERS - 1 and all(is_number(word) for word in words)


def open_csv(path: Path, hints: Hints) -> Recording:
    """Read a table; see ``readers.open_recording``."""
    lines = [line for line in _lines(path) if not line.startswith("#")]
    if not lines:
        raise InputError(f"{path} is empty; expected a header and a line for each frame.")
    delimiter = max(",;\t ", key=lambda one: (lines[0].count(one) >= 5, one != " ", lines[0].count(one)))
    lines = expanded(lines, delimiter, path)
    first = [_cells(line, delimiter) for line in lines[:8]]
    header, count = title_rows(first)
    cut = cut_row(_cells(line, delimiter) for line in lines[count:])
    lines = lines[: len(lines) - len(cut)]
    if not header:
        values = _numbers(lines[count:], delimiter, len(first[0]), path, count + 1)
        values = values[:, int(first[0][:1] == [""]) :]  # pandas numbers the rows too
        return _with_findings(recording_of({ARRAY: values}, path, hints), cut)
    long = is_long(header)
    _require_one_recording(header, [_cells(line, delimiter) for line in lines[count:]], long and long[:2], path)
    if long is not None:
        unit_s = TIME_TITLES_S.get(header[long[0]].lower().strip())
        return _with_findings(_open_long(lines[count:], delimiter, long, unit_s, path, hints), cut)
    columns = columns_of(header)
    _require_columns(columns, header, path)
    used = {*columns.coordinates.values(), *columns.sureness.values()}
    values = _numbers(lines[count:], delimiter, columns.width, path, count + 1, used)
    in_time = (
        {} if columns.time is None else {TIMES: _times_at(columns.time, lines[count:], delimiter, path, count + 1)}
    )
    numbered = [column for column, title in enumerate(header) if is_frame_number(title)]
    frame = min(numbered, key=lambda column: header[column] in INDEX_TITLES, default=None)
    if frame is not None:
        numbers = _numbers_at(frame, lines[count:], delimiter)
        in_time |= {FRAME_NUMBER: numbers} if np.isfinite(numbers).any() else {}
    keep = once_in_order(values, in_time, str(path))
    values, in_time = values[keep], {name: column[keep] for name, column in in_time.items()}
    times = in_time.get(TIMES)
    values, lost = with_lost_frames(values, agreed_places(in_time.values()), str(path))
    points = np.full((len(values), len(columns.names), 3), np.nan)
    for (point, axis), column in columns.coordinates.items():
        points[:, point, axis] = values[:, column]
    confidence = None
    if columns.sureness:
        confidence = np.ones(points.shape[:2], np.float32)
        for point, column in columns.sureness.items():
            confidence[:, point] = np.clip(np.nan_to_num(values[:, column]), 0.0, 1.0)
    recording = PointRecording(
        points=points,
        form="CSV",
        source=str(path),
        names=tuple(columns.names),
        confidence=confidence,
        findings=(*lost, *cut, *(strided(in_time[FRAME_NUMBER]) if times is None and in_time else ())),
    )
    recording = with_timed_rate(recording, None if times is None else rate_of_times(times, columns.time_unit_s), hints)
    if _are_numbers(columns.names, hints):
        return _in_number_order(recording)
    return arranged(recording, hints, bones=True)


def _with_findings(recording: Recording, findings: tuple[Finding, ...]) -> Recording:
    return replace(recording, findings=(*recording.findings, *findings)) if findings else recording


def _are_numbers(names: list[str], hints: Hints) -> bool:
    """Whether names only number the points; those of a layout of the user's may be numbers."""
    own = set() if hints.layout is None else set(get_layout(hints.layout).keypoints)
    return all(NUMBERED.fullmatch(name) and name not in own for name in names)


def _in_number_order(recording: PointRecording) -> PointRecording:
    """Points that are numbered, not named, in the order of their numbers, which is all there is."""
    names = recording.names or ()
    numbers = [int(re.findall(r"\d+", name)[-1][-9:]) for name in names]
    if len(set(numbers)) < len(numbers) or len({re.sub(r"\d+", "", name) for name in names}) > 1:
        return replace(recording, names=None)
    order = np.argsort(numbers)
    confidence = None if recording.confidence is None else recording.confidence[:, order]
    return replace(recording, points=recording.points[:, order], confidence=confidence, names=None)


def _require_columns(columns: Columns, header: list[str], path: Path) -> None:
    """Raise FormatError where a table has no points."""
    if columns.width > MOST_COLUMNS:
        raise FormatError(f"{path} has {columns.width} columns, more than {MOST_COLUMNS}. Keep the points' own.")
    if columns.doubled:
        raise FormatError(
            f"{path} has the column {columns.doubled[0][:40]!r} twice. It holds several persons or versions: keep the "
            "columns of one."
        )
    if len(columns.names) < FEWEST_POINTS:
        raise FormatError(
            f"{path} has no columns for the x, y and z of at least five points (its first are "
            f"{', '.join(title[:20] for title in header[:6])}). Name them point_x, point_y, point_z."
        )


def _require_one_recording(header: list[str], rows: list[list[str]], long: tuple[int, int] | None, path: Path) -> None:
    """Raise InputError where a column names several persons or recordings, and not another thing in each frame.

    Args:
        header: A title for each column.
        rows: Of cells.
        long: The columns that name frame and point of a row, where rows are no frames.
        path: The file, for messages.
    """
    frames = len(rows) if long is None else len({row[long[0]] for row in rows if long[0] < len(row)})
    for column, title in enumerate(header):
        is_person = title.lower() in PERSON_COLUMNS
        if (long and column in long) or (not is_person and title.lower() not in RECORDING_COLUMNS):
            continue
        found = dict.fromkeys(row[column] for row in rows if column < len(row))
        if len(found) > 1 and (is_person or 2 * len(found) <= frames):
            names = ", ".join(f"{name:.20}" for name in list(found)[:3])
            what = "person" if is_person else "recording"
            raise InputError(
                f"{path} has rows of {counted(len(found), what)} ({names}) by its column {title:.20}. Give the rows of "
                "one."
            )


def _open_long(
    lines: list[str],
    delimiter: str,
    columns: tuple[int, int, tuple[int, int, int], int | None],
    unit_s: float | None,
    path: Path,
    hints: Hints,
) -> Recording:
    """A line for each point of each frame, as an array with the points' names. unit_s: of times that name frames."""
    frame_column, point_column, axes, sure = columns
    frames: dict[str, int] = {}
    names: dict[str, int] = {}
    entries: list[tuple[int, int, list[float]]] = []
    commas = _has_decimal_commas(lines, delimiter)
    for row, line in enumerate(lines):
        cells = _cells(line, delimiter)
        if len(cells) <= max(frame_column, point_column, *axes):
            raise FormatError(f"{path} has {counted(len(cells), 'cell')} in line {row + 2}; its header has more.")
        frame = frames.setdefault(cells[frame_column][:40], len(frames))
        name = names.setdefault(cells[point_column][:100], len(names))
        wanted = [*axes, *(() if sure is None else (sure,))]
        texts = [cells[c] if c < len(cells) else "" for c in wanted]
        texts = [text.replace(",", ".") for text in texts] if commas else texts
        entries.append((frame, name, [_number(text, path, row + 2) for text in texts]))
    if len(names) > MOST_COLUMNS or len(frames) * len(names) > MOST_TIMES * max(len(entries), 1):
        raise FormatError(
            f"{path} has {counted(len(names), 'point')} in {counted(len(frames), 'frame')}; most of them are missing."
        )
    table = np.full((len(frames), len(names), 4), np.nan)
    table[..., 3] = 0.0
    for frame, name, values in entries:
        given = [*values[:3], values[3] if len(values) > 3 else 1.0]
        if table[frame, name, 3] > 0.0 and not np.array_equal(table[frame, name], given, equal_nan=True):
            raise InputError(
                f"{path} has point {list(names)[name]!r:.60} of frame {list(frames)[frame]!r:.40} twice, at different "
                "places. It holds several persons or recordings: give the rows of one."
            )
        table[frame, name] = given
    table, times = _in_order(table, list(frames))
    table, lost = with_lost_frames(table, None if times is None else places_of(times), str(path))
    confidence = np.clip(np.nan_to_num(table[..., 3]), 0.0, 1.0)
    numbered = sorted(names.items(), key=lambda pair: int(pair[0])) if all(map(str.isdecimal, names)) else []
    order = [at for _, at in numbered] or list(range(len(names)))
    arrays = {
        ARRAY: table[:, order, :3],
        "confidence": confidence[:, order],
        NAMES: list(names) if not numbered else [],
    }
    recording = recording_of(arrays, path, hints)
    if times is not None and unit_s is not None:
        recording = with_timed_rate(recording, rate_of_times(times, unit_s), hints)
    return _with_findings(recording, lost)


def _in_order(table: F64, frames: list[str]) -> tuple[F64, F64 | None]:
    """Frames in the order of their numbers or times, and these; as they are, and None, where some are no numbers."""
    times = np.array([clock_seconds(frame) for frame in frames])
    if not np.isfinite(times).all() or len(np.unique(times)) < len(times):
        return table, None
    order = np.argsort(times, kind="stable")
    return table[order], times[order]


def _cells(line: str, delimiter: str) -> list[str]:
    parts = line.split() if delimiter == " " else line.split(delimiter)
    return [cell.strip().strip('"') for cell in parts]


def _number(cell: str, path: Path, row: int) -> float:
    """A cell as a number, NaN where it is empty or beyond any place."""
    if not cell:
        return np.nan
    try:
        value = float(cell)
    except ValueError:
        raise FormatError(f"{path} has {cell[:24]!r} where a number is expected, in line {row}.") from None
    return value if abs(value) < LARGEST else np.nan


def _lines(path: Path) -> list[str]:
    text = read_motion_text(path, "a table of points")
    return [line for line in text.splitlines() if line.strip()]


def _numbers(
    lines: list[str], delimiter: str, width: int, path: Path, first_line: int = 2, wanted: Collection[int] = ()
) -> F64:
    """A table (T, width), NaN where cells are empty. wanted: columns that are needed, all where there are none."""
    if not lines:
        raise InputError(f"{path} has zero frames. Check that the file was written completely.")
    commas = _has_decimal_commas(lines, delimiter)
    values = np.full((len(lines), width), np.nan)
    for row, line in enumerate(lines):
        cells = _cells(line, delimiter)
        if len(cells) > width and any(cells[width:]):
            raise FormatError(
                f"{path} has {counted(len(cells), 'cell')} in line {row + first_line} of its table; its header "
                f"has {width}."
            )
        for column, cell in enumerate(cells[:width]):
            if cell and (not wanted or column in wanted):
                values[row, column] = _number(cell.replace(",", ".") if commas else cell, path, row + first_line)
    return values


def _agreed_rate(rate: float, times_s: F64, hints: Hints, path: Path) -> float:
    """Return the rate of a TRC's header.

    Raises:
        InputError: Its column of times has another, and the user says none.
    """
    timed = rate_of_times(times_s)
    if hints.fps is not None or timed is None or timed.fps is None or timed.confidence < 1.0:
        return rate
    if abs(timed.fps / rate - 1.0) > RATE_DIFFERENCE:
        raise InputError(f"{path} has a DataRate of {rate:g} and times of {timed.fps:g} frames per second. Give --fps.")
    return rate


def _has_decimal_commas(lines: list[str], delimiter: str) -> bool:
    return delimiter != "," and has_decimal_commas([_cells(line, delimiter) for line in lines[:20]])


def _numbers_at(column: int, lines: list[str], delimiter: str) -> F64:
    """One column of a table, NaN where it has no number."""
    rows = (_cells(line, delimiter) for line in lines)
    cells = [row[column] if column < len(row) else "" for row in rows]
    return np.array([float(cell.replace(",", ".")) if is_number(cell) else np.nan for cell in cells])


def _times_at(column: int, lines: list[str], delimiter: str, path: Path, first_line: int) -> F64:
    """Times in one column of a table, NaN where cells are empty. Raises FormatError for a cell that is no time."""
    times = np.full(len(lines), np.nan)
    for row, line in enumerate(lines):
        cells = _cells(line, delimiter)
        cell = cells[column] if column < len(cells) else ""
        if cell:
            times[row] = clock_seconds(cell)
            if np.isnan(times[row]) and cell.lower() != "nan":
                raise FormatError(f"{path} has {cell[:24]!r} where a time is expected, in line {row + first_line}.")
    return times


def recognises_trc(head: Head) -> bool:
    """Tell TRC by its first word, or by its suffix."""
    return head.text.lstrip().startswith("PathFileType") or head.path.suffix.lower() == ".trc"


def _missing_end(announced: str, frames: int) -> tuple[Finding, ...]:
    """Name the frames that a header announces beyond the last one that is there."""
    if not announced.isdecimal() or len(announced) > 9 or int(announced) <= frames:
        return ()
    why = f"its header announces {int(announced)} frames and {frames} are there. The file may be incomplete"
    return (Finding("lost frames", f"{int(announced) - frames} of {int(announced)}", LOST_CONFIDENCE, why),)


def open_trc(path: Path, hints: Hints) -> PointRecording:
    """Read a TRC file; see ``readers.open_recording``."""
    lines = _lines(path)
    if len(lines) < 5:
        raise FormatError(f"{path} is not TRC: it has {counted(len(lines), 'line')}. Export it again.")
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
        raise FormatError(f"{path} names {counted(len(names), 'marker')}; expected at least five. Export it again.")
    # A line of X1, Y1, Z1 may stand between the names and the numbers.
    body = [line for line in lines[4:] if not re.match(r"^[\s,]*[XYZ]1\b", line)]
    cut = cut_row(line.split(delimiter) for line in body)
    body = body[: len(body) - len(cut)]
    table = _numbers([line.rstrip(f"{delimiter} ") for line in body], delimiter, 2 + 3 * len(names), path)
    rate = _agreed_rate(rate, table[:, 1], hints, path)
    table, lost = table_with_lost_frames(table, (1, 0), str(path))
    cut = cut or _missing_end(header.get("NumFrames", ""), len(table))
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
        findings=(*lost, *cut),
    )
    return arranged(recording, hints, bones=True)
