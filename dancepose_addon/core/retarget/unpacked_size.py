# SPDX-License-Identifier: Apache-2.0
"""How large compressed parts of .fbx and .blend files become, found out before Blender expands them.

Nothing is expanded beyond a limit: FBX arrays and gzip are expanded piece by piece and thrown away, and of Zstandard
the headers of the blocks are read (RFC 8878), since each says or bounds what it becomes.
"""

from collections.abc import Iterator
from pathlib import Path
import struct
from typing import Final
import zlib

from ..errors import FormatError, MissingFileError

EXPANSION: Final = 100
"""Total size as a multiple of the file's size; real characters stay below twenty."""
SMALL_BYTES: Final = 128 << 20
"""Total size that is allowed besides."""
MOST_FILE_BYTES: Final = 2 << 30
PIECE_BYTES: Final = 1 << 20
FBX: Final = b"Kaydara FBX Binary  \x00\x1a\x00"
GZIP: Final = b"\x1f\x8b"
GZIP_WINDOW: Final = 31
"""For zlib: the largest window, and a gzip header."""
ZSTD: Final = 0xFD2FB528
ZSTD_SKIPPED: Final = range(0x184D2A50, 0x184D2A60)
ZSTD_BLOCK_BYTES: Final = 128 << 10
"""Most that a compressed block can become."""
ARRAYS: Final = {b"f": 4, b"d": 8, b"l": 8, b"i": 4, b"b": 1, b"c": 1}
SCALARS: Final = {b"C": 1, b"B": 1, b"Z": 1, b"Y": 2, b"I": 4, b"F": 4, b"D": 8, b"L": 8}
TEXT: Final = b"S"
MOST_NODES: Final = 1_000_000
MOST_DEPTH: Final = 64


def require_bounded_fbx(path: Path) -> None:
    """Refuse a binary FBX file whose records are damaged or whose arrays become too large.

    Args:
        path: An .fbx file.

    Raises:
        MissingFileError: If the file cannot be read.
        FormatError: If it must not be opened.
    """
    data = _read(path)
    if not data.startswith(FBX) or len(data) < 27:
        raise FormatError(f"{path.name} is not a binary FBX file, which Blender needs. Save it as binary FBX.")
    limit = _limit(len(data))
    try:
        arrays = [part[1:] for part in _fbx_parts(data) if part[0] in ARRAYS]
        too_large = sum(expected for _, _, expected in arrays) > limit or any(
            _unpacked_bytes(data[start : start + length], expected) > expected for start, length, expected in arrays
        )
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise FormatError(f"{path.name} is damaged: its records are not those of FBX. Save it again.") from error
    if too_large:
        raise _too_large(path, limit)


def fbx_texts(path: Path) -> Iterator[bytes]:
    """Read the texts of a binary FBX file that has passed ``require_bounded_fbx``.

    Args:
        path: An .fbx file.

    Yields:
        Each text.

    Raises:
        MissingFileError: If the file cannot be read.
    """
    data = _read(path)
    for kind, start, length, _ in _fbx_parts(data):
        if kind == TEXT:
            yield data[start : start + length]


def require_bounded_blend(path: Path) -> None:
    """Refuse a compressed .blend file that becomes too large.

    Args:
        path: A .blend file.

    Raises:
        MissingFileError: If the file cannot be read.
        FormatError: If it must not be opened.
    """
    data = _read(path)
    limit = _limit(len(data))
    try:
        if data.startswith(GZIP):
            too_large = _unpacked_bytes(data, limit, wbits=GZIP_WINDOW) > limit
        else:
            too_large = data[:4] == struct.pack("<I", ZSTD) and _zstd_most_bytes(data) > limit
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise FormatError(f"{path.name} is damaged: it cannot be unpacked. Save it again.") from error
    if too_large:
        raise _too_large(path, limit)


def _limit(file_bytes: int) -> int:
    return EXPANSION * file_bytes + SMALL_BYTES


def _too_large(path: Path, limit: int) -> FormatError:
    return FormatError(
        f"{path.name} is not read: what it holds unpacks to more than {limit >> 20:,} MiB, {EXPANSION} times its size. "
        "Save it again from its program."
    )


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_FILE_BYTES:
            raise FormatError(f"{path.name} has {size:,} bytes, more than {MOST_FILE_BYTES:,}. Reduce its textures.")
        return path.read_bytes()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a character's file.") from error


def _fbx_parts(data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield kind, start, length and expanded length of each compressed array and text of a binary FBX file.

    Records: end, number of properties, length of the properties (32 bits, from version 7500 on 64 bits), a name, the
    properties, and nested records up to the end.
    """
    wide = struct.unpack_from("<I", data, 23)[0] >= 7500
    form, head = ("<QQQB", 25) if wide else ("<IIIB", 13)
    ends, at, nodes = [len(data)], 27, 0
    while True:
        end, count, length, name = struct.unpack_from(form, data, at)
        at += head
        if end == 0:  # the record that ends a list
            if len(ends) == 1:
                return
            at = ends.pop()
            continue
        nodes += 1
        first = at + name
        if not (first + length <= end <= ends[-1]) or nodes > MOST_NODES or len(ends) > MOST_DEPTH:
            raise ValueError("a record lies outside its parent")
        yield from _fbx_properties(data, first, count, first + length)
        at = first + length
        if at < end:
            ends.append(end)


def _fbx_properties(data: bytes, at: int, count: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    for _ in range(count):
        if at >= end:
            raise ValueError("a property lies outside its record")
        kind = data[at : at + 1]
        at += 1
        if kind in SCALARS:
            at += SCALARS[kind]
        elif kind in (TEXT, b"R"):
            length = struct.unpack_from("<I", data, at)[0]
            yield kind, at + 4, length, length
            at += 4 + length
        else:
            number, encoding, length = struct.unpack_from("<III", data, at)
            at += 12
            expected = number * ARRAYS.get(kind, 0)
            if kind not in ARRAYS or encoding > 1 or (encoding == 0 and length < expected):
                raise ValueError("an array is of an unknown kind, or too short")
            if encoding == 1:
                yield kind, at, length, expected
            at += length if encoding == 1 else expected
        if at > end:
            raise ValueError("a property lies outside its record")


def _unpacked_bytes(data: bytes, most: int, *, wbits: int = zlib.MAX_WBITS) -> int:
    """Expand data and throw it away; no further than a little over ``most`` bytes."""
    unpacker, rest, made = zlib.decompressobj(wbits=wbits), data, 0
    while rest and made <= most and not unpacker.eof:
        made += len(unpacker.decompress(rest, PIECE_BYTES))
        rest = unpacker.unconsumed_tail
    return made


def _zstd_most_bytes(data: bytes) -> int:
    """Upper bound of what Zstandard frames become, bytes."""
    at, total = 0, 0
    while at + 4 <= len(data):
        magic = struct.unpack_from("<I", data, at)[0]
        if magic in ZSTD_SKIPPED:
            at += 8 + struct.unpack_from("<I", data, at + 4)[0]
            continue
        if magic != ZSTD:
            raise ValueError("no frame")
        descriptor = data[at + 4]
        single = bool(descriptor & 0x20)
        sizes = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
        at += 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + sizes
        is_last = False
        while not is_last:
            block = int.from_bytes(data[at : at + 3], "little")
            is_last, kind, size = bool(block & 1), (block >> 1) & 3, block >> 3
            if at + 3 > len(data) or kind == 3:
                raise ValueError("a block is missing")
            total += ZSTD_BLOCK_BYTES if kind == 2 else size
            at += 3 + (1 if kind == 1 else size)
        at += 4 if descriptor & 4 else 0
    return total
