""".npy and .npz, and pickles of arrays: what lies in the container. What the arrays mean is ``array_contents``' matter.

Sizes that a header claims are held against the bytes that are there before anything is reserved for them, and nothing
pickled is executed (``core/body/pickles.py``).
"""

import io
import math
from pathlib import Path
from typing import Any, BinaryIO, Final
import zipfile

import numpy as np

from ...body.pickles import load_motion_pickle
from ...errors import FormatError, MissingFileError
from ..recording import Head, Hints, Recording
from .array_contents import recording_of
from .joblib_file import expand, is_compressed, load_joblib
from .point_arrays import ARRAY
from .torch_zip import LEGACY, is_torch_zip, load_torch_legacy, load_torch_zip

NPY: Final = b"\x93NUMPY"
ZIP: Final = b"PK\x03\x04"
MOST_ARRAYS: Final = 64
MOST_HEADER_BYTES: Final = 10_000
EXPANSION: Final = 12
"""A compressed file may hold this many times its size in arrays, and SMALL_BYTES besides."""
SMALL_BYTES: Final = 8 << 20


def recognises(head: Head) -> bool:
    """By the magic bytes of NumPy's files, or a suffix of theirs."""
    return head.start.startswith((NPY, ZIP)) or head.path.suffix.lower() in (".npy", ".npz", ".smpl")


def open_file(path: Path, hints: Hints) -> Recording:
    """Read an array file; see ``readers.open_recording``."""
    try:
        with path.open("rb") as file:
            start = file.read(len(NPY))
            file.seek(0)
            if start.startswith(ZIP):
                return recording_of(_load_zip(file, path), path, hints)
            value = _load_npy(file, path.stat().st_size, str(path))
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror or error}). Give an .npy or .npz file."
        ) from error
    return recording_of(_as_table(value), path, hints)


def recognises_pickle(head: Head) -> bool:
    """By the first bytes of a pickle of protocol 2 or later, or the suffix."""
    is_pickle = head.start[:1] == b"\x80" and head.start[1:2] in b"\x02\x03\x04\x05"
    suffixes = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
    return is_pickle or is_compressed(head.start) or head.path.suffix.lower() in suffixes


def open_pickle(path: Path, hints: Hints) -> Recording:
    """Read a pickle of arrays; see ``readers.open_recording``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a .pkl file.") from error
    if LEGACY in data[:32]:
        return recording_of(_as_table(load_torch_legacy(data, str(path))), path, hints)
    if is_compressed(data):
        data = expand(data, path)
    try:
        value = load_motion_pickle(data, str(path))
    except FormatError as error:
        value = _leniently(data, path, error)
    return recording_of(_as_table(value), path, hints)


def _leniently(data: bytes, path: Path, refusal: FormatError) -> Any:
    """What a pickle holds besides objects that were refused; raises the refusal where that is nothing."""
    try:
        value, _ = load_joblib(data, str(path))
    except FormatError:
        raise refusal from None
    if not _holds_arrays(value):
        raise refusal
    return value


def _holds_arrays(value: Any, depth: int = 0) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 6 and any(_holds_arrays(item, depth + 1) for item in items)


def _as_table(value: Any) -> dict[str, Any]:
    """A table as it is, a list of tables by number, and anything else as a file's only array."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return {str(number): item for number, item in enumerate(value)} if len(value) < 20 else {"frames": value}
    return {ARRAY: value}


def _load_npy(file: BinaryIO, size: int, source: str) -> Any:
    """An array, or what an array of objects holds. size: of the file, bytes."""
    try:
        shape, is_fortran, dtype = _read_header(file)
    except Exception as error:  # NumPy parses the header as Python: damaged ones raise nearly anything.
        raise FormatError(f"{source} is truncated or not an array file ({_brief(error)}). Write it again.") from error
    left = size - file.tell()
    if dtype.hasobject:
        return load_motion_pickle(file.read(left), source)
    count = math.prod(shape)
    if 0 in shape[1:]:
        raise FormatError(f"{source} holds an empty array of shape {shape}. Write it again.")
    if any(length < 0 for length in shape) or count * dtype.itemsize > left or dtype.itemsize <= 0:
        raise FormatError(
            f"{source} is truncated: {left} bytes are too few for {dtype} of shape {shape}. Write it again with "
            "numpy.save or numpy.savez."
        )
    if any(type(length) is not int or length >= 1 << 40 for length in shape):
        raise FormatError(f"{source} has the shape {shape}, which no motion has. Write it again.")
    array = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type. The length of the header is looked at before NumPy reserves as much."""
    start = file.read(len(NPY) + 2)
    version = tuple(start[len(NPY) :])
    if not start.startswith(NPY) or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError("no magic bytes of a known version")
    width = 2 if version == (1, 0) else 4
    length = file.read(width)
    if int.from_bytes(length, "little") > MOST_HEADER_BYTES:
        raise ValueError(f"a header of {int.from_bytes(length, 'little')} bytes")
    rest = io.BytesIO(length + file.read(int.from_bytes(length, "little")))
    read_header: Any = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(rest)
    return shape, is_fortran, dtype


def _load_zip(file: BinaryIO, path: Path) -> dict[str, Any]:
    """The arrays of an .npz, or what a file of torch.save holds."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except Exception as error:  # As in _load_npz.
        raise FormatError(
            f"{path} is truncated or not an .npz ({_brief(error)}). Write it again with numpy.savez."
        ) from error
    if is_torch_zip(names):
        return _as_table(load_torch_zip(file, path))
    return _load_npz(file, path)


def _load_npz(file: BinaryIO, path: Path) -> dict[str, Any]:
    """Members that cannot be read are left out, as long as others can: they may not be needed."""
    refusals: list[FormatError] = []
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            expanded = sum(info.file_size for info in members)
            if len(members) > MOST_ARRAYS or expanded > EXPANSION * path.stat().st_size + SMALL_BYTES:
                raise FormatError(
                    f"{path} would unpack to {expanded >> 20} MiB in {len(members)} arrays, far more than a motion "
                    "needs. Write it again without what is not motion."
                )
            arrays: dict[str, Any] = {}
            left = EXPANSION * path.stat().st_size + SMALL_BYTES
            for info in members:
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise FormatError(f"{path} is compressed by a method that is not read. Use numpy.savez_compressed.")
                with archive.open(info) as member:
                    data = member.read(left + 1)
                left -= len(data)
                if left < 0:
                    raise FormatError(f"{path} unpacks to far more than a motion needs. Write it again.")
                try:
                    arrays[info.filename.removesuffix(".npy")] = _load_npy(
                        io.BytesIO(data), len(data), f"{path} ({info.filename})"
                    )
                except FormatError as error:
                    refusals.append(error)
    except FormatError:
        raise
    except Exception as error:  # zipfile and zlib raise many kinds on damaged archives.
        raise FormatError(
            f"{path} is truncated or not an .npz ({_brief(error)}). Write it again with numpy.savez."
        ) from error
    if refusals and not any(isinstance(value, np.ndarray) and value.ndim > 1 for value in arrays.values()):
        raise refusals[0]
    return arrays


def _brief(error: Exception) -> str:
    """A reason in one short line."""
    return " ".join((str(error) or type(error).__name__).split())[:160]
