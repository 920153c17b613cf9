# SPDX-License-Identifier: Apache-2.0
"""Files of ``torch.save``: tables of tensors, read without PyTorch and without executing anything.

Since PyTorch 1.6 a file is a zip: ``data.pkl`` describes, ``data/0``, ``data/1`` ... hold the raw numbers. Before, it
was several pickles and the numbers behind each other.
"""

import io
from pathlib import Path
from typing import Any, BinaryIO, Final
import zipfile

import numpy as np

from ...errors import FormatError
from .pickle_arrays import STORAGES, DamagedPickleError, Opaque, PlainValues, Storage, refused
from .pickle_values import PickleReader

LEGACY: Final = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""PyTorch's magic number, as a pickle."""
EXPANSION: Final = 12
SMALL_BYTES: Final = 8 << 20
MOST_MEMBERS: Final = 4096
WHAT: Final = "a file of torch.save"


def is_torch_zip(names: list[str]) -> bool:
    """Tell PyTorch's archives from NumPy's.

    Args:
        names: Of the archive's members.

    Returns:
        Whether it is one of ``torch.save``.
    """
    return any(name.rsplit("/", 1)[-1] == "data.pkl" for name in names)


def load_torch_zip(file: BinaryIO, path: Path) -> Any:
    """Read a zip of ``torch.save``.

    Args:
        file: The opened file.
        path: Of the file, for messages and its size.

    Returns:
        Its tables, lists, arrays, numbers and text.

    Raises:
        FormatError: It is damaged, or holds no data that can be read.
    """
    left = EXPANSION * path.stat().st_size + SMALL_BYTES
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            _require(len(infos) <= MOST_MEMBERS, f"it has {len(infos)} members")
            table = next(info for info in infos if info.filename.rsplit("/", 1)[-1] == "data.pkl")
            folder = table.filename.removesuffix("data.pkl") + "data/"
            members = {info.filename.removeprefix(folder): info for info in infos if info.filename.startswith(folder)}
            storages: dict[str, bytes] = {}
            for key, info in members.items():
                storages[key] = _bounded(archive, info, left)
                left -= len(storages[key])
            value = PickleReader(io.BytesIO(_bounded(archive, table, left))).read()
        return _checked(PlainValues(storages), value, str(path))
    except FormatError:
        raise
    except Exception as error:  # zipfile, zlib and damaged instructions raise many kinds.
        raise refused(str(path), WHAT, error) from error


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise DamagedPickleError(otherwise)


def _bounded(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """A member, read no further than a limit."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedPickleError(f"a member is compressed by method {info.compress_type}")
    with archive.open(info) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise DamagedPickleError("it expands to far more than its size")
    return data


def load_torch_legacy(data: bytes, source: str) -> Any:
    """Read a file of ``torch.save`` as it was before PyTorch 1.6.

    Args:
        data: The file's bytes.
        source: Name of the file, for messages.

    Returns:
        Its tables, lists, arrays, numbers and text.

    Raises:
        FormatError: It is damaged.
    """
    stream = io.BytesIO(data)
    try:
        for _ in range(3):  # Magic number, version of the protocol, the system's number sizes.
            PickleReader(stream).read()
        value = PickleReader(stream).read()
        keys = PickleReader(stream).read()
        _require(isinstance(keys, list), "it has no list of storages")
        storages: dict[str, bytes] = {}
        kinds = _kinds_in(value)
        for key in keys:
            count = int.from_bytes(stream.read(8), "little", signed=True)
            _require(isinstance(key, str | int), "a storage is called neither by text nor by a number")
            size = count * kinds.get(str(key), 4)
            _require(0 <= size <= len(data), f"a storage of {count} numbers does not fit into the file")
            storages[str(key)] = stream.read(size)
        return _checked(PlainValues(storages), value, source)
    except FormatError:
        raise
    except Exception as error:  # As above.
        raise refused(source, WHAT, error) from error


def _kinds_in(value: Any) -> dict[str, int]:
    """Bytes of a number by the storage's key."""
    sizes: dict[str, int] = {}
    waiting, seen = [value], 0
    while waiting and seen < 300_000:
        seen += 1
        one = waiting.pop()
        if isinstance(one, Storage):
            sizes[one.key] = 2 if one.kind == "BFloat16Storage" else np.dtype(STORAGES.get(one.kind, "<f4")).itemsize
        elif isinstance(one, Opaque):
            waiting += [*one.arguments[:4], one.state]
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
    return sizes


def _checked(values: PlainValues, value: Any, source: str) -> Any:
    made = values.make(value)
    if made is None:
        named = ", ".join(sorted(set(values.unknown))[:3])[:120]
        raise FormatError(
            f"{source} holds an object ({named}), not tables of tensors; nothing was executed. Save the arrays that it "
            "holds: torch.save({'poses': ..., 'trans': ...}, ...)."
        )
    return made
