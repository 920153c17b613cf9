# SPDX-License-Identifier: Apache-2.0
"""Legs, arms and trunks of rest poses turned onto SMPL's T-pose, by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.retarget import rest_alignment as rest

GOAL = {
    "left_hip": [0.1, 0.9, 0.0], "left_knee": [0.1, 0.5, 0.0], "left_ankle": [0.1, 0.1, 0.0], "left_foot": [0.1, 0.05,
    0.12],
    "right_hip": [-0.1, 0.9, 0.0], "left_shoulder": [0.2, 1.4, 0.0], "right_shoulder": [-0.2, 1.4, 0.0],
    "left_elbow": [0.5, 1.4, 0.0], "left_wrist": [0.8, 1.4, 0.0],
}  # fmt: skip
GOALS = {name: np.array(place) for name, place in GOAL.items()}


def turned(degrees: float, axis: str) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


@pytest.mark.parametrize(("spread", "stands"), [(0.0, True), (30.0, True), (34.0, True), (36.0, False), (60.0, False)])
@pytest.mark.parametrize("axis", ["x", "z"])
def test_feet_of_legs_that_stand_are_flat(spread: float, axis: str, *, stands: bool) -> None:
    """Legs up to 35 degrees off the vertical; their feet turn about the vertical alone, others follow the shin."""
    turn = turned(spread, axis)
    place = {name: turn @ where for name, where in GOALS.items()}
    toes = place["left_ankle"] + np.array([0.08, -0.03, 0.08])
    turns, limb = {"pelvis": np.eye(3)}, {}
    rest._align_leg("left", place, GOALS, turns, limb, toes)
    down = np.array([0.0, -1.0, 0.0])
    for part, ends in (("hip", ("hip", "knee")), ("knee", ("knee", "ankle"))):
        own = place[f"left_{ends[1]}"] - place[f"left_{ends[0]}"]
        np.testing.assert_allclose(turns[f"left_{part}"] @ own / np.linalg.norm(own), down, atol=1e-9)
        np.testing.assert_allclose(limb[f"left_{part}"], own / np.linalg.norm(own))
    assert np.allclose(turns["left_ankle"] @ [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]) is stands
    ahead = turns["left_ankle"] @ (toes - place["left_ankle"])
    assert ahead[0] == pytest.approx(0.0, abs=1e-9)
    assert ahead[2] > 0.0
    if not stands:
        np.testing.assert_allclose(np.cross(ahead, [0.0, -0.05, 0.12]), 0.0, atol=1e-9)
    np.testing.assert_array_equal(turns["left_foot"], turns["left_ankle"])
    plain = {"pelvis": np.eye(3)}
    rest._align_leg("left", place, GOALS, plain, {}, None)
    np.testing.assert_array_equal(plain["left_ankle"], np.eye(3) if stands else plain["left_knee"])


def test_trunks_are_aligned_by_hips_and_shoulders() -> None:
    turn = turned(20.0, "y") @ turned(10.0, "x")
    turns = rest._torso({name: turn @ where for name, where in GOALS.items()}, GOALS)
    for part in ("pelvis", "spine", "left_collar", "right_collar"):
        np.testing.assert_allclose(turns[part], turn.T, atol=1e-9)
    np.testing.assert_array_equal(turns["head"], np.eye(3))
    twisted = {name: (turned(30.0, "y") if "shoulder" in name else np.eye(3)) @ where for name, where in GOALS.items()}
    found = rest._torso(twisted, GOALS)
    np.testing.assert_allclose(found["pelvis"], np.eye(3), atol=1e-9)
    np.testing.assert_allclose(found["spine"], turned(-30.0, "y"), atol=1e-9)


@pytest.mark.parametrize("roll", [0.0, 40.0])
def test_arms_and_half_of_the_hands_roll(roll: float) -> None:
    """An arm that hangs by 45 degrees, with a palm that is rolled: the forearm takes half of the roll."""
    turn = turned(-45.0, "z")
    place = {name: GOALS["left_shoulder"] + turn @ (where - GOALS["left_shoulder"]) for name, where in GOALS.items()}
    across = turn @ turned(roll, "x") @ np.array([0.0, 0.0, 1.0])
    turns, limb = {"left_collar": np.eye(3)}, {}
    palm, goal = (turn @ np.array([0.1, 0.0, 0.0]), across), (np.array([0.1, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    rest._align_arm("left", place, GOALS, turns, limb, palm, goal)
    np.testing.assert_allclose(turns["left_shoulder"], turn.T, atol=1e-9)
    np.testing.assert_allclose(turns["left_wrist"] @ palm[0], [0.1, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(turns["left_wrist"] @ across, [0.0, 0.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(turns["left_elbow"], turned(-0.5 * roll, "x") @ turn.T, atol=1e-9)
    np.testing.assert_allclose(limb["left_elbow"], turn @ [1.0, 0.0, 0.0], atol=1e-12)
    plain = {"left_collar": np.eye(3)}
    rest._align_arm("left", place, GOALS, plain, {}, (None, None), (None, None))
    np.testing.assert_array_equal(plain["left_wrist"], plain["left_elbow"])
    half = {"left_collar": np.eye(3)}
    rest._align_arm("left", place, GOALS, half, {}, (palm[0], None), goal)
    np.testing.assert_allclose(half["left_elbow"], turn.T, atol=1e-9)
