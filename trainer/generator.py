"""The generator: SmplRegressor.

A linear layer to 1024 features, two residual blocks of two linear layers each with batch normalisation and ReLU
(the simple baseline of Martinez et al. 2017, figure 2), and a linear decoder to theta.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from dancepose_addon.core.body.model import JOINT_COUNT
from dancepose_addon.core.skeleton.layouts import Layout

from .config import ModelConfig
from .rotations import rot6d_to_rotmat, rotmat_to_rot6d, rotvec_to_rotmat, yaw_rotmat

NUMBERS: Final = {"rotvec": 3, "rot6d": 6}
DECODER_GAIN: Final = 0.1
"""Of the decoder's first weights: training begins near the T-pose, not at random rotations."""


class ResidualBlock(nn.Module):
    """x + ReLU(BN(W2 ReLU(BN(W1 x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.norm1 = nn.Linear(width, width), nn.BatchNorm1d(width)
        self.linear2, self.norm2 = nn.Linear(width, width), nn.BatchNorm1d(width)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, width) -> (B, width)."""
        inner = torch.relu(self.norm1(self.linear1(features)))
        return features + torch.relu(self.norm2(self.linear2(inner)))


class SmplRegressor(nn.Module):
    """Normalised key-points to theta."""

    def __init__(self, config: ModelConfig, keypoint_count: int) -> None:
        super().__init__()
        self.rotation = config.rotation
        self.encoder = nn.Linear(3 * keypoint_count, config.width)
        self.blocks = nn.Sequential(*(ResidualBlock(config.width) for _ in range(config.blocks)))
        self.decoder = nn.Linear(config.width, JOINT_COUNT * NUMBERS[config.rotation])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            self.decoder.weight.mul_(DECODER_GAIN)
            if config.rotation == "rot6d":
                self.decoder.bias.copy_(rotmat_to_rot6d(torch.eye(3)).repeat(JOINT_COUNT))

    def forward(self, keypoints: Tensor) -> Tensor:
        """keypoints: (B, K, 3), normalised -> theta (B, 24, 3) rotation vectors or (B, 24, 6)."""
        theta: Tensor = self.decoder(self.blocks(self.encoder(keypoints.flatten(1))))
        return theta.reshape(len(theta), JOINT_COUNT, -1)


def theta_to_rotmat(theta: Tensor) -> Tensor:
    """theta: (B, 24, 3) or (B, 24, 6) -> (B, 24, 3, 3)."""
    return rotvec_to_rotmat(theta) if theta.shape[-1] == 3 else rot6d_to_rotmat(theta)


def facing_rotmat(keypoints: Tensor, layout: Layout) -> Tensor:
    """The turn about the vertical that the dancer's left-right line makes with +x.

    keypoints: (B, K, 3) -> (B, 3, 3), so that ``keypoints @ facing`` faces +z.
    """
    across = keypoints[:, list(layout.left)].mean(1) - keypoints[:, list(layout.right)].mean(1)
    x, z = across[:, 0], across[:, 2]
    length = (x * x + z * z + 1e-12).sqrt()
    return yaw_rotmat(x / length, -z / length)


def predict_rotmat(generator: Callable[[Tensor], Tensor], keypoints: Tensor, layout: Layout | None) -> Tensor:
    """Local rotations for normalised key-points; with a layout, by way of the frame that faces +z.

    keypoints: (B, K, 3) -> (B, 24, 3, 3).
    """
    if layout is None:
        return theta_to_rotmat(generator(keypoints))
    facing = facing_rotmat(keypoints, layout)
    rotmat = theta_to_rotmat(generator(keypoints @ facing))
    return torch.cat([(facing @ rotmat[:, 0])[:, None], rotmat[:, 1:]], dim=1)
