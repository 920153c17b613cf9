# SPDX-License-Identifier: Apache-2.0
"""What an unpickler hands out instead of the classes and functions that a pickle names.

Each keeps what it is given and computes nothing, so a pickle cannot make this program do anything. ``pickles`` turns
them into arrays.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..printable_text import quoted
from .pickle_opcodes import RefusedPickleError


class PickledArray:
    """A NumPy array in the making: what ``ndarray.__setstate__`` would be given."""

    def __init__(self) -> None:
        self.state: tuple[tuple[int, ...], np.dtype[Any], bool, Any] | None = None
        self.value: NDArray[Any] | None = None
        self.objects: list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, is_fortran, raw = state
        if not isinstance(dtype, PickledDtype):
            raise RefusedPickleError("an array has no number type")
        if isinstance(raw, list) and dtype.name.startswith("O"):
            self.objects = raw
            return
        if not isinstance(raw, str | bytes | bytearray | PickledText):
            raise RefusedPickleError("an array holds objects, not numbers")
        if not isinstance(shape, tuple | list) or any(type(size) is not int or size < 0 for size in shape[:65]):
            raise RefusedPickleError("an array has no usable shape")
        if len(shape) > 32:
            raise RefusedPickleError(f"an array has {len(shape)} axes")
        number = dtype.number()
        length = len(raw.text) if isinstance(raw, PickledText) else len(raw)
        if math.prod(shape) * number.itemsize != length:
            raise RefusedPickleError(f"an array of shape {tuple(shape[:8])} has {length} bytes")
        self.state = tuple(shape), number, bool(is_fortran), raw


class PickledDtype:
    """A number type in the making: a type string such as ``f8``, and the byte order that follows as its state."""

    def __init__(self, name: Any, _align: Any = 0, _copy: Any = 1) -> None:
        if not isinstance(name, str):
            raise RefusedPickleError("the type of an array is not text")
        self.name, self.order = name, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or not isinstance(state[1], str):
            raise RefusedPickleError("the byte order of an array is not text")
        self.order = state[1]

    def number(self) -> np.dtype[Any]:
        """The NumPy type, if it is a plain number."""
        if len(self.name) > 3 or self.name[:1] not in "biuf" or self.order not in ("<", ">", "=", "|"):
            raise RefusedPickleError(f"an array is of type {quoted(self.order + self.name)}, not of numbers")
        return np.dtype(self.name).newbyteorder(self.order)  # type: ignore[arg-type]


class _Scalar:
    """``numpy.core.multiarray.scalar(dtype, bytes)``."""

    def __new__(cls, dtype: Any, raw: Any) -> Any:
        array = PickledArray()
        array.__setstate__((1, (), dtype, False, raw))
        return array

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("a number has a state")


class _Reconstruct:
    """``numpy.core.multiarray._reconstruct(ndarray, (0,), b'b')``: an empty array whose state follows."""

    def __new__(cls, kind: Any, _shape: Any, _typecode: Any) -> Any:
        if kind is not PickledArray:
            raise RefusedPickleError("an array of an unknown class")
        return PickledArray()

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("an array without a class has a state")


class _FromBuffer:
    """``numpy.core.numeric._frombuffer(bytes, dtype, shape, order)``: an array in protocol 5."""

    def __new__(cls, raw: Any, dtype: Any, shape: Any, order: Any) -> Any:
        array = PickledArray()
        array.__setstate__((1, shape, dtype, order == "F", raw))
        return array

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("an array without a class has a state")


class PickledText:
    """``_codecs.encode(text, 'latin1')``: how Python 3 writes bytes into a Python 2 pickle. Encoded where needed."""

    def __init__(self, text: Any, encoding: Any = "latin1") -> None:
        if not isinstance(text, str) or not isinstance(encoding, str) or encoding not in ("latin1", "latin-1"):
            raise RefusedPickleError(f"text in the encoding {quoted(encoding)}")
        self.text = text

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("text has a state")


class _Object:
    """``object``: only ever named as the base of the next one."""

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("a plain object has a state")


class _Reconstructor:
    """``copy_reg._reconstructor(class, object, None)``: how protocols 0 and 1 make an instance."""

    def __new__(cls, kind: Any, base: Any, state: Any) -> Any:
        if not isinstance(kind, type) or not issubclass(kind, PickledChumpy | PickledSparse):
            raise RefusedPickleError("an object of an unknown class")
        if base is not _Object or state is not None:
            raise RefusedPickleError("an object of an unknown class")
        return kind()

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickleError("an object without a class has a state")


class PickledChumpy:
    """Any chumpy expression: a value (``x``), or a selection (``a.ravel()[idxs]`` in ``preferred_shape``)."""

    def __init__(self) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise RefusedPickleError("a chumpy expression without a table of values")
        self.state = state


class PickledSparse:
    """A scipy matrix in csc, csr or coo form."""

    def __init__(self) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise RefusedPickleError("a sparse matrix without a table of values")
        self.state = state


class PickledCsc(PickledSparse):
    """csc: compressed by column; csr and coo need no such mark."""


MOTION_CLASSES: Final[dict[tuple[str, str], type]] = {
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("_codecs", "encode"): PickledText,
    **{
        (f"numpy.{core}.{module}", name): placeholder
        for core in ("core", "_core")
        for module, name, placeholder in (
            ("multiarray", "_reconstruct", _Reconstruct),
            ("multiarray", "scalar", _Scalar),
            ("numeric", "_frombuffer", _FromBuffer),
        )
    },
}
"""NumPy's reconstructors, under their names before and since NumPy 2."""

BODY_CLASSES: Final[dict[tuple[str, str], type]] = {
    **MOTION_CLASSES,
    ("copy_reg", "_reconstructor"): _Reconstructor,
    ("copyreg", "_reconstructor"): _Reconstructor,
    ("__builtin__", "object"): _Object,
    ("builtins", "object"): _Object,
    **{
        (f"scipy.sparse.{prefix}{form}", f"{form}_{kind}"): PickledCsc if form == "csc" else PickledSparse
        for form in ("csc", "csr", "coo")
        for prefix in ("", "_")
        for kind in ("matrix", "array")
    },
}
