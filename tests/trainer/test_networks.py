# SPDX-License-Identifier: Apache-2.0
"""The two networks against a count by hand and against the same arithmetic written out in NumPy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body import torch_rotations
from dancepose.trainer.body.layout_batch import LayoutBatch, build_layout_batch, feature_count
from dancepose.trainer.body.torch_smpl import local_to_global_rotmat
from dancepose.trainer.config import ModelConfig
from dancepose.trainer.model.discriminator import PoseDiscriminator
from dancepose.trainer.model.generator import SmplRegressor, facing_rotmat, predict, theta_to_rotmat
from dancepose_addon.core.body.rotation import rot6d_to_rotmat, rotvec_to_rotmat
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24, Layout
from dancepose_addon.core.skeleton.markers import joint_markers
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)


def layout_batch_of(layout: Layout) -> LayoutBatch:
    return build_layout_batch(BODY, [joint_markers(layout)], torch.eye(3).repeat(1, 24, 1, 1))


def count_parameters(module: "torch.nn.Module") -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_generator_has_the_parameters_of_the_paper() -> None:
    encoder = 69 * 1024 + 1024
    blocks = 2 * 2 * (1024 * 1024 + 1024 + 2 * 1024)
    assert count_parameters(SmplRegressor(ModelConfig(), 23)) == encoder + blocks + 1024 * 72 + 72 == 4_352_072
    assert count_parameters(SmplRegressor(ModelConfig(rotation="rot6d"), 23)) == 4_425_872


def test_generator_is_the_simple_baseline() -> None:
    torch.manual_seed(0)
    model = SmplRegressor(ModelConfig(width=8), 23)
    keypoints = torch.randn(64, 23, 3)
    model(keypoints)  # moves the running statistics away from 0 and 1
    weights = {name: value.numpy() for name, value in model.eval().state_dict().items()}
    features = keypoints.flatten(1).numpy() @ weights["encoder.weight"].T + weights["encoder.bias"]
    for block in range(2):
        inner = features
        for part in "12":
            prefix = f"blocks.{block}."
            inner = inner @ weights[f"{prefix}linear{part}.weight"].T + weights[f"{prefix}linear{part}.bias"]
            norm = {
                key: weights[f"{prefix}norm{part}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
            }
            inner = (inner - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5) * norm["weight"] + norm["bias"]
            inner = np.maximum(inner, 0.0)
        features = features + inner
    theta = features @ weights["decoder.weight"].T + weights["decoder.bias"]
    assert np.allclose(model(keypoints).detach().numpy().reshape(64, 72), theta, atol=1e-5)


def test_untrained_layers_add_nothing() -> None:
    """Biases are zero; that of a decoder of 6D rotations is the identity's first two columns."""
    for rotation in ("rotvec", "rot6d"):
        model = SmplRegressor(ModelConfig(width=8, rotation=rotation), 23)
        biases = {name: value for name, value in model.named_parameters() if name.endswith("bias")}
        last = biases.pop("decoder.bias")
        for name, value in biases.items():
            if "norm" not in name:
                assert not value.any(), name
        expected = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] * 24 if rotation == "rot6d" else [0.0] * 72
        assert last.tolist() == expected


def test_untrained_generator_starts_near_the_t_pose() -> None:
    torch.manual_seed(0)
    for rotation in ("rotvec", "rot6d"):
        rotmat = theta_to_rotmat(SmplRegressor(ModelConfig(rotation=rotation), 23)(0.3 * torch.randn(32, 23, 3)))
        trace = rotmat.diagonal(dim1=-2, dim2=-1).sum(-1)
        assert torch.acos(((trace - 1.0) / 2.0).clamp(-1.0, 1.0)).mean() < 0.6


def test_torch_rotations_are_those_of_core() -> None:
    random = np.random.default_rng(0)
    rotvec = (random.normal(size=(200, 3)) * random.choice([1e-6, 1e-3, 1.0, 3.0], (200, 1))).astype(np.float32)
    rot6d = random.normal(size=(200, 6)).astype(np.float32)
    assert np.allclose(
        torch_rotations.rotvec_to_rotmat(torch.tensor(rotvec)).numpy(), rotvec_to_rotmat(rotvec), atol=2e-6
    )
    assert np.allclose(torch_rotations.rot6d_to_rotmat(torch.tensor(rot6d)).numpy(), rot6d_to_rotmat(rot6d), atol=2e-5)


def test_gradients_stay_finite_at_zero_rotation() -> None:
    rotvec = torch.zeros(4, 3, requires_grad=True)
    torch_rotations.rotvec_to_rotmat(rotvec).sum().backward()
    assert rotvec.grad is not None
    # d/dr of the sum of the entries of I + skew(r): each component stands once with either sign.
    assert torch.allclose(rotvec.grad, torch.zeros(4, 3), atol=1e-6)


@pytest.mark.parametrize("layout", [MD23, SMPL24])
def test_facing_lays_the_shoulders_along_x(layout) -> None:
    torch.manual_seed(1)
    points = torch.randn(50, layout.count, 3)
    turned = points @ facing_rotmat(points, layout_batch_of(layout))
    across = turned[:, list(layout.left)].mean(1) - turned[:, list(layout.right)].mean(1)
    assert (across[:, 0] > 0).all()
    assert across[:, 2].abs().max() < 1e-5
    assert torch.allclose(turned[..., 1], points[..., 1])


@pytest.mark.parametrize(("frame", "features"), [("local", "points"), ("global", "planes")])
def test_turning_the_points_turns_the_root_alone(frame: str, features: str) -> None:
    torch.manual_seed(2)
    config = ModelConfig(width=32, rotation="rot6d", facing=True, frame=frame, features=features)
    layout_batch = layout_batch_of(MD23)
    model = SmplRegressor(config, feature_count(MD23, features)).eval()
    points, angle = torch.randn(20, 23, 3), torch.linspace(-3.0, 3.0, 20)
    turn = torch_rotations.yaw_rotmat(torch.cos(angle), torch.sin(angle))
    before = predict(model, points, layout_batch, config).local_rotmat
    turned = predict(model, points @ turn.transpose(1, 2), layout_batch, config)
    after = turned.local_rotmat
    # What is against the world follows from what is against the parent, whichever of the two the network gives.
    assert torch.allclose(turned.global_rotmat, local_to_global_rotmat(after), atol=1e-4)
    assert torch.allclose(after[:, 1:], before[:, 1:], atol=1e-4)
    assert torch.allclose(after[:, 0], turn @ before[:, 0], atol=1e-4)


def test_discriminator_is_hmrs() -> None:
    model = PoseDiscriminator()
    convolutions = (9 * 32 + 32) + (32 * 32 + 32)
    heads = 23 * (32 + 1) + (23 * 32 * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 + 1)
    assert count_parameters(model) == convolutions + heads
    assert model(torch.randn(5, 24, 3, 3)).shape == (5, 24)


def test_discriminator_sees_each_joint_alone_and_all_together_but_not_the_root() -> None:
    torch.manual_seed(3)
    model, pose = PoseDiscriminator(), torch.randn(1, 24, 3, 3)
    scores = model(pose)
    changed_root, changed_knee = pose.clone(), pose.clone()
    changed_root[:, 0] += 1.0
    changed_knee[:, 4] += 1.0
    assert torch.equal(model(changed_root), scores)
    moved = torch.nonzero((model(changed_knee) - scores)[0].abs() > 1e-7).flatten().tolist()
    assert moved == [3, 23]  # the head of joint 4, and the head of the whole pose
