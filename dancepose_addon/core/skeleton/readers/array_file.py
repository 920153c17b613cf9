""".npy and .npz, and pickles of arrays: what lies in the container. What the arrays mean is ``array_contents``' matter.

Sizes that a header claims are held against the bytes that are there before anything is reserved for them, and nothing
pickled is executed (``core/bounded_files.py``, ``core/body/pickles.py``).
"""

from pathlib import Path
from typing import Final

from ...body.pickles import MAX_BYTES, load_motion_pickle
from ...bounded_files import NPY, ZIP, NpzLimits, read_npy, read_npz, read_whole, require_regular
from ...errors import MissingFileError
from ..recording import Head, Hints, Recording
from .array_contents import ARRAY, recording_of

NPZ_LIMITS: Final = NpzLimits(arrays=64, expansion=12, small_bytes=8 << 20)
"""Measured motion hardly compresses; the 8 MiB are for short files of constants."""


def recognises(head: Head) -> bool:
    """By the magic bytes of NumPy's files, or a suffix of theirs."""
    return head.start.startswith((NPY, ZIP)) or head.path.suffix.lower() in (".npy", ".npz")


def open_file(path: Path, hints: Hints) -> Recording:
    """Read an array file; see ``readers.open_recording``."""
    try:
        size = require_regular(path)
        with path.open("rb") as file:
            start = file.read(len(NPY))
            file.seek(0)
            if start.startswith(ZIP):
                arrays = read_npz(file, path, limits=NPZ_LIMITS, read_objects=load_motion_pickle)
                return recording_of(arrays, path, hints)
            value = read_npy(file, size, str(path), load_motion_pickle)
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror or error}). Give an .npy or .npz file."
        ) from error
    table = value if isinstance(value, dict) else {ARRAY: value}
    return recording_of(table, path, hints)


def recognises_pickle(head: Head) -> bool:
    """By the first bytes of a pickle of protocol 2 or later, or the suffix."""
    return (head.start[:1] == b"\x80" and head.start[1:2] in b"\x02\x03\x04\x05") or head.path.suffix.lower() in (
        ".pkl",
        ".pickle",
    )


def open_pickle(path: Path, hints: Hints) -> Recording:
    """Read a pickle of arrays; see ``readers.open_recording``."""
    data = read_whole(path, limit_bytes=MAX_BYTES, what="a .pkl of motion")
    value = load_motion_pickle(data, str(path))
    return recording_of(value if isinstance(value, dict) else {ARRAY: value}, path, hints)
