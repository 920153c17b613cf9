# SPDX-License-Identifier: Apache-2.0
"""Fold batch normalisation into the linear layers, which is exact, and round weights to float16."""

import torch
from torch import Tensor, nn

from dancepose.trainer.model.generator import LayoutLinear, ResidualBlock, SmplRegressor
from dancepose_addon.core.body.model import JOINT_COUNT


class FoldedRegressor(nn.Module):
    """The SmplRegressor for inference: linear layers only.

    Args:
        encoder_weight: (L, inputs, width), of each layout.
        encoder_bias: (L, width), of each layout.
        layers: Two per block, then the decoder.
        rotation: ``rotvec`` or ``rot6d``.
    """

    def __init__(self, encoder_weight: Tensor, encoder_bias: Tensor, layers: list[nn.Linear], rotation: str) -> None:
        super().__init__()
        self.encoder_weight = nn.Parameter(encoder_weight, requires_grad=False)
        self.encoder_bias = nn.Parameter(encoder_bias, requires_grad=False)
        self.layers = nn.ModuleList(layers)
        self.rotation = rotation

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict theta: (B, N, 3) input vectors, in groups of one layout each, to (B, 24, 3) or (B, 24, 6)."""
        *inner, decoder = self.layers
        groups = inputs.reshape(len(self.encoder_weight), -1, inputs[0].numel())
        features = torch.baddbmm(self.encoder_bias[:, None], groups, self.encoder_weight).flatten(0, 1)
        for first, second in zip(inner[::2], inner[1::2], strict=True):
            features = features + torch.relu(second(torch.relu(first(features))))
        theta: Tensor = decoder(features)
        return theta.reshape(len(theta), JOINT_COUNT, -1)

    def only(self, index: int) -> "FoldedRegressor":
        """Return the regressor of one layout; everything but the encoder is shared."""
        one = slice(index, index + 1)
        layers = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        return FoldedRegressor(self.encoder_weight[one], self.encoder_bias[one], layers, self.rotation).eval()


def fold(generator: SmplRegressor) -> FoldedRegressor:
    """Return the same function with running statistics in place of the batch's."""
    layers = []
    for block in generator.blocks:
        assert isinstance(block, ResidualBlock)
        layers += [_folded(block.linear1, block.norm1), _folded(block.linear2, block.norm2)]
    encoder = generator.encoder
    if isinstance(encoder, LayoutLinear):
        weight, bias = encoder.weight.detach(), encoder.bias.detach()
    else:
        assert isinstance(encoder, nn.Linear)
        weight, bias = encoder.weight.detach().T[None], encoder.bias.detach()[None]
    copied = [*layers, _copy(generator.decoder)]
    return FoldedRegressor(weight.clone(), bias.clone(), copied, generator.rotation).eval()


def rounded(folded: FoldedRegressor) -> FoldedRegressor:
    """Return the weights as they are stored: matrices rounded to float16, biases unchanged."""
    layers = []
    for layer in folded.layers:
        assert isinstance(layer, nn.Linear)
        copy = _copy(layer)
        copy.weight.data = copy.weight.data.half().float()
        layers.append(copy)
    weight = folded.encoder_weight.data.half().float()
    return FoldedRegressor(weight, folded.encoder_bias.data.clone(), layers, folded.rotation).eval()


def _copy(layer: nn.Linear) -> nn.Linear:
    return _linear(layer.weight.detach().clone(), layer.bias.detach().clone())


def _folded(layer: nn.Linear, norm: nn.BatchNorm1d) -> nn.Linear:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = layer.weight.detach().double() * factor[:, None]
    bias = (layer.bias.detach().double() - norm.running_mean.double()) * factor + norm.bias.detach().double()
    return _linear(weight.float(), bias.float())


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    return layer.requires_grad_(requires_grad=False)
