# SPDX-License-Identifier: Apache-2.0
"""Arguments and hints of opening a file: either counts, the argument first."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.fit.known import known_clip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 joints of a dance, without a rate or a layout."""
    path = tmp_path_factory.mktemp("points") / "dance.npy"
    np.save(path, known_clip(load_body(), frames=60).sequence.keypoints_m)
    return path


@pytest.mark.parametrize(
    ("layout", "hinted", "works"),
    [
        ("smpl24", None, True), (None, "smpl24", True), ("smpl24", "md23", True), ("md23", None, False),
        (None, "md23", False), ("md23", "smpl24", False),
    ],
)  # fmt: skip
def test_the_layout_of_the_argument_counts_before_the_hint(
    body: BodyModel, file: Path, layout: str | None, hinted: str | None, *, works: bool
) -> None:
    hints = Hints(layout=hinted, fps=25.0, up="y", unit="m")
    if works:
        found = open_source(file, body=body, layout=layout, hints=hints)
        assert isinstance(found, KeypointSequence)
        assert found.layout.name == "smpl24"
    else:
        with pytest.raises(LayoutError):
            open_source(file, body=body, layout=layout, hints=hints)


@pytest.mark.parametrize(("fps", "hinted", "expected"), [(50.0, 25.0, 50.0), (None, 25.0, 25.0), (50.0, None, 50.0)])
def test_the_rate_of_the_argument_counts_before_the_hint(
    body: BodyModel, file: Path, fps: float | None, hinted: float | None, expected: float
) -> None:
    found = open_source(file, body=body, fps=fps, hints=Hints(layout="smpl24", fps=hinted, up="y", unit="m"))
    assert found.fps == expected
    assert len(found) == 60


def test_some_frames_are_opened(body: BodyModel, file: Path) -> None:
    hints = Hints(layout="smpl24", fps=25.0, up="y", unit="m")
    whole = open_source(file, body=body, hints=hints)
    part = open_source(file, body=body, frames=(10, 20), hints=hints)
    assert isinstance(whole, KeypointSequence)
    assert isinstance(part, KeypointSequence)
    first = int(np.flatnonzero((whole.keypoints_m == part.keypoints_m[0]).all(axis=(1, 2)))[0])
    assert first == 10
    np.testing.assert_array_equal(part.keypoints_m, whole.keypoints_m[first : first + len(part)])
    assert len(part) in (10, 11)
