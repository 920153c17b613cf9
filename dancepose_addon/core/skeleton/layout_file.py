# SPDX-License-Identifier: Apache-2.0
"""A user's own layout, as a TOML file.

    format = "dancepose-layout-1"
    name = "studio"
    edges = [["LSHO", "LELB"], ["LELB", "LWRA"]]     # to draw and to measure; all points in one piece

    [[points]]
    name = "LSHO"
    attached_to = { left_shoulder = 0.7, spine3 = 0.3 } # or one joint of SMPL: "left_shoulder"
    offset_m = [0.02, 0.05, 0.0]                        # from the joints' weighted mean, T-pose, y up, facing z
    mirror = "RSHO"                                     # may be left out where the name says left or right

``left`` and ``right`` (points of shoulders and hips), ``top`` (of the head) and ``bottom`` (of the feet) may be named;
by default they follow from the joints that the points are attached to.
"""

import difflib
from itertools import pairwise
from pathlib import Path
import re
from typing import Any, Final

from ..atomic import replacing
from ..body.model import JOINT_INDEX, JOINT_NAMES
from ..bounded_files import require_regular
from ..errors import LayoutError, MissingFileError
from ..toml_text import parse_toml
from .layout import Layout
from .layout_names import guess_joint, other_sides

FORMAT: Final = "dancepose-layout-1"
MAX_BYTES: Final = 1 << 20
MAX_POINTS: Final = 512
LEAST_SHARE: Final = 1e-5
LEFT_TRUNK: Final = ("left_hip", "left_shoulder", "left_collar")
HEAD: Final = (("head", "neck"), ("shoulder", "collar", "spine3"))
FEET: Final = (("ankle", "foot"), ("knee",))
"""Joints of the points that are above, and of those below; the second where a file has none of the first."""
MOST_TITLE: Final = 200
"""Characters of a title that are kept, since it is shown in one line."""
KEYS: Final = {"format", "name", "title", "edges", "points", "left", "right", "top", "bottom"}
ATTACHED: Final = "attached_to"
FORMER_ATTACHED: Final = "rides_on"
"""The key of files written by earlier versions."""
POINT_KEYS: Final = {"name", ATTACHED, FORMER_ATTACHED, "offset_m", "mirror"}


def read_layout(path: Path) -> Layout:
    """Read and check a layout file; the layout is called by its path.

    Args:
        path: Of a .toml file.

    Returns:
        The layout.

    Raises:
        MissingFileError: It cannot be read.
        LayoutError: It describes no layout; the message lists what is wrong.
    """
    try:
        if require_regular(path) > MAX_BYTES:
            raise LayoutError(f"{path} is larger than a layout can be ({MAX_BYTES >> 20} MiB). Is it the right file?")
        data = path.read_bytes()
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror}). Make one with `dancepose layout template`."
        ) from error
    try:
        table = parse_toml(data.decode("utf-8-sig"))
    except ValueError as error:
        raise LayoutError(f"{path} is not TOML ({error}). Correct it, or start from a template.") from error
    return layout_from_table(table, name=str(path), source=str(path))


def layout_from_table(table: dict[str, Any], *, name: str, source: str) -> Layout:
    """Make a layout from its table.

    Args:
        table: As in a layout file.
        name: Of the layout.
        source: Where the table came from, for messages.

    Returns:
        The layout.

    Raises:
        LayoutError: Everything that is wrong.
    """
    check = _Checker(table)
    layout = check.layout(name)
    if check.complaints or layout is None:
        raise LayoutError(
            f"{source} describes no layout: {'; '.join(check.complaints[:8])}. See `dancepose layout template`."
        )
    return layout


class _Checker:
    """Reads a table and gathers what is wrong with it."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table, self.complaints = table, list[str]()
        self.index: dict[str, int] = {}

    def wrong(self, text: str) -> None:
        self.complaints.append(text)

    def layout(self, name: str) -> Layout | None:
        if self.table.get("format") != FORMAT:
            self.wrong(f"format is {self.table.get('format')!r}, not {FORMAT!r}")
        unknown = sorted(set(self.table) - KEYS)
        if unknown:
            self.wrong(f"it has the unknown keys {', '.join(unknown[:5])}")
        points = self.table.get("points")
        is_table = isinstance(points, list) and all(isinstance(point, dict) for point in points)
        if not is_table or not points or len(points) > MAX_POINTS:
            self.wrong(f"points are not {'a list of tables' if not is_table else f'1 to {MAX_POINTS}'}")
            return None
        names = [point.get("name") for point in points]
        if not all(isinstance(one, str) and one for one in names) or len(set(names)) != len(names):
            self.wrong("each point needs a unique name")
            return None
        self.index = {one: index for index, one in enumerate(names)}
        attached = tuple(self._attachment(point) for point in points)
        offsets = tuple(self._offset(point) for point in points)
        edges = self._edges(len(points))
        if self.complaints:
            return None
        joints = tuple(max(pairs, key=lambda pair: pair[1])[0] for pairs in attached)
        mirrored = self._mirrored(points)
        left, right = self._sides(joints, mirrored)
        top, bottom = self._chosen("top", joints, HEAD), self._chosen("bottom", joints, FEET)
        if self.complaints:
            return None
        title = str(self.table.get("title") or self.table.get("name") or name)[:MOST_TITLE]
        return Layout(
            name, title, tuple(names), edges, joints, mirrored, left, right, top, bottom, attached_to=attached,
            offsets_m=offsets,
        )  # fmt: skip

    def _attachment(self, point: dict[str, Any]) -> tuple[tuple[int, float], ...]:
        unknown = sorted(set(point) - POINT_KEYS)
        if unknown:
            self.wrong(f"point {point['name']} has the unknown keys {', '.join(unknown[:5])}")
        joints = attachment_of(point)
        table = {joints: 1.0} if isinstance(joints, str) else joints
        if not isinstance(table, dict) or not table:
            self.wrong(f"point {point['name']} is attached to nothing ({ATTACHED})")
            return ((0, 1.0),)
        strange = [joint for joint in table if joint not in JOINT_INDEX]
        if strange:
            near = difflib.get_close_matches(str(strange[0]), JOINT_NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "the file's last comment lists the joints"
            self.wrong(f"point {point['name']} is attached to {strange[0]!r:.40}, which is no joint of SMPL; {hint}")
            return ((0, 1.0),)
        weights = [_number(weight) for weight in table.values()]
        if any(weight is None or weight <= 0 for weight in weights):
            self.wrong(f"point {point['name']} has weights that are not positive numbers")
            return ((0, 1.0),)
        total = sum(weight for weight in weights if weight is not None)
        return tuple((JOINT_INDEX[joint], float(weight) / total) for joint, weight in table.items())

    def _offset(self, point: dict[str, Any]) -> tuple[float, float, float]:
        raw = point.get("offset_m", [0.0, 0.0, 0.0])
        values = [_number(value) for value in raw] if isinstance(raw, list) else []
        if len(values) != 3 or any(value is None or abs(value) > 1.0 for value in values):
            self.wrong(f"point {point['name']} has offset_m {raw!r:.60}, not three numbers in metres")
            return (0.0, 0.0, 0.0)
        x, y, z = (float(value or 0.0) for value in values)
        return x, y, z

    def _edges(self, count: int) -> tuple[tuple[int, int], ...]:
        raw = self.table.get("edges")
        edges = []
        for edge in raw if isinstance(raw, list) else []:
            ends = [self.index.get(end) if isinstance(end, str) else None for end in edge] if _is_pair(edge) else []
            if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] == ends[1]:
                self.wrong(f"edge {edge!r:.60} does not name two points")
                continue
            edges.append((ends[0], ends[1]))
        reached, grown = set[int](), {0}
        while grown - reached:
            reached |= grown
            grown = {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}
        if len(reached) != count:
            names = [name for name, index in self.index.items() if index not in reached]
            self.wrong(f"edges do not join {', '.join(names[:5])} to {next(iter(self.index))}")
        return tuple(edges)

    def _mirrored(self, points: list[dict[str, Any]]) -> tuple[int, ...]:
        result = list(range(len(points)))
        for index, point in enumerate(points):
            given = point.get("mirror")
            if given is not None and given not in self.index:
                self.wrong(f"point {point['name']} is mirrored by {given!r:.40}, which is no point")
            elif given is not None:
                result[index] = self.index[given]
                result[self.index[given]] = index
            elif result[index] == index:
                result[index] = next(
                    (self.index[name] for name in other_sides(point["name"]) if name in self.index), index
                )
        return tuple(result)

    def _sides(self, joints: tuple[int, ...], mirrored: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if "left" in self.table or "right" in self.table:
            left, right = self._named("left"), self._named("right")
        else:
            left = tuple(
                index
                for index, joint in enumerate(joints)
                if JOINT_NAMES[joint] in LEFT_TRUNK and mirrored[index] != index
            )
            right = tuple(mirrored[index] for index in left)
        if not left or len(left) != len(right):
            self.wrong("left and right have to name the same number of points of shoulders and hips, at least one")
        return left, right

    def _chosen(self, key: str, joints: tuple[int, ...], parts: tuple[tuple[str, ...], ...]) -> tuple[int, ...]:
        if key in self.table:
            return self._named(key)
        found: tuple[int, ...] = ()
        for candidates in parts:
            found = tuple(index for index, joint in enumerate(joints) if JOINT_NAMES[joint].endswith(candidates))
            if found:
                break
        if not found:
            self.wrong(f"{key} has to name points, since none is attached to {' or '.join(parts[0])}")
        return found

    def _named(self, key: str) -> tuple[int, ...]:
        raw = self.table.get(key)
        names = raw if isinstance(raw, list) and raw else []
        indices = [self.index[name] for name in names if isinstance(name, str) and name in self.index]
        if not names or len(indices) != len(names):
            self.wrong(f"{key} is {raw!r:.60}, not a list of points")
        return tuple(indices)


def attachment_of(point: dict[str, Any]) -> Any:
    """What a point's table says it is attached to, under the key of this version or of earlier ones.

    Args:
        point: Table of one point.

    Returns:
        Joints with their weights, one joint's name, or None.
    """
    return point.get(ATTACHED, point.get(FORMER_ATTACHED))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    return float(value) if is_number else None


def _is_pair(edge: Any) -> bool:
    return isinstance(edge, list) and len(edge) == 2


def table_of(layout: Layout) -> dict[str, Any]:
    """Return the table that ``layout_from_table`` reads.

    Args:
        layout: Any. Points of a built-in layout are attached to their joints alone.

    Returns:
        The table.
    """
    names = layout.keypoints
    attached = layout.attached_to or tuple(((joint, 1.0),) for joint in layout.joints)
    offsets = layout.offsets_m or ((0.0, 0.0, 0.0),) * layout.count
    points = [
        {
            "name": name,
            ATTACHED: {JOINT_NAMES[joint]: round(weight, 6) for joint, weight in pairs if weight >= LEAST_SHARE},
            "offset_m": [round(value, 6) for value in offset],
            "mirror": names[layout.mirrored[index]],
        }
        for index, (name, pairs, offset) in enumerate(zip(names, attached, offsets, strict=True))
    ]
    sides = {key: [names[point] for point in getattr(layout, key)] for key in ("left", "right", "top", "bottom")}
    edges = [[names[first], names[second]] for first, second in layout.edges]
    return {"format": FORMAT, "title": layout.title, "edges": edges, **sides, "points": points}


def layout_template(names: tuple[str, ...], title: str, edges: list[tuple[int, int]] | None = None) -> dict[str, Any]:
    """Make a table to be filled in: every point is attached to the joint that its name suggests.

    Args:
        names: Of the points.
        title: Of the layout.
        edges: Pairs of points; by default each point and the one before.

    Returns:
        The table.
    """
    pairs = list(pairwise(range(len(names)))) if edges is None else edges
    points = [{"name": name, ATTACHED: {guess_joint(name, names): 1.0}, "offset_m": [0.0, 0.0, 0.0]} for name in names]
    return {"format": FORMAT, "title": title, "edges": [[names[a], names[b]] for a, b in pairs], "points": points}


def write_layout(path: Path, table: dict[str, Any]) -> None:
    """Write a layout's table as TOML, with a comment on each part.

    Args:
        path: To write.
        table: As of ``table_of`` or ``layout_template``.

    Raises:
        OutputError: The file cannot be written.
    """
    lines = [
        f'format = "{table["format"]}"',
        f"title = {_quoted(table['title'])}",
        "# What is drawn and measured: pairs of points whose distance hardly changes; all points in one piece.",
        "edges = [",
        *(f"    {_list(edge)}," for edge in table["edges"]),
        "]",
        "# Points of shoulders and hips on either side, of the head, of the feet; by default those attached there.",
        *(f"{key} = {_list(table[key])}" for key in ("left", "right", "top", "bottom") if key in table),
        "# attached_to: joints of SMPL with their shares; offset_m: from their mean, metres, T-pose, y up, facing z.",
        "# Joints: " + ", ".join(JOINT_NAMES[:12]) + ",",
        "# " + ", ".join(JOINT_NAMES[12:]) + ".",
    ]
    for point in table["points"]:
        joints = ", ".join(f"{joint} = {weight}" for joint, weight in attachment_of(point).items())
        lines += ["", "[[points]]", f"name = {_quoted(point['name'])}", f"{ATTACHED} = {{ {joints} }}"]
        lines.append(f"offset_m = {point['offset_m']}")
        if "mirror" in point:
            lines.append(f"mirror = {_quoted(point['mirror'])}")
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _list(names: list[str]) -> str:
    return "[" + ", ".join(map(_quoted, names)) + "]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", " ", escaped) + '"'
