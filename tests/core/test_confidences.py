# SPDX-License-Identifier: Apache-2.0
"""Confidences beside an array of points, under the names and in the shapes that tools give them."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import PointRecording
from tests.support.samples import cut, points_of, waltz

FRAMES = 40
POINTS = points_of(cut(waltz(), FRAMES), "smpl24")
SURE = np.random.default_rng(0).uniform(0.1, 1.0, (FRAMES, 24)).astype(np.float32)


def opened(folder: Path, **arrays: np.ndarray) -> PointRecording:
    np.savez(folder / "a.npz", joints=POINTS, fps=25.0, **arrays)  # type: ignore[arg-type]
    found = open_recording(folder / "a.npz")
    assert isinstance(found, PointRecording)
    return found


@pytest.mark.parametrize("name", ["confidence", "conf", "joints_conf", "keypoint_scores", "scores", "visibility"])
@pytest.mark.parametrize("shape", [(FRAMES, 24), (FRAMES, 24, 1), (1, FRAMES, 24)])
def test_names_and_shapes(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    found = opened(tmp_path, **{name: SURE.reshape(shape)})
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence, SURE)


def test_flags(tmp_path: Path) -> None:
    found = opened(tmp_path, visible=SURE > 0.5)
    assert found.confidence is not None
    np.testing.assert_array_equal(found.confidence, SURE > 0.5)


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("scores", 100.0 * SURE, "scores has numbers outside 0 to 1"),
        ("visibility", SURE[:, :3], r"its shape is (40, 3), and that of the points (40, 24)"),
        ("conf", SURE[:, 0], r"its shape is (40,), and that of the points (40, 24)"),
    ],
)
def test_others_are_named(name: str, values: np.ndarray, why: str, tmp_path: Path) -> None:
    found = opened(tmp_path, **{name: values})
    assert found.confidence is None
    [finding] = [one for one in found.findings if one.topic == "confidence"]
    assert (finding.value, finding.why, finding.doubtful) == ("not used", why, True)
