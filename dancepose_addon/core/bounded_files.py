# SPDX-License-Identifier: Apache-2.0
"""Reading files whose true size is only known afterwards: with a limit, whatever their headers say.

A header may lie. So nothing is reserved or expanded because of what a header says: sizes are compared with the bytes
that exist, and compressed members are read up to a limit and no further.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
import errno
import io
import json
import math
import os
from pathlib import Path
import re
import stat
from typing import Any, BinaryIO, Final
import zipfile

import numpy as np

from .errors import FormatError, MissingFileError
from .printable_text import escaped, quoted
from .whole_numbers import LONG_NUMBER, whole_number

NPY: Final = b"\x93NUMPY"
ZIP: Final = b"PK\x03\x04"
MAX_HEADER_BYTES: Final = 10_000
"""Of an .npy: NumPy writes 118 bytes, and reads at most this many without being asked to trust the file."""
MAX_AXIS: Final = 1 << 40
"""Along one axis of an array. Longer ones do not fit a file, and overflow when they are multiplied."""
MAX_AXES: Final = 32
"""Of an array, as in NumPy 1; later versions allow 64."""
CHUNK_BYTES: Final = 1 << 20
"""A compressed member is expanded in pieces of this size."""
MAX_DOCUMENT_BYTES: Final = 64 << 20
"""Of a settings file, a table or a plan: a thousand times the usual ones."""
HALF_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""Surrogates in JSON, or escapes of them: halves of a character, of which a text may not have one alone."""
COMPRESSIONS: Final = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflate"}
"""What NumPy writes. The decompressors of bz2 and lzma cannot be stopped at a size."""

ObjectReader = Callable[[bytes, str], Any]
"""Reads the pickle behind the header of an .npy of objects: (bytes, name of the file for messages)."""


@dataclass(frozen=True)
class NpzLimits:
    """How much an .npz may hold.

    Attributes:
        arrays: Members that are read.
        expansion: Total size of the arrays as a multiple of the file's size. Deflate reaches a thousand on zeros; real
            motions and bodies stay below ten.
        small_bytes: Total size that is allowed besides, so that a small file of repeated numbers can be read.
    """

    arrays: int
    expansion: int
    small_bytes: int

    def total_bytes(self, file_bytes: int) -> int:
        """The largest total size of the arrays of a file of ``file_bytes`` bytes."""
        return self.expansion * file_bytes + self.small_bytes


def require_regular(path: Path) -> int:
    """Refuse devices, pipes and sockets, which can be endless or wait for ever.

    Args:
        path: Of a file.

    Returns:
        Its size in bytes.

    Raises:
        OSError: The file cannot be looked at, or is a folder.
        FormatError: It is not a regular file.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise FormatError(f"{path} is not a regular file. Copy its content to a file, and give that.")
    return found.st_size


def read_whole(path: Path, *, limit_bytes: int, what: str) -> bytes:
    """Read a file that may not be larger than a limit.

    Args:
        path: Of the file.
        limit_bytes: The largest size.
        what: What the file is to be, for messages, such as "a motion".

    Returns:
        Its bytes.

    Raises:
        MissingFileError: The file cannot be read.
        FormatError: It is larger, or not a regular file.
    """
    try:
        size = require_regular(path)
        with path.open("rb") as file:
            data = b"" if size > limit_bytes else file.read(min(size, limit_bytes) + 1)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror or error}). Give {what}.") from error
    if size > limit_bytes or len(data) > limit_bytes:
        raise FormatError(f"{path} has {size >> 20} MiB; {what} has at most {limit_bytes >> 20} MiB (limit).")
    return data


def read_document(path: Path, *, what: str, limit_bytes: int = MAX_DOCUMENT_BYTES) -> str:
    """Read a text file that may not be larger than a limit.

    Args:
        path: Of the file.
        what: What the file is to be, for messages, such as "a marker table".
        limit_bytes: The largest size.

    Returns:
        Its text.

    Raises:
        MissingFileError: The file cannot be read.
        FormatError: It is larger, not a regular file, or not UTF-8.
    """
    try:
        return read_whole(path, limit_bytes=limit_bytes, what=what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text in UTF-8 ({brief(error)}). Give {what}.") from error


def open_npz(path: Path, *, limits: NpzLimits, wanted: Container[str]) -> dict[str, Any]:
    """Read some arrays of an .npz; see ``read_npz``.

    Args:
        path: Of the file.
        limits: See ``NpzLimits``.
        wanted: Names of arrays that are read.

    Returns:
        The arrays by name.

    Raises:
        OSError: The file cannot be read.
        FormatError: It is not an archive, damaged, or holds too much.
    """
    require_regular(path)
    with path.open("rb") as file:
        is_archive = file.read(len(ZIP)) == ZIP
        if not is_archive:
            raise FormatError(f"{path} is not an .npz archive.")
        file.seek(0)
        return read_npz(file, path, limits=limits, wanted=wanted)


def read_npz(
    file: BinaryIO,
    path: Path,
    *,
    limits: NpzLimits,
    wanted: Container[str] | None = None,
    read_objects: ObjectReader | None = None,
    skip_unreadable: bool = False,
) -> dict[str, Any]:
    """Read the arrays of an .npz, bounded in number and in total size.

    Args:
        file: The opened file.
        path: Of the file, for its size and for messages.
        limits: See ``NpzLimits``.
        wanted: Names of arrays that are read; all by default. Others are not expanded.
        read_objects: Reads arrays of objects; by default they are refused.
        skip_unreadable: Leave out members that cannot be read, as long as another has two axes or more.

    Returns:
        The arrays by name.

    Raises:
        FormatError: The archive is damaged, holds too much, or is compressed otherwise than NumPy does it.
    """
    allowed = limits.total_bytes(path.stat().st_size)
    left = allowed
    arrays: dict[str, Any] = {}
    refusals: list[FormatError] = []
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if len(members) > limits.arrays:
                raise FormatError(  # noqa: TRY301 - the expected failures are passed on below
                    f"{path} holds {len(members)} arrays; at most {limits.arrays} are read (limit). Write it again "
                    "with only the arrays that are needed."
                )
            for info in members:
                name = info.filename.removesuffix(".npy")
                if wanted is not None and name not in wanted:
                    continue
                data = _expand(archive, info, left)
                if data is None:
                    raise FormatError(  # noqa: TRY301 - as above
                        f"{path} expands to more than {allowed >> 20} MiB of arrays, {limits.expansion} times its "
                        f"size and {limits.small_bytes >> 20} MiB (limit). Write it again with numpy.savez."
                    )
                left -= len(data)
                source = f"{path} ({quoted(info.filename)})"
                try:
                    arrays[name] = read_npy(io.BytesIO(data), len(data), source, read_objects)
                except FormatError as error:
                    if not skip_unreadable:
                        raise
                    refusals.append(error)
    except FormatError:
        raise
    except Exception as error:  # zipfile and zlib raise many kinds on damaged archives.
        raise FormatError(
            f"{path} is truncated or not an .npz ({brief(error)}). Write it again with numpy.savez."
        ) from error
    if refusals and not any(isinstance(value, np.ndarray) and value.ndim > 1 for value in arrays.values()):
        raise refusals[0]
    return arrays


def _expand(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes | None:
    """Read one member, or return None where it is larger than the limit."""
    if info.compress_type not in COMPRESSIONS:
        raise ValueError(f"a member is compressed by method {info.compress_type}; stored and deflate are read")
    parts: list[bytes] = []
    size = 0
    with archive.open(info) as member:
        while chunk := member.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                return None
            parts.append(chunk)
    return b"".join(parts)


def read_npy(file: BinaryIO, size: int, source: str, read_objects: ObjectReader | None = None) -> Any:
    """Read an .npy file.

    Args:
        file: At the start of the magic bytes.
        size: Bytes from there to the end.
        source: Name of the file, for messages.
        read_objects: Reads an array of objects; by default it is refused.

    Returns:
        An array, or what ``read_objects`` returns.

    Raises:
        FormatError: The header is damaged, or claims more than the file holds.
    """
    try:
        shape, is_fortran, dtype = _read_header(file)
    except Exception as error:  # NumPy parses the header as Python: damaged ones raise nearly anything.
        raise FormatError(f"{source} is truncated or not an array file ({brief(error)}). Write it again.") from error
    left = size - file.tell()
    if dtype.hasobject:
        if read_objects is None:
            raise FormatError(f"{source} holds Python objects, not numbers. Write it again from arrays of numbers.")
        return read_objects(file.read(left), source)
    if 0 in shape[1:]:
        raise FormatError(f"{source} holds an empty array of shape {_shown(shape)}. Write it again.")
    count = math.prod(shape)
    if dtype.itemsize <= 0 or count * dtype.itemsize > left:
        raise FormatError(
            f"{source} is truncated: {left} bytes are too few for {quoted(str(dtype))} of shape {_shown(shape)}. "
            "Write it again with numpy.save or numpy.savez."
        )
    array = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, order and type. The length of the header is checked before NumPy reserves as much."""
    start = file.read(len(NPY) + 2)
    version = tuple(start[len(NPY) :])
    if not start.startswith(NPY) or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError("no magic bytes of a known version")
    width = 2 if version == (1, 0) else 4
    length = file.read(width)
    if int.from_bytes(length, "little") > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {int.from_bytes(length, 'little')} bytes")
    rest = io.BytesIO(length + file.read(int.from_bytes(length, "little")))
    read_header: Any = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(rest)
    if len(shape) > MAX_AXES or any(type(length) is not int or not 0 <= length <= MAX_AXIS for length in shape):
        raise ValueError(f"the shape {_shown(shape)}")
    return shape, is_fortran, dtype


def _shown(shape: tuple[Any, ...]) -> str:
    return f"({', '.join(quoted(length) for length in shape[:8])}{', ...' * (len(shape) > 8)})"


def parse_json(text: str | bytes, *, constants: bool = True) -> Any:
    """Parse JSON, and refuse what Python's parser lets through but nothing else can handle.

    Args:
        text: The document.
        constants: Whether NaN and infinities are read, which are not part of JSON.

    Returns:
        Its value.

    Raises:
        ValueError: It is not JSON, is nested too deep, has texts that are not Unicode (half of a surrogate pair), or
            has a whole number that no float holds.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        whole = whole_number if LONG_NUMBER.search(text) else None
        value = json.loads(text, parse_constant=None if constants else _refuse_constant, parse_int=whole)
        if HALF_PAIR.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("its JSON has half of a surrogate pair, which is no character") from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def brief(error: Exception) -> str:
    """The reason of an error from a library, in one short line."""
    return escaped(" ".join((str(error)[:1000] or type(error).__name__).split()))[:160]
