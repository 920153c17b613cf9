# SPDX-License-Identifier: Apache-2.0
"""Recordings of points without a layout: which axis is up, frames without gaps, several clips."""

from pathlib import Path

import numpy as np
import pytest

from dancepose.trainer.calibration import unlabelled_points
from dancepose.trainer.calibration.unlabelled_points import guess_up_axis, read_unlabelled
from dancepose_addon.core.axes import UPRIGHT
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.recording import Hints

RANDOM = np.random.default_rng(3)


def dancer(frames: int = 40) -> np.ndarray:
    """(T, 12, 3): feet at height 0, a head that moves up and down, places that wander, y up."""
    points = RANDOM.uniform(0.0, 1.0, (12, 3)) * [0.5, 1.7, 0.5] + np.cumsum(
        RANDOM.normal(0.0, 0.1, (frames, 1, 3)), axis=0
    )
    points[..., 1] = RANDOM.uniform(0.2, 1.7, (frames, 12))
    points[:, 0, 1] = RANDOM.uniform(0.0, 0.01, frames)
    return points


@pytest.mark.parametrize("up", ["y", "-y", "z", "-z", "x", "-x"])
def test_the_axis_along_which_the_lowest_points_are_still(up: str) -> None:
    points = dancer() @ UPRIGHT[up]
    assert guess_up_axis(points) == up
    side = np.argmax(np.abs(UPRIGHT[up].T @ [1.0, 0.0, 0.0]))
    points[3, 1, side] += 1000.0  # one frame with a point far away
    assert guess_up_axis(points) == up


def test_clips_of_a_folder_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = dancer(), dancer(30)
    first[4, 2, 0] = np.nan
    np.save(tmp_path / "a.npy", first)
    np.save(tmp_path / "b.npy", second)
    names, points = read_unlabelled(tmp_path, Hints(up="y"))
    assert names[:2] == ("point_00", "point_01")
    assert len(names) == 12
    np.testing.assert_allclose(points, np.concatenate([np.delete(first, 4, axis=0), second]), atol=1e-5)
    monkeypatch.setattr(unlabelled_points, "MOST_FRAMES", 35)
    assert len(read_unlabelled(tmp_path, Hints(up="y"))[1]) == 20 + 15
    monkeypatch.setattr(unlabelled_points, "MOST_FRAMES", 34)
    assert len(read_unlabelled(tmp_path, Hints(up="y"))[1]) == 13 + 10
    np.save(tmp_path / "c.npy", dancer()[:, :11])
    with pytest.raises(InputError, match=r"has 11 points, .* has 12"):
        read_unlabelled(tmp_path, Hints(up="y"))
    np.testing.assert_allclose(
        read_unlabelled(tmp_path / "b.npy", Hints(up="z"))[1], second @ UPRIGHT["z"].T, atol=1e-5)  # fmt: skip
