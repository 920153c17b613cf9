"""The order of boxes in an MP4 file, on files written by hand: the chunk offsets lead to the same bytes afterwards."""

from pathlib import Path
import struct

import pytest

from dancepose_addon.blender.render.mp4 import move_index_first

PICTURES = b"first-picture|second-picture|third"
PLACES = (0, 14, 29)
"""Where the chunks start within PICTURES."""


def box(kind: bytes, content: bytes, *, size: int | None = None) -> bytes:
    """A box with a 32-bit size, which may be given wrongly."""
    return struct.pack(">I4s", len(content) + 8 if size is None else size, kind) + content


def long_box(kind: bytes, content: bytes) -> bytes:
    """A box whose size is 1 and stands in 64 bits after the kind."""
    return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content


def table(kind: bytes, offsets: tuple[int, ...]) -> bytes:
    form = f">II{len(offsets)}{'I' if kind == b'stco' else 'Q'}"
    return box(kind, struct.pack(form, 0, len(offsets), *offsets))


def index(kind: bytes, offsets: tuple[int, ...]) -> bytes:
    """Moov with two tracks, whose tables lie under boxes that are no containers of tables too."""
    tracks = [
        box(b"trak", box(b"tkhd", b"\0" * 12) + box(b"mdia", box(b"minf", box(b"stbl", table(kind, part)))))
        for part in (offsets[:2], offsets[2:])
    ]
    return box(b"moov", box(b"mvhd", b"\0" * 20) + b"".join(tracks) + box(b"udta", b"made by hand"))


def film(kind: bytes, *, long: bool = False) -> bytes:
    head = box(b"ftyp", b"isomiso2") + box(b"free", b"")
    begins = len(head) + (16 if long else 8)
    pictures = (long_box if long else box)(b"mdat", PICTURES)
    return head + pictures + index(kind, tuple(begins + place for place in PLACES))


def offsets_in(data: bytes, kind: bytes) -> list[int]:
    found: list[int] = []
    place = data.find(kind)
    while place >= 0:
        (count,) = struct.unpack_from(">I", data, place + 8)
        found += struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", data, place + 12)
        place = data.find(kind, place + 4)
    return found


@pytest.mark.parametrize("kind", [b"stco", b"co64"])
@pytest.mark.parametrize("long", [False, True])
def test_offsets_lead_to_the_same_pictures(tmp_path: Path, kind: bytes, *, long: bool) -> None:
    path = tmp_path / "film.mp4"
    before = film(kind, long=long)
    path.write_bytes(before)
    assert move_index_first(path)
    after = path.read_bytes()
    assert len(after) == len(before)
    assert after.index(b"moov") < after.index(b"mdat")
    assert after.index(b"ftyp") < after.index(b"moov")
    found = offsets_in(after, kind)
    assert len(found) == 3
    assert [after[place : place + 5] for place in found] == [PICTURES[place : place + 5] for place in PLACES]
    assert after.endswith(PICTURES)
    # A file that is in order already stays as it is.
    assert move_index_first(path)
    assert path.read_bytes() == after


def test_boxes_after_the_index_stay_behind_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film(b"co64") + box(b"free", b"padding"))
    assert move_index_first(path)
    assert path.read_bytes().endswith(PICTURES + box(b"free", b"padding"))


def test_pictures_up_to_the_end_of_the_file(tmp_path: Path) -> None:
    """Size 0 means up to the end, which only the last box may have."""
    head = index(b"stco", ())
    path = tmp_path / "film.mp4"
    path.write_bytes(head + box(b"mdat", PICTURES, size=0))
    assert move_index_first(path)
    assert path.read_bytes() == head + box(b"mdat", PICTURES, size=0)


WHOLE = film(b"stco")


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[:-1],
        WHOLE[: WHOLE.index(b"moov") - 4],
        WHOLE + b"\0\0\0\x10torn",
        WHOLE + b"\0\0",
        WHOLE + index(b"stco", ()),
        WHOLE.replace(b"mdat", b"mdax"),
        WHOLE[: WHOLE.index(b"mdat") + 10],
        b"",
    ],
    ids=[
        "last byte lost",
        "no index",
        "box torn off",
        "crumbs",
        "two indices",
        "no pictures",
        "torn pictures",
        "empty",
    ],
)
def test_a_file_that_is_not_whole_is_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    assert not move_index_first(path)
    assert path.read_bytes() == data
