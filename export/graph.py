"""The ONNX graph of a regressor, written node by node: key-points in metres to local rotations.

Written by hand and not traced, so that it holds exactly the operators that ``dancepose_addon.inference`` runs without
onnxruntime, and so that its every step can be named: centre, scale of the clip, facing, features, network, rotations.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import Tensor, nn

from dancepose_addon.core.body.model import PARENTS
from dancepose_addon.core.fit.regressor import (
    INPUT_NAME,
    LAYOUT_INPUT_NAME,
    METADATA_KEY,
    OUTPUT_NAME,
    RegressorInfo,
)
from trainer.config import ModelConfig
from trainer.pack import LayoutPack

from .folding import FoldedRegressor
from .writer import GraphWriter

OPSET: Final = 17
IR_VERSION: Final = 8
"""Read by every onnxruntime since 1.13."""
SMALLEST_DIVISOR_M: Final = 1e-6


def build_model(
    network: FoldedRegressor, info: RegressorInfo, pack: LayoutPack, model: ModelConfig, *, normalise: str
) -> onnx.ModelProto:
    """The whole file. pack: of the layouts that the network reads; normalise: kind of ``core.fit.normalise``. Matrices
    are stored as float16 and cast when the file is loaded."""
    graph = GraphWriter(len(pack.layouts))
    edges = graph.of_layout("edges", _array(pack.edges))
    # From the points as they come: their differences are exact where those of centred points are rounded twice, and
    # the direction of an edge of a centimetre feels it.
    vectors = graph.node("MatMul", [edges, INPUT_NAME], "edge_vectors")
    points = _normalise(graph, vectors, pack, kind=normalise)
    turn = _facing(graph, points, pack) if model.facing else None
    if turn is not None:
        points = graph.node("MatMul", [points, turn], "points_facing")
        vectors = graph.node("MatMul", [vectors, turn], "edges_facing")
    shown = _features(graph, points, vectors, pack, kind=model.features)
    theta = _network(graph, shown, network)
    columns = 6 if network.rotation == "rot6d" else 3
    theta = graph.node("Reshape", [theta, graph.integers("theta_shape", 0, 24, columns)], "theta_by_joint")
    rotmat = _from_rot6d(graph, theta) if network.rotation == "rot6d" else _from_rotvec(graph, theta)
    _to_local(graph, rotmat, turn, against_world=model.frame == "global")
    inputs = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["frames", pack.width, 3])]
    if graph.layouts > 1:
        inputs.append(helper.make_tensor_value_info(LAYOUT_INPUT_NAME, TensorProto.FLOAT, [1, graph.layouts]))
    outputs = [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["frames", 24, 3, 3])]
    result = helper.make_model(
        helper.make_graph(graph.nodes, "smpl_regressor", inputs, outputs, graph.initialisers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="dancepose",
    )
    helper.set_model_props(result, {METADATA_KEY: info.to_json()})
    onnx.checker.check_model(result, full_check=True)
    return result


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()


def _normalise(graph: GraphWriter, vectors: str, pack: LayoutPack, *, kind: str) -> str:
    """``core.fit.normalise.normalise``; padding stays zero."""
    mask = _array(pack.mask)
    share = graph.of_layout("share", (mask / mask.sum(1, keepdims=True))[:, None])
    mean = graph.node("MatMul", [share, INPUT_NAME], "frame_mean")
    centred = graph.node("Sub", [INPUT_NAME, mean], "points_about_mean")
    centred = graph.node("Mul", [centred, graph.of_layout("mask", mask[:, :, None])], "points_centred")
    if kind == "max":
        reach = graph.node("Abs", [centred], "reach")
        divisor = graph.node("ReduceMax", [reach], "clip_reach", {"keepdims": 0})
    else:
        length = graph.length(vectors, axis=2, name="edge", tiny=False)
        mean_length = graph.node("ReduceMean", [length], "clip_edges", {"axes": [0], "keepdims": 0})
        total = graph.node("ReduceSum", [mean_length], "clip_edge_sum", {"keepdims": 0})
        factor = graph.of_layout("size_factor", _array(pack.size_factor)[:, None])
        divisor = graph.node("Mul", [total, factor], "clip_size")
    divisor = graph.node("Max", [divisor, graph.number("smallest_divisor", SMALLEST_DIVISOR_M)], "clip_divisor")
    return graph.node("Div", [centred, divisor], "points_normalised")


def _facing(graph: GraphWriter, points: str, pack: LayoutPack) -> str:
    """``trainer.generator.facing_rotmat``: (T, 3, 3)."""
    across = graph.node("MatMul", [graph.of_layout("sides", _array(pack.sides)[:, None]), points], "across")
    x = graph.slice(across, 0, 1, axis=2, name="across_x")
    z = graph.slice(across, 2, 3, axis=2, name="across_z")
    level = graph.node("Concat", [x, z], "across_level", {"axis": 2})
    length = graph.length(level, axis=2, name="across", tiny=True)
    cosine = graph.node("Div", [x, length], "facing_cosine")
    minus = graph.node("Div", [z, length], "facing_minus_sine")
    sine = graph.node("Neg", [minus], "facing_sine")
    zero = graph.node("Mul", [cosine, graph.number("nought", 0.0)], "facing_zero")
    one = graph.node("Add", [zero, graph.number("unity", 1.0)], "facing_one")
    cells = [cosine, zero, sine, zero, one, zero, minus, zero, cosine]
    row = graph.node("Concat", cells, "facing_row", {"axis": 2})
    return graph.node("Reshape", [row, graph.integers("facing_shape", 0, 3, 3)], "facing")


def _features(graph: GraphWriter, points: str, vectors: str, pack: LayoutPack, *, kind: str) -> str:
    """The points with ``trainer.pack.LayoutPack.features`` after them, flat: (T, 3 N)."""
    shown, count = [points], pack.width
    if kind != "points":
        length = graph.length(vectors, axis=2, name="edge_facing", tiny=True)
        shown.append(graph.node("Div", [vectors, length], "directions"))
        count += pack.edge_count
    if kind == "planes":
        pairs = [graph.of_layout(f"meeting_{i}", _array(pack.meeting[i])) for i in (0, 1)]
        ends = [graph.node("MatMul", [pair, "directions"], f"meeting_edge_{i}") for i, pair in enumerate(pairs)]
        shown.append(graph.cross(*ends, name="planes"))
        count += pack.pair_count
    together = graph.node("Concat", shown, "shown", {"axis": 1}) if len(shown) > 1 else points
    return graph.node("Reshape", [together, graph.integers("flat_shape", 0, 3 * count)], "shown_flat")


def _network(graph: GraphWriter, shown: str, network: FoldedRegressor) -> str:
    weight = graph.of_layout("encoder", network.encoder_weight.numpy().astype(np.float16))
    bias = graph.of_layout("encoder_bias", network.encoder_bias.numpy())
    features = graph.node("Gemm", [shown, weight, bias], "encoded")
    last = len(network.layers) - 1
    skip = features
    for index, layer in enumerate(network.layers):
        assert isinstance(layer, nn.Linear)
        stored = graph.constant(f"weight{index}_f16", layer.weight.numpy().T.astype(np.float16))
        weight = graph.node("Cast", [stored], f"weight{index}", {"to": TensorProto.FLOAT})
        bias = graph.constant(f"bias{index}", layer.bias.numpy())
        result = graph.node("Gemm", [features, weight, bias], f"linear{index}")
        if index == last:
            return result
        features = graph.node("Relu", [result], f"relu{index}")
        if index % 2:
            features = skip = graph.node("Add", [skip, features], f"block{index // 2}")
    raise AssertionError("a network ends with its decoder")


def _from_rot6d(graph: GraphWriter, theta: str) -> str:
    """``trainer.rotations.rot6d_to_rotmat``: (T, 24, 3, 3)."""
    first = graph.slice(theta, 0, 3, axis=2, name="first_column")
    second = graph.slice(theta, 3, 6, axis=2, name="second_column")
    x = graph.node("Div", [first, graph.length(first, axis=2, name="first", tiny=True)], "x_axis")
    product = graph.node("Mul", [x, second], "x_times_second")
    along = graph.node("ReduceSum", [product, graph.integers("dot_axis", 2)], "x_dot_second", {"keepdims": 1})
    away = graph.node("Mul", [along, x], "second_along_x")
    rest = graph.node("Sub", [second, away], "second_across_x")
    y = graph.node("Div", [rest, graph.length(rest, axis=2, name="second", tiny=True)], "y_axis")
    z = graph.cross(x, y, name="z_axis")
    last = graph.integers("column_axis", 3)
    columns = [graph.node("Unsqueeze", [axis, last], f"{axis}_column") for axis in (x, y, z)]
    return graph.node("Concat", columns, "rotmat", {"axis": 3})


def _from_rotvec(graph: GraphWriter, theta: str) -> str:
    """``trainer.rotations.rotvec_to_rotmat``: (T, 24, 3, 3)."""
    angle = graph.length(theta, axis=2, name="theta", tiny=True)
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


def _to_local(graph: GraphWriter, rotmat: str, turn: str | None, *, against_world: bool) -> None:
    """``trainer.generator.predict``: rotations against the parent, the root turned back."""
    root = graph.slice(rotmat, 0, 1, axis=1, name="root_facing")
    others = graph.slice(rotmat, 1, 24, axis=1, name="other_joints")
    if against_world:
        parents = graph.node("Gather", [rotmat, graph.integers("parents", *PARENTS[1:])], "parent_rotmat", {"axis": 1})
        back = graph.node("Transpose", [parents], "parent_back", {"perm": [0, 1, 3, 2]})
        others = graph.node("MatMul", [back, others], "other_joints_local")
    if turn is not None:
        wide = graph.node("Unsqueeze", [turn, graph.integers("joint_axis", 1)], "facing_by_joint")
        root = graph.node("MatMul", [wide, root], "root")
    graph.node("Concat", [root, others], OUTPUT_NAME, {"axis": 1})
