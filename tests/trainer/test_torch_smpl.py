# SPDX-License-Identifier: Apache-2.0
"""The body in torch against core's and against smplx, with the same arrays."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body.torch_smpl import forward_kinematics, p_3d, torch_body, vertices
from dancepose_addon.core.body.model import PARENTS, skin
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose


def random_markers(seed: int) -> MarkerSet:
    """Every point is attached to three bones, away from them."""
    random = np.random.default_rng(seed)
    weights = np.zeros((23, 24), np.float32)
    for row in weights:
        row[random.choice(24, 3, replace=False)] = random.dirichlet((2, 2, 2))
    return MarkerSet(MD23, weights, random.normal(scale=0.05, size=(23, 3)).astype(np.float32))


def test_p_3d_is_that_of_core() -> None:
    body, markers, pose = synthetic_body(1), random_markers(2), random_pose(3, 16)
    twin = torch_body(body, markers)
    expected = keypoints_from_pose(markers, body.rest_joints(), pose)
    assert np.abs(p_3d(twin, torch.tensor(pose)).numpy() - expected).max() < 1e-5


def test_p_3d_with_a_shape_for_every_sample_is_that_of_core_one_by_one() -> None:
    body, markers, pose = synthetic_body(1), random_markers(2), random_pose(3, 5)
    twin = torch_body(body, markers)
    betas = np.random.default_rng(4).normal(size=(5, 10)).astype(np.float32)
    together = p_3d(twin, torch.tensor(pose), twin.joints_of(torch.tensor(betas))).numpy()
    for index in range(5):
        alone = keypoints_from_pose(markers, body.rest_joints(betas[index]), pose[index : index + 1])
        assert np.abs(together[index] - alone[0]).max() < 1e-5


def test_vertices_and_joints_against_core_and_smplx() -> None:
    lbs = pytest.importorskip("smplx.lbs").lbs
    body, pose = synthetic_body(5), random_pose(6, 4)
    assert body.posedirs is not None
    betas = torch.randn(4, 10, generator=torch.Generator().manual_seed(7))
    twin = torch_body(body, joint_markers(MD23))
    posed = vertices(twin, torch.tensor(pose), betas)
    reference, joints = lbs(
        betas,
        torch.tensor(rotmat_to_rotvec(pose).reshape(4, 72)),
        twin.v_template_m,
        twin.shapedirs,
        torch.tensor(body.posedirs.reshape(-1, 207).T.copy()),
        torch.tensor(body.joint_regressor),
        torch.tensor(PARENTS),
        twin.skin_weights,
    )
    assert (posed - reference).abs().max() < 1e-5
    assert (forward_kinematics(twin.joints_of(betas), torch.tensor(pose))[1] - joints).abs().max() < 1e-5
    alone = skin(body, pose[:1], betas=betas[0].numpy())
    assert alone is not None
    assert np.abs(posed[0].numpy() - alone[0]).max() < 1e-5


def test_a_body_without_pose_correctives_is_that_of_core() -> None:
    body, pose = replace(synthetic_body(5), posedirs=None), random_pose(6, 2)
    twin = torch_body(body, joint_markers(MD23))
    expected = skin(body, pose)
    assert twin.posedirs is None
    assert expected is not None
    assert np.abs(vertices(twin, torch.tensor(pose)).numpy() - expected).max() < 1e-5


def test_gradient_of_p_3d_is_the_slope() -> None:
    twin = torch_body(synthetic_body(1), random_markers(2))
    double = {name: getattr(twin, name).double() for name in ("rest_joints_m", "marker_weights", "marker_offsets_m")}
    for name, value in double.items():
        object.__setattr__(twin, name, value)
    pose = torch.tensor(random_pose(3, 1), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rotmat: p_3d(twin, rotmat).sum(1), (pose,))
