# SPDX-License-Identifier: Apache-2.0
"""The pose discriminator of HMR (Kanazawa et al. 2018, section 3.2, and its released code).

Its input are the rotation matrices of the 23 joints below the root, nine numbers each. Two 1x1 convolutions with 32
channels are shared by the joints. Each joint then has its own linear head, and a head with two hidden layers of 1024
features gets all joints at once.
"""

from typing import Final

import torch
from torch import Tensor, nn

JOINTS: Final = 23
CHANNELS: Final = 32
HIDDEN: Final = 1024


class PoseDiscriminator(nn.Module):
    """Maps local rotations to 24 scores: one per joint and one for the whole pose; 1 means natural, 0 generated."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(9, CHANNELS, 1), nn.ReLU(), nn.Conv1d(CHANNELS, CHANNELS, 1), nn.ReLU()
        )
        self.joint_weight = nn.Parameter(torch.empty(JOINTS, CHANNELS))
        self.joint_bias = nn.Parameter(torch.zeros(JOINTS))
        self.pose_head = nn.Sequential(
            nn.Linear(JOINTS * CHANNELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        )
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d) and module.bias is not None:
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.joint_weight, std=CHANNELS**-0.5)

    def forward(self, pose_rotmat: Tensor) -> Tensor:
        """Score poses: (B, 24, 3, 3), local rotations, of which the root is ignored, to (B, 24)."""
        features = self.convolutions(pose_rotmat[:, 1:].flatten(2).transpose(1, 2)).transpose(1, 2)
        joints = (features * self.joint_weight).sum(-1) + self.joint_bias
        return torch.cat([joints, self.pose_head(features.flatten(1))], dim=1)
