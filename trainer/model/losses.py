"""The terms of training, as pure functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import LossConfig


@dataclass(frozen=True)
class GeneratorLosses:
    """Terms before weighting, and their weighted sum."""

    l_3d: Tensor
    l_adv: Tensor
    l_rotation: Tensor
    l_global: Tensor
    total: Tensor


def l_3d(predicted: Tensor, keypoints: Tensor) -> Tensor:
    """Sum over the points of ||P_3d(theta) - x||_2, mean over the batch. predicted, keypoints: (B, K, 3) -> ()."""
    return torch.linalg.vector_norm(predicted - keypoints, dim=-1).sum(1).mean()


def l_adv(scores: Tensor) -> Tensor:
    """What the generator wants: every head to answer 1 (least squares, Mao et al. 2017; summed over the heads as in
    HMR). scores: (B, H) of generated poses -> ()."""
    return ((scores - 1.0) ** 2).sum(1).mean()


def l_discriminator(natural: Tensor, generated: Tensor) -> Tensor:
    """What the discriminator wants: 1 for natural poses, 0 for generated ones. natural, generated: (B, H) -> ()."""
    return ((natural - 1.0) ** 2).sum(1).mean() + (generated**2).sum(1).mean()


def l_rotation(predicted: Tensor, rotmat: Tensor) -> Tensor:
    """Sum over the joints of ||R - R*||_F / sqrt 2, which is 2 sin(angle / 2), mean over the batch.

    Positions are blind to twist; this is not. predicted, rotmat: (B, 24, 3, 3) -> ().
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
    """All terms of a generator step. scores: of the discriminator, or None without one; predicted_rotmat, true_rotmat:
    local and global ones, (L, 24, 3, 3) each, of the frames whose pose is known, of which there may be none."""
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
