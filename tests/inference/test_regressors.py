# SPDX-License-Identifier: Apache-2.0
"""Opening regressor files: what runs, and what is refused."""

import itertools
from pathlib import Path
import subprocess
import sys
import time

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper

from dancepose_addon.core.errors import LayoutError, MissingFileError, OptionError, RegressorError
from dancepose_addon.core.fit.regressor import METADATA_KEY, RegressorInfo
from dancepose_addon.core.skeleton.layouts import LAYOUTS, MD23, SMPL24, Layout
from dancepose_addon.core.skeleton.markers import joint_markers
from dancepose_addon.inference import open_regressor
from dancepose_addon.inference.regressors import REGRESSOR_FOLDER, shipped_layouts


def info_of(layout: Layout) -> RegressorInfo:
    return RegressorInfo(layout, joint_markers(layout), "0" * 16, "none", "linear", "CC0-1.0", f"{layout.name}-test")


def linear_model(layout: Layout, *, op: str = "Identity", outputs: int = 216) -> "onnx.ModelProto":
    """Points times a fixed matrix, shaped as rotations: not a sensible regressor, but one by the contract."""
    weight = np.random.default_rng(0).normal(size=(3 * layout.count, outputs)).astype(np.float16)
    constants = {
        "w": weight,
        "flat": np.array([0, 3 * layout.count], np.int64),
        "shape": np.array([0, 24, 3, outputs // 72], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["keypoints", "flat"], ["points"]),
        helper.make_node(op, ["points"], ["same"]),
        helper.make_node("Cast", ["w"], ["w32"], to=1),
        helper.make_node("MatMul", ["same", "w32"], ["product"]),
        helper.make_node("Reshape", ["product", "shape"], ["pose_rotmat"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("keypoints", 1, ["frames", layout.count, 3])],
        [helper.make_tensor_value_info("pose_rotmat", 1, ["frames", 24, 3, None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: info_of(layout).to_json()})
    return model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test.onnx"
    path.write_bytes(linear_model(MD23).SerializeToString())
    return path


def test_devices_say_what_runs_and_agree(file: Path) -> None:
    points = np.random.default_rng(1).normal(size=(1300, 23, 3)).astype(np.float32)
    weight = np.random.default_rng(0).normal(size=(69, 216)).astype(np.float16).astype(np.float32)
    expected = (points.reshape(1300, 69) @ weight).reshape(1300, 24, 3, 3)
    providers = set()
    for device in ("auto", "cpu", "numpy"):
        regressor = open_regressor(file, device=device)
        providers.add(regressor.provider)
        assert np.abs(regressor(points) - expected).max() < 1e-4
        assert regressor.info.name == "md23-test"
    assert open_regressor(file, device="numpy").provider == "NumPy"
    assert providers <= {"CUDA", "CPU", "NumPy"}


def test_cpu_is_onnxruntime_where_it_is_installed(file: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert open_regressor(file, device="cpu").provider == "CPU"


def test_cuda_is_refused_where_it_is_not(file: Path) -> None:
    if open_regressor(file).provider == "CUDA":
        assert open_regressor(file, device="cuda").provider == "CUDA"
        return
    with pytest.raises(RegressorError, match=r"cannot run on CUDA here: .*(onnxruntime|NVIDIA)"):
        open_regressor(file, device="cuda")


def test_numpy_steps_in_where_onnxruntime_is_missing(file: Path, root: Path) -> None:
    """In a separate process, in which the import truly fails."""
    script = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path; from dancepose_addon.inference import open_regressor\n"
        "print([open_regressor(Path(sys.argv[1]), device=d).provider for d in ('auto', 'cpu', 'numpy')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['NumPy', 'NumPy', 'NumPy']"


def test_opening_imports_no_onnxruntime_before_it_is_wanted(root: Path) -> None:
    script = "import sys, dancepose_addon.inference; print('onnxruntime' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"


def test_another_layout_is_refused(file: Path) -> None:
    with pytest.raises(RegressorError, match=r"test\.onnx reads layout md23, not smpl24"):
        open_regressor(file, layout="smpl24")
    file.write_bytes(linear_model(SMPL24).SerializeToString())
    with pytest.raises(RegressorError, match="reads layout smpl24, not md23"):
        open_regressor(file)
    assert open_regressor(file, layout="smpl24").info.layout is SMPL24


def test_points_of_another_layout_are_refused(file: Path) -> None:
    with pytest.raises(
        RegressorError, match=r"reads md23, \(frames, 23, 3\); it was given points of shape \(4, 24, 3\)"
    ):
        open_regressor(file)(np.zeros((4, 24, 3), np.float32))


def test_truncated_file_is_refused_on_every_device(file: Path) -> None:
    data = file.read_bytes()
    for share in (0.0, 0.3, 0.9, 0.999):
        file.write_bytes(data[: int(share * len(data))])
        for device in ("auto", "numpy"):
            with pytest.raises(RegressorError, match=r"truncated|without DancePose metadata"):
                open_regressor(file, device=device)


@pytest.mark.parametrize("device", ["auto", "numpy"])
def test_graphs_that_break_the_contract(file: Path, device: str) -> None:
    def refused(model: "onnx.ModelProto", said: str) -> None:
        file.write_bytes(model.SerializeToString())
        with pytest.raises(RegressorError, match=said):
            open_regressor(file, device=device)

    plain = linear_model(MD23)
    plain.metadata_props.clear()
    refused(plain, "without DancePose metadata")
    refused(linear_model(MD23, op="Erf"), "uses the operator Erf")
    refused(linear_model(MD23, outputs=144), r"gave pose_rotmat of shape \(2, 24, 3, 2\)")
    renamed = linear_model(MD23)
    renamed.graph.node[-1].output[0] = renamed.graph.output[0].name = "theta"
    refused(renamed, "gives theta; expected keypoints and pose_rotmat")
    endless = linear_model(MD23)
    weight = numpy_helper.to_array(endless.graph.initializer[0]).copy()
    weight[3, 5] = np.inf
    endless.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "w"))
    refused(endless, "NaN or infinite")


def test_missing_files_and_unknown_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError, match=r"none\.onnx cannot be read"):
        open_regressor(tmp_path / "none.onnx")
    with pytest.raises(MissingFileError):
        open_regressor(tmp_path)
    with pytest.raises(OptionError, match="no device 'tpu'"):
        open_regressor(None, device="tpu")
    with pytest.raises(LayoutError, match="no layout 'md24'"):
        open_regressor(None, layout="md24")
    monkeypatch.setattr("dancepose_addon.inference.regressors.REGRESSOR_FOLDER", tmp_path)
    with pytest.raises(RegressorError, match=r"No regressor for layout smpl24 is shipped \(there are: none\)"):
        open_regressor(None, layout="smpl24")


def test_shipped_regressors_open_by_their_layouts_and_are_small() -> None:
    assert {"md23"} <= set(shipped_layouts()) <= set(LAYOUTS)
    assert sum(path.stat().st_size for path in REGRESSOR_FOLDER.glob("*.onnx")) <= 20_000_000
    for name in shipped_layouts():
        regressor = open_regressor(None, layout=name, device="numpy")
        assert regressor.info.layout.name == name
        card = (REGRESSOR_FOLDER / f"{name}.md").read_text(encoding="utf-8")
        assert regressor.info.name in card
        assert str(regressor.info.training["config_sha256"]) in card


def with_nodes(*nodes: "onnx.NodeProto", constants: dict[str, np.ndarray] | None = None) -> "onnx.ModelProto":
    """The linear model with more nodes before its own."""
    model = linear_model(MD23)
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in (constants or {}).items())
    return model


def doubling(first: str, count: int = 40) -> list["onnx.NodeProto"]:
    """``count`` times an array joined to itself."""
    names = [first, *(f"d{i}" for i in range(count))]
    return [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in itertools.pairwise(names)]


GREEDY = {
    "points doubled": with_nodes(*doubling("keypoints")),
    "a weight doubled": with_nodes(*doubling("c"), constants={"c": np.zeros(8, np.float32)}),
    "an outer sum": with_nodes(
        helper.make_node("Add", ["r", "c"], ["sum"]),
        constants={"r": np.zeros((1 << 16, 1), np.float32), "c": np.zeros((1, 1 << 16), np.float32)},
    ),
    "a long product": with_nodes(
        *(helper.make_node("MatMul", ["m" if i == 0 else f"m{i}", "m"], [f"m{i + 1}"]) for i in range(20)),
        constants={"m": np.zeros((1024, 1024), np.float32)},
    ),
    "sixty thousand steps": with_nodes(
        *(helper.make_node("Identity", ["keypoints" if i == 0 else f"s{i}"], [f"s{i + 1}"]) for i in range(60_000))
    ),
    "frames times frames": with_nodes(
        helper.make_node("Reshape", ["keypoints", "row"], ["a"]),
        helper.make_node("Reshape", ["keypoints", "column"], ["b"]),
        helper.make_node("MatMul", ["a", "b"], ["square"]),
        constants={"row": np.array([-1, 1], np.int64), "column": np.array([1, -1], np.int64)},
    ),
    "a row chosen a million times": with_nodes(
        helper.make_node("Gather", ["c", "i"], ["many"], axis=0),
        constants={"c": np.zeros((1, 1 << 10), np.float32), "i": np.zeros(1 << 20, np.int64)},
    ),
}


@pytest.mark.parametrize("device", ["auto", "numpy"])
@pytest.mark.parametrize("name", sorted(GREEDY))
def test_graphs_that_ask_for_all_memory_or_time(tmp_path: Path, name: str, device: str) -> None:
    path = tmp_path / "greedy.onnx"
    path.write_bytes(GREEDY[name].SerializeToString())
    started = time.perf_counter()
    with pytest.raises(RegressorError, match=r"limit|grows faster") as caught:
        open_regressor(path, device=device)
    assert time.perf_counter() - started < 5.0
    assert len(str(caught.value)) < 500


def test_metadata_that_nests_without_end(tmp_path: Path) -> None:
    model = linear_model(MD23)
    for text in ("[" * 200_000, '{"schema_version": "\\u001b]0;OWNED\\u0007"}', '{"schema_version": [[[[1]]]]}'):
        helper.set_model_props(model, {METADATA_KEY: text})
        (tmp_path / "deep.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(RegressorError) as caught:
            open_regressor(tmp_path / "deep.onnx")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400
