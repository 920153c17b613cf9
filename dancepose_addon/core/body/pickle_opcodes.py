# SPDX-License-Identifier: Apache-2.0
"""The instructions of a pickle, checked before anything runs.

Unpickling hashes the keys of tables, and a tuple or a set that holds itself twice over, sixty times, takes for ever to
hash: 128 bytes are enough. So the stack of the unpickler is followed here with the kinds of its objects instead of the
objects (the kinds are those of ``pickletools``), and only text and numbers may be keys.
"""

import io
import pickletools
from typing import Any, Final

MAX_OPCODES: Final = 10_000
"""Official files need about a thousand; a million would be enough to nest tuples until Python's own code crashes."""
MAX_INTEGER_BITS: Final = 64
"""No size, index or date needs more; numbers of a million digits take hours to multiply."""

REFUSED: Final = {
    "DUP": "an object twice on its stack",
    "EMPTY_SET": "a set",
    "ADDITEMS": "a set",
    "FROZENSET": "a frozen set",
    "PERSID": "an object outside the file",
    "BINPERSID": "an object outside the file",
    "EXT1": "an object by the number of a registry",
    "EXT2": "an object by the number of a registry",
    "EXT4": "an object by the number of a registry",
    "NEXT_BUFFER": "a buffer outside the file",
    "READONLY_BUFFER": "a buffer outside the file",
}
"""What neither bodies nor motions need, and what each would bring in."""

_OPCODES: Final = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_PUTS: Final = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS: Final = ("GET", "BINGET", "LONG_BINGET")
_KEYS: Final = frozenset(
    kind.name
    for kind in (
        pickletools.pyint,
        pickletools.pylong,
        pickletools.pyinteger_or_bool,
        pickletools.pybool,
        pickletools.pyfloat,
        pickletools.pybytes_or_str,
        pickletools.pystring,
        pickletools.pybytes,
        pickletools.pyunicode,
        pickletools.pynone,
    )
)
_MARK: Final = pickletools.markobject.name


class RefusedPickleError(Exception):
    """What a file must not hold, in words."""


def check_opcodes(data: bytes) -> None:
    """Read the instructions of a pickle without running them.

    Args:
        data: The pickle.

    Raises:
        RefusedPickle: It is incomplete, has too many instructions, would reserve memory for numbers of objects, or
            holds what is not needed.
    """
    stream, stack = io.BytesIO(data), _KindStack()
    for _ in range(MAX_OPCODES):
        opcode = _OPCODES.get(stream.read(1))
        if opcode is None:
            raise RefusedPickleError("it ends too early or is not a pickle")
        if opcode.name in REFUSED:
            raise RefusedPickleError(f"it holds {REFUSED[opcode.name]}, which neither bodies nor motions need")
        argument: Any = None
        if opcode.name == "STRING":  # pickletools takes these for ASCII; Python 2 kept the bytes of arrays in them.
            stream.readline()
        elif opcode.arg is not None:
            argument = opcode.arg.reader(stream)
        if isinstance(argument, int) and argument.bit_length() > MAX_INTEGER_BITS:
            raise RefusedPickleError(f"it holds a whole number of {argument.bit_length()} bits; 64 are enough")
        stack.apply(opcode, argument)
        if opcode.name == "STOP":
            return
    raise RefusedPickleError(f"it has more than {MAX_OPCODES} instructions (limit)")


class _KindStack:
    """The kinds of the objects on the unpickler's stack and in its memo."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.memo: dict[int, str] = {}

    def apply(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do to the kinds what the instruction would do to the objects."""
        name = opcode.name
        if name in _PUTS or name == "MEMOIZE":
            number = len(self.memo) if name == "MEMOIZE" else int(argument)
            if not 0 <= number <= MAX_OPCODES:
                raise RefusedPickleError(f"it numbers an object {number}")
            self.memo[number] = self._top()
        elif name in _GETS:
            if int(argument) not in self.memo:
                raise RefusedPickleError("it refers to an object that it does not hold")
            self.kinds.append(self.memo[int(argument)])
        elif name in ("POP", "BUILD", "APPEND"):
            self._pop(1)
        elif name == "SETITEM":
            self._require_keys(self._pop(2))
        elif name in ("SETITEMS", "APPENDS", "POP_MARK"):
            items = self._pop_to_mark()
            if name == "SETITEMS":
                self._require_keys(items)
        elif _MARK in (kind.name for kind in opcode.stack_before):
            items = self._pop_to_mark()
            if name == "DICT":
                self._require_keys(items)
            self.kinds += [kind.name for kind in opcode.stack_after]
        else:
            self._pop(len(opcode.stack_before))
            self.kinds += [kind.name for kind in opcode.stack_after]

    def _top(self) -> str:
        if not self.kinds:
            raise RefusedPickleError("it names an object before there is one")
        return self.kinds[-1]

    def _pop(self, count: int) -> list[str]:
        if len(self.kinds) < count:
            raise RefusedPickleError("it takes more objects than there are")
        taken = self.kinds[len(self.kinds) - count :]
        del self.kinds[len(self.kinds) - count :]
        return taken

    def _pop_to_mark(self) -> list[str]:
        for place in range(len(self.kinds) - 1, -1, -1):
            if self.kinds[place] == _MARK:
                taken = self.kinds[place + 1 :]
                del self.kinds[place:]
                return taken
        raise RefusedPickleError("it ends a list that it did not begin")

    @staticmethod
    def _require_keys(items: list[str]) -> None:
        """Refuse keys that are neither text nor numbers. items: keys and values by turns."""
        for kind in items[::2]:
            if kind not in _KEYS:
                raise RefusedPickleError("a key of a table is neither text nor a number")
