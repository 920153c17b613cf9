# SPDX-License-Identifier: Apache-2.0
"""A regressor file whose pose is known: what Blender does with a pose can be tested before any network is trained."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import TensorProto, helper, numpy_helper

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.regressor import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, RegressorInfo
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import joint_markers


def arms_down() -> NDArray[np.float32]:
    """(24, 3, 3): standing, upper arms about 50 degrees down."""
    rotvec = np.zeros((24, 3), np.float32)
    rotvec[JOINT_INDEX["left_shoulder"], 2], rotvec[JOINT_INDEX["right_shoulder"], 2] = -0.9, 0.9
    return rotvec_to_rotmat(rotvec)


def write_posed_model(path: Path, body: BodyModel, *, layout: str = "md23") -> Path:
    """Write a model that gives ``arms_down`` for every frame, whatever the points: the frames' mean times nothing."""
    count = get_layout(layout).count
    pose = arms_down().reshape(1, 1, 216)
    info = RegressorInfo(
        layout=get_layout(layout),
        markers=joint_markers(get_layout(layout)),
        body_fingerprint=body.fingerprint,
        normalisation="none",
        rotation="matrix",
        licence="none",
        name=f"posed-{layout}",
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", [INPUT_NAME], ["mean"], axes=[1, 2], keepdims=1),
            helper.make_node("Mul", ["mean", "nothing"], ["still"]),
            helper.make_node("Add", ["still", "pose"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], [OUTPUT_NAME]),
        ],
        "posed",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["T", count, 3])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["T", 24, 3, 3])],
        [
            numpy_helper.from_array(pose, "pose"),
            numpy_helper.from_array(np.zeros((1, 1, 216), np.float32), "nothing"),
            numpy_helper.from_array(np.array([-1, 24, 3, 3], np.int64), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.save(model, str(path))
    return path
