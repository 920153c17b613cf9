# SPDX-License-Identifier: Apache-2.0
"""What the arrays of a file are, by their names and shapes, by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import array_contents
from dancepose_addon.core.skeleton.readers.array_contents import H36M32, recording_of
from dancepose_addon.core.skeleton.recording import Hints, PointRecording, Recording
from tests.support.samples import cut, points_of, waltz

HERE = Path("it")
RANDOM = np.random.default_rng(8)


def opened(arrays: dict[str, Any], **hints: Any) -> Recording:
    return recording_of(arrays, HERE, Hints(**hints))


DANCE = points_of(cut(waltz(), 30), "smpl24").astype(np.float64)


def test_points_of_our_own_form() -> None:
    found = opened({"keypoints_m": DANCE, "fps": 24.0, "layout": "smpl24", "confidence": np.full((30, 24), 1.5)})
    assert isinstance(found, PointRecording)
    assert (found.unit, found.up, found.fps, found.layout, found.form) == (
        "m",
        "y",
        24.0,
        "smpl24",
        "points of DancePose",
    )
    assert found.confidence is not None
    assert np.all(found.confidence == 1.0)
    plain = opened({"points": DANCE}, fps=24.0)
    assert isinstance(plain, PointRecording)
    assert (plain.unit, plain.up, plain.fps, plain.layout, plain.confidence) == (None, None, None, None, None)
    with pytest.raises(FormatError, match="'coco99', which is not known"):
        opened({"keypoints_m": DANCE, "layout": "coco99"})
    assert opened({"keypoints_m": DANCE, "layout": "/tmp/mine.toml"}).layout is None  # type: ignore[union-attr]
    zero = np.zeros((30, 24, 3))
    with pytest.raises(InputError, match="holds only zeros in points"):
        opened({"points": zero})
    assert opened({"keypoints_m": zero, "layout": "smpl24"})
    with pytest.raises(InputError, match="zero frames"):
        opened({"keypoints_m": zero[:0]})


def test_three_points_have_to_be_seen() -> None:
    points = np.full((30, 24, 3), np.nan)
    points[7, :2] = 1.0
    with pytest.raises(InputError, match="at most 2 points of keypoints_m"):
        opened({"keypoints_m": points, "layout": "smpl24"})
    points[7, 2] = 1.0
    assert opened({"keypoints_m": points, "layout": "smpl24"})


def test_aist_key_points() -> None:
    points = 100.0 * points_of(cut(waltz(), 30), "coco17").astype(np.float64)
    found = opened({"keypoints3d": points + 1.0, "keypoints3d_optim": points})
    assert isinstance(found, PointRecording)
    np.testing.assert_allclose(found.points, points)
    assert (found.unit, found.up, found.fps, found.layout) == ("cm", "y", 60.0, "coco17")
    assert opened({"keypoints3d": points, "fps": 30.0}).fps == 30.0
    assert opened({"keypoints3d": points}).form == "AIST++ key-points"
    assert opened({"keypoints3d": DANCE}).form != "AIST++ key-points"
    for wrong in (points[..., :2], points[:0], points[0]):
        with pytest.raises(FormatError, match=r"AIST\+\+ has \(frames, 17, 3\)"):
            opened({"keypoints3d": wrong})


def test_results_of_mdm() -> None:
    points = np.stack([DANCE[:, :22], DANCE[:, :22] + 1.0])
    table = {"motion": points.transpose(0, 2, 3, 1), "lengths": np.array([30, 20])}
    first, second = opened(table), opened(table, take=1)
    assert isinstance(first, PointRecording)
    assert isinstance(second, PointRecording)
    np.testing.assert_allclose(first.points, points[0])
    np.testing.assert_allclose(second.points, points[1, :20])
    assert (first.unit, first.up, first.fps, first.layout, first.form) == ("m", "y", 20.0, "smpl22", "MDM results")
    whole = opened({"motion": table["motion"], "lengths": np.array([7])}, take=1)
    assert isinstance(whole, PointRecording)
    assert len(whole.points) == 30
    with pytest.raises(FormatError, match="MDM writes"):
        opened({"motion": table["motion"][..., :0]})


def test_the_32_points_of_human36m() -> None:
    points = RANDOM.normal(size=(10, 32, 3))
    points[:, [11, 16, 24]] = points[:, [0, 13, 13]]
    assert array_contents._is_h36m32(points, Hints())
    assert not array_contents._is_h36m32(points, Hints(layout="smpl24"))
    assert not array_contents._is_h36m32(points[:, :31], Hints())
    size = np.ptp(points)
    for off, known in ((0.0009, True), (0.0011, False)):
        moved = points.copy()
        moved[3, 24, 0] = points[3, 13, 0] + off * size
        assert array_contents._is_h36m32(moved, Hints()) is known
    assert not array_contents._is_h36m32(np.zeros((10, 32, 3)), Hints())
    assert not array_contents._is_h36m32(np.full((10, 32, 3), np.nan), Hints())
    found = opened({"points": points, "confidence": np.tile(np.arange(32.0) / 32, (10, 1))})
    assert isinstance(found, PointRecording)
    np.testing.assert_array_equal(found.points, points[:, list(H36M32)])
    assert found.layout == "h36m17"
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[0], np.array(H36M32) / 32)
