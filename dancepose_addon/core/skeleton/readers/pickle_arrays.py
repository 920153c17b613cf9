# SPDX-License-Identifier: Apache-2.0
"""Arrays and tensors among the records of an interpreted pickle, made from their descriptions and raw bytes."""

from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError

MOST_ENTRIES: Final = 300_000
MOST_DEPTH: Final = 12
SPARE_NUMBERS: Final = 4_000_000
"""Elements that a tensor may have beyond those of its storage: dimensions that are expanded repeat them."""
ADVICE: Final = "Write the motion's arrays to an .npz with numpy.savez instead."


class DamagedPickleError(Exception):
    """What is wrong with a pickle, in words."""


@dataclass
class Opaque:
    """A call that a pickle asks for and that is never made.

    Attributes:
        name: Module and name of what is called.
        arguments: Of the call.
        state: What the object's state would be set to.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True)
class Storage:
    """The numbers that a tensor looks at.

    Attributes:
        kind: PyTorch's name of its class, such as ``FloatStorage``.
        key: Of the numbers in the file.
        count: Elements.
    """

    kind: str
    key: str
    count: int


def number_type(name: Any, order: Any = "<") -> np.dtype[Any]:
    """A plain number type by its name.

    Args:
        name: Such as ``f4`` or ``float32``.
        order: ``<``, ``>``, ``=`` or ``|``.

    Returns:
        The NumPy type.

    Raises:
        DamagedPickleError: It is not a type of numbers.
    """
    if not isinstance(name, str) or len(name) > 8:
        raise DamagedPickleError("an array has no number type")
    try:
        found = np.dtype(name)
    except (TypeError, ValueError):
        raise DamagedPickleError(f"an array is of type {name!r:.40}") from None
    if found.kind not in "biuf" or order not in ("<", ">", "=", "|"):
        raise DamagedPickleError(f"an array is of type {name!r:.40}, not of numbers")
    return found.newbyteorder(order)


def raw_array(file: BinaryIO, state: Any) -> NDArray[Any]:
    """The array behind joblib's description of it (NumpyArrayWrapper.read_array)."""
    table = state if isinstance(state, dict) else {}
    dtype = _dtype_of(table.get("dtype"))
    shape = _shape_of(table.get("shape"))
    if table.get("numpy_array_alignment_bytes") is not None:
        padding = file.read(1)
        file.read(padding[0] if padding else 0)
    count = _product(shape)
    data = _exactly(file, count * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if table.get("order") == "F" else "C")


def _exactly(file: BinaryIO, size: int) -> bytes:
    """Bytes of a file, of which memory is taken as they arrive, not as a header announces them."""
    parts, left = [], size
    while left > 0:
        part = file.read(min(left, 1 << 22))
        if not part:
            raise DamagedPickleError(f"an array of {size} bytes is cut short")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > 8:
        raise DamagedPickleError("an array has no usable shape")
    if any(type(size) is not int or not 0 <= size < 1 << 40 for size in value):
        raise DamagedPickleError("an array has no usable shape")
    return tuple(value)


def _product(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _dtype_of(value: Any) -> np.dtype[Any]:
    if isinstance(value, Opaque) and value.name == "numpy.dtype" and value.arguments:
        order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "="
        return number_type(value.arguments[0], order)
    raise DamagedPickleError("an array has no number type")


def scalar_of(value: Opaque) -> Any:
    """A NumPy scalar as a number, or the record itself."""
    if value.name.endswith("multiarray.scalar") and len(value.arguments) == 2:
        raw = _bytes_of(value.arguments[1])
        dtype = _dtype_of(value.arguments[0])
        return np.frombuffer(raw, dtype)[0].item() if len(raw) == dtype.itemsize else value
    return value


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, Opaque) and value.name == "_codecs.encode" and value.arguments:
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin1")
    return bytes(value) if isinstance(value, bytes | bytearray) else b""


@dataclass
class PlainValues:
    """Turns what was interpreted into arrays, text, numbers, lists and tables.

    Attributes:
        storages: The numbers of PyTorch's storages by key.
        unknown: Names of what was left out, filled on the way.
    """

    storages: dict[str, bytes] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    left: int = MOST_ENTRIES

    def make(self, value: Any, depth: int = 0) -> Any:
        """A value without ``Opaque`` records; what is not data becomes None and is noted in ``unknown``."""
        self.left -= 1
        if self.left < 0 or depth > MOST_DEPTH:
            raise DamagedPickleError(f"it nests more than {MOST_DEPTH} deep or holds more than {MOST_ENTRIES} entries")
        if isinstance(value, dict):
            return {str(key)[:200]: self.make(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.make(item, depth + 1) for item in value]
        if isinstance(value, Opaque):
            return self._array(value, depth)
        return None if isinstance(value, Storage) else value

    def _array(self, value: Opaque, depth: int) -> Any:
        name = value.name
        if name.endswith("multiarray._reconstruct"):
            return self._numpy(value.state, depth)
        if name.endswith("multiarray.scalar"):
            number = scalar_of(value)
            return None if number is value else number
        if name.endswith("numeric._frombuffer") and len(value.arguments) == 4:
            raw, dtype, shape, order = value.arguments
            return self._numpy((1, shape, dtype, order == "F", raw), depth)
        if name == "_codecs.encode":
            return _bytes_of(value)
        if name.startswith("torch._utils._rebuild_tensor") and len(value.arguments) >= 4:
            return self._tensor(*value.arguments[:4])
        if name.startswith("torch._utils._rebuild_parameter") and value.arguments:
            return self.make(value.arguments[0], depth + 1)
        self.unknown.append(name)
        return None

    def _numpy(self, state: Any, depth: int) -> Any:
        if not isinstance(state, tuple) or len(state) < 5:
            self.unknown.append("an array without numbers")
            return None
        _, shape, dtype, is_fortran, raw = state[:5]
        if isinstance(raw, list):
            items = [self.make(item, depth + 1) for item in raw]
            return items[0] if len(items) == 1 else items
        try:
            number, size = _dtype_of(dtype), _shape_of(shape)
        except DamagedPickleError as error:
            self.unknown.append(str(error))
            return None
        data = _bytes_of(raw)
        if _product(size) * number.itemsize != len(data):
            raise DamagedPickleError(f"an array of shape {size} has {len(data)} bytes")
        return np.frombuffer(data, number).reshape(size, order="F" if is_fortran else "C")

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> Any:
        """A tensor's view of its storage (torch._utils._rebuild_tensor_v2)."""
        if not isinstance(storage, Storage) or storage.key not in self.storages:
            self.unknown.append("a tensor without numbers")
            return None
        shape, steps = _shape_of(size), _shape_of(stride)
        numbers = _storage_numbers(storage.kind, self.storages[storage.key])
        last = offset + sum((count - 1) * step for count, step in zip(shape, steps, strict=True)) if shape else offset
        total = _product(shape)
        if type(offset) is not int or offset < 0 or (total and last >= len(numbers)):
            raise DamagedPickleError(f"a tensor of shape {shape} reaches beyond its {len(numbers)} numbers")
        if total > len(numbers) + SPARE_NUMBERS:
            raise DamagedPickleError(f"a tensor of shape {shape} repeats its {len(numbers)} numbers")
        self.left -= total // 64
        byte_steps = [step * numbers.itemsize for step in steps]
        return np.lib.stride_tricks.as_strided(numbers[offset:], shape, byte_steps, writeable=False).copy()


STORAGES: Final = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


def _storage_numbers(kind: str, data: bytes) -> NDArray[Any]:
    """The numbers of a storage; bfloat16 is the upper half of a float32."""
    if kind == "BFloat16Storage":
        upper = np.frombuffer(data[: len(data) // 2 * 2], "<u2").astype(np.uint32) << 16
        return upper.view(np.float32)
    if kind not in STORAGES:
        raise DamagedPickleError(f"a tensor is of type {kind[:40]}")
    dtype = np.dtype(STORAGES[kind])
    return np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)


def refused(source: str, what: str, error: Exception) -> FormatError:
    """The error for a file whose pickle cannot be read.

    Args:
        source: The file.
        what: Its form, such as ``a joblib file``.
        error: What went wrong.

    Returns:
        A ``FormatError`` to raise.
    """
    reason = " ".join((str(error)[:300] or type(error).__name__).split())[:160]
    return FormatError(f"{source} is damaged or not {what} ({reason}). {ADVICE}")
