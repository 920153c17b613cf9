"""Pickles of bodies and of motion, read without executing anything in them.

SMPL's official files are Python 2 pickles that hold NumPy arrays, chumpy expressions and scipy sparse matrices; those
of data sets hold NumPy arrays in tables and lists. Every name that a pickle asks for is looked up in one table of
stand-ins below; what is not there is refused by its name. A stand-in keeps what it is given and is turned into an array
afterwards, by arithmetic written here, so neither chumpy nor scipy nor NumPy's own reconstructors are called. The names
themselves are those of the file format.

A class is never handed out that lacks ``__setstate__``: unpickling would otherwise write into its attributes.
"""

import io
import math
from pathlib import Path
import pickle
import pickletools
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BodyFileError, FormatError, MissingFileError

MAX_BYTES: Final = 2 << 30
MAX_ITEMS: Final = 1 << 28
"""Largest array that is made from a sparse matrix or an index: 300 shape directions of a body are 2 % of it."""
MAX_OPCODES: Final = 10_000
"""Official files need about a thousand; a million would be enough to nest tuples until Python's own code crashes."""
MAX_DEPTH: Final = 8
MAX_ENTRIES: Final = 100_000
"""Of all the lists and tables of a motion file together: a list that holds itself many times over is refused."""

ADVICE: Final = "Use a file from the model's own site, or convert it to .npz."
MOTION_ADVICE: Final = "Write the motion's arrays to an .npz with numpy.savez instead."


def load_smpl_pickle(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an SMPL-format .pkl by key; sparse matrices come dense, text as arrays of one string.

    Raises:
        MissingFileError: the file cannot be read.
        BodyFileError: it is damaged, asks for a name that an SMPL file does not need, or is not a table of arrays.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BodyFileError(f"{path} is larger than {MAX_BYTES >> 30} GB, which no SMPL body is. {ADVICE}")
        data = path.read_bytes()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give the path of an SMPL .pkl.") from error
    try:
        _scan(data)
        table = _Unpickler(io.BytesIO(data), fix_imports=False, encoding="latin1").load()
        if not isinstance(table, dict):
            raise _Refused(f"it holds a {type(table).__name__} where a table of arrays is expected")
        arrays = {str(key): _resolve(value) for key, value in table.items() if not isinstance(value, _DROPPED)}
    except _Refused as error:
        raise BodyFileError(f"{path} was refused as a body: {error}. {ADVICE}") from error
    except Exception as error:  # Damaged or hostile bytes can make the unpickler raise nearly any built-in exception.
        reason = str(error) or type(error).__name__
        raise BodyFileError(f"{path} is damaged or not an SMPL pickle ({reason}). {ADVICE}") from error
    return arrays


def load_motion_pickle(data: bytes, source: str) -> Any:
    """What a pickle of motion holds: tables, lists, text, numbers and arrays of numbers, nested.

    data: the file's bytes, or those that follow the header of an .npy of objects.

    Raises:
        FormatError: it is damaged, or asks for anything but NumPy's own reconstructors, which is named.
    """
    try:
        _scan(data)
        value = _MotionUnpickler(io.BytesIO(data), fix_imports=False, encoding="latin1").load()
        return _Plain().make(value)
    except _Refused as error:
        raise FormatError(f"{source} was refused: {error}. {MOTION_ADVICE}") from error
    except Exception as error:  # As above.
        reason = str(error) or type(error).__name__
        raise FormatError(f"{source} is damaged or not a pickle ({reason}). {MOTION_ADVICE}") from error


class _Refused(Exception):
    """What a file must not hold, in words."""


_DROPPED: Final = (type(None), list, tuple, dict)


_OPCODES: Final = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}


def _scan(data: bytes) -> None:
    """Read the opcodes without running them: complete, few, and no memo index that would reserve gigabytes."""
    stream = io.BytesIO(data)
    for _ in range(MAX_OPCODES):
        opcode = _OPCODES.get(stream.read(1))
        if opcode is None:
            raise _Refused("it ends before its time or is no pickle")
        if opcode.name == "STRING":  # pickletools takes these for ASCII; Python 2 kept the bytes of arrays in them.
            stream.readline()
            continue
        argument: Any = None if opcode.arg is None else opcode.arg.reader(stream)
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument) > MAX_OPCODES:
            raise _Refused(f"it numbers an object {argument}")
        if opcode.name == "STOP":
            return
    raise _Refused(f"it has more than {MAX_OPCODES} instructions")


class _Array:
    """A NumPy array in the making: what ``ndarray.__setstate__`` would be given."""

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None
        self.objects: list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, is_fortran, raw = state
        if not isinstance(dtype, _Dtype):
            raise _Refused("an array has no number type")
        if isinstance(raw, list) and dtype.name.startswith("O"):
            self.objects = raw
            return
        data = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(data, bytes):
            raise _Refused("an array holds objects, not numbers")
        shape = tuple(int(size) for size in shape)
        number = dtype.number()
        if any(size < 0 for size in shape) or math.prod(shape) * number.itemsize != len(data):
            raise _Refused(f"an array of shape {shape} has {len(data)} bytes")
        self.value = np.frombuffer(data, number).reshape(shape, order="F" if is_fortran else "C")


class _Dtype:
    """A number type in the making: a type string such as ``f8``, and the byte order that follows as its state."""

    def __init__(self, name: Any, _align: Any = 0, _copy: Any = 1) -> None:
        self.name, self.order = str(name), "="

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def number(self) -> np.dtype[Any]:
        """The NumPy type, if it is a plain number."""
        if len(self.name) > 3 or self.name[:1] not in "biuf" or self.order not in "<>=|":
            raise _Refused(f"an array is of type {self.order}{self.name}, not of numbers")
        return np.dtype(self.name).newbyteorder(self.order)  # type: ignore[arg-type]


class _Scalar:
    """``numpy.core.multiarray.scalar(dtype, bytes)``."""

    def __new__(cls, dtype: Any, raw: Any) -> Any:
        array = _Array()
        array.__setstate__((1, (), dtype, False, raw))
        return array

    def __setstate__(self, state: Any) -> None:
        raise _Refused("a number has a state")


class _Reconstruct:
    """``numpy.core.multiarray._reconstruct(ndarray, (0,), b'b')``: an empty array whose state follows."""

    def __new__(cls, kind: Any, _shape: Any, _typecode: Any) -> Any:
        if kind is not _Array:
            raise _Refused("an array of an unknown class")
        return _Array()

    def __setstate__(self, state: Any) -> None:
        raise _Refused("an array without a class has a state")


class _FromBuffer:
    """``numpy.core.numeric._frombuffer(bytes, dtype, shape, order)``: an array in protocol 5."""

    def __new__(cls, raw: Any, dtype: Any, shape: Any, order: Any) -> Any:
        array = _Array()
        array.__setstate__((1, shape, dtype, order == "F", bytes(raw) if isinstance(raw, bytearray) else raw))
        return array

    def __setstate__(self, state: Any) -> None:
        raise _Refused("an array without a class has a state")


class _Encode:
    """``_codecs.encode(text, 'latin1')``: how Python 3 writes bytes into a Python 2 pickle."""

    def __new__(cls, text: Any, encoding: Any = "latin1") -> Any:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise _Refused(f"text in the encoding {encoding!r}")
        return text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise _Refused("text has a state")


class _Object:
    """``object``: only ever named as the base of the next one."""

    def __setstate__(self, state: Any) -> None:
        raise _Refused("a plain object has a state")


class _Reconstructor:
    """``copy_reg._reconstructor(class, object, None)``: how protocols 0 and 1 make an instance."""

    def __new__(cls, kind: Any, base: Any, state: Any) -> Any:
        if not issubclass(kind, _Chumpy | _Sparse) or base is not _Object or state is not None:
            raise _Refused("an object of an unknown class")
        return kind()

    def __setstate__(self, state: Any) -> None:
        raise _Refused("an object without a class has a state")


class _Chumpy:
    """Any chumpy expression: a value (``x``), or a selection (``a.ravel()[idxs]`` in ``preferred_shape``)."""

    def __init__(self) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise _Refused("a chumpy expression without a table of values")
        self.state = state

    def resolve(self, depth: int) -> NDArray[Any]:
        """The array that the expression stands for."""
        if "x" in self.state:
            return _resolve(self.state["x"], depth)
        if "a" in self.state and "idxs" in self.state:
            chosen = _resolve(self.state["a"], depth).ravel()[_resolve(self.state["idxs"], depth)]
            if chosen.size > MAX_ITEMS:
                raise _Refused("a chumpy selection is larger than any body")
            shape = self.state.get("preferred_shape")
            return chosen if shape is None else chosen.reshape(tuple(int(size) for size in _numbers(shape)))
        keys = ", ".join(sorted(str(key) for key in self.state)) or "nothing"
        raise _Refused(f"a chumpy expression holds {keys[:80]} and no value")


class _Sparse:
    """A scipy matrix in csc, csr or coo form."""

    def __init__(self) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise _Refused("a sparse matrix without a table of values")
        self.state = state

    def resolve(self, depth: int) -> NDArray[Any]:
        """The matrix, dense. Entries named twice are summed, as the format wants."""
        size = [int(value) for value in _numbers(self.state.get("_shape", self.state.get("shape", ())))]
        if len(size) != 2 or min(size) < 0 or math.prod(size) > MAX_ITEMS:
            raise _Refused(f"a sparse matrix of shape {size}")
        data = _resolve(self.state["data"], depth)
        if "indptr" in self.state:
            inner = _resolve(self.state["indices"], depth)
            runs = np.diff(_resolve(self.state["indptr"], depth).astype(np.int64))
            by_column = isinstance(self, _ByColumn)
            if runs.size != size[by_column] or (runs < 0).any() or runs.sum() != inner.size:
                raise _Refused("a sparse matrix whose parts do not fit each other")
            outer = np.repeat(np.arange(runs.size), runs)
            rows, columns = (inner, outer) if by_column else (outer, inner)
        elif "coords" in self.state:
            rows, columns = (_resolve(part, depth) for part in self.state["coords"])
        else:
            rows, columns = _resolve(self.state["row"], depth), _resolve(self.state["col"], depth)
        placed = np.stack([rows, columns]) if rows.size == columns.size == data.size else None
        if placed is None or (placed < 0).any() or (placed >= np.array(size)[:, None]).any():
            raise _Refused("a sparse matrix whose parts do not fit each other")
        dense = np.zeros(size, data.dtype)
        np.add.at(dense, tuple(placed), data)
        return dense


class _ByColumn(_Sparse):
    """csc: compressed by column; csr and coo need no such mark."""


def _numbers(value: Any) -> Any:
    return value if isinstance(value, tuple | list) else np.atleast_1d(_resolve(value))


def _resolve(value: Any, depth: int = 0) -> NDArray[Any]:
    if depth > MAX_DEPTH:
        raise _Refused(f"expressions nested more than {MAX_DEPTH} deep")
    if isinstance(value, _Chumpy | _Sparse):
        return value.resolve(depth + 1)
    if isinstance(value, _Array):
        if value.objects is not None:
            raise _Refused("an array holds objects, not numbers")
        if value.value is None:
            raise _Refused("an array was left empty")
        return value.value
    if isinstance(value, str | int | float | bool):
        return np.array(value)
    raise _Refused(f"it holds a {type(value).__name__.strip('_').lower()} where numbers are expected")


class _Plain:
    """Turns what was unpickled into plain values, and counts them."""

    def __init__(self) -> None:
        self.left = MAX_ENTRIES

    def make(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise _Refused(f"it nests more than {MAX_DEPTH} deep or holds more than {MAX_ENTRIES} entries")
        if isinstance(value, dict):
            return {str(key): self.make(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.make(item, depth + 1) for item in value]
        if isinstance(value, _Array) and value.objects is not None:
            # A table that numpy.save wrapped in an array of one object is that table.
            items = [self.make(item, depth + 1) for item in value.objects]
            return items[0] if len(items) == 1 else items
        if isinstance(value, _Array | _Chumpy):
            return _resolve(value)
        if value is None or isinstance(value, str | bytes | int | float | bool):
            return value
        raise _Refused(f"it holds a {type(value).__name__.strip('_').lower()} where numbers are expected")


_MOTION_STAND_INS: Final[dict[tuple[str, str], type]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Encode,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _Reconstruct),
            ("multiarray", "scalar", _Scalar),
            ("numeric", "_frombuffer", _FromBuffer),
        )
    },
}
"""NumPy's reconstructors, under their names before and since NumPy 2."""

_STAND_INS: Final[dict[tuple[str, str], type]] = {
    **_MOTION_STAND_INS,
    ("copy_reg", "_reconstructor"): _Reconstructor,
    ("copyreg", "_reconstructor"): _Reconstructor,
    ("__builtin__", "object"): _Object,
    ("builtins", "object"): _Object,
    **{
        (f"scipy.sparse.{prefix}{form}", f"{form}_{kind}"): _ByColumn if form == "csc" else _Sparse
        for form in ("csc", "csr", "coo")
        for prefix in ("", "_")
        for kind in ("matrix", "array")
    },
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of that name, and nothing else."""
        if module.split(".")[0] == "chumpy":
            return _Chumpy
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _Refused(f"it asks for {module}.{name}, which no SMPL file needs; nothing was executed") from None

    def persistent_load(self, pid: Any) -> Any:
        """Objects kept outside the file: there are none for an SMPL body."""
        raise _Refused(f"it refers to an object outside the file ({pid})")


class _MotionUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of that name, and nothing else."""
        try:
            return _MOTION_STAND_INS[module, name]
        except KeyError:
            raise _Refused(f"it asks for {module}.{name}, which no motion needs; nothing was executed") from None

    def persistent_load(self, pid: Any) -> Any:
        """Objects kept outside the file: there are none for a motion."""
        raise _Refused(f"it refers to an object outside the file ({pid})")
