# SPDX-License-Identifier: Apache-2.0
"""The ONNX graph of a regressor, written node by node: key-points in metres to local rotations.

It is written by hand instead of traced, so that it contains exactly the operators that ``dancepose_addon.inference``
runs without onnxruntime, and so that every step has a name: centring, scale of the clip, facing, features, network,
rotations.

Frames are the last axis, T, of everything except the network's own features, (T, width): vectors are (N, 3, T),
matrices (N, 3, 3, T). Each step then runs along contiguous frames, and all else takes little time.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import Tensor, nn

from dancepose.trainer.body.layout_batch import LayoutBatch
from dancepose.trainer.config import ModelConfig
from dancepose_addon.core.body.model import PARENTS
from dancepose_addon.core.fit.regressor import (
    INPUT_NAME,
    LAYOUT_INPUT_NAME,
    METADATA_KEY,
    OUTPUT_NAME,
    RegressorInfo,
)

from .folding import FoldedRegressor
from .writer import GraphWriter

OPSET: Final = 17
IR_VERSION: Final = 8
"""Readable by every onnxruntime since 1.13."""
SMALLEST_DIVISOR_M: Final = 1e-6


def build_model(
    network: FoldedRegressor, info: RegressorInfo, layout_batch: LayoutBatch, model: ModelConfig, *, normalise: str
) -> onnx.ModelProto:
    """Build the whole file. Matrices are stored as float16 and cast when the file is loaded.

    Args:
        network: The weights.
        info: Metadata of the file.
        layout_batch: The layouts that the network reads.
        model: Architecture.
        normalise: Kind of ``core.fit.normalise``.

    Returns:
        The ONNX model, checked.
    """
    graph = GraphWriter(len(layout_batch.layouts))
    seen = _seen(graph, layout_batch)
    squared = graph.squared_length(seen["edges"], name="edge")
    points = _normalise(graph, seen["points"], squared, layout_batch, kind=normalise)
    vectors, turn = seen["edges"], None
    if model.facing:
        cosine, minus = _facing(graph, seen["across"])
        points = _turned_to_face(graph, points, cosine, minus, name="points_facing")
        vectors = _turned_to_face(graph, vectors, cosine, minus, name="edges_facing")
        turn = _facing_rotmat(graph, cosine, minus)
    shown = _features(graph, points, vectors, squared, layout_batch, kind=model.features)
    theta = _network(graph, shown, network)
    theta = graph.node("Transpose", [theta], "theta_by_number", {"perm": [1, 0]})
    numbers = 6 if network.rotation == "rot6d" else 3
    theta = graph.reshape(theta, 24, numbers, -1, name="theta_by_joint")
    columns = _from_rot6d(graph, theta) if network.rotation == "rot6d" else _from_rotvec(graph, theta)
    local = _to_local(graph, columns, turn, against_world=model.frame == "global")
    flat = graph.reshape(local, 216, -1, name="pose_by_number")
    flat = graph.node("Transpose", [flat], "pose_by_frame", {"perm": [1, 0]})
    graph.reshape(flat, 0, 24, 3, 3, name=OUTPUT_NAME)
    inputs = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["frames", layout_batch.width, 3])]
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


def _seen(graph: GraphWriter, layout_batch: LayoutBatch) -> dict[str, str]:
    """Compute everything that is linear in the points in one product.

    These are the centred points, (P, 3, T), with zeros at padding; the edges, (E, 3, T); and the left-right axis,
    (1, 3, T). Edges are not computed from the centred points: differences of the given points are exact, those of
    centred points are rounded twice, which matters for the direction of an edge of a centimetre.
    """
    mask = _array(layout_batch.mask)
    centred = mask[:, :, None] * (
        np.eye(layout_batch.width, dtype=np.float32) - (mask / mask.sum(1, keepdims=True))[:, None]
    )
    rows = {"points": centred, "edges": _array(layout_batch.edges), "across": _array(layout_batch.sides)[:, None]}
    table = graph.of_layout("linear", np.concatenate(list(rows.values()), axis=1))
    by_frame = graph.reshape(INPUT_NAME, -1, 3 * layout_batch.width, name="coordinates_by_frame")
    coordinates = graph.node("Transpose", [by_frame], "coordinates", {"perm": [1, 0]})
    product = graph.node(
        "MatMul", [table, graph.reshape(coordinates, layout_batch.width, -1, name="by_point")], "seen_flat"
    )
    together = graph.reshape(product, sum(part.shape[1] for part in rows.values()), 3, -1, name="seen")
    parts, first = {}, 0
    for name, part in rows.items():
        parts[name] = graph.slice(together, first, first + part.shape[1], axis=0, name=f"seen_{name}")
        first += part.shape[1]
    return parts


def _normalise(graph: GraphWriter, points: str, edges_squared: str, layout_batch: LayoutBatch, *, kind: str) -> str:
    """Apply ``core.fit.normalise.normalise`` to centred points."""
    if kind == "max":
        reach = graph.node("Abs", [points], "reach")
        divisor = graph.node("ReduceMax", [reach], "clip_reach", {"keepdims": 0})
    else:
        length = graph.node("Sqrt", [edges_squared], "edge_length")
        mean_length = graph.node("ReduceMean", [length], "clip_edges", {"axes": [2], "keepdims": 0})
        total = graph.node("ReduceSum", [mean_length], "clip_edge_sum", {"keepdims": 0})
        factor = graph.of_layout("size_factor", _array(layout_batch.size_factor)[:, None])
        divisor = graph.node("Mul", [total, factor], "clip_size")
    divisor = graph.node("Max", [divisor, graph.number("smallest_divisor", SMALLEST_DIVISOR_M)], "clip_divisor")
    return graph.node("Div", [points, divisor], "points_normalised")


def _facing(graph: GraphWriter, across: str) -> tuple[str, str]:
    """Compute cosine and negative sine of the heading of the left-right axis: (1, 1, T) each."""
    x = graph.slice(across, 0, 1, axis=1, name="across_x")
    z = graph.slice(across, 2, 3, axis=1, name="across_z")
    level = graph.node("Concat", [x, z], "across_level", {"axis": 1})
    length = graph.length(graph.squared_length(level, name="across"), name="across")
    return graph.node("Div", [x, length], "facing_cosine"), graph.node("Div", [z, length], "facing_minus_sine")


def _turned_to_face(graph: GraphWriter, vectors: str, cosine: str, minus: str, *, name: str) -> str:
    """Multiply row vectors (N, 3, T) by ``dancepose.trainer.model.generator.facing_rotmat``."""
    x, y, z = (graph.slice(vectors, i, i + 1, axis=1, name=f"{name}_{axis}_before") for i, axis in enumerate("xyz"))
    terms = {
        (axis, factor): graph.node("Mul", [value, factor], f"{name}_{axis}_{factor}")
        for axis, value in (("x", x), ("z", z))
        for factor in (cosine, minus)
    }
    across = graph.node("Add", [terms["x", cosine], terms["z", minus]], f"{name}_x")
    ahead = graph.node("Sub", [terms["z", cosine], terms["x", minus]], f"{name}_z")
    return graph.node("Concat", [across, y, ahead], name, {"axis": 1})


def _facing_rotmat(graph: GraphWriter, cosine: str, minus: str) -> str:
    """Build the matrix ``dancepose.trainer.model.generator.facing_rotmat``: (1, 3, 3, T)."""
    sine = graph.node("Neg", [minus], "facing_sine")
    zero = graph.node("Mul", [cosine, graph.number("nought", 0.0)], "facing_zero")
    one = graph.node("Add", [zero, graph.number("unity", 1.0)], "facing_one")
    cells = [cosine, zero, sine, zero, one, zero, minus, zero, cosine]
    row = graph.node("Concat", cells, "facing_row", {"axis": 1})
    return graph.reshape(row, 1, 3, 3, -1, name="facing")


def _features(
    graph: GraphWriter, points: str, vectors: str, edges_squared: str, layout_batch: LayoutBatch, *, kind: str
) -> str:
    """Append ``dancepose.trainer.body.layout_batch.LayoutBatch.features`` to the points and flatten: (3 N, T)."""
    shown, count = [points], layout_batch.width
    if kind != "points":
        directions = graph.node("Div", [vectors, graph.length(edges_squared, name="edge_facing")], "directions")
        shown.append(directions)
        count += layout_batch.edge_count
    if kind == "planes":
        pairs = graph.of_layout("meeting", np.concatenate(list(_array(layout_batch.meeting)), axis=1))
        flat = graph.reshape(directions, layout_batch.edge_count, -1, name="directions_flat")
        met = graph.node("MatMul", [pairs, flat], "meeting_edges_flat")
        met = graph.reshape(met, 2 * layout_batch.pair_count, 3, -1, name="meeting_edges")
        bounds = (0, layout_batch.pair_count, 2 * layout_batch.pair_count)
        ends = [graph.slice(met, *bounds[i : i + 2], axis=0, name=f"meeting_edge_{i}") for i in (0, 1)]
        shown.append(graph.cross(*ends, name="planes"))
        count += layout_batch.pair_count
    together = graph.node("Concat", shown, "shown", {"axis": 0}) if len(shown) > 1 else points
    return graph.reshape(together, 3 * count, -1, name="shown_flat")


def _network(graph: GraphWriter, shown: str, network: FoldedRegressor) -> str:
    """Apply the network: (3 N, T) to theta, (T, 24 times 3 or 6)."""
    weight = graph.of_layout("encoder", network.encoder_weight.numpy().astype(np.float16))
    bias = graph.of_layout("encoder_bias", network.encoder_bias.numpy())
    features = graph.node("Gemm", [shown, weight, bias], "encoded", {"transA": 1})
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
    """Apply ``dancepose.trainer.body.torch_rotations.rot6d_to_rotmat`` column by column: (24, 3, 3, T)."""
    first = graph.slice(theta, 0, 3, axis=1, name="first_column")
    second = graph.slice(theta, 3, 6, axis=1, name="second_column")
    x = graph.node("Div", [first, graph.length(graph.squared_length(first, name="first"), name="first")], "x_axis")
    product = graph.node("Mul", [x, second], "x_times_second")
    along = graph.node("ReduceSum", [product, graph.integers("dot_axis", 1)], "x_dot_second", {"keepdims": 1})
    away = graph.node("Mul", [along, x], "second_along_x")
    rest = graph.node("Sub", [second, away], "second_across_x")
    y = graph.node("Div", [rest, graph.length(graph.squared_length(rest, name="second"), name="second")], "y_axis")
    columns = [x, y, graph.cross(x, y, name="z_axis")]
    flat = graph.node("Concat", columns, "columns_flat", {"axis": 1})
    return graph.reshape(flat, 24, 3, 3, -1, name="columns")


def _from_rotvec(graph: GraphWriter, theta: str) -> str:
    """Apply ``dancepose.trainer.body.torch_rotations.rotvec_to_rotmat`` column by column: (24, 3, 3, T)."""
    angle = graph.length(graph.squared_length(theta, name="theta"), name="theta")
    half = graph.node("Mul", [angle, graph.number("half", 0.5)], "half_angle")
    sine = graph.node("Div", [graph.node("Sin", [angle], "sin_angle"), angle], "sine_factor")
    ratio = graph.node("Div", [graph.node("Sin", [half], "sin_half"), angle], "half_ratio")
    square = graph.node("Mul", [ratio, ratio], "half_ratio_squared")
    cosine = graph.node("Mul", [square, graph.number("two", 2.0)], "cosine_factor")
    # Row 3 b + c of the table gives entry (c, b) of the cross-product matrix.
    table = np.zeros((9, 3), np.float32)
    table[[7, 5], 0], table[[2, 6], 1], table[[3, 1], 2] = (-1, 1), (-1, 1), (-1, 1)
    cross = graph.node("MatMul", [graph.constant("cross_table", table), theta], "cross_flat")
    cross = graph.reshape(cross, 24, 3, 3, -1, name="cross_matrix")
    column = graph.reshape(theta, 24, 3, 1, -1, name="theta_column")
    row = graph.reshape(theta, 24, 1, 3, -1, name="theta_row")
    outer = graph.node("Mul", [column, row], "theta_outer")
    angle_squared = graph.node("Mul", [angle, angle], "angle_squared")
    versine = graph.node("Mul", [cosine, angle_squared], "versine")
    diagonal = graph.node("Sub", [graph.number("unity_angle", 1.0), versine], "cos_angle")
    wide = {name: graph.reshape(name, 24, 1, 1, -1, name=f"{name}_wide") for name in (diagonal, sine, cosine)}
    eye = graph.constant("eye", np.eye(3, dtype=np.float32)[..., None])
    eye = graph.node("Mul", [wide[diagonal], eye], "eye_part")
    first = graph.node("Add", [eye, graph.node("Mul", [wide[sine], cross], "cross_part")], "eye_and_cross")
    return graph.node("Add", [first, graph.node("Mul", [wide[cosine], outer], "outer_part")], "columns")


def _to_local(graph: GraphWriter, columns: str, turn: str | None, *, against_world: bool) -> str:
    """Compute local rotations as ``dancepose.trainer.model.generator.predict``, row by row: (24, 3, 3, T)."""
    root = graph.slice(columns, 0, 1, axis=0, name="root_facing")
    others = graph.slice(columns, 1, 24, axis=0, name="other_joints")
    rows = {"perm": [0, 2, 1, 3]}
    if against_world:
        # Of two matrices column by column, entry (a, b) of the first one's inverse times the second is the product of
        # column a with column b.
        parents = graph.node(
            "Gather", [columns, graph.integers("parents", *PARENTS[1:])], "parent_columns", {"axis": 0}
        )
        others = graph.product(parents, others, name="other_joints_local")
    else:
        others = graph.node("Transpose", [others], "other_joints_local", rows)
    root = graph.product(turn, root, name="root") if turn is not None else graph.node("Transpose", [root], "root", rows)
    return graph.node("Concat", [root, others], "pose_by_joint", {"axis": 0})
