"""The ONNX graph of a regressor, written node by node: key-points in metres to local rotations.

Written by hand and not traced, so that it holds exactly the operators that ``dancepose_addon.inference`` runs without
onnxruntime, and so that its every step can be named: centre, scale of the clip, facing, network, rotations.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from dancepose_addon.core.fit.regressor import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, RegressorInfo
from dancepose_addon.core.skeleton.layouts import Layout
from trainer.rotations import TINY

from .folding import FoldedRegressor

OPSET: Final = 17
IR_VERSION: Final = 8
"""Read by every onnxruntime since 1.13."""
SMALLEST_DIVISOR_M: Final = 1e-6


class GraphWriter:
    """Collects nodes and constants; every method returns the name of the value that it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """A weight, stored in its own type."""
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Any] | None = None) -> str:
        """One operation with one result, which gives the node its name too."""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **(attributes or {})))
        return output

    def integers(self, name: str, *values: int) -> str:
        """A list of integers: axes, a shape, indices."""
        return self.constant(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        """A single float32."""
        return self.constant(name, np.array(value, np.float32))


def build_model(
    network: FoldedRegressor, info: RegressorInfo, *, normalise: str, size_factor: float, facing: bool
) -> onnx.ModelProto:
    """The whole file. normalise: kind of ``core.fit.normalise``, with its size_factor; facing: by way of the frame in
    which the dancer faces +z. Matrices are stored as float16 and cast when the file is loaded."""
    graph = GraphWriter()
    points = _normalise(graph, info.layout, kind=normalise, size_factor=size_factor)
    turn = _facing(graph, points, info.layout) if facing else None
    if turn is not None:
        points = graph.node("MatMul", [points, turn], "points_facing")
    theta = _network(graph, points, network, info.layout.count)
    columns = 6 if network.rotation == "rot6d" else 3
    theta = graph.node("Reshape", [theta, graph.integers("theta_shape", 0, 24, columns)], "theta_by_joint")
    rotmat = _from_rot6d(graph, theta) if network.rotation == "rot6d" else _from_rotvec(graph, theta)
    _turn_root(graph, rotmat, turn)
    frames = "frames"
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "smpl_regressor",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [frames, info.layout.count, 3])],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [frames, 24, 3, 3])],
            graph.initialisers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="dancepose",
    )
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.checker.check_model(model, full_check=True)
    return model


def _normalise(graph: GraphWriter, layout: Layout, *, kind: str, size_factor: float) -> str:
    """``core.fit.normalise.normalise``."""
    mean = graph.node("ReduceMean", [INPUT_NAME], "frame_mean", {"axes": [1], "keepdims": 1})
    centred = graph.node("Sub", [INPUT_NAME, mean], "points_centred")
    if kind == "max":
        reach = graph.node("Abs", [centred], "reach")
        divisor = graph.node("ReduceMax", [reach], "clip_reach", {"keepdims": 0})
    else:
        incidence = np.zeros((len(layout.edges), layout.count), np.float32)
        for row, (first, second) in zip(incidence, layout.edges, strict=True):
            row[first], row[second] = 1.0, -1.0
        edges = graph.node("MatMul", [graph.constant("edges", incidence), centred], "edge_vectors")
        length = _length(graph, edges, axis=2, name="edge", tiny=False)
        mean_length = graph.node("ReduceMean", [length], "clip_edges", {"axes": [0], "keepdims": 0})
        total = graph.node("ReduceSum", [mean_length], "clip_edge_sum", {"keepdims": 0})
        divisor = graph.node("Mul", [total, graph.number("size_factor", size_factor)], "clip_size")
    divisor = graph.node("Max", [divisor, graph.number("smallest_divisor", SMALLEST_DIVISOR_M)], "clip_divisor")
    return graph.node("Div", [centred, divisor], "points_normalised")


def _facing(graph: GraphWriter, points: str, layout: Layout) -> str:
    """``trainer.generator.facing_rotmat``: (T, 3, 3)."""
    sides = np.zeros((1, layout.count), np.float32)
    sides[0, list(layout.left)] = 1.0 / len(layout.left)
    sides[0, list(layout.right)] = -1.0 / len(layout.right)
    across = graph.node("MatMul", [graph.constant("sides", sides), points], "across")
    x = _slice(graph, across, 0, 1, axis=2, name="across_x")
    z = _slice(graph, across, 2, 3, axis=2, name="across_z")
    level = graph.node("Concat", [x, z], "across_level", {"axis": 2})
    length = _length(graph, level, axis=2, name="across", tiny=True)
    cosine = graph.node("Div", [x, length], "facing_cosine")
    minus = graph.node("Div", [z, length], "facing_minus_sine")
    sine = graph.node("Neg", [minus], "facing_sine")
    zero = graph.node("Mul", [cosine, graph.number("nought", 0.0)], "facing_zero")
    one = graph.node("Add", [zero, graph.number("unity", 1.0)], "facing_one")
    cells = [cosine, zero, sine, zero, one, zero, minus, zero, cosine]
    row = graph.node("Concat", cells, "facing_row", {"axis": 2})
    return graph.node("Reshape", [row, graph.integers("facing_shape", 0, 3, 3)], "facing")


def _network(graph: GraphWriter, points: str, network: FoldedRegressor, count: int) -> str:
    features = graph.node("Reshape", [points, graph.integers("flat_shape", 0, 3 * count)], "points_flat")
    layers = list(network.layers)
    last = len(layers) - 1
    for index, layer in enumerate(layers):
        assert isinstance(layer, nn.Linear)
        stored = graph.constant(f"weight{index}_f16", layer.weight.numpy().T.astype(np.float16))
        weight = graph.node("Cast", [stored], f"weight{index}", {"to": TensorProto.FLOAT})
        bias = graph.constant(f"bias{index}", layer.bias.numpy())
        result = graph.node("Gemm", [features, weight, bias], f"linear{index}")
        if index in (0, last):
            features = skip = result
            continue
        features = graph.node("Relu", [result], f"relu{index}")
        if index % 2 == 0:
            features = skip = graph.node("Add", [skip, features], f"block{index // 2}")
    return features


def _from_rot6d(graph: GraphWriter, theta: str) -> str:
    """``trainer.rotations.rot6d_to_rotmat``: (T, 24, 3, 3)."""
    first = _slice(graph, theta, 0, 3, axis=2, name="first_column")
    second = _slice(graph, theta, 3, 6, axis=2, name="second_column")
    x = graph.node("Div", [first, _length(graph, first, axis=2, name="first", tiny=True)], "x_axis")
    product = graph.node("Mul", [x, second], "x_times_second")
    along = graph.node("ReduceSum", [product, graph.integers("dot_axis", 2)], "x_dot_second", {"keepdims": 1})
    away = graph.node("Mul", [along, x], "second_along_x")
    rest = graph.node("Sub", [second, away], "second_across_x")
    y = graph.node("Div", [rest, _length(graph, rest, axis=2, name="second", tiny=True)], "y_axis")
    turned = {}
    for name, axis in (("x", x), ("y", y)):
        for order in ((1, 2, 0), (2, 0, 1)):
            label = f"{name}_{order[0]}{order[1]}{order[2]}"
            indices = graph.integers(f"indices_{label}", *order)
            turned[name, order[0]] = graph.node("Gather", [axis, indices], label, {"axis": 2})
    plus = graph.node("Mul", [turned["x", 1], turned["y", 2]], "cross_plus")
    minus = graph.node("Mul", [turned["x", 2], turned["y", 1]], "cross_minus")
    z = graph.node("Sub", [plus, minus], "z_axis")
    last = graph.integers("column_axis", 3)
    columns = [graph.node("Unsqueeze", [axis, last], f"{axis}_column") for axis in (x, y, z)]
    return graph.node("Concat", columns, "rotmat", {"axis": 3})


def _from_rotvec(graph: GraphWriter, theta: str) -> str:
    """``trainer.rotations.rotvec_to_rotmat``: (T, 24, 3, 3)."""
    angle = _length(graph, theta, axis=2, name="theta", tiny=True)
    half = graph.node("Mul", [angle, graph.number("half", 0.5)], "half_angle")
    sine = graph.node("Div", [graph.node("Sin", [angle], "sin_angle"), angle], "sine_factor")
    ratio = graph.node("Div", [graph.node("Sin", [half], "sin_half"), angle], "half_ratio")
    square = graph.node("Mul", [ratio, ratio], "half_ratio_squared")
    cosine = graph.node("Mul", [square, graph.number("two", 2.0)], "cosine_factor")
    # Row i of the table is the cross-product matrix of unit vector i.
    table = np.zeros((3, 9), np.float32)
    table[0, [5, 7]], table[1, [2, 6]], table[2, [1, 3]] = (-1, 1), (1, -1), (-1, 1)
    flat = graph.node("MatMul", [theta, graph.constant("cross_table", table)], "cross_flat")
    shape = graph.integers("rotmat_shape", 0, 24, 3, 3)
    cross = graph.node("Reshape", [flat, shape], "cross_matrix")
    column = graph.node("Unsqueeze", [theta, graph.integers("column_axis", 3)], "theta_column")
    row = graph.node("Unsqueeze", [theta, graph.integers("row_axis", 2)], "theta_row")
    outer = graph.node("Mul", [column, row], "theta_outer")
    angle_squared = graph.node("Mul", [angle, angle], "angle_squared")
    versine = graph.node("Mul", [cosine, angle_squared], "versine")
    diagonal = graph.node("Sub", [graph.number("unity_angle", 1.0), versine], "cos_angle")
    factors = graph.integers("factor_axis", 3)
    wide = {name: graph.node("Unsqueeze", [name, factors], f"{name}_wide") for name in (diagonal, sine, cosine)}
    eye = graph.node("Mul", [wide[diagonal], graph.constant("eye", np.eye(3, dtype=np.float32))], "eye_part")
    first = graph.node("Add", [eye, graph.node("Mul", [wide[sine], cross], "cross_part")], "eye_and_cross")
    return graph.node("Add", [first, graph.node("Mul", [wide[cosine], outer], "outer_part")], "rotmat")


def _turn_root(graph: GraphWriter, rotmat: str, turn: str | None) -> None:
    if turn is None:
        graph.node("Identity", [rotmat], OUTPUT_NAME)
        return
    root = _slice(graph, rotmat, 0, 1, axis=1, name="root_facing")
    others = _slice(graph, rotmat, 1, 24, axis=1, name="other_joints")
    wide = graph.node("Unsqueeze", [turn, graph.integers("joint_axis", 1)], "facing_by_joint")
    graph.node("Concat", [graph.node("MatMul", [wide, root], "root"), others], OUTPUT_NAME, {"axis": 1})


def _slice(graph: GraphWriter, value: str, start: int, end: int, *, axis: int, name: str) -> str:
    bounds = [graph.integers(f"{name}_{part}", number) for part, number in (("start", start), ("end", end))]
    return graph.node("Slice", [value, *bounds, graph.integers(f"{name}_axis", axis)], name)


def _length(graph: GraphWriter, value: str, *, axis: int, name: str, tiny: bool) -> str:
    """Euclidean length along an axis, which stays; with ``tiny`` as torch's twin writes it, never zero."""
    squared = graph.node("Mul", [value, value], f"{name}_squared")
    summed = graph.node(
        "ReduceSum", [squared, graph.integers(f"{name}_sum_axis", axis)], f"{name}_sum", {"keepdims": 1}
    )
    if tiny:
        summed = graph.node("Add", [summed, graph.number(f"{name}_tiny", TINY)], f"{name}_sum_tiny")
    return graph.node("Sqrt", [summed], f"{name}_length")
