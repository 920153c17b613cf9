"""BVH: a hierarchy of offsets, then a line of Euler angles and positions for every frame.

The order in which a joint names its channels is the order of the product, so ``Zrotation Yrotation Xrotation`` is
R_z R_y R_x (Meredith and Maddock 2001, Motion Capture File Formats Explained). A joint's position channels take the
place of its offset, as in Blender and MotionBuilder. Units and axes stay the file's own: BVH declares neither.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...errors import FormatError, MissingFileError

ROTATION_AXES: Final = {"xrotation": 0, "yrotation": 1, "zrotation": 2}
POSITION_AXES: Final = {"xposition": 0, "yposition": 1, "zposition": 2}
END_SUFFIX: Final = "_end"
"""An end site carries no name of its own; it becomes a joint called after its parent, which never turns."""


@dataclass(frozen=True)
class BvhMotion:
    """A BVH file.

    names: J joints, end sites included, parents before children; parents: index of each joint's parent, -1 for the
    root; offsets: (J, 3), from the parent in its rest orientation, file units; rotations: (T, J, 3, 3), local to the
    parent; local_positions: (T, J, 3), file units, the offsets wherever the file does not animate them; fps: frames
    per second.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: F32
    rotations: F32
    local_positions: F32
    fps: float
    source: str = field(default="", compare=False)

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def root_positions(self) -> F32:
        """(T, 3), file units."""
        return self.local_positions[:, 0]

    def forward_kinematics(self) -> tuple[F32, F32]:
        """Global orientations (T, J, 3, 3) and joint positions (T, J, 3), file units and axes."""
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
    """What the first half of the file says, filled while it is read."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)


def parse_bvh(path: Path) -> BvhMotion:
    """Read a BVH file.

    Raises:
        MissingFileError: it cannot be read.
        FormatError: it is not BVH, is truncated, or holds numbers that are not finite.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give the path of a .bvh file.") from error
    head, found, tail = text.partition("MOTION")
    tokens = head.split()
    if not found or not tokens or tokens[0] != "HIERARCHY":
        raise FormatError(f"{path} is not BVH: it lacks HIERARCHY or MOTION. Export the motion as BVH again.")
    try:
        hierarchy = _read_hierarchy(tokens)
        values, frame_time = _read_motion(tail, sum(map(len, hierarchy.channels)))
    except (ValueError, IndexError) as error:
        raise FormatError(f"{path} is damaged or cut short ({error}). Export the motion as BVH again.") from error
    rotations, local_positions = _apply_channels(hierarchy, values)
    return BvhMotion(
        names=tuple(hierarchy.names),
        parents=tuple(hierarchy.parents),
        offsets=np.array(hierarchy.offsets, np.float32),
        rotations=rotations,
        local_positions=local_positions,
        fps=1.0 / frame_time,
        source=str(path),
    )


def _read_hierarchy(tokens: list[str]) -> _Hierarchy:
    """Raises ValueError or IndexError where the text is not a BVH hierarchy."""
    hierarchy = _Hierarchy()
    stack: list[int] = []
    here, at = -1, 1
    while at < len(tokens):
        word = tokens[at]
        if word in ("ROOT", "JOINT", "End"):
            if word == "ROOT" and hierarchy.names:
                raise ValueError("more than one ROOT")
            parent = stack[-1] if stack else -1
            hierarchy.names.append(hierarchy.names[parent] + END_SUFFIX if word == "End" else tokens[at + 1])
            hierarchy.parents.append(parent)
            hierarchy.offsets.append([0.0, 0.0, 0.0])
            hierarchy.channels.append([])
            here = len(hierarchy.names) - 1
            at += 2
        elif word == "OFFSET":
            hierarchy.offsets[here] = [float(value) for value in tokens[at + 1 : at + 4]]
            at += 4
        elif word == "CHANNELS":
            count = int(tokens[at + 1])
            names = [name.lower() for name in tokens[at + 2 : at + 2 + count]]
            unknown = [name for name in names if name not in ROTATION_AXES and name not in POSITION_AXES]
            if unknown or len(names) != count:
                raise ValueError(f"joint {hierarchy.names[here]} has the channels {names}")
            hierarchy.channels[here] = names
            at += 2 + count
        elif word in ("{", "}"):
            stack.append(here) if word == "{" else stack.pop()
            at += 1
        else:
            raise ValueError(f"{word!r} where a joint, an offset or channels should stand")
    if stack or not hierarchy.names:
        raise ValueError("a joint is not closed" if stack else "no joints")
    return hierarchy


def _read_motion(text: str, width: int) -> tuple[NDArray[np.float64], float]:
    """Frames (T, width) and seconds per frame. Raises ValueError or IndexError where they are not as announced."""
    tokens = text.split(None, 5)
    if tokens[0] != "Frames:" or tokens[2:4] != ["Frame", "Time:"]:
        raise ValueError("no frame count and frame time after MOTION")
    count, frame_time = int(tokens[1]), float(tokens[4])
    values = np.array(tokens[5].split() if len(tokens) > 5 else [], np.float64)
    if not np.isfinite(frame_time) or frame_time <= 0 or count < 1:
        raise ValueError(f"{count} frames of {frame_time} s")
    if len(values) != count * width:
        raise ValueError(f"{len(values)} numbers where {count} frames of {width} channels need {count * width}")
    if not np.isfinite(values).all():
        raise ValueError("numbers that are not finite")
    return values.reshape(count, width), frame_time


def _apply_channels(hierarchy: _Hierarchy, values: NDArray[np.float64]) -> tuple[F32, F32]:
    """Local rotations (T, J, 3, 3) and local positions (T, J, 3) from the table of channels (T, C)."""
    frames, joints = len(values), len(hierarchy.names)
    rotations = np.broadcast_to(np.eye(3, dtype=np.float32), (frames, joints, 3, 3)).copy()
    positions = np.broadcast_to(np.array(hierarchy.offsets, np.float32), (frames, joints, 3)).copy()
    column = 0
    for joint, channels in enumerate(hierarchy.channels):
        matrix: NDArray[np.float64] | None = None
        for channel in channels:
            if channel in POSITION_AXES:
                positions[:, joint, POSITION_AXES[channel]] = values[:, column]
            else:
                turn = _about_axis(np.radians(values[:, column]), ROTATION_AXES[channel])
                matrix = turn if matrix is None else matrix @ turn
            column += 1
        if matrix is not None:
            rotations[:, joint] = matrix
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
