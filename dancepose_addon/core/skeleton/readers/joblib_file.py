# SPDX-License-Identifier: Apache-2.0
"""Files of ``joblib.dump``: pickles with raw arrays between the instructions, compressed or not.

Read by ``pickle_values``, so nothing is executed. Compressions: zlib, gzip, bz2, lzma and xz; each is expanded up to a
limit.
"""

import bz2
import io
import lzma
from pathlib import Path
from typing import Any, Final
import zlib

from ...errors import FormatError
from .pickle_arrays import DamagedPickleError, PlainValues, refused
from .pickle_values import PickleReader

EXPANSION: Final = 40
SMALL_BYTES: Final = 16 << 20
CHUNK_BYTES: Final = 1 << 18
WHAT: Final = "a pickle of joblib"
ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x78\x30", b"\x78\x31")
"""The two bytes that a zlib stream begins with, by level."""
GZIP: Final = b"\x1f\x8b"
OTHERS: Final = (b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00")


def is_compressed(start: bytes) -> bool:
    """Tell the compressions that joblib writes.

    Args:
        start: The file's first bytes.

    Returns:
        Whether it is one of them.
    """
    if start.startswith(ZLIB):
        return _begins_zlib(start)  # a text may begin with the same two letters
    return start.startswith((GZIP, *OTHERS))


def _begins_zlib(start: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(start[:512], 64)
    except zlib.error:
        return False
    return True


def expand(data: bytes, path: Path) -> bytes:
    """Expand a compressed file up to a limit.

    Args:
        data: The compressed bytes.
        path: Of the file, for messages.

    Returns:
        The pickle.

    Raises:
        FormatError: It is damaged, or expands to far more than its size.
    """
    limit = EXPANSION * len(data) + SMALL_BYTES
    try:
        if data.startswith(GZIP):
            return _inflate(zlib.decompressobj(wbits=31), data, limit)
        if data.startswith(ZLIB):
            return _inflate(zlib.decompressobj(), data, limit)
        if data.startswith(b"BZh"):
            return _inflate(bz2.BZ2Decompressor(), data, limit)
        return _inflate(lzma.LZMADecompressor(memlimit=256 << 20), data, limit)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, DamagedPickleError) as error:
        raise refused(str(path), "a compressed pickle", error) from error


def _inflate(engine: Any, data: bytes, limit: int) -> bytes:
    """Expand in pieces; all three engines take (data, max_length)."""
    parts, size = [], 0
    piece = engine.decompress(data, CHUNK_BYTES)
    while True:
        size += len(piece)
        if size > limit:
            raise DamagedPickleError(f"it expands to more than {limit >> 20} MiB, far more than a motion needs")
        parts.append(piece)
        if engine.eof:
            return b"".join(parts)
        rest = getattr(engine, "unconsumed_tail", b"")
        if not piece and not rest:
            raise DamagedPickleError("it is cut short")
        piece = engine.decompress(rest, CHUNK_BYTES)


def load_joblib(data: bytes, source: str) -> tuple[Any, tuple[str, ...]]:
    """Read a pickle whose foreign objects are left out.

    Args:
        data: The pickle, expanded.
        source: Name of the file, for messages.

    Returns:
        Its tables, lists, arrays, numbers and text, and the names of what was left out.

    Raises:
        FormatError: It is damaged.
    """
    try:
        values = PlainValues()
        made = values.make(PickleReader(io.BytesIO(data), has_raw_arrays=True).read())
    except FormatError:
        raise
    except Exception as error:  # Damaged instructions can lead to nearly any built-in exception.
        raise refused(source, WHAT, error) from error
    return made, tuple(sorted(set(values.unknown)))
