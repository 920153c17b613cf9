# SPDX-License-Identifier: Apache-2.0
"""Write an .npz whose bytes depend only on its arrays: fixed order, fixed timestamps."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import io
from pathlib import Path
from typing import Any, Final
import zipfile

import numpy as np
from numpy.typing import NDArray

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip entry can store."""
FINGERPRINT_KEYS: Final = ("v_template", "shapedirs", "J_regressor", "kintree_table")


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` as a compressed .npz that `numpy.load` reads with allow_pickle=False."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, buffer.getvalue(), compresslevel=9)


def fingerprint(body: Mapping[str, Any]) -> str:
    """Return SHA-256 of what the skeleton depends on, in multiples of 10 micrometres (or of 1e-5)."""
    digest = hashlib.sha256()
    for key in FINGERPRINT_KEYS:
        array = np.asarray(body[key])
        whole = np.rint(array * 1e5).astype(np.int64) if array.dtype.kind == "f" else array.astype(np.int64)
        digest.update(f"{key}{whole.shape}".encode())
        digest.update(np.ascontiguousarray(whole).astype("<i8").tobytes())
    return digest.hexdigest()
