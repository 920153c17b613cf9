# SPDX-License-Identifier: Apache-2.0
"""Names beside arrays of points, and positions that are called poses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.skeleton.readers import open_recording, point_tables
from dancepose_addon.core.skeleton.readers.point_tables import names_in, positions_called_poses
from dancepose_addon.core.skeleton.recording import Hints
from tests.fit.known import known_clip


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ({"names": ["a", "b"]}, ("a", "b")), ({"labels": np.array(["a", "b"])}, ("a", "b")), ({}, ()),
        ({"names": np.array([b"a", b"b"])}, ("a", "b")), ({"names": ["a", ""]}, ()), ({"names": []}, ()),
        ({"names": ["a", 1]}, ()), ({"names": np.array([["a"]])}, ()), ({"names": np.array([1, 2])}, ()),
        ({"joints": np.zeros((2, 3)), "bones": ["a", "b"]}, ("a", "b")), ({"names": ["x" * 120]}, ("x" * 100,)),
        ({"names": ["a", ""], "labels": ["c", "d"]}, ("c", "d")), ({"other": ["a"]}, ()),
    ],
)  # fmt: skip
def test_names(arrays: dict[str, Any], names: tuple[str, ...]) -> None:
    assert names_in(arrays) == names


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return known_clip(load_body(), frames=40).sequence.keypoints_m.astype(np.float64)


@pytest.mark.parametrize("name", ["poses", "smpl_poses", "pose", "rotations"])
def test_positions_of_a_person_may_be_called_poses(points: np.ndarray, name: str) -> None:
    for stored in (points, points.reshape(40, 72), points.astype(np.float32)):
        found = positions_called_poses({name: stored}, Hints())
        assert found is not None
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, stored)
    assert positions_called_poses({name: points}, Hints(values="rotations")) is None


def test_other_numbers_are_no_positions(points: np.ndarray) -> None:
    random = np.random.default_rng(1)
    for wrong in (
        random.normal(scale=0.4, size=(40, 24, 3)), random.normal(scale=0.4, size=(40, 72)), points[:0],
        points[..., :2], points[None], points.astype(str), points.reshape(40, 72)[:, :71], [1.0],
    ):  # fmt: skip
        assert positions_called_poses({"poses": wrong}, Hints()) is None
    assert positions_called_poses({"other": points}, Hints()) is None


@pytest.mark.parametrize(("depth", "found"), [(0, True), (1, True), (3, True), (4, False)])
def test_frames_are_found_to_a_depth_of_three(monkeypatch: pytest.MonkeyPatch, depth: int, *, found: bool) -> None:
    frames = [{"a": 1}]
    monkeypatch.setattr(point_tables, "frames_in", lambda value: value if value is frames else None)
    value: Any = frames
    for _ in range(depth):
        value = {"text": "x", "other": {}, "list": [], "deeper": value}
    assert (point_tables._entries(value, 0) is frames) is found


def test_rest_poses_are_rotations(tmp_path: Path) -> None:
    """Zeros but for the root were taken for the joints of a person."""
    pose = np.zeros((8, 24, 3))
    pose[:, 0, 0] = np.pi / 2.0
    arrays = {"poses": pose.reshape(8, 72), "trans": np.full((8, 3), 0.5), "mocap_framerate": 25.0}
    assert positions_called_poses(arrays, Hints()) is None
    body = load_body()
    still = BodyMotion(
        np.broadcast_to(np.eye(3, dtype=np.float32), (8, 24, 3, 3)).copy(),
        np.full((8, 3), 0.5, np.float32), np.zeros(10, np.float32), 1.0, 25.0, {},
    )  # fmt: skip
    still.save(tmp_path / "still.npz", body)
    found = open_recording(tmp_path / "still.npz", Hints())
    assert found.form == "DancePose motion"
    assert np.ptp(found.translation, axis=0).max() == 0.0 < np.abs(found.translation).max()
