"""Batch normalisation folded into the linear layers, which is exact, and weights rounded to float16."""

import torch
from torch import Tensor, nn

from dancepose_addon.core.body.model import JOINT_COUNT
from trainer.generator import ResidualBlock, SmplRegressor


class FoldedRegressor(nn.Module):
    """SmplRegressor at inference: linear layers only. layers: encoder, two per block, decoder."""

    def __init__(self, layers: list[nn.Linear], rotation: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.rotation = rotation

    def forward(self, keypoints: Tensor) -> Tensor:
        """keypoints: (B, K, 3), normalised -> theta (B, 24, 3) or (B, 24, 6)."""
        encoder, *inner, decoder = self.layers
        features = encoder(keypoints.flatten(1))
        for first, second in zip(inner[::2], inner[1::2], strict=True):
            features = features + torch.relu(second(torch.relu(first(features))))
        theta: Tensor = decoder(features)
        return theta.reshape(len(theta), JOINT_COUNT, -1)


def fold(generator: SmplRegressor) -> FoldedRegressor:
    """The same function with running statistics in place of the batch's."""
    layers = [_copy(generator.encoder)]
    for block in generator.blocks:
        assert isinstance(block, ResidualBlock)
        layers += [_folded(block.linear1, block.norm1), _folded(block.linear2, block.norm2)]
    return FoldedRegressor([*layers, _copy(generator.decoder)], generator.rotation).eval()


def rounded(folded: FoldedRegressor) -> FoldedRegressor:
    """Weights as they are stored: matrices rounded to float16, offsets as they are."""
    layers = []
    for layer in folded.layers:
        assert isinstance(layer, nn.Linear)
        copy = _copy(layer)
        copy.weight.data = copy.weight.data.half().float()
        layers.append(copy)
    return FoldedRegressor(layers, folded.rotation).eval()


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
