# SPDX-License-Identifier: Apache-2.0
"""BVH: a hierarchy of offsets, then a line of Euler angles and positions for every frame.

The order in which a joint names its channels is the order of the product, so ``Zrotation Yrotation Xrotation`` is
R_z R_y R_x (Meredith and Maddock 2001, Motion Capture File Formats Explained). A joint's position channels take the
place of its offset, as in Blender and MotionBuilder. Units and axes are the file's: BVH declares neither.

Dialects that are read: names with spaces, comments (``#``, ``//``), a byte-order mark, ``EndSite``, several ROOTs,
scale channels (ignored), joints without channels, and frames beyond the announced number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...counting import counted
from ...errors import FormatError
from .motion_text import read_motion_text
from .numbers import LARGEST

ROTATION_AXES: Final = {"xrotation": 0, "yrotation": 1, "zrotation": 2}
POSITION_AXES: Final = {"xposition": 0, "yposition": 1, "zposition": 2}
SCALES: Final = ("xscale", "yscale", "zscale", "xscaling", "yscaling", "zscaling")
END_SUFFIX: Final = "_end"
"""An end site has no name in the file; it becomes a joint called after its parent, which never turns."""
MOST_JOINTS: Final = 10_000
MOST_NAME_LETTERS: Final = 200
LEAST_OF_A_PERSON: Final = 10
"""Joints: a ROOT with fewer is a prop where another has more."""
_MOTION: Final = re.compile(r"^[ \t]*MOTION\b[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_COMMENT: Final = re.compile(r"(?:^|[ \t])(?:#|//)[^\n]*", re.MULTILINE)
_DECIMAL_COMMA: Final = re.compile(r"OFFSET[ \t]+-?\d+,\d", re.IGNORECASE)
_HEADER: Final = re.compile(r"\s*Frames\s*:\s*(\S+)\s+Frame\s*Time\s*:\s*(\S+)[ \t]*", re.IGNORECASE)


@dataclass(frozen=True)
class BvhMotion:
    """A BVH file.

    Attributes:
        names: J joints, end sites included, parents before children.
        parents: Index of each joint's parent, -1 for the root.
        offsets: (J, 3), from the parent in its rest orientation, file units.
        rotations: (T, J, 3, 3), local to the parent.
        local_positions: (T, J, 3), file units, the offsets wherever the file does not animate them.
        fps: Frames per second.
        source: The file.
        notes: What was unusual about the file, one sentence each.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: F32
    rotations: F32
    local_positions: F32
    fps: float
    source: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def root_positions(self) -> F32:
        """(T, 3), file units."""
        return self.local_positions[:, 0]

    def forward_kinematics(self) -> tuple[F32, F32]:
        """Pose the skeleton.

        Returns:
            Global orientations (T, J, 3, 3) and joint positions (T, J, 3), file units and axes.
        """
        orientation, position = np.empty_like(self.rotations), np.empty(self.rotations.shape[:3], np.float32)
        for joint, parent in enumerate(self.parents):
            local = self.local_positions[:, joint]
            if parent < 0:
                orientation[:, joint], position[:, joint] = self.rotations[:, joint], local
                continue
            orientation[:, joint] = orientation[:, parent] @ self.rotations[:, joint]
            position[:, joint] = position[:, parent] + (orientation[:, parent] @ local[..., None])[..., 0]
        return orientation, position


@dataclass
class _Hierarchy:
    """The first half of the file, filled while it is read."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)

    def add(self, name: str, parent: int) -> int:
        """Append a joint and return its index. Raises ValueError where there are too many."""
        if len(self.names) >= MOST_JOINTS:
            raise ValueError(f"more than {MOST_JOINTS} joints")
        self.names.append(name[:MOST_NAME_LETTERS])
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        return len(self.names) - 1

    def trees(self) -> list[list[int]]:
        """The joints below each ROOT."""
        tree_of: list[int] = []
        found: list[list[int]] = []
        for joint, parent in enumerate(self.parents):
            tree = len(found) if parent < 0 else tree_of[parent]
            if parent < 0:
                found.append([])
            tree_of.append(tree)
            found[tree].append(joint)
        return found


def parse_bvh(path: Path, *, take: int = 0) -> BvhMotion:
    """Read a BVH file.

    Args:
        path: The file.
        take: Which person of a file with several skeletons.

    Returns:
        Its skeleton and motion.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is not BVH, is truncated, or holds numbers that are not finite.
    """
    text = read_motion_text(path, "a .bvh file")
    middle = _MOTION.search(text)
    head = _COMMENT.sub("", text[: middle.start()]) if middle else ""
    if not middle or not head.lstrip()[:9].upper() == "HIERARCHY":
        raise FormatError(f"{path} is not BVH: it lacks HIERARCHY or MOTION. Export the motion as BVH again.")
    try:
        comma = bool(_DECIMAL_COMMA.search(head))  # as programs of some countries write numbers
        hierarchy = _read_hierarchy(head.replace(",", ".") if comma else head)
        numbers = text[middle.end() :].replace(",", ".") if comma else text[middle.end() :]
        values, frame_time, notes = _read_motion(numbers, sum(map(len, hierarchy.channels)))
    except (ValueError, IndexError) as error:
        raise FormatError(f"{path} is damaged or cut short ({error}). Export the motion as BVH again.") from error
    kept, more = _person(hierarchy, take, path)
    rotations, local_positions = _apply_channels(hierarchy, values, kept)
    number_of = {joint: number for number, joint in enumerate(kept)}
    return BvhMotion(
        names=tuple(hierarchy.names[joint] for joint in kept),
        parents=tuple(number_of.get(hierarchy.parents[joint], -1) for joint in kept),
        offsets=np.array(hierarchy.offsets, np.float32)[kept],
        rotations=rotations,
        local_positions=local_positions,
        fps=1.0 / frame_time,
        source=str(path),
        notes=tuple(f"{path}: {note}" for note in (*notes, *more)),
    )


def _person(hierarchy: _Hierarchy, take: int, path: Path) -> tuple[list[int], list[str]]:
    """The joints of one person, and what else the file has."""
    trees = hierarchy.trees()
    if len(trees) == 1:
        return trees[0], []
    largest = max(map(len, trees))
    people = [tree for tree in trees if len(tree) >= min(LEAST_OF_A_PERSON, largest)]
    if take >= len(people):
        raise FormatError(
            f"{path} has {counted(len(people), 'skeleton')}; there is no number {take}. Give --read take=0 or more."
        )
    others = [hierarchy.names[tree[0]][:24] for tree in trees if tree is not people[take]]
    more = ", and --read take=N chooses another" if len(people) > 1 else ""
    chosen = hierarchy.names[people[take][0]][:24]
    return people[take], [f"it has {len(trees)} ROOTs; {chosen} was read, not {', '.join(others[:4])}{more}."]


def _lines(head: str) -> Iterator[str]:
    """Lines without blanks at their ends, braces on lines by themselves."""
    for line in re.sub(r"([{}])", r"\n\1\n", head).split("\n"):
        stripped = line.strip()
        if stripped:
            yield stripped


def _read_hierarchy(head: str) -> _Hierarchy:
    """Raises ValueError or IndexError where the text is not a BVH hierarchy."""
    hierarchy = _Hierarchy()
    stack: list[int] = []
    here = -1
    lines = _lines(head)
    next(lines)
    for line in lines:
        if line in "{}":
            stack.append(here) if line == "{" else stack.pop()
            continue
        words = line.split()
        keyword = words[0].upper()
        if keyword in ("ROOT", "JOINT"):
            name = " ".join(words[1:])
            if not name or (keyword == "JOINT" and not stack):
                raise ValueError(f"{line[:40]!r} outside the skeleton" if name else "a joint without a name")
            here = hierarchy.add(name, stack[-1] if stack else -1)
        elif keyword in ("END", "ENDSITE"):
            here = hierarchy.add(hierarchy.names[stack[-1]] + END_SUFFIX, stack[-1])
        elif keyword == "OFFSET":
            hierarchy.offsets[here] = _three(words[1:4])
        elif keyword == "CHANNELS":
            hierarchy.channels[here] = _channel_names(words, hierarchy.names[here])
        else:
            raise ValueError(f"{words[0][:40]!r} where a joint, an offset or channels should stand")
    if stack or not hierarchy.names:
        raise ValueError("a joint is not closed" if stack else "no joints")
    return hierarchy


def _three(words: list[str]) -> list[float]:
    values = [float(word) for word in words]
    if len(values) != 3 or not all(abs(value) < 1e9 for value in values):
        raise ValueError(f"an offset of {' '.join(words)[:40]!r}")
    return values


def _channel_names(words: list[str], joint: str) -> list[str]:
    names = [name.lower() for name in words[2:]]
    known = (*ROTATION_AXES, *POSITION_AXES, *SCALES)
    if int(words[1]) != len(names) or any(name not in known for name in names):
        raise ValueError(f"joint {joint[:24]} has the channels {' '.join(names)[:60]}")
    return names


def _read_motion(text: str, width: int) -> tuple[NDArray[np.float64], float, list[str]]:
    """Frames (T, width), seconds per frame, notes. Raises ValueError where they are not as announced."""
    header = _HEADER.match(text)
    if not header:
        raise ValueError("no frame count and frame time after MOTION")
    if width == 0:
        raise ValueError("no joint has channels, so nothing moves")
    count, frame_time = int(header.group(1)[:12]), float(header.group(2)[:24].replace(",", "."))
    body = text[header.end() :]
    if "#" in body or "//" in body:
        body = _COMMENT.sub("", body)
    values = np.array(body.split(), np.float64)
    if not np.isfinite(frame_time) or frame_time <= 0 or count < 1:
        raise ValueError(f"{counted(count, 'frame')} of {frame_time} s")
    if len(values) < count * width or len(values) % width:
        raise ValueError(
            f"{counted(len(values), 'number')} where {counted(count, 'frame')} of {width} channels need {count * width}"
        )
    if not (np.abs(values) < LARGEST).all():
        raise ValueError(f"numbers that are not finite, or beyond {LARGEST:g}")
    rows = len(values) // width
    notes = [f"it announces {counted(count, 'frame')} and has {rows}; all were read."] if rows != count else []
    return values.reshape(rows, width), frame_time, notes


def _apply_channels(hierarchy: _Hierarchy, values: NDArray[np.float64], kept: list[int]) -> tuple[F32, F32]:
    """Local rotations (T, J, 3, 3) and local positions (T, J, 3) of some joints from the table of channels (T, C)."""
    frames = len(values)
    rotations = np.broadcast_to(np.eye(3, dtype=np.float32), (frames, len(kept), 3, 3)).copy()
    positions = np.broadcast_to(np.array(hierarchy.offsets, np.float32)[kept], (frames, len(kept), 3)).copy()
    number_of = {joint: number for number, joint in enumerate(kept)}
    column = 0
    for joint, channels in enumerate(hierarchy.channels):
        matrix: NDArray[np.float64] | None = None
        for channel in channels:
            if joint in number_of and channel in POSITION_AXES:
                positions[:, number_of[joint], POSITION_AXES[channel]] = values[:, column]
            elif joint in number_of and channel in ROTATION_AXES:
                turn = _about_axis(np.radians(values[:, column]), ROTATION_AXES[channel])
                matrix = turn if matrix is None else matrix @ turn
            column += 1
        if matrix is not None:
            rotations[:, number_of[joint]] = matrix
    return rotations, positions


def _about_axis(angle: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Rotations about a coordinate axis. angle: (T,), radians -> (T, 3, 3)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1.0
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -matrix[:, second, first]
    return matrix
