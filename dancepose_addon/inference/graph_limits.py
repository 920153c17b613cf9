# SPDX-License-Identifier: Apache-2.0
"""How much a graph may compute, counted before each operation.

A graph of a thousand bytes can double an array forty times. Every runtime would reserve memory until none is left, so
each file is first run here on a few frames, with the size of every result known before it is made.
"""

from collections.abc import Mapping, Sequence
import math
from typing import Any, Final

import numpy as np

from .numpy_operators import BINARY
from .onnx_file import Array, Node

MAX_NUMBERS: Final = 1 << 27
"""Numbers that a graph may make of its weights and of one frame, all results together: 512 MB of float32, twice the
largest file. The shared regressor makes six million."""
MAX_PRODUCTS: Final = 1 << 34
"""Multiplications of its matrix products likewise: about two seconds of one processor core."""
MAX_NODES: Final = 5_000
"""Operations of a graph: runtimes need more than a second for each ten thousand. The shared regressor has 137."""
SPARE_NUMBERS: Final = 1 << 20
"""Allowed besides what was measured, for rounding of short clips."""


class WorkBudget:
    """What a graph may still compute.

    Attributes:
        numbers: Of elements of results.
        products: Of multiplications in matrix products.
    """

    def __init__(self, numbers: int = MAX_NUMBERS, products: int = MAX_PRODUCTS) -> None:
        self.numbers = numbers
        self.products = products

    def charge(self, node: Node, inputs: Sequence[Array]) -> None:
        """Count one operation.

        Args:
            node: The operation.
            inputs: What it is given.

        Raises:
            ValueError: The budget is spent; nothing has been computed.
        """
        numbers, products = result_cost(node.op, inputs, node.attributes)
        self.numbers -= numbers
        self.products -= products
        if self.numbers < 0 or self.products < 0:
            raise ValueError("more memory or time than a regressor needs (limit)")


def result_cost(op: str, inputs: Sequence[Array], attributes: Mapping[str, Any]) -> tuple[int, int]:
    """Size of a result, from the shapes of the inputs.

    Args:
        op: Name of the operator.
        inputs: What it is given.
        attributes: Of the node.

    Returns:
        An upper bound of the elements of the result, and the multiplications of a matrix product.
    """
    if not inputs:
        return 0, 0
    sizes = [value.size for value in inputs]
    if op == "Concat":
        return sum(sizes), 0
    if op == "Gather":
        return sizes[1] * (sizes[0] // max(1, inputs[0].shape[attributes.get("axis", 0)])), 0
    if op in BINARY:
        return math.prod(np.broadcast_shapes(*(value.shape for value in inputs))), 0
    if op == "Gemm":
        first, second = inputs[0].shape, inputs[1].shape
        rows, inner = reversed(first) if attributes.get("transA") else first
        columns = second[0 if attributes.get("transB") else 1]
        return rows * columns, rows * columns * inner
    if op == "MatMul":
        first, second = inputs[0].shape, inputs[1].shape
        if len(first) < 2 or len(second) < 2:
            return max(sizes), max(sizes)
        batch = math.prod(np.broadcast_shapes(first[:-2], second[:-2]))
        elements = batch * first[-2] * second[-1]
        return elements, elements * first[-1]
    return sizes[0], 0
