# SPDX-License-Identifier: Apache-2.0
"""Sizes of pictures from their headers, at any place of a file; damaged headers give none."""

import io
import struct

import pytest

from dancepose_addon.core.retarget.picture_header import picture_size

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(marker: int = 0xC0, before: tuple[bytes, ...] = (segment(0xE0, b"JFIF"), segment(0xDB, b"x" * 70))) -> bytes:
    size = b"\x08" + struct.pack(">HH", 300, 500)
    return b"\xff\xd8" + b"".join(before) + segment(marker, size + b"\x03")


@pytest.mark.parametrize("start", [0, 7])
def test_sizes(start: int) -> None:
    assert picture_size(io.BytesIO(b"x" * start + PNG + b"more"), start) == (640, 480)
    assert picture_size(io.BytesIO(b"x" * start + jpeg() + b"more"), start) == (500, 300)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xCF])
def test_frames_of_jpeg_have_the_size(marker: int) -> None:
    assert picture_size(io.BytesIO(jpeg(marker))) == (500, 300)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xBF, 0xD0, 0xDA])
def test_other_segments_are_passed_over(marker: int) -> None:
    """Tables of Huffman and arithmetic codes have numbers of frames."""
    other = segment(marker, b"\x08" + struct.pack(">HH", 7, 9))
    assert picture_size(io.BytesIO(jpeg(before=(other,)))) == (500, 300)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF89a" + b"\0" * 30, PNG[:23], jpeg()[:-6], b"\xff\xd8", b"\xff\xd8\xff\xc0",
        # No marker, and a segment whose length does not hold itself, each before a good one.
        b"\xff\xd8\xfe\xc0" + jpeg()[2:], b"\xff\xd8\xff\xe0\0\1" + jpeg()[2:], b"\xff\xd8\0\0\0\4xx" + jpeg()[2:],
    ],
)  # fmt: skip
def test_damaged_headers(data: bytes) -> None:
    assert picture_size(io.BytesIO(data)) == (0, 0)


def test_a_segment_may_be_empty_and_their_number_is_limited() -> None:
    empty = segment(0xE1, b"")
    assert picture_size(io.BytesIO(jpeg(before=(empty,) * 999))) == (500, 300)
    assert picture_size(io.BytesIO(jpeg(before=(empty,) * 1000))) == (0, 0)
