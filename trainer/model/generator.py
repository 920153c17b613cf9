# SPDX-License-Identifier: Apache-2.0
"""The generator: SmplRegressor.

A linear layer to 1024 features, two residual blocks of two linear layers each with batch normalisation and ReLU (the
simple baseline of Martinez et al. 2017, figure 2), and a linear decoder to theta.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from dancepose_addon.core.body.model import JOINT_COUNT, PARENTS

from ..body.layout_batch import LayoutBatch, feature_count
from ..body.torch_rotations import (
    TINY,
    join,
    pick,
    product,
    rot6d_to_rotmat,
    rotmat_to_rot6d,
    rotvec_to_rotmat,
    samples_last,
    yaw_rotmat,
)
from ..body.torch_smpl import local_to_global_rotmat
from ..config import Config, ModelConfig

NUMBERS: Final = {"rotvec": 3, "rot6d": 6}
DECODER_GAIN: Final = 0.1
"""Factor of the decoder's initial weights: training starts near the T-pose instead of at random rotations."""


class ResidualBlock(nn.Module):
    """x + ReLU(BN(W2 ReLU(BN(W1 x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bf16_matmul = False
        self.linear1, self.norm1 = nn.Linear(width, width), nn.BatchNorm1d(width)
        self.linear2, self.norm2 = nn.Linear(width, width), nn.BatchNorm1d(width)

    def forward(self, features: Tensor) -> Tensor:
        """Transform features: (B, width) to (B, width)."""
        inner = torch.relu(self.norm1(_linear(self.linear1, features, half=self.bf16_matmul)))
        return features + torch.relu(self.norm2(_linear(self.linear2, inner, half=self.bf16_matmul)))


class LayoutLinear(nn.Module):
    """A linear layer per layout; everything after it is shared by the layouts.

    Args:
        counts: Number of inputs that each layout uses; the rest is padding and always zero.
        inputs: Number of inputs with padding.
        outputs: Number of outputs.
    """

    def __init__(self, counts: Sequence[int], inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(len(counts), inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(len(counts), outputs))
        for weight, count in zip(self.weight, counts, strict=True):
            nn.init.normal_(weight, std=(2.0 / count) ** 0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply to each group its layer: (B, inputs), in groups of one layout each, to (B, outputs)."""
        groups = inputs.reshape(len(self.weight), -1, inputs.shape[1])
        return torch.baddbmm(self.bias[:, None], groups, self.weight).flatten(0, 1)


class SmplRegressor(nn.Module):
    """Maps normalised key-points to theta.

    Args:
        config: Architecture.
        inputs: Number of input vectors of the layout, or of each layout.
        padded: Number of input vectors with padding; 0 for the largest of ``inputs``.
    """

    def __init__(self, config: ModelConfig, inputs: int | Sequence[int], padded: int = 0) -> None:
        super().__init__()
        self.rotation = config.rotation
        vectors = [inputs] if isinstance(inputs, int) else list(inputs)
        self.encoder: nn.Module
        if len(vectors) == 1:
            self.encoder = nn.Linear(3 * vectors[0], config.width)
        else:
            self.encoder = LayoutLinear([3 * used for used in vectors], 3 * (padded or max(vectors)), config.width)
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
        """Predict theta.

        Args:
            keypoints: (B, N, 3), normalised points, followed by edge directions and plane normals if configured.

        Returns:
            (B, 24, 3) rotation vectors or (B, 24, 6) matrix columns.
        """
        theta: Tensor = self.decoder(self.blocks(self.encoder(keypoints.flatten(1))))
        return theta.reshape(len(theta), JOINT_COUNT, -1)

    def use_bf16_matmul(self) -> None:
        """Multiply the matrices of the residual blocks in bfloat16 from now on.

        Twice as fast on hardware that supports it. Weights, sums and all other operations stay in float32.
        """
        for block in self.blocks:
            assert isinstance(block, ResidualBlock)
            block.bf16_matmul = True


def build_generator(config: Config, layout_batch: LayoutBatch) -> SmplRegressor:
    """Build the generator of a run."""
    vectors = [feature_count(layout, config.model.features) for layout in layout_batch.layouts]
    return SmplRegressor(config.model, vectors, padded_count(config.model, layout_batch))


def padded_count(config: ModelConfig, layout_batch: LayoutBatch) -> int:
    """Return the number of input vectors with padding."""
    edges = 0 if config.features == "points" else layout_batch.edge_count
    return layout_batch.width + edges + (layout_batch.pair_count if config.features == "planes" else 0)


@dataclass(frozen=True)
class Rotations:
    """Predicted rotations.

    Attributes:
        local_rotmat: (B, 24, 3, 3), relative to the parent.
        global_rotmat: (B, 24, 3, 3), relative to the world.
    """

    local_rotmat: Tensor
    global_rotmat: Tensor


def theta_to_rotmat(theta: Tensor) -> Tensor:
    """Convert theta to matrices: (B, 24, 3) or (B, 24, 6) to (B, 24, 3, 3), samples last in memory."""
    theta = theta.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    return rotvec_to_rotmat(theta) if theta.shape[-1] == 3 else rot6d_to_rotmat(theta)


def facing_rotmat(keypoints: Tensor, layout_batch: LayoutBatch) -> Tensor:
    """Compute the rotation about the vertical between +x and the left-right axis of the dancer.

    Args:
        keypoints: (B, P, 3).
        layout_batch: The layouts.

    Returns:
        (B, 3, 3), such that ``keypoints @ facing`` faces +z.
    """
    across = torch.einsum("lp,lnpc->lnc", layout_batch.sides, layout_batch.groups(keypoints)).flatten(0, 1)
    x, z = across[:, 0], across[:, 2]
    length = (x * x + z * z + TINY).sqrt()
    return yaw_rotmat(x / length, -z / length)


def predict(
    generator: Callable[[Tensor], Tensor], keypoints: Tensor, layout_batch: LayoutBatch, config: ModelConfig
) -> Rotations:
    """Predict rotations from normalised key-points.

    Args:
        generator: Maps input vectors (B, N, 3) to theta.
        keypoints: (B, P, 3), normalised.
        layout_batch: The layouts.
        config: Architecture.

    Returns:
        Local and global rotations.
    """
    facing = facing_rotmat(keypoints, layout_batch) if config.facing else None
    if facing is not None:
        keypoints = keypoints @ facing
        facing = samples_last(facing[:, None])[:, 0]
    keypoints = torch.cat([keypoints, layout_batch.features(keypoints, config.features)], dim=1)
    rotmat = theta_to_rotmat(generator(keypoints))
    if config.frame == "global":
        # Above each bone its parent; above the root the world.
        local = product(pick(rotmat, PARENTS[1:]).transpose(-1, -2), rotmat[:, 1:])
        turned = rotmat if facing is None else product(facing[:, None], rotmat)
        return Rotations(join(turned[:, :1], local), turned)
    if facing is not None:
        rotmat = join(product(facing[:, None], rotmat[:, :1]), rotmat[:, 1:])
    return Rotations(rotmat, local_to_global_rotmat(rotmat))


def _linear(layer: nn.Linear, features: Tensor, *, half: bool) -> Tensor:
    if not half:
        return layer(features)
    result: Tensor = _Bf16Linear.apply(features, layer.weight, layer.bias)  # type: ignore[no-untyped-call]
    return result


class _Bf16Linear(torch.autograd.Function):
    """x W^T + b with products in bfloat16 and sums in float32; each matrix is rounded once for both directions."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        half_features, half_weight = features.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(half_features, half_weight)
        return (half_features @ half_weight.T).float().add_(bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (gradient,), (features, weight) = gradients, ctx.saved_tensors
        half = gradient.bfloat16()
        return (half @ weight).float(), (half.T @ features).float(), gradient.sum(0)
