# SPDX-License-Identifier: Apache-2.0
"""Losses against sums done by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body.torch_rotations import rotvec_to_rotmat
from dancepose.trainer.config import LossConfig
from dancepose.trainer.model import losses


def test_l_3d_sums_distances_over_points_and_averages_over_frames() -> None:
    predicted = torch.zeros(2, 2, 3)
    keypoints = torch.tensor([[[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    # First frame 5 + 2, second 1 + 0.
    assert losses.l_3d(predicted, keypoints).item() == pytest.approx((7.0 + 1.0) / 2.0)


def test_adversarial_losses_are_least_squares_summed_over_heads() -> None:
    natural, generated = torch.tensor([[1.0, 0.5], [0.0, 1.0]]), torch.tensor([[0.0, 2.0], [1.0, 1.0]])
    # Natural: (0 + .25 + 1 + 0) / 2; generated: (0 + 4 + 1 + 1) / 2.
    assert losses.l_discriminator(natural, generated).item() == pytest.approx(0.625 + 3.0)
    # Generated towards 1: (1 + 1 + 0 + 0) / 2.
    assert losses.l_adv(generated).item() == pytest.approx(1.0)


def test_rotation_loss_is_twice_the_sine_of_half_the_angle() -> None:
    true = torch.eye(3).repeat(1, 24, 1, 1)
    predicted = true.clone()
    predicted[0, 5] = rotvec_to_rotmat(torch.tensor([0.0, 0.8, 0.0]))
    predicted[0, 9] = rotvec_to_rotmat(torch.tensor([math.pi, 0.0, 0.0]))
    expected = 2.0 * math.sin(0.4) + 2.0
    assert losses.l_rotation(predicted, true).item() == pytest.approx(expected, abs=1e-3)


def test_total_weighs_the_terms_and_unknown_poses_have_no_rotation_term() -> None:
    config = LossConfig(lambda_3d=2.0, lambda_adv=0.5, lambda_rotation=10.0)
    empty = torch.zeros(0, 24, 3, 3)
    terms = losses.generator_losses(
        config,
        predicted=torch.zeros(1, 1, 3),
        keypoints=torch.ones(1, 1, 3),
        scores=torch.zeros(1, 3),
        predicted_rotmat=(empty, empty),
        true_rotmat=(empty, empty),
    )
    assert terms.l_rotation.item() == 0.0
    assert terms.total.item() == pytest.approx(2.0 * math.sqrt(3.0) + 0.5 * 3.0)


def test_total_weighs_both_rotation_terms() -> None:
    """The local error is a half turn of one joint, the global one a quarter turn: 2 and 2 sin 45 degrees."""
    config = LossConfig(lambda_3d=3.0, lambda_adv=0.0, lambda_rotation=5.0, lambda_global=7.0)
    true = torch.eye(3).repeat(2, 24, 1, 1)
    local, world = true.clone(), true.clone()
    local[:, 4] = rotvec_to_rotmat(torch.tensor([math.pi, 0.0, 0.0]))
    world[:, 8] = rotvec_to_rotmat(torch.tensor([0.0, math.pi / 2.0, 0.0]))
    terms = losses.generator_losses(
        config,
        predicted=torch.zeros(2, 1, 3),
        keypoints=torch.tensor([[[0.0, 3.0, 4.0]]]).repeat(2, 1, 1),
        scores=None,
        predicted_rotmat=(local, world),
        true_rotmat=(true, true),
    )
    assert terms.l_adv.item() == 0.0
    assert terms.l_rotation.item() == pytest.approx(2.0, abs=1e-3)
    assert terms.l_global.item() == pytest.approx(math.sqrt(2.0), abs=1e-3)
    assert terms.total.item() == pytest.approx(3.0 * 5.0 + 5.0 * 2.0 + 7.0 * math.sqrt(2.0), abs=0.02)
