# SPDX-License-Identifier: Apache-2.0
"""Builder of nodes and constants of an ONNX graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dancepose.trainer.body.torch_rotations import TINY
from dancepose_addon.core.fit.regressor import LAYOUT_INPUT_NAME


class GraphWriter:
    """Collects nodes and constants. Every method returns the name of the value that it adds.

    Args:
        layouts: Number of layouts that the graph reads.
    """

    def __init__(self, layouts: int) -> None:
        self.layouts = layouts
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a weight in its own type."""
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Any] | None = None) -> str:
        """Add an operation with one result, which also names the node."""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **(attributes or {})))
        return output

    def integers(self, name: str, *values: int) -> str:
        """Add a list of integers: axes, a shape or indices."""
        return self.constant(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        """Add a single float32."""
        return self.constant(name, np.array(value, np.float32))

    def of_layout(self, name: str, values: np.ndarray) -> str:
        """Add values that differ between layouts: (L, ...), float32 or float16, to float32 (...) of one layout."""
        half = values.dtype == np.float16
        label = f"{name}_f16" if half else name
        if self.layouts == 1:
            stored = self.constant(label, values[0])
            return self.node("Cast", [stored], name, {"to": TensorProto.FLOAT}) if half else stored
        # A product with the layout's row of zeros and a one: weights alone, so that runtimes compute it once a call.
        table = self.constant(f"{label}_by_layout", values.reshape(len(values), -1))
        if half:
            table = self.node("Cast", [table], f"{name}_by_layout", {"to": TensorProto.FLOAT})
        row = self.node("MatMul", [LAYOUT_INPUT_NAME, table], f"{name}_row")
        return self.node("Reshape", [row, self.integers(f"{name}_shape", *values.shape[1:])], name)

    def slice(self, value: str, start: int, end: int, *, axis: int, name: str) -> str:
        """Add a slice along an axis."""
        bounds = [self.integers(f"{name}_{part}", number) for part, number in (("start", start), ("end", end))]
        return self.node("Slice", [value, *bounds, self.integers(f"{name}_axis", axis)], name)

    def reshape(self, value: str, *shape: int, name: str) -> str:
        """Add a reshape; 0 keeps a size, -1 takes what remains."""
        return self.node("Reshape", [value, self.integers(f"{name}_shape", *shape)], name)

    def squared_length(self, vectors: str, *, name: str) -> str:
        """Add squared lengths: (N, C, T) to (N, 1, T)."""
        squared = self.node("Mul", [vectors, vectors], f"{name}_squared")
        return self.node("ReduceSum", [squared, self.integers(f"{name}_sum_axis", 1)], f"{name}_sum", {"keepdims": 1})

    def length(self, squared_length: str, *, name: str) -> str:
        """Add a length that is never zero, as the torch twin computes it."""
        summed = self.node("Add", [squared_length, self.number(f"{name}_tiny", TINY)], f"{name}_sum_tiny")
        return self.node("Sqrt", [summed], f"{name}_length")

    def cross(self, first: str, second: str, *, name: str) -> str:
        """Add cross products: (N, 3, T) each to (N, 3, T)."""
        turned = {}
        for label, value in (("first", first), ("second", second)):
            for order in ((1, 2, 0), (2, 0, 1)):
                tag = f"{name}_{label}_{''.join(map(str, order))}"
                indices = self.integers(f"indices_{tag}", *order)
                turned[label, order[0]] = self.node("Gather", [value, indices], tag, {"axis": 1})
        plus = self.node("Mul", [turned["first", 1], turned["second", 2]], f"{name}_plus")
        minus = self.node("Mul", [turned["first", 2], turned["second", 1]], f"{name}_minus")
        return self.node("Sub", [plus, minus], name)

    def product(self, first: str, second: str, *, name: str) -> str:
        """Add products of vectors: (N, A, 3, T) with (N, B, 3, T) to (N, A, B, T)."""
        wide = [
            self.node("Unsqueeze", [value, self.integers(f"{name}_axis_{axis}", axis)], f"{name}_wide_{axis}")
            for value, axis in ((first, 2), (second, 1))
        ]
        terms = self.node("Mul", wide, f"{name}_terms")
        return self.node("ReduceSum", [terms, self.integers(f"{name}_sum_axis", 3)], name, {"keepdims": 0})
