# SPDX-License-Identifier: Apache-2.0
"""Clips of which whole frames are empty, as recordings with lost frames and clips on a finer grid than they have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.intervals import nearest_seen
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.fitting import fit_opened

WALTZ = Path(__file__).parents[2] / "examples" / "waltz"
FRAMES = 120
KEPT = {
    "every second": np.arange(FRAMES) % 2 == 0,
    "every second, from 1": np.arange(FRAMES) % 2 == 1,
    "all but every third": np.arange(FRAMES) % 3 != 1,
    "by chance": np.random.default_rng(3).random(FRAMES) < 0.5,
    "ends": ~np.isin(np.arange(FRAMES), [0, 1, 2, 117, 118, 119]),
}


@pytest.fixture(scope="module")
def waltz() -> KeypointSequence:
    found = open_source(WALTZ, body=load_body(), frames=(0, FRAMES), hints=Hints())
    assert isinstance(found, KeypointSequence)
    return found


@pytest.fixture(scope="module")
def whole_m(waltz: KeypointSequence) -> np.ndarray:
    """Joints of the fit of all frames, (T, 24, 3) metres."""
    return fit_opened(waltz, body=load_body()).motion.joints(load_body())


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_frames_that_were_lost_are_bridged(waltz: KeypointSequence, whole_m: np.ndarray, kept: np.ndarray) -> None:
    points = np.where(kept[:, None, None], waltz.keypoints_m, np.nan).astype(np.float32)
    fit = fit_opened(replace(waltz, keypoints_m=points), body=load_body())
    away_mm = 1000.0 * np.linalg.norm(fit.motion.joints(load_body()) - whole_m, axis=-1).mean(axis=1)
    assert np.median(away_mm[kept]) < 6.0
    assert np.median(away_mm[~kept]) < 15.0
    assert away_mm[kept].max() < 10.0


def test_sampled_frames_are_the_nearest_with_points() -> None:
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 40, 300, 5000):
        wanted = np.unique(np.linspace(0, count - 1, 24).round().astype(np.intp))
        assert np.array_equal(nearest_seen(wanted, np.ones(count, bool)), wanted)
        assert np.array_equal(nearest_seen(wanted, np.zeros(count, bool)), wanted)
        for _ in range(10):
            seen = random.random(count) < random.random()
            if seen.any():
                usable = np.flatnonzero(seen)
                nearest = np.unique([usable[np.argmin(np.abs(usable - frame))] for frame in wanted])
                assert np.array_equal(nearest_seen(wanted, seen), nearest)


@pytest.mark.parametrize("first", [0, 100])
def test_a_clip_that_is_empty_but_for_some_frames_is_named_as_such(tmp_path: Path, first: int, waltz) -> None:
    """It was taken for rotations without an orientation of the body, since the frames that were looked at had none."""
    points = np.full((200, 23, 3), np.nan, np.float32)
    points[first : first + 3] = waltz.keypoints_m[:3]
    np.save(tmp_path / "few.npy", points)
    assert open_recording(tmp_path / "few.npy", Hints(fps=25.0)).layout in (None, "md23")
    opened = open_source(tmp_path / "few.npy", body=load_body(), hints=Hints(fps=25.0, accept_doubt=True))
    with pytest.raises(InputError, match="only NaN or unseen points in 197 of 200 frames"):
        fit_opened(opened, body=load_body())
