# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of boxes in an MP4 file (ISO/IEC 14496-12).

Players can start a streamed file at once only if the index (``moov``) precedes the pictures (``mdat``).
"""

from collections.abc import Iterator
from pathlib import Path
import struct
from typing import Final

CONTAINERS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""Boxes that contain, directly or indirectly, the tables of chunk offsets."""


def move_index_first(path: Path) -> bool:
    """Move ``moov`` before ``mdat`` and adjust every chunk offset in it.

    Args:
        path: File to change in place.

    Returns:
        False if the file is incomplete; it is then unchanged.
    """
    data = path.read_bytes()
    boxes = list(_boxes(data, 0, len(data)))
    kinds = [kind for kind, _, _ in boxes]
    if kinds.count(b"moov") != 1 or b"mdat" not in kinds or boxes[-1][2] != len(data):
        return False
    index, pictures = kinds.index(b"moov"), kinds.index(b"mdat")
    if index < pictures:
        return True
    _, start, end = boxes[index]
    moov = bytearray(data[start:end])
    if moov[:4] == bytes(4):  # "to the end of the file", which is wrong further to the front
        struct.pack_into(">I", moov, 0, len(moov))
    _shift_offsets(moov, 0, len(moov), end - start)
    first = boxes[pictures][1]
    path.write_bytes(b"".join([data[:first], moov, data[first:start], data[end:]]))
    return True


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, first byte, byte after the last) of each complete box between ``start`` and ``end``."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
        elif size == 0:
            size = end - start
        if size < 8 or start + size > end:
            return
        yield kind, start, start + size
        start += size


def _shift_offsets(data: bytearray, start: int, end: int, shift: int) -> None:
    for kind, first, last in _boxes(data, start, end):
        if kind in CONTAINERS:
            _shift_offsets(data, first + 8, last, shift)
        elif kind in (b"stco", b"co64"):
            (count,) = struct.unpack_from(">I", data, first + 12)
            form = f">{count}{'I' if kind == b'stco' else 'Q'}"
            offsets = struct.unpack_from(form, data, first + 16)
            struct.pack_into(form, data, first + 16, *(offset + shift for offset in offsets))
