# SPDX-License-Identifier: Apache-2.0
"""Acclaim ASF/AMC: a skeleton file and a motion file, as CMU's and HDM05's recordings.

A bone turns by C M C^-1, where C is the rotation of its ``axis`` and M that of its channels, both about the axes in the
order of the letters of ``axis`` (XYZ: about x first); its end is its start plus its direction times its length (Lander
1998, Working with Motion Capture File Formats).
Joints are where bones begin: ``lfemur`` begins at the hip.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ...arrays import F64
from ...errors import FormatError, MissingFileError
from ..recording import Head, Hints, PointRecording
from .frame_times import FRAME_NUMBER, MOST_PLACES, once_in_order, places_of, with_lost_frames
from .motion_text import read_motion_text
from .named_points import arranged
from .numbers import LARGEST

INCH_M: Final = 0.0254
USUAL_FPS: Final = 120.0
MOST_BONES: Final = 1000
AXES: Final = {"x": 0, "y": 1, "z": 2}
ORDER: Final = "xyz"


@dataclass
class _Bone:
    """One bone of an ASF file. direction: (3,); axis: (3,), degrees; order: of its axes; dof: names of its channels."""

    name: str
    direction: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    length: float = 0.0
    axis: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    order: str = ORDER
    dof: list[str] = field(default_factory=list)
    parent: str = ""


@dataclass
class _Skeleton:
    """An ASF file. length: inches are divided by it; is_degrees: of all angles; bones: by name, parents first."""

    length: float = 1.0
    is_degrees: bool = True
    root_order: list[str] = field(default_factory=lambda: ["tx", "ty", "tz", "rx", "ry", "rz"])
    root_axis: str = ORDER
    bones: dict[str, _Bone] = field(default_factory=dict)


def recognises(head: Head) -> bool:
    """Tell ASF and AMC by their suffix."""
    return head.path.suffix.lower() in (".amc", ".asf")


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read an AMC file with the ASF file beside it; see ``readers.open_recording``."""
    if path.suffix.lower() == ".asf":
        raise FormatError(
            f"{path} is the skeleton alone. Give the .amc file of the motion; the .asf is found beside it."
        )
    skeleton_file = _skeleton_of(path)
    try:
        skeleton = _read_skeleton(_text(skeleton_file))
        numbers, frames = _read_motion(_text(path), skeleton)
    except (ValueError, IndexError, KeyError) as error:
        reason = " ".join(str(error)[:80].split())
        raise FormatError(f"{path} or {skeleton_file.name} is damaged ({reason}). Fetch both files again.") from error
    names, points = _pose(skeleton, frames)
    keep = once_in_order(points.reshape(len(points), -1), {FRAME_NUMBER: numbers}, str(path))
    points, lost = with_lost_frames(points[keep], places_of(numbers[keep]), str(path))
    recording = PointRecording(
        points=points,
        form="ASF/AMC",
        source=str(path),
        names=names,
        unit=f"{INCH_M / skeleton.length:.7g}" if 0.01 < skeleton.length < 100.0 else None,
        fps=USUAL_FPS,
        fps_why="CMU's and HDM05's recordings have it; the format does not say it",
        fps_confidence=0.7,
        findings=lost,
    )
    return arranged(recording, hints, bones=True, in_order=True)


def _skeleton_of(path: Path) -> Path:
    """The ASF file of a motion: of the same name, of its first part (05_02.amc, 05.asf), or the folder's only one."""
    found = sorted(entry for entry in path.parent.iterdir() if entry.suffix.lower() == ".asf")
    stems = [path.stem.lower(), *(path.stem.lower().rsplit("_", count)[0] for count in (1, 2, 3))]
    for stem in stems:
        for entry in found:
            if entry.stem.lower() == stem:
                return entry
    if len(found) == 1:
        return found[0]
    raise MissingFileError(
        f"{path} needs its skeleton: no .asf file of that name lies beside it ({len(found)} others). Put it there."
    )


def _text(path: Path) -> str:
    return read_motion_text(path, "an .amc or .asf file")


def _read_skeleton(text: str) -> _Skeleton:
    skeleton, section = _Skeleton(), ""
    bone = _Bone("")
    children: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            section = words[0].lower()
        elif section == ":units" and words[0] == "length":
            skeleton.length = _number(words[1])
        elif section == ":units" and words[0] == "angle":
            skeleton.is_degrees = words[1].lower().startswith("deg")
        elif section == ":root" and words[0] == "order":
            skeleton.root_order = [word.lower() for word in words[1:7]]
        elif section == ":root" and words[0] == "axis":
            skeleton.root_axis = _order(words[1:])
        elif section == ":bonedata":
            bone = _bone_line(words, bone, skeleton)
        elif section == ":hierarchy" and words[0] not in ("begin", "end"):
            children |= dict.fromkeys(words[1:], words[0])
    for name, one in skeleton.bones.items():
        one.parent = children.get(name, "root")
    skeleton.bones = _parents_first(skeleton.bones)
    return skeleton


def _bone_line(words: list[str], bone: _Bone, skeleton: _Skeleton) -> _Bone:
    """One line between begin and end of a bone."""
    key = words[0].lower()
    if key == "begin":
        return _Bone("")
    if key == "name":
        bone.name = words[1][:100]
        skeleton.bones[bone.name] = bone
        if len(skeleton.bones) > MOST_BONES:
            raise ValueError(f"more than {MOST_BONES} bones")
    elif key == "direction":
        bone.direction = _three(words)
    elif key == "length":
        bone.length = _number(words[1])
    elif key == "axis":
        bone.axis, bone.order = _three(words), _order(words[4:])
    elif key == "dof":
        bone.dof = [word.lower() for word in words[1:7]]
    return bone


def _order(words: list[str]) -> str:
    """The order of rotations that the word behind an axis says, XYZ without one."""
    order = words[0].lower() if words else ORDER
    return order if sorted(order) == sorted(ORDER) else ORDER


def _three(words: list[str]) -> list[float]:
    """The three numbers behind a keyword. Raises ValueError where there are fewer."""
    if len(words) < 4:
        raise ValueError(f"{' '.join(words)[:40]!r} where three numbers are expected")
    return [_number(word) for word in words[1:4]]


def _number(word: str) -> float:
    value = float(word)
    if not abs(value) < LARGEST:
        raise ValueError(f"the number {word[:24]!r}")
    return value


def _parents_first(bones: dict[str, _Bone]) -> dict[str, _Bone]:
    ordered: dict[str, _Bone] = {}
    waiting = dict(bones)
    while waiting:
        ready = [name for name, bone in waiting.items() if bone.parent == "root" or bone.parent in ordered]
        if not ready:
            raise ValueError(f"bone {next(iter(waiting))[:24]!r} has no parent, or is its own")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered


def _read_motion(text: str, skeleton: _Skeleton) -> tuple[F64, dict[str, F64]]:
    """Numbers of the frames, (T,), and channels of the root and of every bone, name -> (T, C), NaN where one lacks."""
    channels = {"root": len(skeleton.root_order)} | {name: len(bone.dof) for name, bone in skeleton.bones.items()}
    frames: list[dict[str, list[float]]] = []
    numbers: list[float] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdecimal():
            frames.append({})
            numbers.append(min(_number(words[0]), MOST_PLACES))
        elif frames and words[0] in channels:
            frames[-1][words[0]] = [_number(word) for word in words[1:]]
    numbers = [number for number, frame in zip(numbers, frames, strict=True) if "root" in frame]
    frames = [frame for frame in frames if "root" in frame]
    if not frames:
        raise ValueError("no frame with a root")
    found: dict[str, F64] = {}
    for name, width in channels.items():
        if width:
            missing = np.nan if any(name in frame for frame in frames) else 0.0
            rows = [frame.get(name, [missing] * width) for frame in frames]
            if any(len(row) != width for row in rows):
                raise ValueError(f"{name[:24]} has not {width} numbers in every frame")
            found[name] = np.array(rows)
    return np.array(numbers), found


def _pose(skeleton: _Skeleton, frames: dict[str, F64]) -> tuple[tuple[str, ...], F64]:
    """Names and places (T, J, 3) of where bones begin, and of the ends of the last ones."""
    root = frames["root"]
    place = np.zeros((len(root), 3))
    for column, channel in enumerate(skeleton.root_order):
        if channel[0] == "t" and channel[1:] in AXES:
            place[:, AXES[channel[1:]]] = root[:, column]
    turn = _rotation(root, skeleton.root_order, skeleton.root_axis, degrees=skeleton.is_degrees)
    ends = {"root": (turn, place)}
    names, points = ["root"], [place]
    parents = {bone.parent for bone in skeleton.bones.values()}
    for name, bone in skeleton.bones.items():
        parent_turn, start = ends[bone.parent]
        axis = _rotation(np.array([bone.axis]), ["rx", "ry", "rz"], bone.order, degrees=skeleton.is_degrees)[0]
        turned = parent_turn
        if bone.dof and name in frames:
            local = _rotation(frames[name], bone.dof, bone.order, degrees=skeleton.is_degrees)
            turned = parent_turn @ (axis @ local @ axis.T)
        end = start + turned @ (np.array(bone.direction) * bone.length)
        ends[name] = (turned, end)
        names.append(name)
        points.append(start)
        if name not in parents:
            names.append(f"{name}_end")
            points.append(end)
    return tuple(names), np.stack(points, axis=1)


def _rotation(values: F64, channels: list[str], order: str, *, degrees: bool) -> F64:
    """Rotations about the axes in an order, the first first. values: (T, C) -> (T, 3, 3)."""
    angles = np.zeros((len(values), 3))
    for column, channel in enumerate(channels):
        if channel[0] == "r" and channel[1:] in AXES:
            angles[:, AXES[channel[1:]]] = values[:, column]
    angles = np.radians(angles) if degrees else angles
    result = np.broadcast_to(np.eye(3), (len(values), 3, 3))
    for axis in map(AXES.__getitem__, order):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        matrix = np.zeros((len(values), 3, 3))
        matrix[:, axis, axis] = 1.0
        matrix[:, first, first] = matrix[:, second, second] = np.cos(angles[:, axis])
        matrix[:, second, first] = np.sin(angles[:, axis])
        matrix[:, first, second] = -matrix[:, second, first]
        result = matrix @ result
    return result
