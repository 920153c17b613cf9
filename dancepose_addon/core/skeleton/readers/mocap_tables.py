# SPDX-License-Identifier: Apache-2.0
"""Tables of capture systems: OptiTrack Motive and Vicon Nexus (CSV), and Qualisys Track Manager (TSV).

Motive: a line of properties, then rows with the kind, the name and the channel of every column. Nexus: a section
``Trajectories`` with the rate, a row of names, a row of axes and a row of units. Qualisys: a line for each property,
the last of them ``MARKER_NAMES``, then a line of coordinates for each frame.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..person_names import require_one_person
from ..recording import Finding, Head, Hints, PointRecording
from .csv_headers import is_number
from .frame_times import cut_row, table_with_lost_frames
from .marker_names import each_once, is_marker
from .motion_text import read_motion_text
from .named_points import arranged
from .numbers import LARGEST, usable_rate

MOTIVE: Final = "Format Version"
NEXUS: Final = ("Trajectories", "Devices", "Model Outputs", "Joints", "Segments")
MOST_HEADER_LINES: Final = 12
MOST_PROPERTIES: Final = 40
MOST_COLUMNS: Final = 8192
MOST_NAME_LETTERS: Final = 200
UNITS: Final = {"meters": "m", "centimeters": "cm", "millimeters": "mm", "mm": "mm", "cm": "cm", "m": "m"}


def recognises_motive(head: Head) -> bool:
    """Tell a CSV file of Motive by its first words."""
    return head.text.lstrip("\ufeff").startswith(MOTIVE)


def recognises_nexus(head: Head) -> bool:
    """Tell a CSV file of Nexus by the name of its first section."""
    return head.text.lstrip("\ufeff").split("\n", 1)[0].strip(' \r,;\t"') in NEXUS


def _rows(path: Path) -> list[list[str]]:
    text = read_motion_text(path, "a table of points")
    lines = text.splitlines()
    sample = "\n".join(lines[:8])
    delimiter = max(",;\t", key=sample.count)
    if any(line.count(delimiter) > MOST_COLUMNS for line in lines[:MOST_HEADER_LINES]):
        raise FormatError(f"{path} has more than {MOST_COLUMNS} columns. Export the skeleton or the markers alone.")
    return [[cell.strip().strip('"') for cell in line.split(delimiter)] for line in lines]


def _whole_rows(rows: list[list[str]]) -> tuple[list[list[str]], tuple[Finding, ...]]:
    """Rows without a last one that is cut short, and a finding where one was."""
    cut = cut_row(rows)
    return rows[: len(rows) - len(cut)], cut


def _table(rows: list[list[str]], width: int, path: Path) -> F64:
    """Numbers (T, width), NaN where a cell is empty."""
    if not rows:
        raise InputError(f"{path} has zero frames. Check that the file was written completely.")
    values = np.full((len(rows), width), np.nan)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row[:width]):
            if cell:
                try:
                    value = float(cell)
                except ValueError:
                    raise FormatError(f"{path} has {cell[:24]!r} where a number is expected.") from None
                values[number, column] = value if abs(value) < LARGEST else np.nan
    return values


def open_motive(path: Path, hints: Hints) -> PointRecording:
    """Read a CSV file of Motive; see ``readers.open_recording``."""
    rows = _rows(path)
    properties = dict(zip(rows[0][::2], rows[0][1::2], strict=False)) if rows else {}
    start = next((n for n, row in enumerate(rows[:MOST_HEADER_LINES]) if row[:1] == ["Frame"]), None)
    if start is None or start < 3:
        raise FormatError(f"{path} is a CSV of Motive without a row that begins with Frame. Export it again.")
    header = rows[1:start]
    kinds = next((row for row in header if {"Bone", "Marker", "Bone Marker", "Rigid Body"} & set(row)), [])
    names = next((row for row in header if "Name" in row[:2]), [])
    channels = next((row for row in header if "Position" in row), [])
    if not (kinds and names and channels):
        raise FormatError(f"{path} is a CSV of Motive without names and positions. Export it with its header.")
    markers = max(("Marker", "Bone Marker"), key=kinds.count)  # of no body, or of a skeleton
    wanted = "Bone" if kinds.count("Bone") > 30 else markers
    columns: dict[str, dict[str, int]] = {}
    for column, axis in enumerate(rows[start]):
        here = [row[column] if column < len(row) else "" for row in (kinds, names, channels)]
        if here[0] == wanted and here[2] == "Position" and axis in ("X", "Y", "Z"):
            columns.setdefault(here[1][:MOST_NAME_LETTERS], {})[axis] = column
    whole = {name: axes for name, axes in columns.items() if len(axes) == 3 and is_marker(name.split(":")[-1])}
    if len(whole) < 5:
        raise FormatError(f"{path} has positions of {len(whole)} {wanted.lower()}s; expected at least five.")
    body, cut = _whole_rows([row for row in rows[start + 1 :] if any(row)])
    values, lost = table_with_lost_frames(_table(body, len(rows[start]), path), (1, 0), str(path))
    points = np.stack([values[:, [axes[axis] for axis in "XYZ"]] for axes in whole.values()], axis=1)
    rate = properties.get("Export Frame Rate") or properties.get("Capture Frame Rate")
    recording = PointRecording(
        points=points,
        form=f"CSV of OptiTrack Motive, {wanted.lower()}s",
        source=str(path),
        names=tuple(whole),
        unit=UNITS.get(properties.get("Length Units", "").lower()),
        up="y",
        fps=None if rate is None else usable_rate(rate, str(path)),
        fps_why="" if rate is None else "its Export Frame Rate says it",
        findings=(*lost, *cut),
    )
    return arranged(recording, hints, bones=True)


def open_nexus(path: Path, hints: Hints) -> PointRecording:
    """Read a CSV file of Nexus; see ``readers.open_recording``."""
    rows = _rows(path)
    at = next((number for number, row in enumerate(rows) if row[0] == "Trajectories"), None)
    if at is None or len(rows) < at + 6:
        raise FormatError(f"{path} is a CSV of Nexus without Trajectories. Export the trajectories.")
    rate, titles, axes, units = rows[at + 1][0], rows[at + 2], rows[at + 3], rows[at + 4]
    names: list[str] = []
    labels: list[str] = []
    columns: list[list[int]] = []
    for column, title in enumerate(titles):
        whole = title[:MOST_NAME_LETTERS]
        name = whole.split(":")[-1]
        if column > 1 and is_marker(name) and [axis.upper() for axis in axes[column : column + 3]] == ["X", "Y", "Z"]:
            names.append(name)
            labels.append(whole)
            columns.append([column, column + 1, column + 2])
    if len(names) < 5:
        raise FormatError(f"{path} has {counted(len(names), 'trajectory', 'trajectories')}; expected at least five.")
    end = next((number for number in range(at + 5, len(rows)) if not any(rows[number])), len(rows))
    body, cut = _whole_rows(rows[at + 5 : end])
    values, lost = table_with_lost_frames(_table(body, len(titles) + 3, path), (0,), str(path))
    points = values[:, np.array(columns)]
    require_one_person(labels, points, str(path))
    once, notes = each_once(names, path)
    recording = PointRecording(
        points=points,
        form="CSV of Vicon Nexus",
        source=str(path),
        names=tuple(once),
        unit=UNITS.get(units[columns[0][0]].lower() if columns[0][0] < len(units) else ""),
        up="z",
        fps=usable_rate(rate, str(path)),
        fps_why="its second line says it",
        findings=(*lost, *cut),
        notes=notes,
    )
    return arranged(recording, hints, bones=True)


def recognises_qualisys(head: Head) -> bool:
    """Tell a TSV file of Qualisys Track Manager by the name of its first property."""
    return head.text.startswith("NO_OF_FRAMES")


def open_qualisys(path: Path, hints: Hints) -> PointRecording:
    """Read a TSV file of Qualisys Track Manager; see ``readers.open_recording``."""
    rows = _rows(path)
    at = next((number for number, row in enumerate(rows[:MOST_PROPERTIES]) if row[:1] == ["MARKER_NAMES"]), None)
    if at is None:
        raise FormatError(f"{path} is a TSV of Qualisys without MARKER_NAMES. Export it with its header.")
    properties = {row[0]: row[1] for row in rows[:at] if len(row) > 1}
    if properties.get("DATA_INCLUDED", "3D") != "3D":
        raise FormatError(f"{path} holds {properties['DATA_INCLUDED'][:24]} data; expected 3D. Export the 3D data.")
    names = [name[:MOST_NAME_LETTERS] for name in rows[at][1:] if name]
    start = at + 1
    while start < len(rows) and (not rows[start][0] or not is_number(rows[start][0])):
        start += 1  # events, and a row of titles with times
    body, cut = _whole_rows([row for row in rows[start:] if any(row)])
    lead = 2 if body and len([cell for cell in body[0] if cell]) >= 3 * len(names) + 2 else 0
    if len(names) < 5 or len(names) > MOST_COLUMNS:
        raise FormatError(f"{path} names {counted(len(names), 'marker')}; expected at least five.")
    values = _table(body, lead + 3 * len(names), path)
    values, lost = table_with_lost_frames(values, (1, 0)[:lead], str(path))
    points = values[:, lead:].reshape(len(values), len(names), 3)
    points[(points == 0.0).all(axis=-1)] = np.nan
    once, notes = each_once(names, path)
    recording = PointRecording(
        points=points,
        form="TSV of Qualisys",
        source=str(path),
        names=tuple(once),
        unit="mm",
        up="z",
        fps=usable_rate(properties.get("FREQUENCY", ""), str(path)),
        fps_why="its FREQUENCY says it",
        findings=(*lost, *cut),
        notes=notes,
    )
    return arranged(recording, hints, bones=True)
