# SPDX-License-Identifier: Apache-2.0
"""NumPy's operators against the reference evaluator of the onnx package, one by one and in batches."""

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dancepose_addon.core.errors import RegressorError
from dancepose_addon.inference.numpy_operators import OPERATORS
from dancepose_addon.inference.numpy_session import BATCH, NumpySession
from dancepose_addon.inference.onnx_file import parse_model

RANDOM = np.random.default_rng(0)


def f32(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


# (operator, first input, further inputs, attributes)
CASES: list[tuple[str, np.ndarray, list[np.ndarray], dict[str, Any]]] = [
    ("Abs", f32(4, 5), [], {}),
    ("Add", f32(4, 5), [f32(5)], {}),
    ("Cast", f32(4, 5), [], {"to": 10}),
    ("Concat", f32(4, 5), [f32(4, 2)], {"axis": 1}),
    ("Concat", f32(4, 5), [f32(1, 5)], {"axis": -2}),
    ("Cos", f32(4, 5), [], {}),
    ("Div", f32(4, 5), [f32(4, 1)], {}),
    ("Gather", f32(4, 5), [i64(2, 0, -1)], {"axis": 1}),
    ("Gather", f32(4, 5), [np.array(1)], {}),
    ("Gemm", f32(4, 5), [f32(5, 3), f32(3)], {}),
    ("Gemm", f32(5, 4), [f32(3, 5), f32(4, 3)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Identity", f32(4, 5), [], {}),
    ("MatMul", f32(2, 4, 5), [f32(5, 3)], {}),
    ("MatMul", f32(2, 4, 5), [f32(2, 5, 3)], {}),
    ("Max", f32(4, 5), [f32(5)], {}),
    ("Min", f32(4, 5), [f32(5)], {}),
    ("Mul", f32(4, 5), [f32(5)], {}),
    ("Neg", f32(4, 5), [], {}),
    ("ReduceMax", f32(4, 5, 3), [], {"axes": [1], "keepdims": 1}),
    ("ReduceMax", f32(4, 5, 3), [], {"keepdims": 0}),
    ("ReduceMean", f32(4, 5, 3), [], {"axes": [0, -1], "keepdims": 0}),
    ("ReduceSum", f32(4, 5, 3), [i64(-1)], {"keepdims": 1}),
    ("ReduceSum", f32(4, 5, 3), [], {}),
    ("Relu", f32(4, 5), [], {}),
    ("Reshape", f32(4, 6), [i64(0, -1, 3)], {}),
    ("Shape", f32(4, 6), [], {}),
    ("Sin", f32(4, 5), [], {}),
    ("Slice", f32(4, 6), [i64(1), i64(-1), i64(1)], {}),
    ("Slice", f32(4, 6), [i64(3, 0), i64(-9, 5), i64(0, 1), i64(-1, 2)], {}),
    ("Sqrt", np.abs(f32(4, 5)), [], {}),
    ("Squeeze", f32(4, 1, 5, 1), [i64(1)], {}),
    ("Squeeze", f32(4, 1, 5, 1), [], {}),
    ("Sub", f32(4, 5), [f32(4, 5)], {}),
    ("Transpose", f32(4, 5, 3), [], {"perm": [0, 2, 1]}),
    ("Transpose", f32(4, 5, 3), [], {}),
    ("Unsqueeze", f32(4, 5), [i64(0, 3)], {}),
]


def test_every_operator_has_a_case() -> None:
    assert {case[0] for case in CASES} | {"Constant"} == set(OPERATORS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_operator_is_that_of_onnx(case: tuple[str, np.ndarray, list[np.ndarray], dict[str, Any]]) -> None:
    op, first, others, attributes = case
    names = [f"c{index}" for index in range(len(others))]
    # The nodes before and after keep the operator from being the graph's only one, and its output's type open.
    nodes = [
        helper.make_node("Identity", ["x"], ["before"]),
        helper.make_node(op, ["before", *names], ["y"], **attributes),
    ]
    inputs = [helper.make_tensor_value_info("x", 1, None)]
    outputs = [helper.make_tensor_value_info("y", 1 if op != "Shape" else 7, None)]
    constants = [numpy_helper.from_array(value, name) for name, value in zip(names, others, strict=True)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    expected = ReferenceEvaluator(model).run(None, {"x": first})[0]
    result = NumpySession(parse_model(model.SerializeToString(), "x"), "x")(first)
    assert result.shape == expected.shape
    assert np.allclose(result, expected.astype(np.float32), atol=1e-5)


def statistics_graph() -> "onnx.ModelProto":
    """Needs the whole clip in the middle: x over its largest value, times weights, plus the mean frame."""
    weight = numpy_helper.from_array(f32(3, 4), "w")
    shape, eps = numpy_helper.from_array(i64(0, 3), "shape"), numpy_helper.from_array(np.float32(1e-6), "eps")
    nodes = [
        helper.make_node("Constant", [], ["half"], value=numpy_helper.from_array(np.float32(0.5))),
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("Abs", ["flat"], ["size"]),
        helper.make_node("ReduceMax", ["size"], ["most"], keepdims=0),
        helper.make_node("Max", ["most", "eps"], ["divisor"]),
        helper.make_node("Div", ["flat", "divisor"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "w"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Add", ["product", "mean"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["y"]),
    ]
    x, y = helper.make_tensor_value_info("x", 1, ["n", 1, 3]), helper.make_tensor_value_info("y", 1, ["n", 4])
    graph = helper.make_graph(nodes, "graph", [x], [y], [weight, shape, eps])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


@pytest.mark.parametrize("frames", [1, BATCH, 2 * BATCH + 7])
def test_batches_share_what_belongs_to_the_whole_clip(frames: int) -> None:
    model = statistics_graph()
    points = f32(frames, 1, 3) * np.linspace(0.1, 9.0, frames, dtype=np.float32)[:, None, None]
    expected = ReferenceEvaluator(model).run(None, {"x": points})[0]
    session = NumpySession(parse_model(model.SerializeToString(), "x"), "x")
    assert np.allclose(session(points), expected, atol=1e-5)


def test_unknown_operator_is_named() -> None:
    model = statistics_graph()
    model.graph.node[2].op_type = "Softplus"
    with pytest.raises(RegressorError, match="uses the operator Softplus"):
        NumpySession(parse_model(model.SerializeToString(), "x"), "x")


def test_shapes_that_do_not_fit_are_an_error_not_a_crash() -> None:
    session = NumpySession(parse_model(statistics_graph().SerializeToString(), "odd.onnx"), "odd.onnx")
    with pytest.raises(RegressorError, match=r"odd\.onnx has a graph that cannot be run: Reshape"):
        session(f32(5, 2, 7))


def frames_last_graph() -> "onnx.ModelProto":
    """Frames on the last axis: as wide as the clip's mean, summed over points, and back to frames first."""
    constants = {
        "flat": i64(-1, 6), "wide": i64(2, 3, -1), "middle": i64(1), "w": f32(2, 2), "rows": i64(2, -1),
    }  # fmt: skip
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["by_frame"]),
        helper.make_node("Transpose", ["by_frame"], ["coordinates"], perm=[1, 0]),
        helper.make_node("Reshape", ["coordinates", "rows"], ["by_point"]),
        helper.make_node("MatMul", ["w", "by_point"], ["mixed"]),
        helper.make_node("Reshape", ["mixed", "wide"], ["vectors"]),
        helper.make_node("ReduceMean", ["vectors"], ["mean"], axes=[2], keepdims=1),
        helper.make_node("Div", ["vectors", "mean"], ["scaled"]),
        helper.make_node("ReduceSum", ["scaled", "middle"], ["sum"], keepdims=0),
        helper.make_node("Transpose", ["sum"], ["y"], perm=[1, 0]),
    ]
    x, y = helper.make_tensor_value_info("x", 1, ["n", 2, 3]), helper.make_tensor_value_info("y", 1, ["n", 2])
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def mixing_graph() -> "onnx.ModelProto":
    """Every frame beside the one that mirrors it in time: not to be had in batches."""
    constants = {"start": i64(-1), "end": i64(-(10**9)), "axis": i64(0), "step": i64(-1)}
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis", "step"], ["backwards"]),
        helper.make_node("Sub", ["x", "backwards"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, 1, ["n", 2, 3]) for name in "xy")
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


@pytest.mark.parametrize("frames", [BATCH, 2 * BATCH + 7])
@pytest.mark.parametrize("make", [frames_last_graph, mixing_graph])
def test_batches_give_what_the_whole_gives_wherever_frames_lie(make: Any, frames: int) -> None:
    model = make()
    points = 2.0 + f32(frames, 2, 3)
    expected = ReferenceEvaluator(model).run(None, {"x": points})[0]
    found = NumpySession(parse_model(model.SerializeToString(), "x"), "x")(points)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_memory_is_not_written_over_while_it_is_needed() -> None:
    """Views of a value, used before and after what is computed from it; the input, its view and the weights stay."""
    names = {"shape": i64(0, 6), "first": i64(0), "third": i64(3), "sixth": i64(6), "axis": i64(1), "w": f32(6, 6)}
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("Neg", ["flat"], ["minus"]),
        helper.make_node("Relu", ["minus"], ["kept"]),
        helper.make_node("Slice", ["kept", "first", "third", "axis"], ["left"]),
        helper.make_node("Slice", ["kept", "third", "sixth", "axis"], ["right"]),
        helper.make_node("Sub", ["left", "right"], ["apart"]),
        helper.make_node("Mul", ["apart", "right"], ["product"]),
        helper.make_node("Concat", ["product", "apart"], ["both"], axis=1),
        helper.make_node("Add", ["both", "kept"], ["sum"]),
        helper.make_node("Gemm", ["sum", "w"], ["once"]),
        helper.make_node("Relu", ["once"], ["positive"]),
        helper.make_node("Gemm", ["positive", "w"], ["twice"]),
        helper.make_node("Abs", ["twice"], ["size"]),
        helper.make_node("Add", ["positive", "size"], ["skip"]),
        helper.make_node("Gemm", ["skip", "w"], ["thrice"]),
        helper.make_node("Sub", ["thrice", "flat"], ["y"]),
    ]
    x, y = helper.make_tensor_value_info("x", 1, ["n", 2, 3]), helper.make_tensor_value_info("y", 1, ["n", 6])
    initialisers = [numpy_helper.from_array(value, name) for name, value in names.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    points = f32(2 * BATCH + 7, 2, 3)
    before = points.copy()
    expected = ReferenceEvaluator(model).run(None, {"x": points})[0]
    session = NumpySession(parse_model(model.SerializeToString(), "x"), "x")
    results = [session(points) for _ in range(2)]
    assert np.allclose(results[0], expected, rtol=1e-4, atol=1e-3)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(points, before)
