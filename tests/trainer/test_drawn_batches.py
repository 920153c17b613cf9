# SPDX-License-Identifier: Apache-2.0
"""What a batch is made of: recorded samples last, shares of the pools, by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.config import Config, load_config
from dancepose.trainer.data.batches import TrainingData, configured_layouts, draw_batch, load_data
from dancepose.trainer.mocap.pose_pool import TensorPool
from dancepose.trainer.training_errors import ConfigError
from tests.support.bodies import synthetic_body

SMALL = ("data.procedural_poses=64", "model.width=32", "optim.batch=32", "optim.steps=12", "optim.adversarial_batch=20")


def about(axis: int) -> "torch.Tensor":
    """(5, 24, 3, 3): every joint turned by 0.3 about one axis."""
    cosine, sine = torch.cos(torch.tensor(0.3)), torch.sin(torch.tensor(0.3))
    turn = torch.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn[first, first] = turn[second, second] = cosine
    turn[second, first], turn[first, second] = sine, -sine
    return turn.expand(5, 24, 3, 3).contiguous()


@pytest.fixture(scope="module")
def data() -> TrainingData:
    found = load_data(load_config("smoke", SMALL), synthetic_body(3), motion=(), poses=None)
    width = found.layout_batch.width
    motion = SimpleNamespace(points_norm=torch.full((9, width, 3), 7.0), norm_per_m=torch.full((9,), 2.0))
    return replace(found, natural=TensorPool(about(0)), procedural=about(1), motion=motion)


def config(*overrides: str) -> Config:
    return load_config("smoke", (*SMALL, *overrides))


@pytest.mark.parametrize(
    ("share", "by_code", "recorded"), [(0.25, 0.25, 8), (0.25, 1.0, 8), (0.0, 0.5, 0), (1.0, 0.0, 32)]
)
def test_shares_of_a_batch(data: TrainingData, share: float, by_code: float, recorded: int) -> None:
    settings = config(f"data.motion_share={share}", f"data.procedural_share={by_code}")
    batch = draw_batch(data, settings, torch.Generator().manual_seed(3))
    assert len(batch.points_norm) == len(batch.target_norm) == len(batch.norm_per_m) == 32
    made = 32 - recorded
    assert (batch.points_norm[made:] == 7.0).all()
    assert (batch.target_norm[made:] == 7.0).all()
    assert (batch.norm_per_m[made:] == 2.0).all()
    assert not (batch.points_norm[:made] == 7.0).any()
    assert len(batch.natural_rotmat) == 20
    assert len(batch.local_rotmat) == len(batch.global_rotmat) == made
    if made:
        knee = batch.local_rotmat[:, 5]
        assert int((knee[:, 0, 2].abs() > 0.1).sum()) == round(by_code * made)
        assert int((knee[:, 1, 2].abs() > 0.1).sum()) == made - round(by_code * made)


def test_without_recordings_all_is_made(data: TrainingData) -> None:
    batch = draw_batch(replace(data, motion=None), config("data.motion_share=0.5"), torch.Generator().manual_seed(3))
    assert len(batch.points_norm) == len(batch.local_rotmat) == 32


def test_layouts_of_a_configuration() -> None:
    assert [one.name for one in configured_layouts(config("data.layout=smpl24 + coco17"))] == ["smpl24", "coco17"]
    with pytest.raises(ConfigError, match="name each layout once"):
        configured_layouts(config("data.layout=smpl24+smpl24"))
    with pytest.raises(ConfigError, match="3 layouts cannot share equally"):
        configured_layouts(config("data.layout=smpl24+coco17+md23"))
