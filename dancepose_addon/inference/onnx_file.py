# SPDX-License-Identifier: Apache-2.0
"""Reading ONNX files with the standard library and NumPy.

A protobuf message is a row of fields, each a key (field number and wire type) and a value. Only the messages that a
regressor needs are read; numbers of fields and types are those of ``onnx.proto3`` (ONNX IR version 10). Subgraphs and
data outside the file are refused: neither occurs in a regressor, and both are ways to make a reader hang or stray.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import math
import struct
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.bounded_files import brief
from ..core.errors import RegressorError
from ..core.printable_text import quoted

Array: TypeAlias = NDArray[Any]
Field: TypeAlias = tuple[int, int, int, memoryview]
"""Field number, wire type, the number of a varint (else 0), the bytes of anything else."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# TensorProto.DataType -> (element type, field that holds the elements where raw_data does not)
TENSOR_TYPES: Final[Mapping[int, tuple[np.dtype[Any], int]]] = {
    1: (np.dtype("<f4"), 4),
    2: (np.dtype("u1"), 5),
    3: (np.dtype("i1"), 5),
    6: (np.dtype("<i4"), 5),
    7: (np.dtype("<i8"), 7),
    9: (np.dtype("?"), 5),
    10: (np.dtype("<f2"), 5),
    11: (np.dtype("<f8"), 10),
}
MAX_DIMENSIONS: Final = 8


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        op: Name of the operator.
        inputs: Names of values; "" where an optional one is left out.
        outputs: Names of values.
        attributes: By name.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxModel:
    """What a regressor's file holds.

    Attributes:
        nodes: Operations in their order.
        initialisers: Weights by name.
        inputs: Names of the inputs that are not weights.
        outputs: Names of the outputs.
        metadata: The file's own strings.
        opset: Version of the standard operators.
    """

    nodes: tuple[Node, ...]
    initialisers: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]
    opset: int


def parse_model(data: bytes, source: str) -> OnnxModel:
    """Read the bytes of an ONNX file.

    Args:
        data: The file.
        source: Its name, for messages.

    Returns:
        What it holds.

    Raises:
        RegressorError: The bytes are truncated, not ONNX, or hold what a regressor does not need.
    """
    try:
        return _model(memoryview(data))
    except (ValueError, OverflowError, UnicodeDecodeError, struct.error, MemoryError) as error:
        raise RegressorError(
            f"{source} cannot be read as an ONNX regressor ({brief(error)}). It may be truncated: copy, download or "
            "export it again."
        ) from error


def with_constants(data: bytes, constants: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Turn inputs into weights, so that a runtime computes once what follows from them.

    Args:
        data: A file that ``parse_model`` reads.
        constants: Values by the name of the input.

    Returns:
        The new file.
    """
    parts = []
    for number, wire, integer, body in _fields(memoryview(data)):
        if number != 7:
            parts.append(_field(number, wire, integer, body))
            continue
        graph = [
            _field(*inner)
            for inner in _fields(body)
            if not (inner[0] == 11 and _value_name(inner[3]) in constants)  # an input that is given
        ]
        for name, value in constants.items():
            tensor = b"".join(_field(1, VARINT, size, memoryview(b"")) for size in value.shape)
            tensor += _field(2, VARINT, 1, memoryview(b""))  # float32
            tensor += _field(8, BYTES, 0, memoryview(name.encode()))
            tensor += _field(9, BYTES, 0, memoryview(value.astype("<f4").tobytes()))
            graph.append(_field(5, BYTES, 0, memoryview(tensor)))
        parts.append(_field(7, BYTES, 0, memoryview(b"".join(graph))))
    return b"".join(parts)


def _field(number: int, wire: int, integer: int, body: memoryview) -> bytes:
    """Return the bytes of a field as ``_fields`` yields it."""
    key = _varint_bytes(number << 3 | wire)
    if wire == VARINT:
        return key + _varint_bytes(integer)
    return key + (_varint_bytes(len(body)) if wire == BYTES else b"") + bytes(body)


def _varint_bytes(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _model(view: memoryview) -> OnnxModel:
    graph: memoryview | None = None
    metadata: dict[str, str] = {}
    opset = 0
    for number, _, _, body in _fields(view):
        if number == 7:
            graph = body
        elif number == 14:
            entry = {key: str(text, "utf-8") for key, _, _, text in _fields(body)}
            metadata[entry.get(1, "")] = entry.get(2, "")
        elif number == 8:
            domain, version = "", 0
            for key, _, integer, text in _fields(body):
                domain, version = (str(text, "utf-8"), version) if key == 1 else (domain, integer)
            if domain not in ("", "ai.onnx"):
                raise ValueError(f"it uses the operator set {quoted(domain)}")
            opset = version
    if graph is None:
        raise ValueError("it holds no graph")
    nodes, initialisers = [], {}
    inputs, outputs = [], []
    for number, _, _, body in _fields(graph):
        if number == 1:
            nodes.append(_node(body))
        elif number == 5:
            name, tensor = _tensor(body)
            initialisers[name] = tensor
        elif number == 11:
            inputs.append(_value_name(body))
        elif number == 12:
            outputs.append(_value_name(body))
        elif number == 15:
            raise ValueError("it holds sparse weights")
    # Older files list the weights among the inputs.
    free = tuple(name for name in inputs if name not in initialisers)
    return OnnxModel(tuple(nodes), initialisers, free, tuple(outputs), metadata, opset)


def _node(view: memoryview) -> Node:
    inputs, outputs, attributes = [], [], {}
    op = ""
    for number, _, _, body in _fields(view):
        if number == 1:
            inputs.append(str(body, "utf-8"))
        elif number == 2:
            outputs.append(str(body, "utf-8"))
        elif number == 4:
            op = str(body, "utf-8")
        elif number == 5:
            name, value = _attribute(body)
            attributes[name] = value
        elif number == 7 and str(body, "utf-8") not in ("", "ai.onnx"):
            raise ValueError(f"node {quoted(op)} is of the operator set {quoted(str(body[:400], 'utf-8', 'replace'))}")
    return Node(op, tuple(inputs), tuple(outputs), attributes)


def _attribute(view: memoryview) -> tuple[str, Any]:
    name, value = "", None
    integers: list[int] = []
    floats: list[float] = []
    for number, wire, integer, body in _fields(view):
        if number == 1:
            name = str(body, "utf-8")
        elif number == 2:
            value = struct.unpack("<f", body)[0]
        elif number == 3:
            value = _signed(integer)
        elif number == 4:
            value = bytes(body)
        elif number == 5:
            value = _tensor(body)[1]
        elif number == 7:
            floats.extend(np.frombuffer(body, "<f4").tolist())
        elif number == 8:
            integers.extend(_integers(wire, integer, body))
        elif number in (6, 11):
            raise ValueError(f"attribute {quoted(name)} holds a subgraph")
    if value is None:
        value = tuple(integers) if integers or not floats else tuple(floats)
    return name, value


def _tensor(view: memoryview) -> tuple[str, Array]:
    name, kind = "", 0
    dims: list[int] = []
    raw: memoryview | None = None
    typed: dict[int, list[Array]] = {}
    for number, wire, integer, body in _fields(view):
        if number == 1:
            dims.extend(_integers(wire, integer, body))
        elif number == 2:
            kind = integer
        elif number == 8:
            name = str(body, "utf-8")
        elif number == 9:
            raw = body
        elif number in (4, 10):
            typed.setdefault(number, []).append(np.frombuffer(body, "<f4" if number == 4 else "<f8"))
        elif number in (5, 7):
            typed.setdefault(number, []).append(np.array(_integers(wire, integer, body), np.int64))
        elif number == 13 or (number == 14 and integer):
            raise ValueError(f"weight {quoted(name)} is stored in another file")
    if kind not in TENSOR_TYPES:
        raise ValueError(f"weight {quoted(name)} has element type {kind}")
    if len(dims) > MAX_DIMENSIONS or any(dim < 0 for dim in dims):
        raise ValueError(f"weight {quoted(name)} has shape {tuple(dims[:9])}")
    dtype, place = TENSOR_TYPES[kind]
    if raw is not None:
        elements = np.frombuffer(raw, dtype)
    else:
        elements = np.concatenate(typed.get(place, [np.empty(0, np.int64)]))
        # float16 travels as its sixteen bits in an integer field.
        elements = elements.astype(np.uint16).view("<f2") if kind == 10 else elements.astype(dtype)
    if elements.size != math.prod(dims):
        raise ValueError(f"weight {quoted(name)} has {elements.size} elements for shape {tuple(dims)}")
    return name, elements.reshape(dims)


def _value_name(view: memoryview) -> str:
    return next((str(body, "utf-8") for number, _, _, body in _fields(view) if number == 1), "")


def _fields(view: memoryview) -> Iterator[Field]:
    position, end = 0, len(view)
    while position < end:
        key, position = _varint(view, position)
        number, wire = key >> 3, key & 7
        integer, start = 0, position
        if wire == VARINT:
            integer, position = _varint(view, position)
        elif wire == FIXED64:
            position += 8
        elif wire == FIXED32:
            position += 4
        elif wire == BYTES:
            length, start = _varint(view, position)
            position = start + length
        else:
            raise ValueError(f"unknown wire type {wire} at byte {position}")
        if position > end or number == 0:
            raise ValueError(f"a field of {position - start} bytes where {end - start} are left")
        yield number, wire, integer, view[start:position]


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if position >= len(view):
            raise ValueError("it ends in the middle of a number")
        byte = view[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise ValueError("a number of more than ten bytes")


def _integers(wire: int, integer: int, body: memoryview) -> list[int]:
    if wire == VARINT:
        return [_signed(integer)]
    values, position = [], 0
    while position < len(body):
        value, position = _varint(body, position)
        values.append(_signed(value))
    return values


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
