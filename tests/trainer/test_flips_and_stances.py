# SPDX-License-Identifier: Apache-2.0
"""Flips of a capture's solver, collars and feet of CMU's data, and stances of generated poses: by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose.trainer.mocap import cmu_retargeting as cmu, procedural_poses as made
from dancepose_addon.core.body.model import JOINT_INDEX

KNEE, ELBOW = JOINT_INDEX["left_knee"], JOINT_INDEX["right_elbow"]


def about(axis: str, degrees: float) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix().astype(np.float32)


def angle(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.degrees((Rotation.from_matrix(first).inv() * Rotation.from_matrix(second)).magnitude()))


def clip(frames: int = 40) -> np.ndarray:
    """Knees that bend by a degree a frame."""
    local = np.broadcast_to(np.eye(3, dtype=np.float32), (frames, 24, 3, 3)).copy()
    local[:, KNEE] = [about("x", float(frame)) for frame in range(frames)]
    return local


@pytest.mark.parametrize(("count", "repaired"), [(1, True), (4, True), (5, False)])
def test_short_flips_are_interpolated(count: int, *, repaired: bool) -> None:
    """At 60 frames a second a tenth of a second is six frames, of which two are those beside the flip."""
    local = clip()
    local[20 : 20 + count, KNEE] = about("x", 170.0)
    found, usable, share = cmu.repair_flips(local, 60.0)
    bad = np.arange(19, 21 + count)
    assert share == pytest.approx(len(bad) / (40 * 24))
    if repaired:
        assert usable.all()
        for frame in range(40):
            assert angle(found[frame, KNEE], about("x", float(frame))) < 0.05
    else:
        assert np.flatnonzero(~usable).tolist() == bad.tolist()
        np.testing.assert_array_equal(found, local)


def test_flips_at_the_ends_are_left_out() -> None:
    local = clip()
    local[0, ELBOW] = local[39, KNEE] = about("x", 170.0)
    _, usable, _ = cmu.repair_flips(local, 60.0)
    assert np.flatnonzero(~usable).tolist() == [0, 1, 38, 39]


@pytest.mark.parametrize(
    ("name", "limit"), [("left_knee", 160), ("right_elbow", 160), ("spine2", 50), ("neck", 65), ("right_wrist", 100)]
)
def test_rotations_beyond_what_joints_do_are_flips(name: str, limit: float) -> None:
    for degrees, flips in ((limit - 1.0, False), (limit + 1.0, True)):
        local = np.broadcast_to(np.eye(3, dtype=np.float32), (40, 24, 3, 3)).copy()
        local[:, JOINT_INDEX[name]] = about("x", degrees)
        _, usable, share = cmu.repair_flips(local, 60.0)
        assert usable.all() != flips
        assert share == pytest.approx(flips / 24)
    pelvis = np.broadcast_to(np.eye(3, dtype=np.float32), (40, 24, 3, 3)).copy()
    pelvis[:, 0] = about("y", 179.0)
    assert cmu.repair_flips(pelvis, 60.0)[1].all()


def test_a_turn_of_2600_degrees_a_second_is_a_flip() -> None:
    for degrees, flips in ((25.0, False), (27.0, True)):
        local = np.broadcast_to(np.eye(3, dtype=np.float32), (40, 24, 3, 3)).copy()
        local[20:, KNEE] = about("x", degrees)
        assert (cmu.repair_flips(local, 100.0)[2] > 0.0) is flips


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_collars_follow_arms(sign: float) -> None:
    """A fifth of the elevation, 12 hundredths of the turn forward; behind the back at most half a radian counts."""

    def collar(x: float, y: float, z: float) -> np.ndarray:
        arm = np.array([[sign * x, y, z]], np.float32)
        return Rotation.from_matrix(cmu.collar_of_arm(arm / np.linalg.norm(arm), sign)[0]).as_rotvec(degrees=True)

    np.testing.assert_allclose(collar(1, 0, 0), 0.0, atol=1e-5)
    np.testing.assert_allclose(collar(1, 1, 0), [0.0, 0.0, sign * 9.0], atol=1e-4)
    np.testing.assert_allclose(collar(1, -1, 0), [0.0, 0.0, -sign * 9.0], atol=1e-4)
    np.testing.assert_allclose(collar(1, 0, 1), [0.0, -sign * 0.12 * 45.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(collar(0, 0, 1), [0.0, -sign * 0.12 * 90.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(collar(1, 0, -0.2), [0.0, sign * 0.12 * np.degrees(np.arctan(0.2)), 0.0], atol=1e-4)
    np.testing.assert_allclose(collar(0, 0, -1), [0.0, sign * 0.12 * np.degrees(0.5), 0.0], atol=1e-4)
    np.testing.assert_allclose(collar(0, 1, 0), [0.0, 0.0, sign * 18.0], atol=1e-3)


def test_twist_and_ways_between_rotations() -> None:
    twist, axis = np.array([-170.0, -40.0, 0.0, 80.0, 170.0]), np.array([0.0, 3.0, 4.0])
    swing = Rotation.from_rotvec([0.5, 0.0, 0.0])
    turns = (swing * Rotation.from_rotvec(np.radians(twist)[:, None] * axis / 5.0)).as_matrix().astype(np.float32)
    np.testing.assert_allclose(np.degrees(cmu.twist_angle(turns, axis)), twist, atol=0.05)
    for share in (0.0, 0.25, 1.0):
        found = cmu.interpolate_rotation(about("x", 10.0), about("x", 50.0), share)
        assert angle(found, about("x", 10.0 + 40.0 * share)) < 0.05
    chain = clip(3)
    world = chain.copy()
    for joint, parent in enumerate(cmu.PARENTS):
        if parent >= 0:
            world[:, joint] = world[:, parent] @ chain[:, joint]
    np.testing.assert_allclose(cmu.localise(world), chain, atol=1e-6)


@pytest.mark.parametrize(("pitch", "excess"), [(10.0, 0.0), (16.0, 1.0), (-4.0, 0.0), (-9.0, -4.0), (40.0, 25.0)])
def test_heads_that_look_up_or_down(pitch: float, excess: float) -> None:
    local = np.broadcast_to(np.eye(3, dtype=np.float32), (9, 24, 3, 3)).copy()
    local[:5, JOINT_INDEX["head"]] = about("x", pitch)
    local[0, JOINT_INDEX["head"]], local[1, JOINT_INDEX["head"]] = about("x", pitch + 30.0), about("x", pitch - 30.0)
    local[5:, JOINT_INDEX["spine1"]] = about("x", 30.0)  # bent backs do not show it
    np.testing.assert_allclose(np.degrees(cmu._head_excess(local)), [excess, 0.0, 0.0], atol=1e-3)
    bent = np.broadcast_to(about("x", 30.0), (9, 24, 3, 3)).astype(np.float32)
    np.testing.assert_array_equal(cmu._head_excess(bent), 0.0)


def test_wrists_that_are_bent() -> None:
    local = np.broadcast_to(np.eye(3, dtype=np.float32), (4, 24, 3, 3)).copy()
    for axis, excess in (("x", [0, 0, 0]), ("y", [0, 12, 0]), ("z", [0, 0, 12])):
        local[:, JOINT_INDEX["left_wrist"]] = about(axis, 20.0)
        np.testing.assert_allclose(np.degrees(cmu._wrist_excess(local, "left_wrist")), excess, atol=1e-3)


COUNT, POSES = 20_000, 3_000


def legs(stance: str) -> tuple[made._Leg, made._Leg]:
    return made._legs(np.random.default_rng(1), np.full(COUNT, stance))


def test_legs_of_each_stance() -> None:
    """Ranges, and means of the distributions: the mean of a folded normal is sqrt(2 / pi) of its deviation."""
    working, standing = legs("stand")
    depth = 10.0 * np.sqrt(2.0 / np.pi)
    assert standing.flexion.mean() == pytest.approx(0.55 * depth, abs=0.15)
    assert standing.knee.mean() == pytest.approx(1.1 * depth + 4.0, abs=0.2)
    assert standing.knee.min() == pytest.approx(4.0, abs=0.1)
    assert standing.rotation.mean() == pytest.approx(8.0, abs=0.4)
    assert standing.abduction.mean() == pytest.approx(4.2, abs=0.3)
    assert not working.lifted.any()
    assert (working.flexion - standing.flexion).std() == pytest.approx(3.0, abs=0.1)
    working, standing = legs("squat")
    assert standing.flexion.mean() == pytest.approx(0.55 * 67.5, abs=0.4)
    assert (standing.knee.min(), standing.knee.max()) == pytest.approx((31.5, 125.0), abs=0.1)
    assert standing.rotation.mean() == pytest.approx(20.0, abs=0.4)
    assert standing.abduction.mean() == pytest.approx(18.0, abs=0.3)
    working, standing = legs("lunge")
    assert standing.flexion.mean() == pytest.approx(0.55 * 35.0, abs=0.3)
    assert not working.lifted.any()
    assert working.knee.mean() == pytest.approx(15.0, abs=0.6)
    assert working.flexion.max() == pytest.approx(45.0, abs=0.5)
    assert working.flexion.min() == pytest.approx(0.4 * -45.0 * np.cos(np.radians(30.0)), abs=0.5)
    assert working.abduction.max() == pytest.approx(0.75 * 45.0, abs=0.5)
    assert working.abduction.min() == pytest.approx(0.75 * -0.25 * 45.0, abs=0.3)
    working, standing = legs("kick")
    assert (working.lifted == 1.0).all()
    assert not standing.lifted.any()
    assert working.knee.mean() == pytest.approx((5.0 + 70.0 + 100.0) / 3.0, abs=1.5)
    assert working.flexion.max() == pytest.approx(95.0, abs=1.0)
    assert (working.knee.min(), working.knee.max() <= 130.0) == (2.0, True)
    assert working.abduction.max() <= 60.0


def test_angles_are_reflected_at_the_ends_of_their_range() -> None:
    drawn = made._bounded(np.random.default_rng(2), np.full(COUNT, 9.0), 5.0, -20.0, 10.0)
    plain = 9.0 + np.random.default_rng(2).normal(0.0, 5.0, COUNT)
    np.testing.assert_allclose(
        drawn, np.where(plain > 10.0, 20.0 - plain, np.where(plain < -20.0, -40.0 - plain, plain))
    )
    low = made._bounded(np.random.default_rng(2), np.full(COUNT, -30.0), 5.0, -20.0, 10.0)
    assert low.min() >= -20.0
    assert np.median(low) == pytest.approx(-20.0 + 0.674 * 5.0, abs=0.2)


def test_turns_of_limbs() -> None:
    degrees = np.array([30.0, -70.0])
    for axis in "xyz":
        expected = Rotation.from_euler(axis, degrees[:, None], degrees=True).as_matrix()
        np.testing.assert_allclose(made._about(**{axis: degrees}), expected, atol=1e-6)
    turn = Rotation.from_rotvec([0.3, -0.5, 0.7]).as_matrix().astype(np.float32)
    np.testing.assert_array_equal(made._of_side(turn, "left"), turn)
    mirrored = Rotation.from_matrix(made._of_side(turn, "right")).as_rotvec()
    np.testing.assert_allclose(mirrored, [0.3, 0.5, -0.7], atol=1e-6)
    ways = np.random.default_rng(3).normal(size=(5, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    found = made._swing_from_x(ways)
    np.testing.assert_allclose(found @ [1.0, 0.0, 0.0], ways, atol=1e-6)
    angles = [Rotation.from_matrix(one).magnitude() for one in found]
    np.testing.assert_allclose(angles, np.arccos(ways[:, 0]), atol=1e-5)
    chosen = made._choose(np.random.default_rng(4), COUNT, {"a": 0.2, "b": 0.8})
    assert np.mean(chosen == "a") == pytest.approx(0.2, abs=0.02)


def test_planted_feet_stay_level_and_kicking_ones_are_pointed() -> None:
    """The thigh by -40 and the knee by 60 degrees tilt the foot by 20, which the ankle takes back."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (POSES, 24, 3, 3)).copy()

    def leg(flexion: float, knee: float, lifted: float) -> made._Leg:
        return made._Leg(*(np.full(POSES, value) for value in (flexion, 0.0, 0.0, knee, lifted)))

    def bend(name: str) -> np.ndarray:
        return Rotation.from_matrix(pose[:, JOINT_INDEX[name]]).as_rotvec(degrees=True)[:, 0]

    made._pose_leg(pose, np.random.default_rng(5), leg(40.0, 60.0, 0.0), np.full(POSES, 10.0), "left")
    np.testing.assert_allclose(bend("left_hip"), -50.0, atol=1e-3)
    np.testing.assert_allclose(bend("left_knee"), 60.0, atol=1e-3)
    assert bend("left_ankle").mean() == pytest.approx(-20.0, abs=0.3)
    assert bend("left_ankle").std() == pytest.approx(4.0, abs=0.2)
    np.testing.assert_allclose(bend("left_foot"), 0.0, atol=1e-3)
    made._pose_leg(pose, np.random.default_rng(5), leg(20.0, 60.0, 0.0), np.zeros(POSES), "left")
    assert bend("left_ankle").mean() == pytest.approx(-30.0, abs=0.3)  # as far as ankles go; the heel comes off
    np.testing.assert_allclose(bend("left_foot"), 0.0, atol=1e-3)
    made._pose_leg(pose, np.random.default_rng(5), leg(100.0, 40.0, 0.0), np.zeros(POSES), "right")
    assert bend("right_ankle").mean() == pytest.approx(45.0, abs=0.3)
    np.testing.assert_allclose(bend("right_foot"), -15.0, atol=1e-3)
    made._pose_leg(pose, np.random.default_rng(5), leg(20.0, 60.0, 1.0), np.zeros(POSES), "left")
    assert bend("left_ankle").mean() == pytest.approx(27.5, abs=0.8)
    assert bend("left_foot").mean() == pytest.approx(0.2 * 27.5, abs=0.2)


def test_spines_and_heads() -> None:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (POSES, 24, 3, 3)).copy()
    flexion = made._pose_spine(pose, np.random.default_rng(6), np.full(POSES, 20.0))
    assert flexion.mean() == pytest.approx(6.0, abs=0.8)
    spines = [Rotation.from_matrix(pose[:, JOINT_INDEX[f"spine{number}"]]) for number in (1, 2, 3)]
    bends = np.array([one.as_euler("YZX", degrees=True) for one in spines])
    np.testing.assert_allclose(bends[:, :, 2].sum(axis=0), flexion, atol=1e-2)
    np.testing.assert_allclose(bends[:, :, 2] / flexion, np.tile([[0.5], [0.3], [0.2]], (1, POSES)), atol=2e-2)
    assert bends[:, :, 0].sum(axis=0).std() == pytest.approx(13.6, abs=0.5)
    assert bends[:, :, 1].sum(axis=0).std() == pytest.approx(9.0, abs=0.3)
    made._pose_head(pose, np.random.default_rng(6), np.full(POSES, 30.0))
    head = Rotation.from_matrix(pose[:, JOINT_INDEX["head"]]).as_euler("YZX", degrees=True)
    np.testing.assert_array_equal(pose[:, JOINT_INDEX["neck"]], pose[:, JOINT_INDEX["head"]])
    assert 2.0 * head[:, 2].mean() == pytest.approx(-7.0, abs=0.8)
    assert np.abs(2.0 * head).max(axis=0) == pytest.approx([60.0, 25.0, 45.0], abs=3.0)
