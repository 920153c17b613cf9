# SPDX-License-Identifier: Apache-2.0
"""Soles, legs and poles of characters, piece by piece against numbers by hand and dense solutions."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget import feet_in_place, rigify_ik
from dancepose_addon.core.retarget.rigify_ik import ik_limbs, ik_settings
from dancepose_addon.core.retarget.target_feet import FootPoints, TargetSoles, find_target_soles, sole_points

FRAMES = 5
PARTS = ("hip", "knee", "ankle", "foot")
HEADS = np.array([[s * 0.1, y, z] for s in (1.0, -1.0) for y, z in ((0.9, 0.0), (0.5, 0.02), (0.1, 0.0), (0.03, 0.12))])
BONES = {f"{side}_{part}": (4 * s + p,) for s, side in enumerate(("left", "right")) for p, part in enumerate(PARTS)}


def character(*, toes: bool = True) -> Any:
    bones = {name: bone for name, bone in BONES.items() if toes or not name.endswith("foot")}
    return SimpleNamespace(bones=bones)


def alignment(turn: np.ndarray | None = None, ratio: float = 1.0) -> Any:
    turns = {name: np.eye(3) if turn is None else turn for name in (*BONES, "pelvis")}
    return SimpleNamespace(heads_m=HEADS, turns=turns, frame=np.eye(3), ratio=ratio)


def turned(**degrees: float) -> np.ndarray:
    return Rotation.from_euler("xyz", [degrees.get(axis, 0.0) for axis in "xyz"], degrees=True).as_matrix()


def test_soles_of_vertices() -> None:
    """The lowest 2 cm of each part, relative to its bone, in metres of the source."""
    heel = np.array([[0.1, 0.0, -0.05], [0.1, 0.019, 0.0], [0.1, 0.021, 0.02], [0.1, 0.3, 0.0]])
    toe = np.array([[0.1, 0.005, 0.2], [0.1, 0.05, 0.2]])
    points = {
        "left_ankle": 2.0 * heel,
        "left_foot": 2.0 * toe,
        "right_ankle": 2.0 * heel * [-1, 1, 1],
        "right_foot": 2.0 * toe * [-1, 1, 1],
    }
    found = find_target_soles(character(), alignment(ratio=2.0), FootPoints(points))
    assert sorted(found.heel_m["left"][:, 1].tolist()) == pytest.approx([-0.1, -0.081])
    np.testing.assert_allclose(found.toe_m["left"], [[0.0, -0.025, 0.08]], atol=1e-12)
    np.testing.assert_allclose(found.toe_offset_m["left"], HEADS[3] - HEADS[2])
    np.testing.assert_allclose(found.heel_m["right"] * [-1, 1, 1], found.heel_m["left"], atol=1e-12)
    assert found.ankle_m == pytest.approx(0.1)


def test_many_points_of_a_sole_are_thinned() -> None:
    points = np.array([[x, 0.0, z] for x in np.linspace(0, 0.1, 9) for z in np.linspace(0, 0.2, 9)])
    table = {f"{side}_ankle": points for side in ("left", "right")}
    found = find_target_soles(character(toes=False), alignment(), FootPoints(table)).heel_m["left"]
    assert len(found) == 16
    apart = np.linalg.norm(found[:, None] - found, axis=-1) + np.eye(16)
    assert apart.min() > 0.02  # spread over the sole
    assert np.ptp(found, axis=0) == pytest.approx([0.1, 0.0, 0.2])


@pytest.mark.parametrize("turn", [np.eye(3), turned(x=30.0)])
def test_characters_without_skin_stand_on_their_bones(turn: np.ndarray) -> None:
    """Eight centimetres below the ankle,
    or at the toes where these are lower; toes 12 cm ahead where there are none."""
    found = find_target_soles(character(toes=False), alignment(turn), FootPoints({}))
    np.testing.assert_allclose(turn @ found.toe_offset_m["left"], [0.0, -0.072, 0.12], atol=1e-12)
    np.testing.assert_allclose(turn @ found.heel_m["left"][0], [0.0, -0.08, 0.0], atol=1e-12)
    np.testing.assert_allclose(turn @ found.toe_m["left"][0], [0.0, -0.008, 0.0], atol=1e-12)
    assert found.ankle_m == pytest.approx(0.08)
    with_toes = find_target_soles(character(), alignment(), FootPoints({}))
    np.testing.assert_allclose(with_toes.toe_offset_m["left"], [0.0, -0.07, 0.12])
    np.testing.assert_allclose(with_toes.toe_m["left"][0], [0.0, -0.01, 0.0], atol=1e-12)


def test_soles_move_with_their_bones() -> None:
    soles = TargetSoles(
        {"left": np.array([[0.0, -0.1, 0.0]])},
        {"left": np.array([[0.0, 0.0, 0.05]])},
        {"left": np.array([0.0, -0.05, 0.1])},
        0.1,
    )
    turns = {"left_ankle": turned(x=90.0)[None], "left_foot": turned(y=90.0)[None]}
    heel, toe = sole_points(soles, turns, np.array([[1.0, 2.0, 3.0]]), "left")
    np.testing.assert_allclose(heel[0, 0], [1.0, 2.0, 2.9], atol=1e-12)
    np.testing.assert_allclose(toe[0, 0], [1.05, 1.9, 2.95], atol=1e-12)


def figure(turns: dict[str, np.ndarray], *, contact: bool = True) -> Any:
    ground = Ground(0.0, np.full((FRAMES, 2, 2), contact))
    soles = find_target_soles(character(), alignment(), FootPoints({}))
    return feet_in_place._Figure(character(), alignment(), soles, turns, ground, 25.0)


def rest_turns() -> dict[str, np.ndarray]:
    return {name: np.tile(np.eye(3), (FRAMES, 1, 1)) for name in (*BONES, "pelvis")}


@pytest.mark.parametrize("move", [(0.0, 0.02, 0.0), (0.03, 0.05, -0.04), (0.0, 0.0, 0.06), (0.0, 0.0, 0.0)])
def test_a_bent_leg_reaches_its_aim(move: tuple[float, float, float]) -> None:
    """The bones keep their lengths, and the knee stays in front."""
    turns = rest_turns()
    turns["left_hip"], turns["left_knee"] = (np.tile(turned(x=x), (FRAMES, 1, 1)) for x in (-25.0, 20.0))
    some, hips = figure(turns), np.zeros((FRAMES, 3))
    hip, knee, ankle = some.leg(hips, "left")
    feet_in_place._bend_leg(some, hips, np.tile(move, (FRAMES, 1)), "left")
    hip_now, knee_now, ankle_now = some.leg(hips, "left")
    np.testing.assert_allclose(hip_now, hip)
    np.testing.assert_allclose(ankle_now, ankle + move, atol=1e-6)
    for first, second, before in ((hip_now, knee_now, knee - hip), (knee_now, ankle_now, ankle - knee)):
        np.testing.assert_allclose(np.linalg.norm(second - first, axis=1), np.linalg.norm(before, axis=1))
    assert (np.cross(knee_now - hip_now, ankle_now - knee_now)[:, 0] > 0.0).all()


def test_an_aim_out_of_reach_stretches_the_leg() -> None:
    some = figure(rest_turns())
    hips = np.zeros((FRAMES, 3))
    hip, knee, ankle = some.leg(hips, "left")
    feet_in_place._bend_leg(some, hips, np.tile([0.0, -0.5, 0.0], (FRAMES, 1)), "left")
    _, _, now = some.leg(hips, "left")
    whole = np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1)
    np.testing.assert_allclose(np.linalg.norm(now - hip, axis=1), 0.9995 * whole, atol=1e-5)
    np.testing.assert_allclose(now[:, [0, 2]], hip[:, [0, 2]], atol=0.02)


@pytest.mark.parametrize(
    ("tilt", "left"), [(0.0, 0.0), (20.0, 0.0), (54.0, 0.0), (67.5, 40.0), (80.0, 80.0), (100.0, 100.0), (-20.0, 0.0)]
)
def test_feet_in_contact_become_flat(tilt: float, left: float) -> None:
    """Up to 55 degrees wholly, from 80 not at all; in between of 55 degrees the share of the way."""
    for axis in "xz":
        turns = rest_turns()
        turns["left_ankle"] = np.tile(turned(**{axis: tilt}) @ turned(y=40.0), (FRAMES, 1, 1))
        feet_in_place._flatten(figure(turns), 0, "left")
        up = turns["left_ankle"][:, :, 1]
        np.testing.assert_allclose(np.degrees(np.arccos(np.clip(up[:, 1], -1.0, 1.0))), left, atol=0.05)
        before = turns["left_foot"].copy()
        feet_in_place._flatten(figure(turns, contact=False), 0, "left")
        np.testing.assert_allclose(turns["left_foot"], before)


def test_a_smooth_curve_above_values() -> None:
    """Not below the values, and an average of their maxima over a window: by brute force."""
    values = np.abs(np.random.default_rng(0).normal(size=40))
    for spread in (0.1, 0.4, 1.5, 3.0):
        found = feet_in_place._smooth_above(values, spread)
        assert (found >= values - 1e-12).all()
        reach = max(1, int(np.ceil(2.0 * spread)))
        padded = np.pad(values, 2 * reach, mode="edge")
        highest = [padded[n : n + 2 * reach + 1].max() for n in range(len(padded) - 2 * reach)]
        bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(spread, 0.7)) ** 2)
        expected = [np.dot(highest[n : n + 2 * reach + 1], bell) / bell.sum() for n in range(40)]
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(feet_in_place._smooth_above(np.ones(3), 1.0), 1.0)


def test_angles_of_triangles() -> None:
    assert float(feet_in_place._angle(3.0, 4.0, 5.0)) == pytest.approx(np.pi / 2)
    assert float(feet_in_place._angle(1.0, 1.0, 1.0)) == pytest.approx(np.pi / 3)
    assert float(feet_in_place._angle(1.0, 1.0, 3.0)) == pytest.approx(np.pi)
    assert float(feet_in_place._angle(2.0, 1.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


def skeleton(*missing: str) -> Any:
    names = [
        f"{name}.{side}"
        for side in "LR"
        for upper, lower, end, control in (
            ("upper_arm", "forearm", "hand", "hand_ik"),
            ("thigh", "shin", "foot", "foot_ik"),
        )
        for name in (f"{upper}_fk", f"{lower}_fk", f"{end}_fk", control, f"{upper}_ik_target", f"{upper}_parent")
    ]
    names = [name for name in [*names, "toe_fk.L", "toe_ik.L", "toe_fk.R"] if name not in missing]
    return SimpleNamespace(names=names, index={name: number for number, name in enumerate(names)})


def test_limbs_with_ik_controls() -> None:
    rig = skeleton()
    limbs = ik_limbs(rig)
    named = [
        tuple(rig.names[bone] for bone in (limb.upper, limb.lower, limb.end, limb.control, limb.pole, limb.settings))
        for limb in limbs
    ]
    assert named[0] == (
        "upper_arm_fk.L",
        "forearm_fk.L",
        "hand_fk.L",
        "hand_ik.L",
        "upper_arm_ik_target.L",
        "upper_arm_parent.L",
    )
    assert named[3] == ("thigh_fk.R", "shin_fk.R", "foot_fk.R", "foot_ik.R", "thigh_ik_target.R", "thigh_parent.R")
    assert [limb.toe for limb in limbs] == [None, None, (rig.index["toe_fk.L"], rig.index["toe_ik.L"]), None]
    assert len(ik_limbs(skeleton("thigh_ik_target.L"))) == 3
    assert len(ik_limbs(skeleton("upper_arm_fk.L"))) == 3
    settings = ik_settings(skeleton("thigh_parent.L", "thigh_parent.R", "hand_ik.R"))
    assert settings == {
        'pose.bones["upper_arm_parent.L"]["pole_vector"]': 1.0, 'pose.bones["upper_arm_parent.L"]["IK_parent"]': 1.0,
        'pose.bones["upper_arm_parent.L"]["pole_parent"]': 1.0, 'pose.bones["upper_arm_ik.L"].ik_stretch': 0.0,
        'pose.bones["MCH-forearm_ik.L"].ik_stretch': 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 9])
def test_smoothing_where_unsure_against_a_dense_solution(count: int) -> None:
    rng = np.random.default_rng(count)
    values, certainty, spread = rng.normal(size=count), rng.uniform(size=count) * (rng.random(count) < 0.5), 1.7
    steps = np.diff(np.eye(count), axis=0)
    dense = np.linalg.solve(np.diag(certainty + 1e-6) + spread**2 * steps.T @ steps, (certainty + 1e-6) * values)
    np.testing.assert_allclose(rigify_ik._smooth_where_unsure(values, certainty, spread), dense, atol=1e-9)


def bend(forward: list[float], sideways: list[float]) -> np.ndarray:
    """Angles of the pole against its direction in rest, degrees."""
    count = len(forward)
    axes = (np.tile(row, (count, 1)) for row in np.eye(3)[[1, 2, 0]])
    pole = rigify_ik._Bend(*axes, np.array(forward), np.array(sideways)).pole(25.0)
    return np.degrees(np.arctan2(pole[:, 0], pole[:, 2]))


def test_poles_of_bent_and_straight_limbs() -> None:
    np.testing.assert_allclose(bend([0.2] * 4, [0.2] * 4), 45.0, atol=1e-6)
    np.testing.assert_allclose(bend([0.01] * 4, [0.01] * 4), 0.0, atol=1e-9)  # nearly straight: as in rest
    np.testing.assert_allclose(bend([-0.05] * 4, [0.0] * 4), 0.0, atol=1e-9)  # overextended: not turned
    np.testing.assert_allclose(np.abs(bend([-0.2] * 4, [0.0] * 4)), 180.0, atol=1e-6)  # clearly bent backwards
    # A straight moment between two bent ones lies between them.
    between = bend([0.2, 0.2, 0.0, 0.0, 0.0, 0.2, 0.2], [0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2])
    assert between[[0, 1]] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert between[[5, 6]] == pytest.approx([45.0, 45.0], abs=1e-6)
    assert (np.diff(between) > -1e-9).all()
    assert between[3] == pytest.approx(22.5, abs=1.5)
    np.testing.assert_allclose(
        rigify_ik._across(np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 0.0]])), [[1.0, 0.0, 3.0]]
    )
    np.testing.assert_allclose(
        rigify_ik._unit(np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0]])), [[0.0, 0.6, 0.8], [0.0, 0.0, 0.0]]
    )
