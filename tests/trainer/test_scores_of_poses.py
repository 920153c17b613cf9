# SPDX-License-Identifier: Apache-2.0
"""The pose discriminator layer by layer, against NumPy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.model.discriminator import PoseDiscriminator


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.0)


def test_scores_against_numpy() -> None:
    """Joint by joint, with the root left out; then all joints at once."""
    torch.manual_seed(2)
    model = PoseDiscriminator()
    with torch.no_grad():
        model.joint_bias.uniform_(-1.0, 1.0)
        pose = torch.randn(3, 24, 3, 3)
        found = model(pose).numpy()
    table = {name: value.numpy().astype(np.float64) for name, value in model.state_dict().items()}
    given = pose.numpy().astype(np.float64)[:, 1:].reshape(3, 23, 9)
    for layer in (0, 2):
        given = relu(given @ table[f"convolutions.{layer}.weight"][..., 0].T + table[f"convolutions.{layer}.bias"])
    joints = (given * table["joint_weight"]).sum(axis=-1) + table["joint_bias"]
    whole = given.reshape(3, -1)
    for layer in (0, 2):
        whole = relu(whole @ table[f"pose_head.{layer}.weight"].T + table[f"pose_head.{layer}.bias"])
    whole = whole @ table["pose_head.4.weight"].T + table["pose_head.4.bias"]
    np.testing.assert_allclose(found, np.concatenate([joints, whole], axis=1), atol=1e-4)
    assert table["pose_head.0.weight"].shape == (1024, 23 * 32)
    assert table["pose_head.2.weight"].shape == (1024, 1024)


def test_weights_at_the_start() -> None:
    """Joint weights of a deviation of 1 / sqrt(32), the others of Glorot and Bengio's range; no biases."""
    torch.manual_seed(3)
    model = PoseDiscriminator()
    assert float(model.joint_weight.detach().std()) == pytest.approx(32**-0.5, rel=0.1)
    for name, value in model.state_dict().items():
        if name.endswith("bias"):
            assert not value.any()
        elif name != "joint_weight":
            most = np.sqrt(6.0 / (value.shape[0] + value.shape[1]))
            assert float(value.abs().max()) <= most
            assert float(value.abs().max()) > 0.8 * most
