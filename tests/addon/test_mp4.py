# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of an MP4 file moved to the front, on files written here box by box (ISO/IEC 14496-12)."""

import struct

import pytest

from dancepose_addon.blender.render.mp4 import move_index_first

CHUNKS = (b"first chunk", b"second", b"the third chunk")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def long_box(kind: bytes, content: bytes) -> bytes:
    """With a size of 64 bits, as boxes beyond 4 GB have."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


def index(offsets: list[int], kind: bytes) -> bytes:
    """``moov`` with two tracks, whose tables hold all offsets, and boxes that are no tables beside them."""
    number = "I" if kind == b"stco" else "Q"
    table = box(kind, struct.pack(f">II{len(offsets)}{number}", 0, len(offsets), *offsets))
    samples = box(b"stsz", struct.pack(">III", 0, 0, 3) + b"\0" * 12)
    track = box(b"trak", box(b"tkhd", b"\0" * 20) + box(b"mdia", box(b"minf", box(b"stbl", samples + table))))
    return box(b"moov", box(b"mvhd", b"\0" * 100) + track + track)


def film(kind: bytes, *, media=box, after: bytes = b"") -> bytes:
    """A file with the index behind the pictures, as Blender writes it."""
    head = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    start = len(head) + len(media(b"mdat", b""))
    offsets = [start + sum(map(len, CHUNKS[:number])) for number in range(len(CHUNKS))]
    return head + media(b"mdat", b"".join(CHUNKS)) + index(offsets, kind) + after


def kinds(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        found.append(kind)
        at += size
    return found


def tables(data: bytes, kind: bytes) -> list[tuple[int, ...]]:
    """The offsets of every table, found by its name."""
    found, at, number = [], data.find(kind), "I" if kind == b"stco" else "Q"
    while at >= 0:
        (count,) = struct.unpack_from(">I", data, at + 8)
        found.append(struct.unpack_from(f">{count}{number}", data, at + 12))
        at = data.find(kind, at + 4)
    return found


@pytest.mark.parametrize("kind", [b"stco", b"co64"])
@pytest.mark.parametrize("media", [box, long_box])
def test_offsets_still_point_at_their_chunks(tmp_path, kind, media):
    path = tmp_path / "film.mp4"
    before = film(kind, media=media, after=box(b"free", b"\0" * 9))
    path.write_bytes(before)
    assert move_index_first(path)
    data = path.read_bytes()
    assert kinds(data) == [b"ftyp", b"moov", b"mdat", b"free"]
    assert len(data) == len(before)
    both = tables(data, kind)
    assert len(both) == 2
    for offsets in both:
        assert [data[at : at + len(chunk)] for at, chunk in zip(offsets, CHUNKS, strict=True)] == list(CHUNKS)


def test_offsets_beyond_four_gigabytes_keep_their_high_half(tmp_path):
    path, far = tmp_path / "film.mp4", 2**32 + 7
    moov = index([far, far + 100], b"co64")
    path.write_bytes(box(b"ftyp", b"isom") + box(b"mdat", b"pictures") + moov)
    assert move_index_first(path)
    assert tables(path.read_bytes(), b"co64") == [(far + len(moov), far + 100 + len(moov))] * 2


def test_a_file_that_is_in_order_is_left_alone(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(film(b"stco"))
    assert move_index_first(path)
    once = path.read_bytes()
    assert move_index_first(path)
    assert path.read_bytes() == once


def incomplete_films() -> dict[str, bytes]:
    whole = film(b"stco")
    head, moov = whole[: whole.index(b"mdat") - 4], whole[whole.index(b"moov") - 4 :]
    return {
        "cut inside the index": whole[:-1],
        "cut before the index": whole[: whole.index(b"moov") - 4],
        "cut inside the pictures": whole[: whole.index(b"mdat") + 10],
        "a few bytes too many": whole + b"\0\0\0",
        "two indices": whole + moov,
        "no pictures": head + moov,
        "a box smaller than its head": whole[:4] + whole[4:] + struct.pack(">I4s", 4, b"free"),
    }


@pytest.mark.parametrize("name", list(incomplete_films()))
def test_an_incomplete_file_is_noticed_and_not_changed(tmp_path, name):
    path, data = tmp_path / "film.mp4", incomplete_films()[name]
    path.write_bytes(data)
    assert not move_index_first(path)
    assert path.read_bytes() == data


def test_a_last_box_that_reaches_to_the_end(tmp_path):
    """Size 0: the box ends with the file."""
    path, whole = tmp_path / "film.mp4", film(b"stco")
    at = whole.index(b"moov") - 4
    path.write_bytes(whole[:at] + struct.pack(">I", 0) + whole[at + 4 :])
    assert move_index_first(path)
    data = path.read_bytes()
    assert kinds(data) == [b"ftyp", b"moov", b"mdat"]
    (offsets, _) = tables(data, b"stco")
    assert [data[at : at + len(chunk)] for at, chunk in zip(offsets, CHUNKS, strict=True)] == list(CHUNKS)
