# SPDX-License-Identifier: Apache-2.0
"""A file rewritten: the same weights, the same rotations, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper

from dancepose.export.rewriting import rewrite
from dancepose.export.to_onnx import Truths, export_run
from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.inference import open_regressor
from tests.export.test_export import BODY, checkpoint, clip
from tests.support.bodies import synthetic_body


@pytest.fixture
def file(tmp_path: Path) -> Path:
    saved = checkpoint("best", "data.layout=md23")
    return export_run(saved, BODY, tmp_path / "old.onnx", truths=Truths((clip(20),))).model


def test_weights_and_metadata_stay_and_rotations_with_them(file: Path, tmp_path: Path) -> None:
    before, out = onnx.load(file), tmp_path / "new.onnx"
    differences = rewrite(file, out, BODY)
    assert 0.0 < differences["from torch"] < 1e-4
    after = onnx.load(out)
    assert after.metadata_props[0].value == before.metadata_props[0].value
    stored = [{t.name: numpy_helper.to_array(t) for t in model.graph.initializer} for model in (before, after)]
    weights = [name for name in stored[0] if "weight" in name or "bias" in name or "encoder" in name]
    assert len(weights) == 12
    assert all(np.array_equal(stored[0][name], stored[1][name]) for name in weights)
    points = clip(60).keypoints_m
    results = [open_regressor(path, layout=MD23.name, device="numpy")(points) for path in (file, out)]
    assert np.abs(results[0] - results[1]).max() < 1e-5


def test_what_cannot_be_rewritten_is_left_alone(file: Path) -> None:
    data = file.read_bytes()
    with pytest.raises(RegressorError, match="trained on another body"):
        rewrite(file, file, synthetic_body(4))
    model = onnx.load(file)
    for node in model.graph.node:
        node.input[:] = ["encoder_weights" if name == "encoder_f16" else name for name in node.input]
    next(t for t in model.graph.initializer if t.name == "encoder_f16").name = "encoder_weights"
    onnx.save(model, str(file))
    with pytest.raises(RegressorError, match="has no encoder_f16"):
        rewrite(file, file, BODY)
    file.write_bytes(data)
    model = onnx.load(file)
    table = json.loads(model.metadata_props[0].value)
    for training, said in (
        ({}, "does not say how it was trained"),
        ({"config": {}}, r"describe 69 and 72\. Export the folder"),
        ({"config": {"model": {**table["training"]["config"]["model"], "rotation": "rotvec"}}}, "and 144 outputs; its"),
    ):
        model.metadata_props[0].value = json.dumps({**table, "training": training})
        onnx.save(model, str(file))
        with pytest.raises(RegressorError, match=said):
            rewrite(file, file, BODY)
    file.write_bytes(data)
    model = onnx.load(file)
    bias = next(t for t in model.graph.initializer if t.name == "bias4")
    other = next(node for node in model.graph.node if "bias4" in node.input)
    model.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.5), "shifted"))
    other.input[2] = "shifted"
    onnx.save(model, str(file))
    data = file.read_bytes()
    with pytest.raises(RegressorError, match="The new graph differs"):
        rewrite(file, file, BODY)
    assert file.read_bytes() == data
