# SPDX-License-Identifier: Apache-2.0
"""The reader of ONNX files against the onnx package, and against files that mean harm."""

import time

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dancepose_addon.core.errors import RegressorError
from dancepose_addon.inference.onnx_file import parse_model, with_constants


def model_of(nodes: list, initialisers: list, metadata: dict[str, str] | None = None) -> "onnx.ModelProto":
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "graph", [x], [y], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, metadata or {})
    return model


def example() -> bytes:
    weights = [numpy_helper.from_array(np.arange(9, dtype=np.float16).reshape(3, 3), "w")]
    nodes = [
        helper.make_node("Cast", ["w"], ["w32"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["x", "w32"], ["y"], alpha=0.5, transB=1),
    ]
    return model_of(nodes, weights, {"dancepose": "{}", "ö": "é"}).SerializeToString()


def test_model_is_read_as_onnx_reads_it() -> None:
    model = parse_model(example(), "example")
    assert (model.inputs, model.outputs, model.opset) == (("x",), ("y",), 17)
    assert model.metadata == {"dancepose": "{}", "ö": "é"}
    assert [(node.op, node.inputs, node.outputs) for node in model.nodes] == [
        ("Cast", ("w",), ("w32",)),
        ("Gemm", ("x", "w32"), ("y",)),
    ]
    assert model.nodes[1].attributes == {"alpha": 0.5, "transB": 1}


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_every_element_type_in_either_storage(dtype: str, *, raw: bool) -> None:
    array = (np.random.default_rng(0).normal(scale=40, size=(2, 3, 4))).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    values = array.tobytes() if raw else array.flatten().tolist()
    tensor = helper.make_tensor("w", kind, array.shape, values, raw=raw)
    read = parse_model(model_of([helper.make_node("Identity", ["x"], ["y"])], [tensor]).SerializeToString(), "x")
    assert read.initialisers["w"].dtype == array.dtype
    assert np.array_equal(read.initialisers["w"], array)


def test_attributes_of_every_kind() -> None:
    tensor = numpy_helper.from_array(np.array([1.5, -2.0], np.float32))
    node = helper.make_node("Any", ["x"], ["y"], i=-3, f=0.25, s="text", ints=[1, -1], floats=[0.5, 2.0], t=tensor)
    read = parse_model(model_of([node], []).SerializeToString(), "x").nodes[0].attributes
    assert np.array_equal(read.pop("t"), [1.5, -2.0])
    assert read == {"i": -3, "f": 0.25, "s": b"text", "ints": (1, -1), "floats": (0.5, 2.0)}


def test_a_file_cut_anywhere_is_refused_or_has_lost_whole_parts() -> None:
    whole = example()
    complete = parse_model(whole, "example")
    for end in range(len(whole)):
        try:
            cut = parse_model(whole[:end], "example")
        except RegressorError:
            continue
        # Protobuf has no overall length: a cut between fields leaves a shorter, valid message.
        assert len(cut.metadata) < len(complete.metadata) or cut.opset != complete.opset


def random_bytes(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 4000, dtype=np.uint8).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model",
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a graph of 2^63 bytes
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of more than ten bytes
        b"\x3b" * 5000,  # nested groups, an old wire type
        b"\x3a\x04\x2a\x02\x08\x80",  # a weight that ends inside a number
        b"\x3a\x80",
        random_bytes(1),
        random_bytes(2),
    ],
)
def test_hostile_bytes(data: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(RegressorError, match="cannot be read"):
        parse_model(data, "bad.onnx")
    assert time.process_time() - begun < 1.0


def hostile_models() -> dict[str, "onnx.ModelProto"]:
    identity = [helper.make_node("Identity", ["x"], ["y"])]
    outside = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    outside.data_location = TensorProto.EXTERNAL
    entry = outside.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    huge = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    huge.dims[:] = [1 << 40, 1 << 40]
    negative = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    negative.dims[:] = [-1]
    text = helper.make_tensor("w", TensorProto.STRING, [1], [b"x"])
    loop = model_of([helper.make_node("Loop", ["x"], ["y"], body=model_of(identity, []).graph)], [])
    foreign = model_of([helper.make_node("Identity", ["x"], ["y"], domain="com.example")], [])
    return {
        "is stored in another file": model_of(identity, [outside]),
        "elements for shape": model_of(identity, [huge]),
        "has shape": model_of(identity, [negative]),
        "element type 8": model_of(identity, [text]),
        "subgraph": loop,
        "operator set": foreign,
    }


@pytest.mark.parametrize("said", list(hostile_models()))
def test_what_a_regressor_has_no_use_for(said: str) -> None:
    with pytest.raises(RegressorError, match=said):
        parse_model(hostile_models()[said].SerializeToString(), "bad.onnx")


def test_inputs_become_weights() -> None:
    x, scale = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("x", "scale"))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    weight = numpy_helper.from_array(np.arange(9, dtype=np.float16).reshape(3, 3), "w")
    nodes = [
        helper.make_node("Cast", ["w"], ["w32"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "w32"], ["turned"]),
        helper.make_node("Mul", ["turned", "scale"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "graph", [x, scale], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"ö": "é"})
    value = np.array([[2.0, -1.0, 300.5]], np.float32)
    changed = onnx.load_from_string(with_constants(model.SerializeToString(), {"scale": value}))
    onnx.checker.check_model(changed, full_check=True)
    assert [entry.name for entry in changed.graph.input] == ["x"]
    assert [(entry.key, entry.value) for entry in changed.metadata_props] == [("ö", "é")]
    points = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = ReferenceEvaluator(model).run(None, {"x": points, "scale": value})[0]
    assert np.allclose(ReferenceEvaluator(changed).run(None, {"x": points})[0], expected)
    assert with_constants(model.SerializeToString(), {}) == model.SerializeToString()
