# SPDX-License-Identifier: Apache-2.0
"""Lengths of a clip and twist of forearms, by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS
from dancepose_addon.core.fit.pose import joint_limits
from dancepose_addon.core.fit.pose.joint_limits import hold_forearms, twist_about
from dancepose_addon.core.fit.shape import lengths
from dancepose_addon.core.fit.shape.lengths import Lengths, measured_lengths, solve_lengths
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from tests.support.bodies import synthetic_body

BODY, MARKERS = synthetic_body(3), joint_markers(SMPL24)
REST = BODY.rest_joints().astype(np.float64)
FIRST, SECOND = lengths.rigid_pairs(MARKERS)
OWN_M = np.linalg.norm(REST[FIRST] - REST[SECOND], axis=1)


def clip(frames: int = 30, scale: float = 1.0) -> np.ndarray:
    return np.repeat(scale * REST[None], frames, axis=0).astype(np.float32)


def test_lengths_and_how_sure_they_are() -> None:
    confidence = np.ones((30, 24), np.float32)
    wrist = JOINT_INDEX["left_wrist"]
    confidence[:, wrist] = 0.5
    confidence[:10, wrist] = 0.0
    noise = 0.004
    found = measured_lengths(MARKERS, BODY, clip(scale=1.1), confidence, noise)
    assert found is not None
    used = OWN_M > 0.01
    expected = np.sqrt(np.maximum((1.1 * OWN_M[used]) ** 2 - 4.0 * noise**2, 0.1 * (1.1 * OWN_M[used]) ** 2))
    np.testing.assert_allclose(found.median, expected, rtol=1e-5)
    frames = np.where((wrist == FIRST) | (wrist == SECOND), 20, 30)[used]
    np.testing.assert_allclose(found.spread, 1e-4 + 1.8 * noise / np.sqrt(frames) + noise**2 / expected, rtol=1e-5)
    np.testing.assert_allclose(found.trust, np.where(frames == 20, 0.5, 1.0))
    np.testing.assert_allclose(found.bone, (REST[FIRST] - REST[SECOND])[used], atol=1e-6)
    unit = np.eye(BODY.beta_count, dtype=np.float32)[2]
    moved = BODY.rest_joints(unit) - BODY.rest_joints()
    np.testing.assert_allclose(found.dirs[:, :, 2], (moved[FIRST] - moved[SECOND])[used], atol=1e-6)


def test_lengths_that_are_not_used() -> None:
    points, confidence = clip(), np.ones((30, 24), np.float32)
    elbow = JOINT_INDEX["left_elbow"]
    points[:, elbow] = points[:, PARENTS[elbow]] + np.float32(0.005)
    confidence[:, JOINT_INDEX["right_foot"]] = 0.0
    found = measured_lengths(MARKERS, BODY, points, confidence, 0.0)
    assert found is not None
    gone = {tuple(sorted((elbow, PARENTS[elbow])))} | {
        pair for pair in zip(FIRST.tolist(), SECOND.tolist(),
        strict=True) if JOINT_INDEX["right_foot"] in pair}  # fmt: skip
    kept = [
        pair for pair, own in zip(zip(FIRST.tolist(), SECOND.tolist(), strict=True), OWN_M, strict=True) if own > 0.01
    ]
    assert len(found.median) == len([pair for pair in kept if pair not in gone])
    assert measured_lengths(MARKERS, BODY, points, confidence * 0.0, 0.0) is None
    assert measured_lengths(MARKERS, BODY, points * 0.0, confidence, 0.0) is None


def test_long_clips_are_thinned_to_a_thousand_frames() -> None:
    points = clip(2500)
    points[::2] *= np.float32(1.2)  # every second frame is taken
    found = measured_lengths(MARKERS, BODY, points, np.ones((2500, 24), np.float32), 0.001)
    assert found is not None
    np.testing.assert_allclose(found.median, np.sqrt((1.2 * OWN_M[OWN_M > 0.01]) ** 2 - 4e-6), rtol=1e-5)
    n = 1250
    np.testing.assert_allclose(found.spread, 1e-4 + 0.0018 / np.sqrt(n) + 1e-6 / found.median, rtol=1e-5)


def test_a_size_and_betas_from_lengths() -> None:
    """Bones along axes whose lengths are known; a stray one counts little; the prior pulls by its variance."""
    bone = np.array([[0.3, 0.0, 0.0], [0.0, 0.4, 0.0], [0.0, 0.0, 0.5], [0.2, 0.2, 0.1]])
    dirs = np.array([[[0.02], [0.0], [0.0]], [[0.0], [-0.03], [0.0]], [[0.0], [0.0], [0.01]], [[0.01], [0.0], [-0.01]]])
    scale, beta = 1.1, 0.8
    true = np.linalg.norm(scale * (bone + beta * dirs[..., 0]), axis=1)
    given = Lengths(true, np.full(4, 1e-5), np.ones(4), bone, dirs)
    unknown, left = solve_lengths(given, np.full(4, 1e-5), bound=3.0)
    np.testing.assert_allclose(unknown, [scale, scale * beta], rtol=1e-4)
    np.testing.assert_allclose(left, 0.0, atol=1e-6)
    held, _ = solve_lengths(given, np.full(4, 1e-5), bound=0.5)
    assert held[1] == pytest.approx(0.5 * held[0])
    # Two equal bones: the prior's mean is 1 with a deviation of a tenth in the log, a length's 5 cm.
    single = Lengths(np.array([0.6]), np.array([0.05]), np.ones(1), np.array([[0.5, 0.0, 0.0]]), np.zeros((1, 3, 0)))
    (size,), _ = solve_lengths(single, np.array([0.05]), bound=3.0)
    sizes = np.linspace(1.0, 1.2, 20001)
    off = np.abs(0.6 - 0.5 * sizes) / 0.05
    cost = np.where(off < 1.5, 0.5 * off**2, 1.5 * off - 1.125) + 0.5 * (np.log(sizes) / 0.1) ** 2
    assert size == pytest.approx(sizes[cost.argmin()], abs=2e-3)


@pytest.mark.parametrize(
    ("degrees", "excess"), [(30.0, 0.0), (-55.0, 0.0), (70.0, 15.0), (-120.0, -65.0), (155.0, 155.0 - 27.5)]
)
def test_twist_beyond_a_limit(degrees: float, excess: float) -> None:
    """55 degrees are kept, tapering to none from 130 to 180."""
    found = np.degrees(joint_limits._excess(np.radians([degrees]).astype(np.float32), float(np.radians(55.0))))
    np.testing.assert_allclose(found, [excess], atol=1e-3)


def test_twist_about_an_axis() -> None:
    axis = np.array([0.6, 0.0, 0.8], np.float32)
    for degrees in (-179.0, -90.0, 0.0, 45.0, 170.0):
        swing = Rotation.from_rotvec([0.0, 0.7, 0.0])
        turn = (swing * Rotation.from_rotvec(np.radians(degrees) * axis)).as_matrix()
        assert np.degrees(float(twist_about(turn.astype(np.float32), axis))) == pytest.approx(degrees, abs=0.05)


def test_the_excess_of_wrists_goes_to_elbows() -> None:
    """80 degrees at the wrist: 25 go to the elbow and the hand stays; 120 at the elbow are cut to 95."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (2, 24, 3, 3)).copy()
    rest = np.zeros((24, 3), np.float32)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for number, name in enumerate(("shoulder", "elbow", "wrist", "hand")):
            rest[JOINT_INDEX[f"{side}_{name}"]] = [sign * (0.2 + 0.3 * number), 0.0, 0.0]
    elbow, wrist = JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"]

    def about(degrees: float) -> np.ndarray:
        return Rotation.from_euler("x", degrees, degrees=True).as_matrix().astype(np.float32)

    pose[0, wrist], pose[1, elbow] = about(80.0), about(120.0)
    found = hold_forearms(pose, rest)
    np.testing.assert_allclose(found[0, elbow], about(25.0), atol=1e-5)
    np.testing.assert_allclose(found[0, wrist], about(55.0), atol=1e-5)
    np.testing.assert_allclose(found[1, elbow], about(95.0), atol=1e-5)
    np.testing.assert_allclose(found[1, wrist], np.eye(3), atol=1e-5)
