# SPDX-License-Identifier: Apache-2.0
"""A file in the official format, made here, through the commands' own reader, against the package smplx itself."""

from pathlib import Path
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
smplx = pytest.importorskip("smplx")
sparse = pytest.importorskip("scipy.sparse")

from dancepose.trainer.body.torch_smpl import torch_body, vertices
from dancepose_addon.core.body.model import skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from tests.support.bodies import synthetic_arrays
from tests.support.posing import random_pose

OFFICIAL_VERTICES = 6890


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SMPL_NEUTRAL.pkl as it is laid out: 6890 vertices, a sparse regressor, the root's parent 4294967295."""
    arrays = synthetic_arrays(4, vertices=OFFICIAL_VERTICES)
    table = {key: arrays[key] for key in ("v_template", "shapedirs", "posedirs", "weights")}
    table |= {
        "f": arrays["f"].astype(np.uint32),
        "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
        "kintree_table": np.asarray(arrays["kintree_table"], np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    path = tmp_path_factory.mktemp("official") / "SMPL_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps(table, protocol=2))
    return path


def test_joints_and_vertices_are_those_of_smplx(official: Path) -> None:
    pose, betas = random_pose(1, 5), np.random.default_rng(2).normal(size=10).astype(np.float32)
    body = load_body(official)
    rotvec = torch.tensor(rotmat_to_rotvec(pose))
    model = smplx.SMPL(str(official), batch_size=5)
    reference = model(
        betas=torch.tensor(betas).expand(5, 10), global_orient=rotvec[:, 0], body_pose=rotvec[:, 1:].flatten(1)
    )
    posed = skin(body, pose, betas=betas)
    assert posed is not None
    assert np.abs(posed - reference.vertices.detach().numpy()).max() < 1e-5
    joints = keypoints_from_pose(joint_markers(SMPL24), body.rest_joints(betas), pose)
    assert np.abs(joints - reference.joints[:, :24].detach().numpy()).max() < 1e-5
    twin = torch_body(body, joint_markers(SMPL24))
    in_torch = vertices(twin, torch.tensor(pose), torch.tensor(betas).expand(5, 10))
    assert (in_torch - reference.vertices).abs().max() < 1e-5


def test_training_runs_on_the_official_body(official: Path, tmp_path: Path) -> None:
    """The same commands with --body: train, export, and a file that names the body it was trained on."""
    from dancepose.cli.commands import app
    from dancepose_addon.inference import open_regressor

    settings = ("--set", "model.width=32", "--set", "data.procedural_poses=60", "--set", "optim.steps=2")
    run, out = tmp_path / "run", tmp_path / "own.onnx"
    arguments = ("train", "--preset", "smoke", "--body", official, "--out", run, "--device", "cpu", *settings)
    app([str(argument) for argument in arguments], standalone_mode=False)
    app([str(argument) for argument in ("export", run, "--body", official, "--out", out)], standalone_mode=False)
    assert open_regressor(out, device="numpy").info.body_fingerprint == load_body(official).fingerprint
