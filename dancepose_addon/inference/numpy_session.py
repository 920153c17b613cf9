"""Running a regressor's graph with NumPy alone.

The set of operators is the one that ``dancepose export`` writes, with the meaning of opset 17
(https://onnx.ai/onnx/operators). What depends on the weights alone is computed once, when the session is made; what
needs the whole clip (its scale) is computed for the whole clip; all else goes through in batches of frames that stay
in the processor's cache, so that a long clip needs little memory.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RegressorError
from .onnx_file import Array, Node, OnnxModel

BATCH: Final = 512
"""Frames at a time: 2 MB of 1024 float32 features."""

Attributes = Mapping[str, Any]
Operator = Callable[[Sequence[Array], Attributes], Array]


class NumpySession:
    """A graph ready to run. Raises RegressorError where it holds an operator that is not known here.

    fixed: inputs that are the same in each call; what follows from them alone is computed once.
    """

    def __init__(self, model: OnnxModel, source: str, fixed: Mapping[str, Array] = MappingProxyType({})) -> None:
        self._source = source
        require_operators(model, source, inputs=1 + len(fixed))
        self._output = model.outputs[0]
        self._input = model.inputs[0]
        self._constants: dict[str, Array] = {**model.initialisers, **fixed}
        remaining = []
        for node in model.nodes:
            if all(name in self._constants for name in node.inputs if name):
                self._constants[node.outputs[0]] = self._run_node(node, self._constants)
            else:
                remaining.append(node)
        self._clip_nodes, self._frame_nodes, self._framewise = _split(remaining, self._input, self._constants)

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """keypoints_m: (T, K, 3), metres -> the graph's output, T leading."""
        values = {**self._constants, self._input: keypoints_m}
        for node in self._clip_nodes:
            values[node.outputs[0]] = self._run_node(node, values)
        if not self._frame_nodes:
            return np.asarray(values[self._output], np.float32)
        parts = []
        for first in range(0, len(keypoints_m), BATCH):
            chunk = slice(first, first + BATCH)
            local = {name: value[chunk] if name in self._framewise else value for name, value in values.items()}
            for node in self._frame_nodes:
                local[node.outputs[0]] = self._run_node(node, local)
            parts.append(local[self._output])
        return np.concatenate(parts).astype(np.float32, copy=False)

    def _run_node(self, node: Node, values: Mapping[str, Array]) -> Array:
        try:
            return OPERATORS[node.op]([values[name] for name in node.inputs if name], node.attributes)
        except (ValueError, TypeError, IndexError, KeyError, MemoryError, AttributeError, OverflowError) as error:
            raise RegressorError(
                f"{self._source} has a graph that cannot be run: {node.op} ({node.outputs[0]}) failed with {error}. "
                "Export it again with `dancepose export`."
            ) from error


def require_operators(model: OnnxModel, source: str, *, inputs: int = 1) -> None:
    """Refuse a graph that could not run everywhere, whatever runs it today.

    Raises:
        RegressorError: an operator that is not known here is named, or the graph's shape is not a regressor's.
    """
    unknown = sorted({node.op for node in model.nodes} - set(OPERATORS))
    if unknown:
        raise RegressorError(
            f"{source} uses the operator{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}, which a regressor may "
            f"not hold (known: {', '.join(sorted(OPERATORS))}). Export it with `dancepose export`."
        )
    if len(model.inputs) != inputs or len(model.outputs) != 1 or any(len(node.outputs) != 1 for node in model.nodes):
        raise RegressorError(
            f"{source} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; a regressor like this has "
            f"{inputs} and 1. "
            "Export it with `dancepose export`."
        )


def _split(
    nodes: Sequence[Node], graph_input: str, constants: Mapping[str, Array]
) -> tuple[list[Node], list[Node], set[str]]:
    """Nodes for the whole clip, nodes for batches, and the values whose first axis is the frames."""
    framewise = {graph_input}
    whole: set[str] = set()
    for node in nodes:
        if any(name in framewise for name in node.inputs):
            if _keeps_frames(node, framewise, constants):
                framewise.add(node.outputs[0])
            else:
                whole.add(node.outputs[0])
        else:
            whole.add(node.outputs[0])
    clip: list[Node] = []
    for node in reversed(nodes):
        if node.outputs[0] in whole:
            whole.update(node.inputs)
            clip.append(node)
    return clip[::-1], [node for node in nodes if node.outputs[0] not in whole], framewise


def _keeps_frames(node: Node, framewise: set[str], constants: Mapping[str, Array]) -> bool:
    """Whether the first axis of the result is the frames and each of them depends on that frame alone."""
    if node.op in ELEMENTWISE:
        return True
    if node.op in ("ReduceMean", "ReduceMax", "ReduceSum"):
        axes = node.attributes.get("axes") or (constants[node.inputs[1]].tolist() if len(node.inputs) > 1 else ())
        return bool(axes) and all(axis > 0 for axis in axes)
    if node.op in ("Gemm", "MatMul"):
        return not node.attributes.get("transA")
    if node.op == "Reshape":
        shape = constants.get(node.inputs[1])
        return shape is not None and bool(len(shape) > 0 and shape[0] in (0, -1) and (shape[1:] >= 0).all())
    if node.op == "Transpose":
        return bool(node.attributes.get("perm")) and node.attributes["perm"][0] == 0
    if node.op == "Concat":
        return node.attributes["axis"] > 0 and all(name in framewise for name in node.inputs)
    if node.op == "Gather":
        return node.inputs[0] in framewise and node.attributes.get("axis", 0) > 0
    if node.op in ("Slice", "Squeeze", "Unsqueeze"):
        axes = constants.get(node.inputs[3 if node.op == "Slice" else 1]) if len(node.inputs) > 1 else None
        return axes is not None and bool((axes > 0).all())
    return False


def _gemm(inputs: Sequence[Array], attributes: Attributes) -> Array:
    first = inputs[0].T if attributes.get("transA") else inputs[0]
    second = inputs[1].T if attributes.get("transB") else inputs[1]
    result: Array = first @ second
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


ELEMENTWISE: Final[Mapping[str, Operator]] = {
    "Abs": _unary(np.abs),
    "Add": _binary(np.add),
    "Cast": _cast,
    "Cos": _unary(np.cos),
    "Div": _binary(np.divide),
    "Identity": _unary(np.asarray),
    "Max": _binary(np.maximum),
    "Min": _binary(np.minimum),
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "Relu": lambda inputs, _: np.maximum(inputs[0], inputs[0].dtype.type(0)),
    "Sin": _unary(np.sin),
    "Sqrt": _unary(np.sqrt),
    "Sub": _binary(np.subtract),
}

OPERATORS: Final[Mapping[str, Operator]] = {
    **ELEMENTWISE,
    "Concat": lambda inputs, attributes: np.concatenate(inputs, axis=attributes["axis"]),
    "Constant": lambda _, attributes: np.asarray(attributes["value"]),
    "Gather": lambda inputs, attributes: np.take(inputs[0], inputs[1], axis=attributes.get("axis", 0)),
    "Gemm": _gemm,
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
