# SPDX-License-Identifier: Apache-2.0
"""PNG files by hand: whether one is whole, and a name that a frame carries of what it was made from."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
import re
import struct
from typing import Final
import zlib

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PICTURE: Final = (b"IHDR", b"PLTE", b"IDAT")
"""Chunks that make the pixels; all else, such as the hour of rendering, is left out of a stamped file."""
KEYWORD: Final = b"dancepose"
_FRAME: Final = re.compile(r"\.?\d{1,10}\b.*\.png")
"""Names of frames, also unfinished ones."""


def is_whole_png(path: Path, *, width: int, height: int) -> bool:
    """Return whether a file is a PNG of that size, complete to its last chunk, with every checksum right."""
    return _read_whole(path, width, height) is not None


def stamp_of(path: Path, *, width: int, height: int) -> str | None:
    """Return the name that ``stamp`` wrote into a PNG.

    Args:
        path: Of the file.
        width: Expected width, pixels.
        height: Expected height, pixels.

    Returns:
        The name; "" for a whole PNG without one; None where the file is not whole or has another size.
    """
    data = _read_whole(path, width, height)
    if data is None:
        return None
    for kind, content in _chunks(data):
        if kind == b"tEXt" and content.startswith(KEYWORD + b"\x00"):
            return content[len(KEYWORD) + 1 :].decode("latin-1")
    return ""


def frame_stamp(key: str, index: int) -> str:
    """Return the name of a frame: what it was made from, and its number, so that no frame is taken for another."""
    return f"{key} {index}"


def stamp(data: bytes, name: str) -> bytes:
    """Write a name into a PNG and drop everything else but its pixels, so that equal pixels become equal files.

    Args:
        data: A whole PNG.
        name: In Latin-1.

    Returns:
        The new file.
    """
    kept = [(kind, content) for kind, content in _chunks(data) if kind in PICTURE]
    kept.insert(1, (b"tEXt", KEYWORD + b"\x00" + name.encode("latin-1")))
    kept.append((b"IEND", b""))
    return SIGNATURE + b"".join(_pack(kind, content) for kind, content in kept)


def encode_png(compressed: bytes, *, width: int, height: int, channels: int, name: str | None = None) -> bytes:
    """Make a PNG of rows that are filtered and compressed already.

    Args:
        compressed: The rows, each after the byte of its filter, as zlib compresses them.
        width: Width, pixels.
        height: Height, pixels.
        channels: 3 for RGB or 4 for RGBA, 8 bits each.
        name: What ``stamp_of`` returns for the file, or None.

    Returns:
        The file.
    """
    head = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", head)]
    chunks += [] if name is None else [(b"tEXt", KEYWORD + b"\x00" + name.encode("latin-1"))]
    return SIGNATURE + b"".join(_pack(*chunk) for chunk in [*chunks, (b"IDAT", compressed), (b"IEND", b"")])


def _pack(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, data[place + 8 : place + 8 + length]
        place += 12 + length


def _read_whole(path: Path, width: int, height: int) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if _is_whole(data, width, height) else None


def _is_whole(data: bytes, width: int, height: int) -> bool:
    if not data.startswith(SIGNATURE):
        return False
    place, first = len(SIGNATURE), True
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data) or zlib.crc32(data[place + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            return False
        if first and (kind != b"IHDR" or struct.unpack_from(">II", data, place + 8) != (width, height)):
            return False
        if kind == b"IEND":
            return end == len(data)
        place, first = end, False
    return False


def remove_frames(folder: Path) -> None:
    """Remove the pictures of numbered frames, and their folder if nothing else is in it.

    Args:
        folder: Of frames; it need not exist.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if _FRAME.fullmatch(path.name):
                path.unlink(missing_ok=True)
        folder.rmdir()
