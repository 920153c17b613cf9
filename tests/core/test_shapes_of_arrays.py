# SPDX-License-Identifier: Apache-2.0
"""Shapes of arrays of points and of rotations: which are taken, how they are ordered, and which are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.readers.point_arrays import shaped
from dancepose_addon.core.skeleton.readers.rotation_forms import rotvec_of_quaternions
from dancepose_addon.core.skeleton.recording import Hints

RANDOM = np.random.default_rng(6)
POINTS = RANDOM.normal(size=(30, 7, 3))
TRUST = RANDOM.uniform(size=(30, 7))


def transforms(points: np.ndarray) -> np.ndarray:
    matrices = np.tile(np.eye(4), (*points.shape[:2], 1, 1))
    matrices[..., :3, 3] = points
    return matrices


@pytest.mark.parametrize(
    "array",
    [
        POINTS, POINTS[None], POINTS[None, None], POINTS.reshape(30, 21), POINTS.reshape(1, 30, 21),
        POINTS.transpose(0, 2, 1), POINTS.transpose(1, 2, 0), transforms(POINTS), POINTS.transpose(2, 0, 1)[..., None],
        np.concatenate([POINTS, np.tile([0.0, 0.0, 0.0, 1.0], (30, 7, 1))], axis=2),
    ],
    ids=[
        "points", "batch", "two batches", "flat", "flat batch", "frames, axes, points", "points, axes, frames",
        "transforms", "graph network", "with orientations",
    ],
)  # fmt: skip
def test_shapes_that_are_taken(array: np.ndarray) -> None:
    points, confidence, _ = shaped(array, "it", Hints())
    np.testing.assert_allclose(points, POINTS)
    assert confidence is None


def test_a_fourth_number_is_a_confidence() -> None:
    points, confidence, notes = shaped(np.concatenate([POINTS, TRUST[..., None]], axis=2), "it", Hints())
    np.testing.assert_allclose(points, POINTS)
    assert confidence is not None
    np.testing.assert_allclose(confidence, TRUST)
    assert notes == ()
    for wrong in (-0.01, 1.01):
        trust = TRUST.copy()
        trust[3, 2] = wrong
        with pytest.raises(FormatError, match=r"expected x, y, z, and a confidence in \[0, 1\]"):
            shaped(np.concatenate([POINTS, trust[..., None]], axis=2), "it", Hints())
    for edge in (0.0, 1.0):
        shaped(np.concatenate([POINTS, np.full((30, 7, 1), edge)], axis=2), "it", Hints())


@pytest.mark.parametrize(("frames", "said"), [(6, "(points, 3, frames)"), (8, "(frames, 3, points)")])
def test_the_order_of_frames_and_points_is_said(frames: int, said: str) -> None:
    """Of (6, 3, 7) the last is longer, so it is the frames; of (8, 3, 7) the first."""
    array = RANDOM.normal(size=(frames, 3, 7))
    points, _, notes = shaped(array, "it", Hints())
    assert [note.value for note in notes] == [said]
    assert points.shape == ((7, 6, 3) if frames == 6 else (8, 7, 3))
    np.testing.assert_array_equal(points[2, 1], array[1, :, 2] if frames == 6 else array[2, :, 1])


@pytest.mark.parametrize("count", [5, 6])
def test_five_points_are_enough(count: int) -> None:
    for array in (POINTS[:, :count], POINTS[:, :count].reshape(30, -1), POINTS[:, :count].transpose(0, 2, 1)):
        assert shaped(array, "it", Hints())[0].shape == (30, count, 3)


@pytest.mark.parametrize(
    "shape",
    [(30,), (30, 4, 3), (30, 12), (30, 16), (30, 17), (30, 7, 2), (30, 3, 4), (30, 4, 4), (30, 7, 5),
    (2, 3, 4, 5, 6)],
)  # fmt: skip
def test_shapes_that_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FormatError, match=r"expected \(frames, points, 3\)") as caught:
        shaped(RANDOM.normal(size=shape), "it", Hints())
    assert ("place in a picture" in str(caught.value)) is (shape[-1] == 2)


@pytest.mark.parametrize("last", [False, True], ids=["wxyz", "xyzw"])
def test_quaternions_are_turned_into_rotation_vectors(*, last: bool) -> None:
    turns = Rotation.from_rotvec(RANDOM.normal(scale=0.4, size=(50, 3)))
    turns = Rotation.concatenate([turns, Rotation.identity(1)])
    stored = turns.as_quat() if last else np.roll(turns.as_quat(), 1, axis=1)
    stored[::3] *= -1.0
    np.testing.assert_allclose(rotvec_of_quaternions(stored), turns.as_rotvec(), atol=1e-7)
    np.testing.assert_allclose(rotvec_of_quaternions(1.0001 * stored), turns.as_rotvec(), atol=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_quaternions_with_one_number_missing_are_none(value: Any) -> None:
    stored = np.tile([1.0, 0.0, 0.0, 0.0], (50, 1))
    assert rotvec_of_quaternions(stored) is not None
    stored[7, 2] = value
    assert rotvec_of_quaternions(stored) is None


def test_numbers_of_another_length_are_no_quaternions() -> None:
    stored = np.tile([1.0, 0.0, 0.0, 0.0], (50, 1))
    assert rotvec_of_quaternions(1.2 * stored) is None
    assert rotvec_of_quaternions(0.8 * stored) is None
    # A few rows of zeros are unseen joints; they do not turn.
    stored[:5] = 0.0
    found = rotvec_of_quaternions(stored)
    assert found is not None
    assert np.abs(found).max() == 0.0


def test_a_confidence_of_another_shape_is_not_dropped_silently(tmp_path: Path) -> None:
    points = np.random.default_rng(5).normal(size=(20, 24, 3))
    np.savez(tmp_path / "ours.npz", keypoints_m=points, confidence=np.ones((17, 24)), fps=25.0)
    with pytest.raises(FormatError, match=r"confidence of shape \(17, 24\); expected \(20, 24\)"):
        open_recording(tmp_path / "ours.npz")
    np.savez(tmp_path / "other.npz", joints=points, confidence=np.ones(20), fps=25.0)
    recording = open_recording(tmp_path / "other.npz")
    assert recording.confidence is None
    (finding,) = [each for each in recording.findings if each.topic == "confidence"]
    assert "(20,)" in finding.why
    np.savez(tmp_path / "good.npz", keypoints_m=points, confidence=np.full((20, 24), 0.5), fps=25.0)
    assert np.all(open_recording(tmp_path / "good.npz").confidence == 0.5)


def test_orientations_of_points_are_left_out_and_said() -> None:
    """A place and a quaternion in either order; seven numbers without a quaternion are no points."""
    turns = Rotation.random(210, random_state=1).as_quat().reshape(30, 7, 4)
    for parts in ([POINTS, turns], [turns, POINTS]):
        points, _, notes = shaped(np.concatenate(parts, axis=2), "it", Hints())
        np.testing.assert_array_equal(points, POINTS)
        assert [(note.topic, note.value) for note in notes] == [("orientations", "not used")]
    with pytest.raises(FormatError):
        shaped(np.concatenate([POINTS, 1.1 * turns], axis=2), "it", Hints())


@pytest.mark.parametrize("order", ["persons first", "frames first"])
def test_one_of_several_persons_is_taken_and_said(order: str) -> None:
    both = np.stack([np.cumsum(0.01 * POINTS, axis=0), 5.0 + np.cumsum(0.01 * POINTS[::-1], axis=0)])
    stored = both if order == "persons first" else both.transpose(1, 0, 2, 3)
    for take in (0, 1):
        points, _, notes = shaped(stored, "it", Hints(take=take))
        np.testing.assert_array_equal(points, both[take])
        assert len(notes) == 1
