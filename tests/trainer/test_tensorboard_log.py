# SPDX-License-Identifier: Apache-2.0
"""What TensorBoard is given, read back from the event files."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

from dancepose.trainer.config import load_config
from dancepose.trainer.data.batches import load_data
from dancepose.trainer.loop import TrainOptions, train
from dancepose.trainer.tensorboard_log import TensorBoardLog
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)


def test_losses_points_and_pictures_of_every_layout(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    settings = ("data.layout=md23+smpl24", "data.procedural_poses=64", "model.width=32", "optim.batch=32")
    config = load_config("smoke", (*settings, "optim.steps=4", "log_every=2", "checkpoint_every=4"))
    data = load_data(config, BODY, motion=(), poses=None)
    board = TensorBoardLog(tmp_path / "tensorboard", data.layout_batch, BODY)
    train(config, data, BODY, tmp_path, TrainOptions(board=board))
    board.close()
    events = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"losses/l_3d", "points_mm/md23/left_toe", "points_mm/smpl24/pelvis"} <= set(tags["scalars"])
    assert sum(tag.startswith("points_mm/") for tag in tags["scalars"]) == 23 + 24
    assert [event.step for event in events.Scalars("losses/error_mm")] == [2, 4]
    assert len(events.Images("pictures/first frames")) == 1
