"""The data in pickles of PyTorch, joblib and tables with foreign objects, read without making any object.

``pickle`` is not used: the instructions are interpreted here, and they can only build text, numbers, lists and tables.
A class or function that a file names becomes an ``Opaque``, a record of the name and its arguments; arrays and tensors
are recognised among these afterwards, by ``plain_values``. Everything else stays opaque and is left out, so a member
that is not needed does not prevent reading.

The instructions are those of the Python documentation of ``pickletools``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
import pickletools
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError

MOST_INSTRUCTIONS: Final = 300_000
"""A clip of several persons with a table for each frame needs about a hundred thousand."""
MOST_ENTRIES: Final = 300_000
MOST_DEPTH: Final = 12
MOST_NUMBER_BYTES: Final = 16
MOST_NESTED: Final = 4
SPARE_NUMBERS: Final = 4_000_000
"""Elements that a tensor may have beyond those of its storage: dimensions that are expanded repeat them."""
ADVICE: Final = "Write the motion's arrays to an .npz with numpy.savez instead."
WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
TABLES: Final = ("collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict")
_OPCODES: Final = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_MARK: Final = object()


class DamagedPickle(Exception):
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


@dataclass
class PickleReader:
    """Interprets the instructions of one pickle.

    Attributes:
        file: At the start of the pickle; left behind its end.
        has_raw_arrays: Whether arrays follow their description as raw bytes, as joblib writes them.
        depth: Pickles that this one lies in.
    """

    file: BinaryIO
    has_raw_arrays: bool = False
    depth: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def read(self) -> Any:
        """Interpret up to STOP.

        Returns:
            Text, numbers, lists, tables and ``Opaque`` records, nested.

        Raises:
            DamagedPickle: The instructions are incomplete, impossible or too many.
        """
        for _ in range(MOST_INSTRUCTIONS):
            opcode = _OPCODES.get(self.file.read(1))
            if opcode is None:
                raise DamagedPickle("it ends too early or is not a pickle")
            if opcode.name == "STRING":
                argument: Any = _python2_text(self.file.readline())
            else:
                argument = None if opcode.arg is None else opcode.arg.reader(self.file)
            if opcode.name == "STOP":
                return self._pop()
            self._apply(opcode.name, argument)
        raise DamagedPickle(f"it has more than {MOST_INSTRUCTIONS} instructions")

    def _pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise DamagedPickle("it takes more objects than there are")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise DamagedPickle("it ends a list that it did not begin")

    def _apply(self, name: str, argument: Any) -> None:
        simple = _SIMPLE.get(name)
        if simple is not None:
            self.stack.append(simple(argument))
        elif name in _IGNORED:
            pass
        elif name in _HANDLERS:
            _HANDLERS[name](self, argument)
        elif name.startswith("TUPLE"):
            count = int(name[5:] or -1)
            items = [self._pop() for _ in range(count)][::-1] if count > 0 else self._pop_to_mark()
            self.stack.append(tuple(items))
        else:
            raise DamagedPickle(f"it has the instruction {name}, which no motion needs")

    def _put(self, number: int) -> None:
        if not self.stack or not 0 <= number <= MOST_INSTRUCTIONS:
            raise DamagedPickle(f"it numbers an object {number}")
        self.memo[number] = self.stack[-1]

    def _get(self, number: int) -> None:
        if number not in self.memo:
            raise DamagedPickle("it refers to an object that it does not hold")
        self.stack.append(self.memo[number])

    def _call(self, arguments: Any, function: Any) -> None:
        if not isinstance(function, Opaque) or not isinstance(arguments, tuple):
            raise DamagedPickle("it calls what is not a function")
        if function.name in TABLES:
            first = arguments[0] if arguments else []
            pairs = first if isinstance(first, list) else []
            made: Any = {}
            _set_items(made, [part for pair in pairs if isinstance(pair, list | tuple) for part in pair[:2]])
        else:
            made = Opaque(function.name, arguments)
        self.stack.append(made)

    def _build(self, state: Any) -> None:
        target = self.stack[-1] if self.stack else None
        if isinstance(target, Opaque):
            target.state = state
            if self.has_raw_arrays and target.name == WRAPPER:
                self.stack[-1] = self._raw_array(state)

    def _raw_array(self, state: Any) -> Any:
        """The array behind joblib's description of it; objects are a pickle by themselves."""
        kind = state.get("dtype") if isinstance(state, dict) else None
        if isinstance(kind, Opaque) and kind.arguments and _name(kind.arguments[0]).startswith("O"):
            if self.depth >= MOST_NESTED:
                raise DamagedPickle(f"arrays of objects are nested more than {MOST_NESTED} deep")
            return PickleReader(self.file, has_raw_arrays=True, depth=self.depth + 1).read()
        return _raw_array(self.file, state)


def _add_items(reader: PickleReader, items: list[Any]) -> None:
    target = reader.stack[-1] if reader.stack else None
    if isinstance(target, list):
        target.extend(items)


def _set_items(target: Any, items: list[Any]) -> None:
    """Put keys and values, by turns, into a table; other keys than text and numbers are left out."""
    if not isinstance(target, dict):
        return
    for key, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(key, Opaque):
            key = _scalar_of(key)
        if isinstance(key, str | bytes | int | float | None):
            target[key] = value


def _set_item(reader: PickleReader, _argument: Any) -> None:
    value, key = reader._pop(), reader._pop()
    _set_items(reader.stack[-1] if reader.stack else None, [key, value])


def _set_many(reader: PickleReader, _argument: Any) -> None:
    items = reader._pop_to_mark()
    _set_items(reader.stack[-1] if reader.stack else None, items)


def _make_dict(reader: PickleReader, _argument: Any) -> None:
    table: dict[Any, Any] = {}
    _set_items(table, reader._pop_to_mark())
    reader.stack.append(table)


def _name(value: Any) -> str:
    """Text of a pickle as a name. Other values are not converted: a small file can describe a list of any size."""
    return value[:80] if isinstance(value, str) else "?"


def _stack_global(reader: PickleReader, _argument: Any) -> None:
    name, module = reader._pop(), reader._pop()
    reader.stack.append(Opaque(f"{_name(module)}.{_name(name)}"))


def _new_object(reader: PickleReader, _argument: Any) -> None:
    arguments, kind = reader._pop(), reader._pop()
    reader._call(arguments, kind)


def _new_object_ex(reader: PickleReader, _argument: Any) -> None:
    reader._pop()
    _new_object(reader, None)


def _reduce(reader: PickleReader, _argument: Any) -> None:
    arguments, function = reader._pop(), reader._pop()
    reader._call(arguments, function)


def _instance(reader: PickleReader, argument: Any) -> None:
    items = reader._pop_to_mark()
    reader.stack.append(Opaque(".".join(str(argument).split(" ")[:2])[:160], tuple(items)))


def _object(reader: PickleReader, _argument: Any) -> None:
    items = reader._pop_to_mark()
    name = items[0].name if items and isinstance(items[0], Opaque) else "?"
    reader.stack.append(Opaque(name, tuple(items[1:])))


def _persistent(reader: PickleReader, _argument: Any) -> None:
    """PyTorch refers to its storages so: ('storage', class, key, device, count)."""
    value = reader._pop()
    if isinstance(value, tuple) and len(value) >= 5 and value[0] == "storage" and isinstance(value[1], Opaque):
        kind, key, count = value[1].name.rsplit(".", 1)[-1], value[2], value[4]
        if isinstance(key, str) and isinstance(count, int):
            reader.stack.append(Storage(kind, key, count))
            return
    reader.stack.append(Opaque("an object outside the file"))


def _appends(reader: PickleReader, _argument: Any) -> None:
    items = reader._pop_to_mark()
    _add_items(reader, items)


_HANDLERS: Final[dict[str, Callable[[PickleReader, Any], None]]] = {
    "MARK": lambda reader, _: reader.stack.append(_MARK),
    "POP": lambda reader, _: None if not reader.stack else reader.stack.pop() and None,
    "POP_MARK": lambda reader, _: reader._pop_to_mark() and None,
    "PUT": lambda reader, number: reader._put(int(number)),
    "BINPUT": lambda reader, number: reader._put(number),
    "LONG_BINPUT": lambda reader, number: reader._put(number),
    "MEMOIZE": lambda reader, _: reader._put(len(reader.memo)),
    "GET": lambda reader, number: reader._get(int(number)),
    "BINGET": lambda reader, number: reader._get(number),
    "LONG_BINGET": lambda reader, number: reader._get(number),
    "APPEND": lambda reader, _: _add_items(reader, [reader._pop()]),
    "APPENDS": _appends,
    "LIST": lambda reader, _: reader.stack.append(reader._pop_to_mark()),
    "DICT": _make_dict,
    "SETITEM": _set_item,
    "SETITEMS": _set_many,
    "ADDITEMS": lambda reader, _: reader._pop_to_mark() and None,
    "FROZENSET": lambda reader, _: reader.stack.append(Opaque("a set", tuple(reader._pop_to_mark()[:0]))),
    "GLOBAL": lambda reader, name: reader.stack.append(Opaque(".".join(str(name)[:160].split(" ")))),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _new_object,
    "NEWOBJ_EX": _new_object_ex,
    "INST": _instance,
    "OBJ": _object,
    "BUILD": lambda reader, _: reader._build(reader._pop()),
    "BINPERSID": _persistent,
}
_IGNORED: Final = ("PROTO", "FRAME")


def _whole_number(argument: Any) -> int:
    if int(argument).bit_length() > 8 * MOST_NUMBER_BYTES:
        raise DamagedPickle("it holds a whole number of more than 16 bytes")
    return int(argument)


def _same(argument: Any) -> Any:
    return argument


_SIMPLE: Final[dict[str, Callable[[Any], Any]]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "EMPTY_SET": lambda _: Opaque("a set"),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _whole_number),
    **dict.fromkeys(
        (
            "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "STRING",
            "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
        ),
        _same,
    ),
}  # fmt: skip


def _python2_text(line: bytes) -> str:
    """A quoted string of protocol 0, with its escapes."""
    inner = line.strip()[1:-1]
    return inner.decode("unicode_escape", errors="replace") if b"\\" in inner else inner.decode("latin1")


def number_type(name: Any, order: Any = "<") -> np.dtype[Any]:
    """A plain number type by its name.

    Args:
        name: Such as ``f4`` or ``float32``.
        order: ``<``, ``>``, ``=`` or ``|``.

    Returns:
        The NumPy type.

    Raises:
        DamagedPickle: It is not a type of numbers.
    """
    if not isinstance(name, str) or len(name) > 8:
        raise DamagedPickle("an array has no number type")
    try:
        found = np.dtype(name)
    except (TypeError, ValueError):
        raise DamagedPickle(f"an array is of type {name!r:.40}") from None
    if found.kind not in "biuf" or order not in ("<", ">", "=", "|"):
        raise DamagedPickle(f"an array is of type {name!r:.40}, not of numbers")
    return found.newbyteorder(order)


def _raw_array(file: BinaryIO, state: Any) -> NDArray[Any]:
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
            raise DamagedPickle(f"an array of {size} bytes is cut short")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > 8:
        raise DamagedPickle("an array has no usable shape")
    if any(type(size) is not int or not 0 <= size < 1 << 40 for size in value):
        raise DamagedPickle("an array has no usable shape")
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
    raise DamagedPickle("an array has no number type")


def _scalar_of(value: Opaque) -> Any:
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
            raise DamagedPickle(f"it nests more than {MOST_DEPTH} deep or holds more than {MOST_ENTRIES} entries")
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
            number = _scalar_of(value)
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
        except DamagedPickle as error:
            self.unknown.append(str(error))
            return None
        data = _bytes_of(raw)
        if _product(size) * number.itemsize != len(data):
            raise DamagedPickle(f"an array of shape {size} has {len(data)} bytes")
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
            raise DamagedPickle(f"a tensor of shape {shape} reaches beyond its {len(numbers)} numbers")
        if total > len(numbers) + SPARE_NUMBERS:
            raise DamagedPickle(f"a tensor of shape {shape} repeats its {len(numbers)} numbers")
        self.left -= total // 64
        byte_steps = [step * numbers.itemsize for step in steps]
        return np.lib.stride_tricks.as_strided(numbers[offset:], shape, byte_steps, writeable=False).copy()


_STORAGES: Final = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


def _storage_numbers(kind: str, data: bytes) -> NDArray[Any]:
    """The numbers of a storage; bfloat16 is the upper half of a float32."""
    if kind == "BFloat16Storage":
        upper = np.frombuffer(data[: len(data) // 2 * 2], "<u2").astype(np.uint32) << 16
        return upper.view(np.float32)
    if kind not in _STORAGES:
        raise DamagedPickle(f"a tensor is of type {kind[:40]}")
    dtype = np.dtype(_STORAGES[kind])
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
