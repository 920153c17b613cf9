# SPDX-License-Identifier: Apache-2.0
"""Sizes and initial values of the generator's layers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.config import ModelConfig
from dancepose.trainer.model.generator import DECODER_GAIN, LayoutLinear, ResidualBlock, SmplRegressor

CONFIG = ModelConfig(width=8, blocks=3)


def test_layers_of_one_layout() -> None:
    model = SmplRegressor(CONFIG, 7)
    assert isinstance(model.encoder, torch.nn.Linear)
    assert (model.encoder.in_features, model.encoder.out_features) == (21, 8)
    assert len(model.blocks) == 3
    assert model.decoder.out_features == 24 * (6 if CONFIG.rotation == "rot6d" else 3)
    assert model(torch.zeros(5, 7, 3)).shape == (5, 24, model.decoder.out_features // 24)


def test_layers_of_several_layouts() -> None:
    """The table has as many columns as the widest layout, or as many as asked for."""
    for padded, width in ((0, 9), (12, 12)):
        model = SmplRegressor(CONFIG, (7, 9, 4), padded)
        assert isinstance(model.encoder, LayoutLinear)
        assert {parameter.shape for parameter in model.encoder.parameters()} & {
            torch.Size((3, 8, 3 * width)), torch.Size((3, 3 * width, 8)),
        }  # fmt: skip


def test_each_layout_has_the_variance_of_its_own_inputs() -> None:
    torch.manual_seed(2)
    model = SmplRegressor(ModelConfig(width=400, blocks=1), (10, 40))
    assert isinstance(model.encoder, LayoutLinear)
    found = model.encoder.weight.detach().var(dim=(1, 2)).tolist()
    assert found == pytest.approx([2.0 / 30.0, 2.0 / 120.0], rel=0.05)
    assert not model.encoder.bias.any()


def test_initial_values() -> None:
    """Biases are zero and weights have He's variance, 2 / inputs; the decoder begins near the unit rotation."""
    torch.manual_seed(2)
    model = SmplRegressor(ModelConfig(width=256, blocks=1), 40)
    assert isinstance(model.encoder, torch.nn.Linear)
    assert not model.encoder.bias.any()
    assert float(model.encoder.weight.detach().var()) == pytest.approx(2.0 / 120.0, rel=0.05)
    decoder = model.decoder
    assert float(decoder.weight.detach().std()) == pytest.approx(DECODER_GAIN * np.sqrt(2.0 / 256.0), rel=0.05)
    assert DECODER_GAIN == 0.1  # near the T-pose
    if model.rotation == "rot6d":
        theta = model(torch.zeros(1, 40, 3))[0].detach().numpy()
        np.testing.assert_allclose(theta, np.tile(decoder.bias[:6].detach().numpy(), (24, 1)), atol=0.2)
        assert sorted(decoder.bias[:6].tolist()) == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    else:
        assert not decoder.bias.any()


def test_blocks_may_multiply_in_bfloat16() -> None:
    model = SmplRegressor(CONFIG, 7)
    blocks = [block for block in model.blocks if isinstance(block, ResidualBlock)]
    assert not any(block.bf16_matmul for block in blocks)
    model.use_bf16_matmul()
    assert len(blocks) == 3
    assert all(block.bf16_matmul for block in blocks)
