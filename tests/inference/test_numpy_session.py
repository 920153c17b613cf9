"""NumPy's operators against the reference evaluator of the onnx package, one by one and in batches."""

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from dancepose_addon.core.errors import RegressorError  # noqa: E402
from dancepose_addon.inference.numpy_session import BATCH, OPERATORS, NumpySession  # noqa: E402
from dancepose_addon.inference.onnx_file import parse_model  # noqa: E402

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
