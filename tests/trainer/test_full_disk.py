# SPDX-License-Identifier: Apache-2.0
"""A full disk keeps its reason: checkpoints and shards on a device that is always full."""

from contextlib import nullcontext
import errno
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer import checkpoint
from dancepose.trainer.config import load_config
from dancepose.trainer.mocap import pose_pool

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="/dev/full, a device that is always full, is Linux's")


def test_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"weight": torch.zeros(1000, 1000)}
    saved = checkpoint.Checkpoint(load_config("smoke"), 1, weights, None, {}, {}, [], {}, {})
    monkeypatch.setattr(checkpoint, "replacing", lambda _path: nullcontext(FULL))
    with pytest.raises(OSError, match="No space") as caught:
        checkpoint.save_checkpoint(Path("run.pt"), saved)
    assert caught.value.errno == errno.ENOSPC


def test_shards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = np.zeros((20_000, 24, 3), np.float16)
    writer = pose_pool.ShardWriter(tmp_path)
    monkeypatch.setattr(pose_pool, "replacing", lambda _path: nullcontext(FULL))
    monkeypatch.setattr(writer, "_rows", [rows])
    with pytest.raises(OSError, match="No space") as caught:
        writer._flush()
    assert caught.value.errno == errno.ENOSPC


def test_shards_are_as_numpy_writes_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 24, 3)).astype(np.float16)
    writer = pose_pool.ShardWriter(tmp_path)
    monkeypatch.setattr(writer, "_rows", [rows[:10], rows[10:]])
    writer._flush()
    assert np.array_equal(np.load(tmp_path / "poses_0000.npy", mmap_mode="r"), rows)
