# SPDX-License-Identifier: Apache-2.0
""".npy and .npz, and pickles of arrays: contents of the container. What the arrays mean is ``array_contents``' matter.

Sizes that a header claims are held against the bytes that are there before anything is reserved for them, and nothing
pickled is executed (``core/bounded_files.py``, ``core/body/pickles.py``).
"""

import io
from pathlib import Path
from typing import Any, BinaryIO, Final
import zipfile

import numpy as np

from ...body.pickles import MAX_BYTES, load_motion_pickle
from ...bounded_files import NPY, ZIP, NpzLimits, brief, read_npy, read_npz, read_whole, require_regular
from ...errors import FormatError, MissingFileError
from ..recording import Head, Hints, Recording
from .array_contents import recording_of
from .frame_lists import FRAMES
from .joblib_file import expand, is_compressed, load_joblib
from .point_arrays import ARRAY
from .tidy_values import tidied
from .torch_zip import LEGACY, is_torch_zip, load_torch_legacy, load_torch_zip

NPZ_LIMITS: Final = NpzLimits(arrays=64, expansion=12, small_bytes=8 << 20)
"""Measured motion hardly compresses; the 8 MiB are for short files of constants."""


def recognises(head: Head) -> bool:
    """Tell NumPy's files and torch.save's zips by their magic bytes or suffix."""
    return head.start.startswith((NPY, ZIP)) or head.path.suffix.lower() in (".npy", ".npz", ".smpl")


def open_file(path: Path, hints: Hints) -> Recording:
    """Read an array file; see ``readers.open_recording``."""
    return recording_of(contents_of(path), path, hints)


def contents_of(path: Path) -> dict[str, Any]:
    """Take an array file apart.

    Args:
        path: Of an .npy, .npz or .pt file.

    Returns:
        Its arrays by name, possibly nested.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is damaged.
    """
    try:
        size = require_regular(path)
        with path.open("rb") as file:
            start = file.read(len(NPY))
            file.seek(0)
            if start.startswith(ZIP):
                return _load_zip(file, path)
            value = read_npy(file, size, str(path), _read_objects)
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror or error}). Give an .npy or .npz file."
        ) from error
    return _as_table(value)


def recognises_pickle(head: Head) -> bool:
    """Tell pickles of protocol 2 or later by their first bytes, and all by their suffix."""
    is_pickle = head.start[:1] == b"\x80" and head.start[1:2] in b"\x02\x03\x04\x05"
    suffixes = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
    return is_pickle or is_compressed(head.start) or head.path.suffix.lower() in suffixes


def open_pickle(path: Path, hints: Hints) -> Recording:
    """Read a pickle of arrays; see ``readers.open_recording``."""
    return recording_of(pickle_contents_of(path), path, hints)


def pickle_contents_of(path: Path) -> dict[str, Any]:
    """Take a pickle of arrays apart.

    Args:
        path: Of a pickle, or of a file of joblib or torch.save.

    Returns:
        Its arrays by name, possibly nested.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is damaged.
    """
    data = read_whole(path, limit_bytes=MAX_BYTES, what="a .pkl of motion")
    if LEGACY in data[:32]:
        return _as_table(load_torch_legacy(data, str(path)))
    if is_compressed(data):
        data = expand(data, path)
        if data.startswith(NPY):
            return _as_table(read_npy(io.BytesIO(data), len(data), str(path), _read_objects))
        if data[:1] != b"\x80" and data[:200].isascii() and path.suffix.lower() in (".gz", ".bz2", ".xz", ".z"):
            raise FormatError(f"{path} is compressed. Unpack it, and give the motion file in it.")
    return _as_table(_read_objects(data, str(path)))


def _read_objects(data: bytes, source: str) -> Any:
    """What a pickle holds; objects that no motion needs are left out where arrays remain."""
    try:
        return load_motion_pickle(data, source)
    except FormatError as error:
        refusal = error
    try:
        value, _ = load_joblib(data, source)
    except FormatError:
        raise refusal from None
    if not _holds_arrays(value):
        raise refusal
    return value


def _holds_arrays(value: Any, depth: int = 0) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    if isinstance(value, list) and value and isinstance(value[0], list | int | float):
        array = tidied(value)
        return isinstance(array, np.ndarray) and array.ndim > 1
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 6 and any(_holds_arrays(item, depth + 1) for item in items)


def _as_table(value: Any) -> dict[str, Any]:
    """A table as it is, a list of tables as frames or persons, and anything else as a file's only array."""
    if isinstance(value, dict):
        return value
    value = tidied(value)
    return {FRAMES: value} if isinstance(value, list) else {ARRAY: value}


def _load_zip(file: BinaryIO, path: Path) -> dict[str, Any]:
    """The arrays of an .npz, or what a file of torch.save holds."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except Exception as error:  # zipfile raises many kinds on damaged archives.
        raise FormatError(
            f"{path} is truncated or not an .npz ({brief(error)}). Write it again with numpy.savez."
        ) from error
    if not any(name.endswith((".npy", "data.pkl")) for name in names):
        raise FormatError(f"{path} is an archive ({', '.join(names)[:80]}). Unpack it, and give a motion file in it.")
    if is_torch_zip(names):
        return _as_table(load_torch_zip(file, path))
    return read_npz(file, path, limits=NPZ_LIMITS, read_objects=_read_objects, skip_unreadable=True)
