# SPDX-License-Identifier: Apache-2.0
"""Headers of tables of points: which column is which coordinate of which point.

head_x, head.y, X head, headZ, x1        a column for each coordinate
Hips_position_x, Hips_rotation_x         positions are used, rotations are not
scorer / bodyparts / coords              DeepLabCut's and Anipose's rows of titles; also names over x, y, z
frame, landmark, x, y, z                 a line for each point: see ``is_long``
"""

from dataclasses import dataclass, field
import re
from typing import Final

from .timed_rates import TIME_TITLES_S

AXES: Final = {"x": 0, "y": 1, "z": 2}
SURENESS: Final = ("confidence", "conf", "score", "likelihood", "visibility", "v")
POINT_COLUMNS: Final = (
    "landmark", "joint", "point", "marker", "keypoint", "bodypart", "name", "joint_name", "landmark_name", "part",
    "landmark_id", "joint_id", "keypoint_id", "landmark_index", "id",
)  # fmt: skip
FRAME_NUMBERS: Final = (
    "", "index", "idx", "frame", "frames", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "framenum",
    "frame#", "imageid", "imageindex",
)  # fmt: skip
"""Titles of numbers of frames, in lower case and without separators; pandas writes its index without a title."""
PERSON_COLUMNS: Final = (
    "person", "person_id", "subject", "subject_id", "track", "track_id", "tid", "pid", "body_id", "actor", "player",
    "dancer", "dancer_id", "performer", "performer_id", "individual", "individuals", "human", "human_id", "user",
    "user_id", "skeleton", "skeleton_id",
)  # fmt: skip
RECORDING_COLUMNS: Final = (
    "clip", "clip_id", "take", "take_id", "trial", "trial_id", "sequence", "sequence_id", "seq", "recording", "session",
    "video", "video_id", "video_name", "file", "filename", "file_name",
    "id", "character", "name", "body", "camera", "camera_id", "cam", "view",
)  # fmt: skip
FRAME_COLUMNS: Final = (
    "frame", "frame_id", "frame_index", "frame_number", "frames", *TIME_TITLES_S, "image",
)  # fmt: skip
MOST_TITLE_LETTERS: Final = 200
MOST_TITLE_ROWS: Final = 5
_COORDINATE: Final = re.compile(
    r"^(?:(?P<first>[xyzvXYZV])_?(?P<number>\d+)"
    r"|(?P<name>.+?)[ ._:/-]*(?P<axis>[xyzwXYZW]|confidence|conf|score|likelihood|visibility)"
    r"|(?P<before>[xyzXYZ])[ ._:/-]+(?P<rest>.+))$"
)
_AXIS_BEFORE: Final = re.compile(r"^(?P<before>[xyzXYZ])[ ._:/-]+(?P<rest>.+)(?<![ ._:/-][xyzwXYZW])$")
"""x_elbow, whose last letter is no axis."""
_PLACE: Final = re.compile(
    r"[ ._:/-]*(?:world|global)?[ ._:/-]*(?:position|pos|translation|location|loc|coords?)$", re.I
)
_DERIVATIVE: Final = re.compile(r"^(.+)[ ._:/-](?:v|a|w|speed|accel|omega)$", re.IGNORECASE)
_OTHER: Final = re.compile(
    r"(?:^|[ ._:/-])(?:local)?"
    r"(?:rot|rotation|quat|quaternion|q|orientation|euler|angles?|velocity|vel|acceleration|acc|scale)$"
    r"|(?<=[a-z])(?:Rot|Rotation|Quat|Orientation|Velocity)$",
    re.IGNORECASE,
)
_DECIMAL_COMMA: Final = re.compile(r"-?\d+,\d+(?:[eE][-+]?\d+)?")


@dataclass
class Columns:
    """What the columns of a table are.

    Attributes:
        width: Number of columns.
        names: Of the points that have all three coordinates.
        coordinates: Column of each (point, axis).
        sureness: Column of each point's confidence.
        time: Column of the times, or None.
        time_unit_s: Seconds per unit of that column.
        doubled: Titles of coordinates that are there twice.
    """

    width: int
    names: list[str] = field(default_factory=list)
    coordinates: dict[tuple[int, int], int] = field(default_factory=dict)
    sureness: dict[int, int] = field(default_factory=dict)
    time: int | None = None
    time_unit_s: float = 1.0
    doubled: list[str] = field(default_factory=list)


def columns_of(header: list[str]) -> Columns:
    """Find the coordinates of points in a table's titles.

    Args:
        header: A title for each column.

    Returns:
        The columns; ``names`` has the points that are complete.
    """
    columns = Columns(len(header))
    index: dict[str, int] = {}
    rotations: set[str] = set()
    for column, whole in enumerate(header):
        title = whole[:MOST_TITLE_LETTERS]
        if title.lower() in TIME_TITLES_S:
            columns.time, columns.time_unit_s = column, TIME_TITLES_S[title.lower()]
            continue
        found = _AXIS_BEFORE.match(title) or _COORDINATE.match(title)
        if not found:
            continue
        parts = found.groupdict()
        name = parts.get("name") or parts.get("number") or parts["rest"]
        part = (parts.get("axis") or parts.get("first") or parts["before"]).lower()
        if part == "w":
            rotations.add(name)
            continue
        point = index.setdefault(name, len(index))
        if part in SURENESS:
            columns.sureness[point] = column
        else:
            columns.doubled += [title] if (point, AXES[part]) in columns.coordinates else []
            columns.coordinates[point, AXES[part]] = column
    whole_points = [name for name, at in index.items() if all((at, axis) in columns.coordinates for axis in range(3))]
    complete = [name for name in whole_points if name not in rotations and not _OTHER.search(name)]
    known = set(complete)
    complete = [name for name in complete if not _is_derivative(name, known)]
    placed = [name for name in complete if _PLACE.search(name)]
    complete = placed if 2 * len(placed) > len(complete) else complete
    keep = {index[name]: number for number, name in enumerate(complete)}
    columns.names = [_PLACE.sub("", name) or name for name in complete]
    columns.coordinates = {(keep[p], axis): c for (p, axis), c in columns.coordinates.items() if p in keep}
    columns.sureness = {keep[p]: c for p, c in columns.sureness.items() if p in keep}
    return columns


def _is_derivative(name: str, names: set[str]) -> bool:
    """Whether columns are the velocities or accelerations of another point of the table."""
    found = _DERIVATIVE.match(name)
    return found is not None and found[1] in names


def title_rows(rows: list[list[str]]) -> tuple[list[str], int]:
    """The titles of a table that may have several rows of them.

    Args:
        rows: The first rows.

    Returns:
        One title for each column, and the number of rows that are titles; no titles where there are only numbers.
    """
    if rows and _are_column_numbers(rows[0]):
        return [], 1
    count = 0
    while count < min(len(rows), MOST_TITLE_ROWS) and not _is_numbers(rows[count]):
        count += 1
    if count < 2:
        return (rows[0] if count else []), count
    axes = next((n for n in range(1, count) if _are_axes(rows[n])), None)
    if axes is None:
        return rows[0], 1
    names = next((row for row in rows[:axes] if row[:1] and row[0].lower() == "bodyparts"), rows[axes - 1])
    filled, last = [], ""
    for column in range(len(rows[axes])):
        last = names[column] if column < len(names) and names[column] else last
        axis = rows[axes][column]
        filled.append(f"{last}_{axis}" if axis.lower() in (*AXES, *SURENESS) else last)
    return filled, count


def _are_column_numbers(row: list[str]) -> bool:
    """Whether a row counts the columns, as pandas writes it for an array."""
    cells = row[1:] if row[:1] == [""] else row
    return len(cells) >= 15 and cells == [str(number) for number in range(len(cells))]


def _are_axes(row: list[str]) -> bool:
    axes = sum(cell.lower() in AXES for cell in row)
    return axes >= 15 and axes > 0.6 * sum(bool(cell) for cell in row)


def _is_numbers(row: list[str]) -> bool:
    """Whether a row of cells is numbers, apart from a few words such as a name of an image."""
    cells = [cell for cell in row if cell]
    return bool(cells) and sum(is_number(cell) for cell in cells) > 0.8 * len(cells)


def is_frame_number(title: str) -> bool:
    """Whether a title is that of the numbers of frames.

    Args:
        title: Of a column.

    Returns:
        True where it is one.
    """
    return re.sub(r"[ ._-]", "", title[:40]).lower() in FRAME_NUMBERS


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a decimal point or comma.

    Args:
        cell: Without blanks around it.

    Returns:
        True where it is one.
    """
    if len(cell) > 40:
        return False
    try:
        float(cell)
    except ValueError:
        return bool(_DECIMAL_COMMA.fullmatch(cell))
    return True


def has_decimal_commas(rows: list[list[str]]) -> bool:
    """Whether numbers are written with commas, as in tables separated by semicolons.

    Args:
        rows: Of numbers.

    Returns:
        True where a cell is such a number.
    """
    return any(_DECIMAL_COMMA.fullmatch(cell) for row in rows[:20] for cell in row if len(cell) <= 40)


def is_long(header: list[str]) -> tuple[int, int, tuple[int, int, int], int | None] | None:
    """Find the columns of a table with a line for each point of each frame.

    Args:
        header: A title for each column.

    Returns:
        Columns of the frame, of the point, of x, y and z, and of the confidence or None; None for other tables.
    """
    low = [title.lower().strip() for title in header]
    places = [[n for n, title in enumerate(low) if title in (axis, f"world_{axis}", f"pos_{axis}")] for axis in AXES]
    frame = next((low.index(name) for name in FRAME_COLUMNS if name in low), None)
    point = next((low.index(name) for name in POINT_COLUMNS if name in low), None)
    if frame is None or point is None or not all(len(found) == 1 for found in places):
        return None
    sure = next((low.index(name) for name in SURENESS if name in low), None)
    return frame, point, (places[0][0], places[1][0], places[2][0]), sure
