# SPDX-License-Identifier: Apache-2.0
"""Loss terms as pure functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import LossConfig


@dataclass(frozen=True)
class GeneratorLosses:
    """Loss terms of a generator step before weighting, and their weighted sum. All are scalars.

    Attributes:
        l_3d: Distance of the key-points.
        l_adv: Adversarial term.
        l_rotation: Error of local rotations.
        l_global: Error of global rotations.
        total: Weighted sum.
    """

    l_3d: Tensor
    l_adv: Tensor
    l_rotation: Tensor
    l_global: Tensor
    total: Tensor


def l_3d(predicted: Tensor, keypoints: Tensor) -> Tensor:
    """Sum ||P_3d(theta) - x||_2 over the points and average over the batch: (B, K, 3) each to ()."""
    return torch.linalg.vector_norm(predicted - keypoints, dim=-1).sum(1).mean()


def l_adv(scores: Tensor) -> Tensor:
    """Compute the adversarial loss of the generator, whose target is 1 for every head.

    Least squares (Mao et al. 2017), summed over the heads as in HMR.

    Args:
        scores: (B, H), scores of generated poses.

    Returns:
        The loss, ().
    """
    return ((scores - 1.0) ** 2).sum(1).mean()


def l_discriminator(natural: Tensor, generated: Tensor) -> Tensor:
    """Compute the loss of the discriminator: 1 for natural poses, 0 for generated ones. (B, H) each to ()."""
    return ((natural - 1.0) ** 2).sum(1).mean() + (generated**2).sum(1).mean()


def l_rotation(predicted: Tensor, rotmat: Tensor) -> Tensor:
    """Sum ||R - R*||_F / sqrt 2, which is 2 sin(angle / 2), over the joints and average over the batch.

    Positions do not show twist; this term does.

    Args:
        predicted: (B, 24, 3, 3).
        rotmat: (B, 24, 3, 3), ground truth.

    Returns:
        The loss, ().
    """
    difference = (predicted - rotmat).flatten(2)
    return ((difference * difference).sum(-1) / 2.0 + 1e-10).sqrt().sum(1).mean()


def generator_losses(
    config: LossConfig,
    *,
    predicted: Tensor,
    keypoints: Tensor,
    scores: Tensor | None,
    predicted_rotmat: tuple[Tensor, Tensor],
    true_rotmat: tuple[Tensor, Tensor],
) -> GeneratorLosses:
    """Compute all terms of a generator step.

    Args:
        config: Weights of the terms.
        predicted: (B, P, 3), P_3d of the prediction.
        keypoints: (B, P, 3), target.
        scores: (A, H), scores of the discriminator, or None without one.
        predicted_rotmat: Local and global rotations, (L, 24, 3, 3) each, of the L samples whose pose is known.
        true_rotmat: Ground truth of the same samples; L may be 0.

    Returns:
        The terms and their weighted sum.
    """
    positions = l_3d(predicted, keypoints)
    nothing = positions.new_zeros(())
    adversarial = nothing if scores is None else l_adv(scores)
    known = len(true_rotmat[0]) > 0
    local = l_rotation(predicted_rotmat[0], true_rotmat[0]) if known else nothing
    against_world = l_rotation(predicted_rotmat[1], true_rotmat[1]) if known and config.lambda_global else nothing
    total = (
        config.lambda_3d * positions
        + config.lambda_adv * adversarial
        + config.lambda_rotation * local
        + config.lambda_global * against_world
    )
    return GeneratorLosses(positions, adversarial, local, against_world, total)
