# SPDX-License-Identifier: Apache-2.0
"""C3D: labelled markers of a capture system, through the library ``c3d`` (py-c3d), which is asked for only here.

The library trusts a file's own counts, so they are held against the file's size before frames are read.
"""

from pathlib import Path
from typing import Any, BinaryIO, Final
import warnings

import numpy as np
from numpy.typing import NDArray

from ...counting import counted
from ...errors import FormatError, InputError, MissingFileError
from ..person_names import require_one_person
from ..recording import Head, Hints, PointRecording
from .marker_names import GROUPS, each_once, is_marker
from .named_points import arranged
from .numbers import LARGEST, usable_rate

MAGIC: Final = 0x50
MOST_POINTS: Final = 2048
LEAST_POINTS: Final = 5
EVENT_COUNT_AT, MOST_EVENTS = 300, 18
"""Word 151 of the header (The C3D File Format, 2008), and the events for which it has room."""
UNITS: Final = {"mm": "mm", "cm": "cm", "m": "m", "in": "inch", "inches": "inch", "millimeters": "mm", "meters": "m"}


def recognises(head: Head) -> bool:
    """Tell C3D by its second byte, which is 80, and a small first one; or by the suffix."""
    start = head.start
    is_magic = len(start) >= 512 and start[1] == MAGIC and 2 <= start[0] <= 16
    return head.path.suffix.lower() == ".c3d" or is_magic


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read a C3D file; see ``readers.open_recording``.

    Raises:
        InputError: the library is not installed.
    """
    library = _import_c3d()
    try:
        size = path.stat().st_size
        with path.open("rb") as file, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            names, points, rate, unit = _read(library, file, size)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror or error}). Give a C3D file.") from error
    except InputError as error:
        raise type(error)(f"{path}: {error}") from error
    except Exception as error:  # The library raises nearly anything on damaged files.
        reason = " ".join((str(error) or type(error).__name__).split())[:120]
        raise FormatError(f"{path} is damaged or not C3D ({reason}). Export it again.") from error
    require_one_person(names, points, str(path))
    names_once, repeated = each_once([name.split(":")[-1] for name in names], path)
    cut = any("end of file" in str(warning.message) for warning in warned)
    recording = PointRecording(
        points=points,
        form="C3D",
        source=str(path),
        names=tuple(names_once),
        unit=UNITS.get(unit),
        fps=usable_rate(rate, str(path)),
        fps_why="its POINT:RATE says it",
        notes=(*repeated, *((f"{path} ends before its last frame; {len(points)} frames were read.",) if cut else ())),
    )
    return arranged(recording, hints, bones=True)


def _import_c3d() -> Any:
    try:
        import c3d
    except ImportError:
        raise InputError(
            "Reading C3D needs the Python package `c3d`. Install it with `pip install c3d`, or "
            "export the markers as TRC or CSV."
        ) from None
    return c3d


def _read(library: Any, file: BinaryIO, size: int) -> tuple[tuple[str, ...], NDArray[np.float64], float, str]:
    """Names, points (T, K, 3) with NaN where unseen, frames per second, unit."""
    file.seek(EVENT_COUNT_AT)
    count = file.read(2)
    # The library reserves room for as many events as the header says, before it knows the order of its bytes.
    if min(int.from_bytes(count, "little"), int.from_bytes(count, "big")) > MOST_EVENTS:
        raise FormatError(f"its header lists more than {MOST_EVENTS} events, which is as many as it can hold.")
    file.seek(0)
    reader = library.Reader(file)
    used = int(reader.point_used)
    frames = int(reader.last_frame) - int(reader.first_frame) + 1
    word = 4 if float(reader.point_scale) < 0 else 2
    if not 5 <= used <= MOST_POINTS or frames < 1:
        raise FormatError(
            f"it has {counted(used, 'point')} and {counted(frames, 'frame')}; expected 5 to {MOST_POINTS} points, "
            "and frames."
        )
    data_start = (int(reader.header.data_block) - 1) * 512
    # The library reserves room for every analog channel, even where none is recorded.
    channels = int(reader.analog_used)
    if max(used * 4, channels) * word > size - data_start:
        raise FormatError(
            f"its frames of {used} points and {channels} channels do not fit into {size} bytes. Export it again."
        )
    labels = _labels(reader, used)
    rate = float(reader.point_rate)
    unit_parameter = reader.get("POINT:UNITS")
    unit = _text(unit_parameter.bytes) if unit_parameter is not None else ""
    rows = [values[:, :4].copy() for _, values, _ in reader.read_frames(copy=False)]
    if not rows:
        raise FormatError("it has no whole frame. Export it again.")
    table = np.stack(rows)
    rows.clear()
    table[(table[..., 3] < 0) | ~(np.abs(table[..., :3]) < LARGEST).all(axis=-1)] = np.nan
    outputs = _outputs(reader)
    kept = [index for index, name in enumerate(labels) if is_marker(name.split(":")[-1], outputs)]
    if len(kept) < LEAST_POINTS:
        raise InputError(
            f"it has {counted(len(kept), 'marker')} (and {counted(used - len(kept), 'model output')}); expected "
            "at least five."
        )
    return tuple(labels[index] for index in kept), table[:, kept, :3].astype(np.float64), rate, unit.lower()


def _labels(reader: Any, used: int) -> list[str]:
    """POINT:LABELS and its continuations, as many as there are points; numbers where there are too few."""
    labels: list[str] = []
    for suffix in ("", *map(str, range(2, 10))):
        parameter = reader.get(f"POINT:LABELS{suffix}")
        if parameter is None or len(labels) >= used:
            break
        dimensions = [int(length) for length in parameter.dimensions]
        width = dimensions[0] if dimensions else 0
        count = dimensions[1] if len(dimensions) > 1 else 1
        if width:
            data = bytes(parameter.bytes)
            labels += [_text(data[start : start + width]) for start in range(0, min(len(data), width * count), width)]
    labels = labels[:used]
    return labels + [f"point{index}" for index in range(len(labels), used)]


def _outputs(reader: Any) -> set[str]:
    """Points that the file itself calls angles, moments, powers and the like."""
    found: set[str] = set()
    for group in GROUPS:
        parameter = reader.get(f"POINT:{group}")
        dimensions = [] if parameter is None else [int(length) for length in parameter.dimensions]
        if dimensions and dimensions[0]:
            data = bytes(parameter.bytes)
            found |= {_text(data[start : start + dimensions[0]]) for start in range(0, len(data), dimensions[0])}
    return {name.split(":")[-1] for name in found if name}


def _text(data: bytes) -> str:
    return data.decode("latin1").strip(" \x00\r\n\t")
