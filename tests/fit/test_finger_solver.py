# SPDX-License-Identifier: Apache-2.0
"""The least squares of a finger: chains by hand, points that are met, and what is not seen as the prior has it."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from dancepose_addon.core.fit.pose.finger_refinement import PRIOR_M, FingerTargets, _pose, _skew, refine_finger

BONES = np.array([[0.04, 0.0, 0.0], [0.025, 0.002, 0.0], [0.02, 0.0, 0.001]])
RANDOM = np.random.default_rng(8)


def rotations(count: int, size: float) -> np.ndarray:
    return Rotation.from_rotvec(RANDOM.normal(scale=size, size=(count * 3, 3))).as_matrix().reshape(count, 3, 3, 3)


def free(rotation: np.ndarray, _joint: int) -> np.ndarray:
    return rotation


def test_skew_is_the_cross_product() -> None:
    first, second = RANDOM.normal(size=(2, 7, 3))
    np.testing.assert_allclose((_skew(first) @ second[..., None])[..., 0], np.cross(first, second), atol=1e-12)


def test_a_chain_of_three_bones() -> None:
    """The first joint bends by a right angle about z, and the third back."""
    quarter = Rotation.from_rotvec([0.0, 0.0, np.pi / 2.0]).as_matrix()
    world, places = _pose(np.stack([quarter, np.eye(3), quarter.T])[None], np.diag([2.0, 0.0, 0.0])[[0, 0, 0]])
    np.testing.assert_allclose(places[0], [[0, 0, 0], [0, 2, 0], [0, 4, 0], [2, 4, 0]], atol=1e-12)
    np.testing.assert_allclose(world[0], np.stack([np.eye(3), quarter, quarter]), atol=1e-12)


def test_points_that_are_seen_are_met() -> None:
    truth = rotations(20, 0.3)
    _, places = _pose(truth, BONES)
    start = truth @ rotations(20, 0.1)
    found = refine_finger(start, FingerTargets(BONES, places[:, 1:], np.ones((20, 3), bool)), free)
    _, met = _pose(found, BONES)
    assert np.linalg.norm(met - places, axis=-1).max() < 2e-3
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-9)


def test_without_points_the_prior_stays() -> None:
    start = rotations(5, 0.5)
    points = np.full((5, 3, 3), np.nan)
    found = refine_finger(start, FingerTargets(BONES, points, np.zeros((5, 3), bool)), free)
    np.testing.assert_allclose(found, start, atol=1e-9)


@pytest.mark.parametrize("seen", [[True, True, True], [False, False, True], [True, False, False]])
def test_the_result_minimises_distances_and_rotations_from_the_prior(seen: list[bool]) -> None:
    """Against SciPy's solver: distances in metres, and 2 mm for a radian."""
    prior = rotations(1, 0.3)
    _, places = _pose(prior @ rotations(1, 0.15), BONES)
    targets = FingerTargets(BONES, places[:, 1:], np.array([seen]))
    found = refine_finger(prior, targets, free)

    def residuals(local: np.ndarray) -> np.ndarray:
        now = Rotation.from_matrix(prior[0]) * Rotation.from_rotvec(local.reshape(3, 3))
        _, posed = _pose(now.as_matrix()[None], BONES)
        away = (posed[0, 1:] - places[0, 1:])[np.array(seen)]
        return np.concatenate([away.ravel(), PRIOR_M * local])

    best = least_squares(residuals, np.zeros(9), xtol=1e-14, ftol=1e-14)
    own = (Rotation.from_matrix(prior[0]).inv() * Rotation.from_matrix(found[0])).as_rotvec().ravel()
    assert np.square(residuals(own)).sum() == pytest.approx(2.0 * best.cost, rel=0.02)
    assert PRIOR_M == 0.002


def test_limits_are_kept_for_each_joint() -> None:
    truth = rotations(4, 0.3)
    _, places = _pose(truth, BONES)
    asked: list[int] = []

    def still(rotation: np.ndarray, joint: int) -> np.ndarray:
        asked.append(joint)
        return np.tile(np.eye(3), (len(rotation), 1, 1)) if joint == 1 else rotation

    found = refine_finger(rotations(4, 0.1), FingerTargets(BONES, places[:, 1:], np.ones((4, 3), bool)), still)
    np.testing.assert_array_equal(found[:, 1], np.tile(np.eye(3), (4, 1, 1)))
    assert asked[:3] == [0, 1, 2]
    assert set(asked) == {0, 1, 2}
