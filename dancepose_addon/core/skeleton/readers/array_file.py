# SPDX-License-Identifier: Apache-2.0
""".npy and .npz, and pickles of arrays: contents of the container. What the arrays mean is ``array_contents``' matter.

Sizes that a header claims are held against the bytes that are there before anything is reserved for them, and nothing
pickled is executed (``core/bounded_files.py``, ``core/body/pickles.py``).
"""

from pathlib import Path
from typing import Any, BinaryIO, Final
import zipfile

import numpy as np

from ...body.pickles import MAX_BYTES, load_motion_pickle
from ...bounded_files import NPY, ZIP, NpzLimits, brief, read_npy, read_npz, read_whole, require_regular
from ...errors import FormatError, MissingFileError
from ..recording import Head, Hints, Recording
from .array_contents import recording_of
from .joblib_file import expand, is_compressed, load_joblib
from .point_arrays import ARRAY
from .torch_zip import LEGACY, is_torch_zip, load_torch_legacy, load_torch_zip

NPZ_LIMITS: Final = NpzLimits(arrays=64, expansion=12, small_bytes=8 << 20)
"""Measured motion hardly compresses; the 8 MiB are for short files of constants."""


def recognises(head: Head) -> bool:
    """Tell NumPy's files and torch.save's zips by their magic bytes or suffix."""
    return head.start.startswith((NPY, ZIP)) or head.path.suffix.lower() in (".npy", ".npz", ".smpl")


def open_file(path: Path, hints: Hints) -> Recording:
    """Read an array file; see ``readers.open_recording``."""
    try:
        size = require_regular(path)
        with path.open("rb") as file:
            start = file.read(len(NPY))
            file.seek(0)
            if start.startswith(ZIP):
                return recording_of(_load_zip(file, path), path, hints)
            value = read_npy(file, size, str(path), load_motion_pickle)
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror or error}). Give an .npy or .npz file."
        ) from error
    return recording_of(_as_table(value), path, hints)


def recognises_pickle(head: Head) -> bool:
    """Tell pickles of protocol 2 or later by their first bytes, and all by their suffix."""
    is_pickle = head.start[:1] == b"\x80" and head.start[1:2] in b"\x02\x03\x04\x05"
    suffixes = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
    return is_pickle or is_compressed(head.start) or head.path.suffix.lower() in suffixes


def open_pickle(path: Path, hints: Hints) -> Recording:
    """Read a pickle of arrays; see ``readers.open_recording``."""
    data = read_whole(path, limit_bytes=MAX_BYTES, what="a .pkl of motion")
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


def _load_zip(file: BinaryIO, path: Path) -> dict[str, Any]:
    """The arrays of an .npz, or what a file of torch.save holds."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except Exception as error:  # zipfile raises many kinds on damaged archives.
        raise FormatError(
            f"{path} is truncated or not an .npz ({brief(error)}). Write it again with numpy.savez."
        ) from error
    if is_torch_zip(names):
        return _as_table(load_torch_zip(file, path))
    return read_npz(file, path, limits=NPZ_LIMITS, read_objects=load_motion_pickle, skip_unreadable=True)
