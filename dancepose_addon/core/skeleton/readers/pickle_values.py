# SPDX-License-Identifier: Apache-2.0
"""The data in pickles of PyTorch, joblib and tables with foreign objects, read without making any object.

``pickle`` is not used: the instructions are interpreted here, and they can only build text, numbers, lists and tables.
A class or function that a file names becomes an ``Opaque``, a record of the name and its arguments; arrays and tensors
are recognised among these afterwards, by ``pickle_arrays``. Everything else stays opaque and is left out, so a member
that is not needed does not prevent reading.

The instructions are those of the Python documentation of ``pickletools``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
import pickletools
from typing import Any, BinaryIO, Final

from .pickle_arrays import DamagedPickleError, Opaque, Storage, raw_array, scalar_of

MOST_INSTRUCTIONS: Final = 300_000
"""A clip of several persons with a table for each frame needs about a hundred thousand."""
MOST_NUMBER_BYTES: Final = 16
MOST_NESTED: Final = 4
WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
TABLES: Final = ("collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict")
_OPCODES: Final = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_MARK: Final = object()


@dataclass
class PickleReader:
    """Interprets the instructions of one pickle.

    Attributes:
        file: At the start of the pickle; left behind its end.
        has_raw_arrays: Whether arrays follow their description as raw bytes, as joblib writes them.
        depth: Number of enclosing pickles.
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
            DamagedPickleError: The instructions are incomplete, impossible or too many.
        """
        for _ in range(MOST_INSTRUCTIONS):
            opcode = _OPCODES.get(self.file.read(1))
            if opcode is None:
                raise DamagedPickleError("it ends too early or is not a pickle")
            if opcode.name == "STRING":
                argument: Any = _python2_text(self.file.readline())
            else:
                argument = None if opcode.arg is None else opcode.arg.reader(self.file)
            if opcode.name == "STOP":
                return self._pop()
            self._apply(opcode.name, argument)
        raise DamagedPickleError(f"it has more than {MOST_INSTRUCTIONS} instructions")

    def _pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise DamagedPickleError("it takes more objects than there are")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise DamagedPickleError("it ends a list that it did not begin")

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
            raise DamagedPickleError(f"it has the instruction {name}, which no motion needs")

    def _put(self, number: int) -> None:
        if not self.stack or not 0 <= number <= MOST_INSTRUCTIONS:
            raise DamagedPickleError(f"it numbers an object {number}")
        self.memo[number] = self.stack[-1]

    def _get(self, number: int) -> None:
        if number not in self.memo:
            raise DamagedPickleError("it refers to an object that it does not hold")
        self.stack.append(self.memo[number])

    def _call(self, arguments: Any, function: Any) -> None:
        if not isinstance(function, Opaque) or not isinstance(arguments, tuple):
            raise DamagedPickleError("it calls what is not a function")
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
                raise DamagedPickleError(f"arrays of objects are nested more than {MOST_NESTED} deep")
            return PickleReader(self.file, has_raw_arrays=True, depth=self.depth + 1).read()
        return raw_array(self.file, state)


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
            key = scalar_of(key)
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


_HANDLERS: Final[dict[str, Callable[[PickleReader, Any], object]]] = {
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
        raise DamagedPickleError("it holds a whole number of more than 16 bytes")
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
