# SPDX-License-Identifier: Apache-2.0
"""Pickles of bodies and of motion, read without executing anything in them.

SMPL's official files are Python 2 pickles that hold NumPy arrays, chumpy expressions and scipy sparse matrices; those
of data sets hold NumPy arrays in tables and lists. Every name that a pickle asks for is looked up in one table of
placeholder classes (``pickle_placeholders``); any other name is refused. Placeholders are turned into arrays later, by
arithmetic written here, so neither chumpy nor scipy nor NumPy's own reconstructors are called. The instructions are
checked first (``pickle_opcodes``), and what is made from them has one budget per file, so that an object that is
referred to a thousand times is not copied a thousand times.

A class is never handed out that lacks ``__setstate__``: unpickling would otherwise write into its attributes.
"""

import io
import math
from pathlib import Path
import pickle
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bounded_files import brief, read_whole
from ..errors import BodyFileError, FormatError
from ..printable_text import quoted
from .pickle_opcodes import RefusedPickleError, check_opcodes
from .pickle_placeholders import (
    BODY_CLASSES,
    MOTION_CLASSES,
    PickledArray,
    PickledChumpy,
    PickledCsc,
    PickledSparse,
    PickledText,
)

MAX_BYTES: Final = 1 << 30
"""Of a pickle: SMPL's bodies have up to 300 MB with 300 shape directions."""
MAX_MADE: Final = 1 << 26
"""Elements that are made from one file by expanding, selecting and decoding: ten times a body with 300 shape
directions."""
MAX_DEPTH: Final = 8
"""Nesting of tables, lists and expressions; official files need three."""
MAX_ENTRIES: Final = 100_000
"""Of all the lists and tables of a motion file together: a list that holds itself many times over is refused."""
NAME_LENGTH: Final = 100
"""Characters that are quoted of the name of a class."""

ADVICE: Final = "Use a file from the model's own site, or convert it to .npz."
MOTION_ADVICE: Final = "Write the motion's arrays to an .npz with numpy.savez instead."


def load_smpl_pickle(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an SMPL-format .pkl.

    Args:
        path: Of the file.

    Returns:
        The arrays by key. Sparse matrices are dense, text is an array of one string.

    Raises:
        MissingFileError: The file cannot be read.
        BodyFileError: It is damaged, asks for a name that an SMPL file does not need, or is not a table of arrays.
    """
    try:
        data = read_whole(path, limit_bytes=MAX_BYTES, what="an SMPL .pkl")
    except FormatError as error:
        raise BodyFileError(f"{error} {ADVICE}") from error
    try:
        check_opcodes(data)
        table = _Unpickler(io.BytesIO(data), fix_imports=False, encoding="latin1").load()
        if not isinstance(table, dict):
            raise RefusedPickleError(  # noqa: TRY301 - worded below, with the others
                f"it holds a {_kind(table)} where a table of arrays is expected"
            )
        resolver = _Resolver()
        return {str(key): resolver.array(value) for key, value in table.items() if not isinstance(value, _DROPPED)}
    except RefusedPickleError as error:
        raise BodyFileError(f"{path} was refused as a body: {error}. {ADVICE}") from error
    except Exception as error:  # Damaged or hostile bytes can make the unpickler raise nearly any built-in exception.
        raise BodyFileError(f"{path} is damaged or not an SMPL pickle ({brief(error)}). {ADVICE}") from error


def load_motion_pickle(data: bytes, source: str) -> Any:
    """Read what a pickle of motion holds: tables, lists, text, numbers and arrays of numbers, nested.

    Args:
        data: The file's bytes, or those that follow the header of an .npy of objects.
        source: Name of the file, for messages.

    Returns:
        The content, with tuples as lists.

    Raises:
        FormatError: It is damaged, or asks for anything but NumPy's own reconstructors, which is named.
    """
    try:
        check_opcodes(data)
        value = _MotionUnpickler(io.BytesIO(data), fix_imports=False, encoding="latin1").load()
        return _PlainValues().make(value)
    except RefusedPickleError as error:
        raise FormatError(f"{source} was refused: {error}. {MOTION_ADVICE}") from error
    except Exception as error:  # As above.
        raise FormatError(f"{source} is damaged or not a pickle ({brief(error)}). {MOTION_ADVICE}") from error


_DROPPED: Final = (type(None), list, tuple, dict)


def _kind(value: Any) -> str:
    """The type of a value, in a word for messages."""
    return type(value).__name__.removeprefix("Pickled").lower()


class _Resolver:
    """Turns the placeholders of one file into arrays, with one budget of elements for all of them."""

    def __init__(self) -> None:
        self._left = MAX_MADE

    def array(self, value: Any, depth: int = 0) -> NDArray[Any]:
        """The array that a value of the file describes."""
        if depth > MAX_DEPTH:
            raise RefusedPickleError(f"expressions nested more than {MAX_DEPTH} deep (limit)")
        if isinstance(value, PickledSparse):
            if depth:
                raise RefusedPickleError("a sparse matrix is a part of another value")
            return self._dense(value)
        if isinstance(value, PickledChumpy):
            return self._expression(value.state, depth + 1)
        if isinstance(value, PickledArray):
            return self._numbers(value)
        if isinstance(value, str | int | float | bool):
            return np.array(value)
        raise RefusedPickleError(f"it holds a {_kind(value)} where numbers are expected")

    def encoded(self, value: PickledText) -> bytes:
        """The bytes of text."""
        self._spend(len(value.text))
        return value.text.encode("latin1")

    def _spend(self, elements: int) -> None:
        self._left -= elements
        if self._left < 0:
            raise RefusedPickleError(f"its expressions make more than {MAX_MADE} numbers (limit)")

    def _numbers(self, array: PickledArray) -> NDArray[Any]:
        if array.objects is not None:
            raise RefusedPickleError("an array holds objects, not numbers")
        if array.value is None:
            if array.state is None:
                raise RefusedPickleError("an array was left empty")
            shape, number, is_fortran, raw = array.state
            if isinstance(raw, PickledText):
                raw = self.encoded(raw)
            elif isinstance(raw, str):
                self._spend(len(raw))
                raw = raw.encode("latin1")
            array.value = np.frombuffer(raw, number).reshape(shape, order="F" if is_fortran else "C")
        return array.value

    def _expression(self, state: dict[Any, Any], depth: int) -> NDArray[Any]:
        if "x" in state:
            return self.array(state["x"], depth)
        if "a" not in state or "idxs" not in state:
            keys = ", ".join(str(key) for key in list(state)[:8]) or "nothing"
            raise RefusedPickleError(f"a chumpy expression holds {quoted(keys)} and no value")
        source, chosen = self.array(state["a"], depth), self.array(state["idxs"], depth)
        self._spend(source.size + chosen.size)
        result: NDArray[Any] = source.ravel()[chosen]
        shape = state.get("preferred_shape")
        return result if shape is None else result.reshape(self._shape(shape, depth))

    def _shape(self, value: Any, depth: int) -> list[int]:
        sizes = value if isinstance(value, tuple | list) else np.atleast_1d(self.array(value, depth))
        if len(sizes) > 8:
            raise RefusedPickleError(f"a shape of {len(sizes)} axes")
        return [int(size) for size in sizes]

    def _dense(self, matrix: PickledSparse) -> NDArray[Any]:
        """The matrix, dense. Entries named twice are summed, as the format wants."""
        state = matrix.state
        size = self._shape(state.get("_shape", state.get("shape", ())), 1)
        if len(size) != 2 or min(size) < 0:
            raise RefusedPickleError(f"a sparse matrix of shape {tuple(size)}")
        self._spend(math.prod(size))
        data = self.array(state["data"], 1)
        if "indptr" in state:
            inner = self.array(state["indices"], 1)
            runs = np.diff(self.array(state["indptr"], 1).astype(np.int64))
            by_column = isinstance(matrix, PickledCsc)
            if runs.size != size[by_column] or (runs < 0).any() or runs.sum() != inner.size:
                raise RefusedPickleError("a sparse matrix whose parts do not fit each other")
            outer = np.repeat(np.arange(runs.size), runs)
            rows, columns = (inner, outer) if by_column else (outer, inner)
        elif "coords" in state:
            rows, columns = (self.array(part, 1) for part in state["coords"][:3])
        else:
            rows, columns = self.array(state["row"], 1), self.array(state["col"], 1)
        placed = np.stack([rows, columns]) if rows.size == columns.size == data.size else None
        if placed is None or (placed < 0).any() or (placed >= np.array(size)[:, None]).any():
            raise RefusedPickleError("a sparse matrix whose parts do not fit each other")
        dense = np.zeros(size, data.dtype)
        np.add.at(dense, tuple(placed), data)
        return dense


class _PlainValues:
    """Turns what was unpickled into plain values, and counts them."""

    def __init__(self) -> None:
        self._left = MAX_ENTRIES
        self._resolver = _Resolver()

    def make(self, value: Any, depth: int = 0) -> Any:
        """The value, with placeholders as arrays and tuples as lists."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise RefusedPickleError(
                f"it nests more than {MAX_DEPTH} deep or holds more than {MAX_ENTRIES} entries (limits)"
            )
        if isinstance(value, dict):
            return {str(key): self.make(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.make(item, depth + 1) for item in value]
        if isinstance(value, PickledArray) and value.objects is not None:
            # A table that numpy.save wrapped in an array of one object is that table.
            items = [self.make(item, depth + 1) for item in value.objects]
            return items[0] if len(items) == 1 else items
        if isinstance(value, PickledArray):
            return self._resolver.array(value)
        if isinstance(value, PickledText):
            return self._resolver.encoded(value)
        if value is None or isinstance(value, str | bytes | int | float | bool):
            return value
        raise RefusedPickleError(f"it holds a {_kind(value)} where numbers are expected")


class _Unpickler(pickle.Unpickler):
    """Looks names up in the table for bodies."""

    def find_class(self, module: str, name: str) -> Any:
        """The placeholder of that name, and nothing else."""
        if module.split(".")[0] == "chumpy":
            return PickledChumpy
        try:
            return BODY_CLASSES[module, name]
        except KeyError:
            raise _unknown(module, name, "SMPL file") from None


class _MotionUnpickler(pickle.Unpickler):
    """Looks names up in the table for motions."""

    def find_class(self, module: str, name: str) -> Any:
        """The placeholder of that name, and nothing else."""
        try:
            return MOTION_CLASSES[module, name]
        except KeyError:
            raise _unknown(module, name, "motion") from None


def _unknown(module: str, name: str, kind: str) -> RefusedPickleError:
    full = quoted(f"{module}.{name}", NAME_LENGTH)
    return RefusedPickleError(f"it asks for {full}, which no {kind} needs; nothing was executed")
