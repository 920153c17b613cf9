# SPDX-License-Identifier: Apache-2.0
"""Tables whose cells hold several numbers, such as Unity's vectors: one column for each joint.

    Time,Hips,Spine,...                            a title for each cell
    0.033,"(0.01, 0.92, 0.10)","[0.0 1.0 0.1]",... quoted or not; round or square brackets

They become tables with a column for each number. Four numbers are a quaternion where they have length 1, else a place
and its confidence.
"""

from collections import Counter
from pathlib import Path
import re
from typing import Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError

SIZES: Final = (2, 3, 4)
FEWEST: Final = 5
HEAD_LINES: Final = 8
SAMPLE_LINES: Final = 64
UNIT: Final = 0.12
"""By which nine of ten quaternions miss length 1 at most, printed with one decimal."""
EMPTY: Final = ([""], ["null"], ["NaN"], ["nan"])
MOST_LETTERS: Final = 200
_TUPLE: Final = re.compile(r"\s*\"?\s*[(\[]([^()\[\]\"]{0,200})[)\]]\s*\"?\s*")
_PLAIN_COMMA: Final = re.compile(r",(?=\S)")


def expanded(lines: list[str], delimiter: str, path: Path) -> list[str]:
    """Give every number of a table a cell.

    Args:
        lines: Of the file, its titles first.
        delimiter: Between cells.
        path: Of the file, for messages.

    Returns:
        The lines of such a table, or ``lines`` themselves where cells hold one number each.

    Raises:
        FormatError: Titles and cells do not correspond, or the cells are rotations alone.
    """
    start = next((n for n, line in enumerate(lines[:HEAD_LINES]) if n and _is_of_tuples(line, delimiter)), None)
    if start is None:
        return lines
    rows = [_cells(line, delimiter) for line in lines[start : start + SAMPLE_LINES]]
    titles = [title.strip().strip('"')[:MOST_LETTERS] for title in lines[start - 1].split(delimiter)]
    sizes = [_size_of(rows, column) for column in range(len(titles))]
    if len(rows[0]) > len(titles):
        raise FormatError(
            f"{path} has {counted(len(rows[0]), 'cell')} in line {start + 1} and {counted(len(titles), 'title')} above."
        )
    fours = [n for n, size in enumerate(sizes) if size == 4]
    quaternions = fours if _are_unit(rows, fours) else []
    places = sum(size in (3, 4) for size in sizes) - len(quaternions)
    if len(quaternions) >= FEWEST and places < FEWEST:
        raise FormatError(
            f"{path} has rotations (x, y, z, w) of {counted(len(quaternions), 'joint')} and no places. Rotations of a "
            "rig's bones need its skeleton: export the joints' positions, or BVH."
        )
    header = [
        title if size == 1 else f"{title}_{axis}"
        for n, (title, size) in enumerate(zip(titles, sizes, strict=True))
        for axis in ("x", "y", "z", "w" if n in quaternions else "confidence")[:size]
    ]
    body = (
        _line(_cells(line, delimiter), sizes, delimiter, start + n + 1, path) for n, line in enumerate(lines[start:])
    )
    return [delimiter.join(header), *body]


def _is_of_tuples(line: str, delimiter: str) -> bool:
    return sum(len(cell) in SIZES for cell in _cells(line[: 1 << 16], delimiter)) >= FEWEST


def _size_of(rows: list[list[list[str]]], column: int) -> int:
    """How many numbers the cells of a column hold: the most frequent count among those that are not empty."""
    counts = Counter(len(cells[column]) for cells in rows if column < len(cells) and cells[column] not in EMPTY)
    return counts.most_common(1)[0][0] if counts else 1


def _cells(line: str, delimiter: str) -> list[list[str]]:
    """The numbers in each cell of a line."""
    cells: list[list[str]] = []
    at = 0
    while at <= len(line):
        found = _TUPLE.match(line, at)
        if found and (found.end() == len(line) or line.startswith(delimiter, found.end())):
            cells.append(_numbers(found[1]))
            at = found.end() + len(delimiter)
            continue
        end = line.find(delimiter, at)
        end = len(line) if end < 0 else end
        cells.append([line[at:end].strip().strip('"')])
        at = end + len(delimiter)
    return cells


def _numbers(text: str) -> list[str]:
    """The numbers between brackets; a comma before a digit is a decimal comma where others have a blank after them."""
    text = text.strip()
    if ", " in text and _PLAIN_COMMA.search(text):
        return [part.strip().replace(",", ".") for part in text.split(", ")]
    return re.split(r"\s*[,;]\s*|\s+", text)


def _are_unit(rows: list[list[list[str]]], columns: list[int]) -> bool:
    """Whether cells of four numbers are quaternions: the places of a body's joints have no common length."""
    found = [cells[n] for cells in rows for n in columns if n < len(cells) and len(cells[n]) == 4]
    if not found:
        return False
    try:
        values: F64 = np.array(found, np.float64)
    except ValueError:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.percentile(np.abs(np.linalg.norm(values, axis=1) - 1.0), 90) < UNIT)


def _line(cells: list[list[str]], sizes: list[int], delimiter: str, number: int, path: Path) -> str:
    """A line with a cell for each number; cells that are empty have none of theirs."""
    parts: list[str] = []
    for at, size in enumerate(sizes):
        cell = cells[at] if at < len(cells) else [""]
        if len(cell) != size and cell not in EMPTY:
            raise FormatError(f"{path} has {counted(len(cell), 'number')} in a cell of line {number}; expected {size}.")
        parts += cell if len(cell) == size else [""] * size
    return delimiter.join(parts)
