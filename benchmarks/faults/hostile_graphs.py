# SPDX-License-Identifier: Apache-2.0
"""ONNX files that ask for all memory or time, or that lie; made with the onnx package."""

from collections.abc import Iterator
import itertools
from typing import Any

import numpy as np

METADATA = "dancepose"


def graphs() -> Iterator[tuple[str, bytes]]:
    """Names and contents; none where onnx is not installed."""
    try:
        from onnx import helper, numpy_helper
    except ImportError:
        return
    from dancepose_addon.core.fit.regressor import RegressorInfo
    from dancepose_addon.core.skeleton.layouts import SMPL24
    from dancepose_addon.core.skeleton.markers import joint_markers

    info = RegressorInfo(SMPL24, joint_markers(SMPL24), "0" * 16, "none", "none", "CC0-1.0", "hostile").to_json()

    def model(nodes: list[Any], weights: dict[str, np.ndarray], text: str = info) -> bytes:
        x = helper.make_tensor_value_info("keypoints", 1, ["frames", 24, 3])
        y = helper.make_tensor_value_info("pose_rotmat", 1, ["frames", 24, 3, 3])
        shape = numpy_helper.from_array(np.array([0, 24, 3, 1], np.int64), "shape")
        own = [
            helper.make_node("Reshape", ["keypoints", "shape"], ["column"]),
            helper.make_node("Concat", ["column"] * 3, ["pose_rotmat"], axis=3),
        ]
        kept = [shape, *(numpy_helper.from_array(value, name) for name, value in weights.items())]
        graph = helper.make_graph([*nodes, *own], "graph", [x], [y], kept)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(made, {METADATA: text})
        content: bytes = made.SerializeToString()
        return content

    def doubled(first: str, count: int) -> list[Any]:
        names = [first, *(f"d{i}" for i in range(count))]
        return [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in itertools.pairwise(names)]

    wide, tall = np.zeros((1, 1 << 17), np.float32), np.zeros((1 << 17, 1), np.float32)
    yield "points doubled forty times", model(doubled("keypoints", 40), {})
    yield "weights doubled forty times", model(doubled("w", 40), {"w": np.zeros(8, np.float32)})
    yield "an outer sum", model([helper.make_node("Add", ["a", "b"], ["s"])], {"a": wide, "b": tall})
    yield "an outer product", model([helper.make_node("MatMul", ["b", "a"], ["s"])], {"a": wide, "b": tall})
    rows = helper.make_node("Gather", ["w", "i"], ["g"], axis=0)
    yield "a row a million times", model([rows], {"w": wide, "i": np.zeros(1 << 20, np.int64)})
    yield (
        "a loop of nodes",
        model([helper.make_node("Add", ["p", "q"], ["q"]), helper.make_node("Add", ["q", "q"], ["p"])], {}),
    )
    yield "an unknown operator", model([helper.make_node("Evil\x1b[2J", ["keypoints"], ["e"])], {})
    yield "metadata that nests", model([], {}, "[" * 200_000)
    yield "metadata with control characters", model([], {}, '{"schema_version": "\\u001b]0;OWNED\\u0007"}')
    yield "metadata of a number", model([], {}, "1")
    yield "no metadata", model([], {}, "")
    yield (
        "weights that are NaN",
        model([helper.make_node("Mul", ["keypoints", "n"], ["m"])], {"n": np.full(1, np.nan, np.float32)}),
    )
    whole = model([], {})
    yield "cut in half", whole[: len(whole) // 2]
    yield "empty", b""
    yield "text", b"this is no graph"
