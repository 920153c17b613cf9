# SPDX-License-Identifier: Apache-2.0
"""The size of a PNG or JPEG picture, from its header alone."""

import struct
from typing import BinaryIO, Final

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8"
SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that begin with the size (ITU-T T.81, table B.1)."""
MOST_MARKERS: Final = 1000


def picture_size(file: BinaryIO, start: int = 0) -> tuple[int, int]:
    """Read the size of a picture.

    Args:
        file: What holds it.
        start: Where it begins, bytes.

    Returns:
        Width and height in pixels; zeros for other formats and damaged headers.
    """
    file.seek(start)
    head = file.read(24)
    if head.startswith(PNG) and len(head) == 24:
        width, height = struct.unpack(">II", head[16:24])
        return int(width), int(height)
    if head.startswith(JPEG):
        file.seek(start + 2)
        return _jpeg_size(file)
    return 0, 0


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    for _ in range(MOST_MARKERS):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        if head[1] in SIZES:
            rest = file.read(5)
            if len(rest) < 5:
                break
            height, width = struct.unpack(">HH", rest[1:])
            return int(width), int(height)
        length = struct.unpack(">H", head[2:])[0]
        if length < 2:
            break
        file.seek(length - 2, 1)
    return 0, 0
