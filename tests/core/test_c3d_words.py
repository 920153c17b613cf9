# SPDX-License-Identifier: Apache-2.0
"""C3D files over a library that answers here: counts, labels, units and unseen points; compressed sizes by hand."""

import io
from pathlib import Path
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.retarget import unpacked_size
from dancepose_addon.core.skeleton.readers import c3d_file
from dancepose_addon.core.skeleton.recording import Head, Hints

NAMES = ["S:A", "S:B", "C", "D", "E", "LKneeAngles", "F"]
SIZE = 512 * 40


def parameter(texts: list[str], width: int = 12) -> Any:
    return SimpleNamespace(dimensions=[width, len(texts)], bytes="".join(text.ljust(width) for text in texts).encode())


class Library:
    """The part of py-c3d that is used."""

    def __init__(self, **changed: Any) -> None:
        self.point_used, self.first_frame, self.last_frame, self.point_scale = len(NAMES), 1, 3, -1.0
        self.analog_used, self.point_rate, self.header = 0, 50.0, SimpleNamespace(data_block=3)
        self.groups: dict[str, Any] = {
            "POINT:LABELS": parameter(NAMES),
            "POINT:UNITS": SimpleNamespace(bytes=b"MM \x00"),
        }
        self.frames = 3
        for name, value in changed.items():
            setattr(self, name, value)

    def Reader(self, _file: Any) -> "Library":
        return self

    def get(self, name: str) -> Any:
        return self.groups.get(name)

    def read_frames(self, *, copy: bool) -> Any:
        assert not copy
        for frame in range(self.frames):
            table = np.zeros((self.point_used, 5), np.float32)
            table[:, :3] = np.arange(self.point_used)[:, None] + 10.0 * frame + [0.0, 0.25, 0.5]
            if frame == 1:
                table[1, 3], table[2, 1] = -1.0, 2e9
            yield frame, table, None


def read(library: Library, size: int = SIZE, head: bytes = bytes(512)) -> Any:
    return c3d_file._read(library, io.BytesIO(head), size)


def test_points_and_what_is_unseen() -> None:
    names, points, rate, unit = read(Library())
    assert tuple(name.split(":")[-1] for name in names) == ("A", "B", "C", "D", "E", "F")
    assert (rate, unit) == (50.0, "mm")
    assert points.shape == (3, 6, 3)
    assert points[2, 5].tolist() == [26.0, 26.25, 26.5]
    assert np.isnan(points).all(axis=2).tolist() == [[False] * 6, [False, True, True, False, False, False], [False] * 6]


@pytest.mark.parametrize(
    ("count", "good"), [(18, True), (19, False), (18 << 8, True), (19 << 8 | 19, False), (0, True)]
)
def test_events_of_the_header(count: int, *, good: bool) -> None:
    """Eighteen have room, in either order of the bytes."""
    head = bytearray(512)
    head[300:302] = count.to_bytes(2, "little")
    if good:
        read(Library(), head=bytes(head))
    else:
        with pytest.raises(FormatError, match="more than 18 events"):
            read(Library(), head=bytes(head))


@pytest.mark.parametrize(
    ("changed", "size", "reason"),
    [
        ({"point_used": 4}, SIZE, "4 points and 3 frames"), ({"point_used": 2049}, SIZE, "2049 points"),
        ({"last_frame": 0}, SIZE, "0 frames"), ({"frames": 0}, SIZE, "no whole frame"),
        ({}, 1024 + 7 * 4 * 4 - 1, "do not fit into 1135 bytes"),
        ({"point_scale": 1.0}, 1024 + 7 * 4 * 2 - 1, "do not fit"),
        ({"analog_used": 100}, 1024 + 100 * 4 - 1, "7 points and 100 channels"),
    ],
)  # fmt: skip
def test_counts_that_are_refused(changed: dict[str, Any], size: int, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(Library(**changed), size)


def test_counts_that_just_fit() -> None:
    for changed, size in (
        ({}, 1024 + 7 * 4 * 4),
        ({"point_scale": 1.0}, 1024 + 7 * 4 * 2),
        ({"analog_used": 100}, 1024 + 100 * 4),
    ):
        assert len(read(Library(**changed), size)[0]) == 6
    few = Library(point_used=6)
    few.groups["POINT:LABELS"] = parameter(["A", "B", "C", "D", "LKneeAngles", "*5"])
    with pytest.raises(InputError, match=r"4 markers \(and 2 model outputs\)"):
        read(few)
    few.groups["POINT:ANGLES"] = parameter(["A"])
    with pytest.raises(InputError, match=r"3 markers \(and 3 model outputs\)"):
        read(few)


def test_labels_and_their_continuations() -> None:
    library = Library()
    library.groups = {"POINT:LABELS": parameter(["a", "b"]), "POINT:LABELS2": parameter(["X:c"], 4)}
    assert c3d_file._labels(library, 5) == ["a", "b", "X:c", "point3", "point4"]
    assert c3d_file._labels(library, 2) == ["a", "b"]
    library.groups["POINT:LABELS"] = SimpleNamespace(dimensions=[3], bytes=b"abc")
    assert c3d_file._labels(library, 2) == ["abc", "X:c"]
    library.groups = {"POINT:LABELS": SimpleNamespace(dimensions=[], bytes=b"")}
    assert c3d_file._labels(library, 1) == ["point0"]
    assert c3d_file._labels(Library(groups={}), 1) == ["point0"]
    library.groups = {
        "POINT:POWERS": parameter(["S:p", ""]),
        "POINT:FORCES": SimpleNamespace(dimensions=[0, 2], bytes=b""),
    }
    assert c3d_file._outputs(library) == {"p"}


@pytest.mark.parametrize(
    ("name", "start", "known"),
    [
        ("a.C3D", b"", True), ("a.bin", b"\x02\x50" + bytes(510), True), ("a.bin", b"\x10\x50" + bytes(510), True),
        ("a.bin", b"\x11\x50" + bytes(510), False), ("a.bin", b"\x01\x50" + bytes(510), False),
        ("a.bin", b"\x02\x51" + bytes(510), False), ("a.bin", b"\x02\x50" + bytes(509), False),
    ],
)  # fmt: skip
def test_c3d_by_its_first_bytes(name: str, start: bytes, *, known: bool) -> None:
    assert c3d_file.recognises(Head(Path(name), start)) is known


def test_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(bytes(SIZE))
    library = Library()
    monkeypatch.setattr(c3d_file, "_import_c3d", lambda: library)
    found = c3d_file.open_file(path, Hints(as_named=True))
    assert (found.names, found.unit, found.fps, found.form, found.notes) == (tuple("ABCDEF"), "mm", 50.0, "C3D", ())
    for unit, known in (("in", "inch"), ("meters", "m"), ("ell", None)):
        library.groups["POINT:UNITS"] = SimpleNamespace(bytes=unit.encode())
        assert c3d_file.open_file(path, Hints(as_named=True)).unit == known
    del library.groups["POINT:UNITS"]
    assert c3d_file.open_file(path, Hints(as_named=True)).unit is None
    library.frames = 0
    with pytest.raises(FormatError, match="no whole frame"):
        c3d_file.open_file(path, Hints())


# Zstandard (RFC 8878), byte by byte.
MAGIC = struct.pack("<I", 0xFD2FB528)


def block(kind: int, size: int, *, last: bool, data: int) -> bytes:
    return (int(last) | kind << 1 | size << 3).to_bytes(3, "little") + bytes(data)


@pytest.mark.parametrize(
    ("head", "checked"),
    [
        (b"\x20\x05", 0), (b"\x00\x50", 0), (b"\x60\x05\x00", 0), (b"\x40\x50\x05\x00", 0), (b"\x80\x50" + bytes(4), 0),
        (b"\xc0\x50" + bytes(8), 0), (b"\x21\x07\x05", 0), (b"\x22\x07\x00\x05", 0), (b"\x23" + bytes(4) + b"\x05", 0),
        (b"\x24\x05", 4),
    ],
    ids=["single", "window", "two bytes", "window and two", "four", "eight", "dictionary", "dictionary 2",
    "dictionary 4", "sum"],
)  # fmt: skip
def test_sizes_of_zstandard_frames(head: bytes, checked: int) -> None:
    """A raw block of 5 bytes, one byte repeated 1,000 times, and a compressed block, which becomes 128 KiB at most."""
    blocks = block(0, 5, last=False, data=5) + block(1, 1000, last=False, data=1) + block(2, 7, last=True, data=7)
    frame = MAGIC + head + blocks + bytes(checked)
    assert unpacked_size._zstd_most_bytes(frame) == 5 + 1000 + (128 << 10)
    skipped = struct.pack("<II", 0x184D2A5F, 3) + b"abc"
    assert unpacked_size._zstd_most_bytes(frame + skipped + frame) == 2 * (1005 + (128 << 10))
    with pytest.raises((ValueError, IndexError)):
        unpacked_size._zstd_most_bytes(MAGIC + head + block(3, 5, last=True, data=5))
    with pytest.raises((ValueError, IndexError)):
        unpacked_size._zstd_most_bytes(MAGIC + head + block(0, 5, last=False, data=5))
    with pytest.raises(ValueError, match="no frame"):
        unpacked_size._zstd_most_bytes(b"other bytes")
