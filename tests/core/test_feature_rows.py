# SPDX-License-Identifier: Apache-2.0
"""Rows of motion models, column by column."""

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import feature_rows
from dancepose_addon.core.skeleton.readers.feature_rows import rows_of
from dancepose_addon.core.skeleton.recording import Hints, PointRecording, PoseRecording
from tests.support.samples import points_of
from tests.support.short_dance import DANCE, FRAMES, MOTION, PLACE, matrices, require_same_turns, with_fingers

RANDOM = np.random.default_rng(4)


ROWS = {
    151: (4, 7, 24, 6, 30.0, "z", True, "smpl"), 139: (4, 7, 22, 6, 30.0, None, False, "smplx"),
    135: (0, 3, 22, 6, 30.0, None, False, "smplx"), 319: (4, 7, 52, 6, 30.0, None, False, "smplh"),
    315: (0, 3, 52, 6, 30.0, None, False, "smplh"), 219: (0, 3, 24, 9, 60.0, "y", False, "smpl"),
    225: (6, 9, 24, 9, 60.0, "y", False, "smpl"), 147: (0, 3, 24, 6, 60.0, None, False, "smpl"),
}  # fmt: skip
"""Width: columns of place and rotations, joints, numbers a rotation, rate, up, whether the place is the pelvis's."""


@pytest.mark.parametrize("width", ROWS)
def test_rows_of_rotations(width: int) -> None:
    place, first, joints, size, fps, up, is_pelvis, model = ROWS[width]
    vectors = with_fingers(joints, RANDOM)
    rows = np.full((FRAMES, width), 0.5)
    rows[:, place : place + 3] = PLACE
    rows[:, first:] = matrices(vectors).reshape(FRAMES, joints, 9)[..., :size].reshape(FRAMES, -1)
    rows[3, place + 1] = np.nan
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PoseRecording)
    require_same_turns(found.rotvec[:, :22], vectors[:, :22])
    assert (found.fps, found.up, found.is_pelvis, found.model) == (fps, up, is_pelvis, model)
    expected = PLACE.copy()
    expected[3, 1] = 0.0
    np.testing.assert_array_equal(found.translation, expected)
    if joints == 52:
        assert found.detail is not None
        assert found.detail.hands is not None
        require_same_turns(found.detail.hands, vectors[:, 22:])
    else:
        assert found.detail is None
    assert rows_of(rows, "it", Hints(values="positions")) is None
    assert rows_of(rows, "it", Hints(layout="smpl24")) is None
    noise = RANDOM.normal(size=(FRAMES, width))
    if width in (151, 139, 319):
        with pytest.raises(FormatError, match=f"columns {first} on are no rotations"):
            rows_of(noise, "it", Hints())
    else:
        assert rows_of(noise, "it", Hints()) is None
    with pytest.raises(InputError, match="zero frames"):
        rows_of(rows[:0], "it", Hints())


def test_other_widths_are_no_rows() -> None:
    for width in (66, 72, 150, 159, 264):
        assert rows_of(np.ones((FRAMES, width)), "it", Hints()) is None


@pytest.mark.parametrize(("width", "start", "end"), [(492, 186, 492), (262, 132, 258)])
def test_interhuman(width: int, start: int, end: int) -> None:
    points = points_of(MOTION, "smpl22").astype(np.float64)
    rows = np.zeros((FRAMES, width))
    rows[:, :66] = points.reshape(FRAMES, 66)
    rows[:, start:end] = np.tile([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], (end - start) // 6)
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PointRecording)
    np.testing.assert_array_equal(found.points, points)
    assert (found.layout, found.unit) == ("smpl22", "m")
    rows[:, start:end] = 3.0
    if width == 492:
        assert rows_of(rows, "it", Hints()) is None
    else:
        with pytest.raises(FormatError, match="columns 132 on are no rotations"):
            rows_of(rows, "it", Hints())


def test_motion_x() -> None:
    vectors = with_fingers(52, RANDOM)
    betas = np.tile(np.arange(10.0), (FRAMES, 1))
    betas[0] = 100.0
    parts = [vectors[:, :22], vectors[:, 22:], np.full((FRAMES, 3), 0.2), np.full((FRAMES, 50), 0.3), np.full((FRAMES,
    100), 9.0), PLACE, betas]  # fmt: skip
    rows = np.concatenate([part.reshape(FRAMES, -1) for part in parts], axis=1)
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PoseRecording)
    require_same_turns(found.rotvec[:, :22], vectors[:, :22])
    np.testing.assert_array_equal(found.translation, PLACE)
    np.testing.assert_array_equal(found.betas, np.arange(10.0))
    assert (found.fps, found.model) == (30.0, "smplx")
    assert found.detail is not None
    np.testing.assert_array_equal(found.detail.hands, vectors[:, 22:])
    np.testing.assert_array_equal(found.detail.face, np.tile([[0.2] * 3, [0.0] * 3, [0.0] * 3], (FRAMES, 1, 1)))
    assert found.detail.expression is not None
    assert np.all(found.detail.expression == 0.3)
    assert found.detail.expression.shape == (FRAMES, 50)
    rows[4, 310] = np.nan
    with pytest.raises(InputError, match="places that are not finite"):
        rows_of(rows, "it", Hints())


@pytest.mark.parametrize(("joints", "model"), [(24, "smpl"), (55, "smplx")])
@pytest.mark.parametrize("place_first", [False, True])
def test_pose_and_place(joints: int, model: str, *, place_first: bool) -> None:
    parts = [with_fingers(joints, RANDOM).reshape(FRAMES, -1), PLACE]
    rows = np.concatenate(parts[::-1] if place_first else parts, axis=1)
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PoseRecording)
    require_same_turns(found.rotvec[:, :22], DANCE[:, :22])
    np.testing.assert_array_equal(found.translation, PLACE)
    assert found.model == model
    assert found.findings[0].value == ("SMPL's translation and pose" if place_first else "SMPL's pose and translation")
    assert rows_of(RANDOM.normal(scale=3.0, size=rows.shape), "it", Hints()) is None


@pytest.mark.parametrize("camera", [0, 3])
def test_pose_and_shape(camera: int) -> None:
    betas = np.tile(np.arange(10.0), (FRAMES, 1))
    betas[0] = 50.0
    rows = np.concatenate([np.full((FRAMES, camera), 7.0), DANCE.reshape(FRAMES, 72), betas], axis=1)
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PoseRecording)
    require_same_turns(found.rotvec, DANCE)
    np.testing.assert_array_equal(found.betas, np.arange(10.0))
    assert not found.translation.any()
    assert [item.topic for item in found.findings[:2]] == ["columns", "translation"]
    assert (found.findings[0].why == "behind a camera") is bool(camera)
    assert rows_of(RANDOM.normal(scale=3.0, size=rows.shape), "it", Hints()) is None


def test_a_square_in_features() -> None:
    """A root that turns by 90 degrees and goes 1 m a frame; a joint 1 m beside it and 5 m up, in its axes."""
    rows = np.zeros((4, 263))
    rows[:, 0], rows[:, 1], rows[:, 3] = np.pi / 4.0, 1.0, 0.9
    rows[:, 4:7] = [1.0, 5.0, 0.0]
    found = rows_of(rows, "it", Hints())
    assert isinstance(found, PointRecording)
    root = np.array([[0.0, 0.9, 0.0], [0.0, 0.9, 1.0], [-1.0, 0.9, 1.0], [-1.0, 0.9, 0.0]])
    np.testing.assert_allclose(found.points[:, 0], root, atol=1e-12)
    beside = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    np.testing.assert_allclose(found.points[:, 1], root * [1, 0, 1] + beside + [0.0, 5.0, 0.0], atol=1e-12)
    assert found.points.shape == (4, 22, 3)
    assert (found.layout, found.unit, found.up, found.fps) == ("smpl22", "m", "y", 20.0)
    kit = rows_of(np.zeros((4, 251)), "it", Hints())
    assert isinstance(kit, PointRecording)
    assert kit.points.shape == (4, 21, 3)
    assert (kit.layout, kit.unit, kit.fps) == (None, None, 12.5)


@pytest.mark.parametrize(("height", "good"), [(0.21, True), (0.19, False), (1.99, True), (2.01, False)])
def test_features_that_are_normalised(height: float, *, good: bool) -> None:
    rows = np.zeros((5, 263))
    rows[:, 3] = height
    rows[0, 3] = 30.0
    if good:
        assert rows_of(rows, "it", Hints())
    else:
        with pytest.raises(FormatError, match="the features are normalised"):
            rows_of(rows, "it", Hints())
    rows[1, 66] = np.nan
    with pytest.raises(InputError, match="features that are not finite"):
        rows_of(rows, "it", Hints())


def test_rotations_of_a_pose_are_no_longer_than_a_turn() -> None:
    pose = DANCE.copy()
    assert feature_rows._is_pose(pose)
    for length, good in ((6.5, True), (6.7, False), (np.nan, False)):
        pose[3, 0] = [length, 0.0, 0.0]
        assert feature_rows._is_pose(pose) is good
