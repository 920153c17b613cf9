# SPDX-License-Identifier: Apache-2.0
"""Normalisation: bounds, and what it does not depend on."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.fit.normalise import KINDS, REACH_M, edge_lengths, normalise, size_factor
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from tests.support.bodies import person_joints
from tests.support.posing import random_pose


@pytest.fixture(scope="module")
def dance() -> np.ndarray:
    """Thirty wild poses of the 24 joints, wandering, metres."""
    walk = np.cumsum(np.random.default_rng(0).normal(scale=0.1, size=(30, 3)), axis=0).astype(np.float32)
    return keypoints_from_pose(joint_markers(SMPL24), person_joints(), random_pose(1, 30), walk)


def _factor() -> float:
    return size_factor(person_joints(), SMPL24)


@pytest.mark.parametrize("kind", KINDS)
def test_centred_and_bounded(dance: np.ndarray, kind: str) -> None:
    seen, divisor = normalise(dance, SMPL24, kind=kind, size_factor=_factor())
    assert np.abs(seen.mean(axis=1)).max() < 1e-6
    assert np.abs(seen).max() <= 1.0
    assert np.allclose(seen * divisor + dance.mean(axis=1, keepdims=True), dance, atol=1e-5)


def test_max_reaches_the_bound_once_per_clip(dance: np.ndarray) -> None:
    seen, _ = normalise(dance, SMPL24, kind="max")
    assert np.abs(seen).max() == pytest.approx(1.0)
    assert (np.abs(seen).max(axis=(1, 2)) < 0.999).any(), "one scale for the clip, not one for each frame"


@pytest.mark.parametrize("kind", KINDS)
def test_place_and_unit_do_not_matter(dance: np.ndarray, kind: str) -> None:
    seen, divisor = normalise(dance, SMPL24, kind=kind, size_factor=_factor())
    moved = (100.0 * dance + np.array([300.0, -50.0, 7.0])).astype(np.float32)
    again, larger = normalise(moved, SMPL24, kind=kind, size_factor=_factor())
    assert np.abs(again - seen).max() < 1e-4
    assert larger == pytest.approx(100.0 * divisor, rel=1e-4)


def test_size_knows_the_dancer_and_not_the_dance(dance: np.ndarray) -> None:
    _, whole = normalise(dance, SMPL24, kind="size", size_factor=_factor())
    _, part = normalise(dance[:3], SMPL24, kind="size", size_factor=_factor())
    assert part == pytest.approx(whole, rel=1e-5)
    assert whole == pytest.approx(REACH_M, rel=1e-5)
    turn = Rotation.from_rotvec([0.3, 2.0, -0.4]).as_matrix().astype(np.float32)
    _, turned = normalise(dance @ turn.T, SMPL24, kind="size", size_factor=_factor())
    assert turned == pytest.approx(whole, rel=1e-5)


def test_edge_lengths_by_hand() -> None:
    points = np.zeros((2, 23, 3), np.float32)
    points[1, 0], points[1, 1] = [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]
    lengths = edge_lengths(points, MD23)
    assert lengths.shape == (2, len(MD23.edges))
    assert lengths[0].sum() == 0
    assert lengths[1, MD23.edges.index((0, 1))] == pytest.approx(5.0)
    assert lengths[1, MD23.edges.index((0, 3))] == pytest.approx(3.0)


def test_a_clip_of_one_point_is_no_division_by_zero() -> None:
    for kind in KINDS:
        seen, _ = normalise(np.ones((2, 23, 3), np.float32), MD23, kind=kind, size_factor=1.0)
        assert (seen == 0).all()
