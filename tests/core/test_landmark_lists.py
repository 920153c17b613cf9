# SPDX-License-Identifier: Apache-2.0
"""MediaPipe's landmarks in JSON: in metres where a file has these, of one person or several, refused in the picture."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import DoubtError, FormatError
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.recording import PointRecording
from tests.support.field_samples import unnamed_points
from tests.support.samples import cut, waltz

FRAMES = 40
BODY = unnamed_points(cut(waltz(), FRAMES), 33).astype(np.float64)
FROM_HIPS = BODY - BODY[:, 23:25].mean(axis=1, keepdims=True)
WORLD = FROM_HIPS * [1.0, -1.0, -1.0]
PICTURE = np.concatenate([BODY[..., :1] * 0.25 + 0.5, 0.9 - 0.4 * BODY[..., 1:2], -0.25 * FROM_HIPS[..., 2:]], axis=-1)


def landmarks(points: np.ndarray) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "z": z, "visibility": 0.98} for x, y, z in points.tolist()]


FORMS: dict[str, Callable[[], Any]] = {
    "solutions": lambda: [
        {"pose_landmarks": landmarks(PICTURE[n]), "pose_world_landmarks": landmarks(WORLD[n])} for n in range(FRAMES)
    ],
    "both": lambda: [
        {"landmarks": landmarks(PICTURE[n]), "world_landmarks": landmarks(WORLD[n])} for n in range(FRAMES)
    ],
    "tasks": lambda: [
        {"pose_landmarks": [landmarks(PICTURE[n])], "pose_world_landmarks": [landmarks(WORLD[n])]}
        for n in range(FRAMES)
    ],
    "lists": lambda: [landmarks(WORLD[n]) for n in range(FRAMES)],
    "lists of persons": lambda: [[landmarks(WORLD[n])] for n in range(FRAMES)],
    "by key": lambda: {
        "fps": 25,
        "pose_landmarks": [landmarks(one) for one in PICTURE],
        "pose_world_landmarks": [landmarks(one) for one in WORLD],
    },
}


def opened(folder: Path, value: Any) -> PointRecording:
    (folder / "a.json").write_text(json.dumps(value))
    found = open_recording(folder / "a.json")
    assert isinstance(found, PointRecording)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_points_in_metres_are_read(form: str, tmp_path: Path) -> None:
    np.testing.assert_allclose(opened(tmp_path, FORMS[form]()).points, WORLD, atol=1e-9)


@pytest.mark.parametrize("empty", [[], None], ids=["list", "null"])
def test_frames_without_a_person_are_gaps(empty: Any, tmp_path: Path) -> None:
    points = opened(tmp_path, [empty if n == 20 else landmarks(WORLD[n]) for n in range(FRAMES)]).points
    assert np.flatnonzero(np.isnan(points).any(axis=(1, 2))).tolist() == [20]


def test_several_persons(tmp_path: Path) -> None:
    persons = [[landmarks(one), landmarks(one + np.array([1.5, 0.0, 0.0]))] for one in WORLD]
    found = opened(tmp_path, {"pose_world_landmarks": persons})
    np.testing.assert_allclose(found.points, WORLD, atol=1e-9)
    assert [(one.topic, one.count) for one in found.findings] == [("person", 2)]


@pytest.mark.parametrize("as_pixels", [False, True])
def test_places_in_the_picture_are_refused(*, as_pixels: bool, tmp_path: Path) -> None:
    places = PICTURE * [1280.0, 720.0, 1280.0] if as_pixels else PICTURE
    (tmp_path / "a.json").write_text(json.dumps([landmarks(one) for one in places]))
    with pytest.raises(DoubtError, match="their z is relative to the hips and x and y are not, as of MediaPipe's"):
        read(tmp_path / "a.json", fps=25.0)
    with pytest.raises(FormatError, match=r"two-dimensional key-points .*MediaPipe's world landmarks"):
        opened(tmp_path, [{"frame": n, "pose_landmarks": landmarks(PICTURE[n])} for n in range(FRAMES)])
