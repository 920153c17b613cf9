# SPDX-License-Identifier: Apache-2.0
"""The operators that a regressor's graph may hold, in NumPy, with the meaning of opset 17 (https://onnx.ai/onnx/operators).

The set is the one that ``dancepose export`` writes.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from .onnx_file import Array

Attributes = Mapping[str, Any]
Operator = Callable[[Sequence[Array], Attributes], Array]


def gemm(inputs: Sequence[Array], attributes: Attributes, out: Array | None = None) -> Array:
    """Compute Gemm.

    Args:
        inputs: A, B and optionally C.
        attributes: alpha, beta, transA, transB.
        out: Array for the product, or None.

    Returns:
        alpha * A @ B + beta * C.
    """
    first = inputs[0].T if attributes.get("transA") else inputs[0]
    second = inputs[1].T if attributes.get("transB") else inputs[1]
    result: Array = np.matmul(first, second, out=out)
    if attributes.get("alpha", 1.0) != 1.0:
        result *= attributes["alpha"]
    if len(inputs) > 2:
        # In place: for a batch this is the largest array there is.
        beta = attributes.get("beta", 1.0)
        np.add(result, inputs[2] if beta == 1.0 else inputs[2] * np.float32(beta), out=result)
    return result


def _reduce(function: Callable[..., Any]) -> Operator:
    def run(inputs: Sequence[Array], attributes: Attributes) -> Array:
        # Axes moved from an attribute to an input with opset 18 (opset 13 for ReduceSum).
        axes = attributes.get("axes") if len(inputs) < 2 else tuple(int(axis) for axis in inputs[1])
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(function(inputs[0], axis=tuple(axes) if axes else None, keepdims=keep))

    return run


def _reshape(inputs: Sequence[Array], _attributes: Attributes) -> Array:
    wanted = [inputs[0].shape[i] if size == 0 else int(size) for i, size in enumerate(inputs[1])]
    return inputs[0].reshape(wanted)


def _slice(inputs: Sequence[Array], _attributes: Attributes) -> Array:
    data, starts, ends = inputs[:3]
    axes = inputs[3] if len(inputs) > 3 else np.arange(len(starts))
    steps = inputs[4] if len(inputs) > 4 else np.ones(len(starts), np.int64)
    index = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(index)]


def _squeeze(inputs: Sequence[Array], _attributes: Attributes) -> Array:
    return np.squeeze(inputs[0], tuple(int(axis) for axis in inputs[1]) if len(inputs) > 1 else None)


def _cast(inputs: Sequence[Array], attributes: Attributes) -> Array:
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
    return inputs[0].astype(kinds[attributes["to"]])


def _binary(function: Callable[[Array, Array], Any]) -> Operator:
    return lambda inputs, _: np.asarray(function(inputs[0], inputs[1]))


def _unary(function: Callable[[Array], Any]) -> Operator:
    return lambda inputs, _: np.asarray(function(inputs[0]))


UNARY: Final[Mapping[str, np.ufunc]] = MappingProxyType(
    {"Abs": np.absolute, "Cos": np.cos, "Neg": np.negative, "Sin": np.sin, "Sqrt": np.sqrt}
)
BINARY: Final[Mapping[str, np.ufunc]] = MappingProxyType(
    {
        "Add": np.add,
        "Div": np.divide,
        "Max": np.maximum,
        "Min": np.minimum,
        "Mul": np.multiply,
        "Sub": np.subtract,
    }
)
VIEWS: Final = frozenset({"Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
"""Their results may share memory with what they are given."""

OPERATORS: Final[Mapping[str, Operator]] = {
    **{op: _unary(function) for op, function in UNARY.items()},
    **{op: _binary(function) for op, function in BINARY.items()},
    "Cast": _cast,
    "Identity": lambda inputs, _: inputs[0],
    "Relu": lambda inputs, _: np.maximum(inputs[0], inputs[0].dtype.type(0)),
    "Concat": lambda inputs, attributes: np.concatenate(inputs, axis=attributes["axis"]),
    "Constant": lambda _, attributes: np.asarray(attributes["value"]),
    "Gather": lambda inputs, attributes: np.take(inputs[0], inputs[1], axis=attributes.get("axis", 0)),
    "Gemm": gemm,
    "MatMul": _binary(np.matmul),
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Shape": lambda inputs, _: np.array(inputs[0].shape, np.int64),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": lambda inputs, attributes: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": lambda inputs, _: np.expand_dims(inputs[0], tuple(int(axis) for axis in inputs[1])),
}
