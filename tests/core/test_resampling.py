# SPDX-License-Identifier: Apache-2.0
"""Resampling, against waves whose values are known at any time, and SciPy's slerp."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.resampling import resample, resample_points, resample_rotations
from dancepose_addon.core.skeleton.sequence import KeypointSequence


def wave(times: np.ndarray, hertz: float) -> np.ndarray:
    return np.sin(2.0 * np.pi * hertz * times + 0.3)


@pytest.mark.parametrize(("fps", "to_fps"), [(25.0, 60.0), (60.0, 25.0), (120.0, 30.0), (24.87, 25.0), (20.0, 29.97)])
def test_a_motion_within_both_bands_is_the_same_motion(fps: float, to_fps: float) -> None:
    source, target = np.arange(400) / fps, None
    found = resample_points(wave(source, 3.0)[:, None], fps, to_fps)[:, 0]
    target = np.arange(len(found)) / to_fps
    assert target[-1] == pytest.approx(source[-1], abs=1.0 / to_fps)
    middle = slice(len(found) // 5, -len(found) // 5)
    np.testing.assert_allclose(found[middle], wave(target, 3.0)[middle], atol=2e-3)
    # At the ends there is nothing beyond; it stays near all the same.
    np.testing.assert_allclose(found, wave(target, 3.0), atol=0.12)


def test_what_the_lower_rate_cannot_carry_is_removed() -> None:
    times = np.arange(960) / 120.0
    tremor = wave(times, 41.0)[:, None]  # at 25 a second it would sway at 9 Hz
    found = resample_points(tremor, 120.0, 25.0)
    assert np.abs(found[20:-20]).max() < 2e-3
    assert np.abs(tremor[::5]).max() > 0.9


def test_a_straight_walk_stays_straight_to_its_ends() -> None:
    line = np.arange(50, dtype=float)[:, None] * [0.1, 0.0, -0.2]
    found = resample_points(line, 30.0, 48.0)
    np.testing.assert_allclose(found, np.arange(len(found))[:, None] * 30.0 / 48.0 * [0.1, 0.0, -0.2], atol=1e-4)
    assert resample_points(line[:1], 30.0, 48.0).shape == (1, 3)
    np.testing.assert_allclose(resample_points(line[:3], 30.0, 60.0)[:, 0], [0, 0.05, 0.1, 0.15, 0.2], atol=1e-4)


def test_unseen_points_stay_unseen_and_spread_to_nobody() -> None:
    points = np.tile(wave(np.arange(100) / 25.0, 1.0)[:, None, None], (1, 24, 3)).astype(np.float32)
    points[40:44, 7] = np.nan
    clip = KeypointSequence(points, 25.0, SMPL24)
    found = resample(clip, 50.0)
    gone = np.isnan(found.keypoints_m).any(axis=-1)
    assert set(np.flatnonzero(gone.any(axis=0))) == {7}
    assert 6 <= gone[:, 7].sum() <= 9
    assert np.flatnonzero(gone[:, 7]).min() >= 79
    sure = replace(clip, confidence=np.ones((100, 24), np.float32))
    confidence = resample(sure, 50.0).confidence
    assert confidence is not None
    assert confidence[80:87, 7].max() == 0.0
    assert confidence[:, 6].min() == 1.0


def test_rotations_go_the_shortest_way() -> None:
    rng = np.random.default_rng(1)
    keys = Rotation.from_rotvec(np.cumsum(rng.normal(scale=0.4, size=(40, 3)), axis=0))
    found = resample_rotations(keys.as_matrix()[:, None], 30.0, 47.0)[:, 0]
    times = np.arange(len(found)) / 47.0
    truth = Slerp(np.arange(40) / 30.0, keys)(times)
    assert (Rotation.from_matrix(found).inv() * truth).magnitude().max() < 1e-6


def test_a_rate_that_cannot_be_made() -> None:
    clip = KeypointSequence(np.zeros((5, 24, 3), np.float32), 25.0, SMPL24)
    assert resample(clip, 25.0) is clip
    for fps in (0.0, -1.0, np.inf, 1e6):
        with pytest.raises(InputError, match="cannot be made"):
            resample(clip, fps)


def test_a_point_with_one_coordinate_missing_has_no_confidence() -> None:
    points = np.tile(wave(np.arange(100) / 25.0, 1.0)[:, None, None], (1, 24, 3)).astype(np.float32)
    points[40:44, 7, 1] = np.nan
    found = resample(KeypointSequence(points, 25.0, SMPL24, confidence=np.full((100, 24), 0.5, np.float32)), 50.0)
    assert found.confidence is not None
    assert (
        np.flatnonzero(found.confidence[:, 7] == 0.0).tolist()
        == np.flatnonzero(np.isnan(found.keypoints_m[:, 7, 1])).tolist()
    )
    assert found.confidence[:, 6].tolist() == [0.5] * len(found)
