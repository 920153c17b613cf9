# SPDX-License-Identifier: Apache-2.0
"""Fingers from key-points of poses that are known: hands of AMASS, of a real SMPL-X clip, and invented ones."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.hands import is_relaxed, parts_of_pose, relaxed_hands
from dancepose_addon.core.body.joint_tree import BODY_JOINTS, FINGERS, SMPLH_TREE
from dancepose_addon.core.body.model import BodyModel, forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.pose.finger_fit import finger_points, fit_fingers, shortest_turns, twist_angle_about
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

CLIPS = ("smplcodec_apose", "amass_dmpl_sample", "soma_mosh_stageii", "bedlam_example")


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return synthetic_body(2, vertices=520, tree=SMPLH_TREE)


def truth_of(name: str, folder: Path) -> BodyMotion:
    """A clip's rotations, with its own fingers, in SMPL+H's 52 joints."""
    with np.load(folder / "smpl" / f"{name}.npz") as file:
        rotvec = file["poses_rotvec"][:60].astype(np.float64)
    rotmat = Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape, 3)
    pose = np.concatenate([rotmat[:, :BODY_JOINTS], rotmat[:, -30:]], axis=1).astype(np.float32)
    short, hands, _ = parts_of_pose(pose, SMPLH_TREE)
    return BodyMotion(short, np.zeros((len(pose), 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0, {}, hands)


def invented(seed: int) -> BodyMotion:
    """Fingers that bend between straight and a fist, spread a little, and thumbs that turn."""
    random = np.random.default_rng(seed)
    rotvec = np.zeros((40, 30, 3))
    for joint in range(30):
        side = 1.0 if joint < 15 else -1.0
        if FINGERS[joint % 15 // 3] == "thumb":
            rotvec[:, joint] = random.normal(0.0, 0.25, (40, 3))
        else:
            rotvec[:, joint, 2] = -side * random.uniform(0.0, 1.2, 40)
            rotvec[:, joint, 1] = random.normal(0.0, 0.12 if joint % 3 == 0 else 0.0, 40)
    for joint in range(2, 30, 3):  # the last joint follows the middle one, as in a hand
        rotvec[:, joint] = 2.0 / 3.0 * rotvec[:, joint - 1]
    hands = Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(40, 30, 3, 3).astype(np.float32)
    pose = random_pose(seed, 40, angle=0.3)
    pose[:, 22:] = np.eye(3)
    return BodyMotion(pose, np.zeros((40, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0, {}, hands)


def seen_points(motion: BodyMotion, body: BodyModel) -> KeypointSequence:
    rest, pose = body.full.rest_joints(motion.betas), motion.pose_in(SMPLH_TREE)
    _, joints = forward_kinematics(rest, pose, motion.translation_m, tree=SMPLH_TREE)
    return KeypointSequence(joints, motion.fps, get_layout("smplh52"), source="made")


def without_hands(motion: BodyMotion) -> BodyMotion:
    """What a fit of the body alone knows: arms in place, wrists not turned, no fingers."""
    pose = motion.pose_rotmat.copy()
    pose[:, 20:] = np.eye(3)
    return BodyMotion(pose, motion.translation_m, motion.betas, motion.scale, motion.fps)


def joint_error_mm(found: BodyMotion, truth: BodyMotion, body: BodyModel) -> float:
    """Mean distance of the finger joints, with the wrists laid on each other."""
    rest = body.full.rest_joints(truth.betas)
    places = []
    for motion in (found, truth):
        _, at = forward_kinematics(rest, motion.pose_in(SMPLH_TREE), tree=SMPLH_TREE)
        fingers = at[:, BODY_JOINTS:].reshape(len(at), 2, 15, 3)
        places.append(fingers - at[:, 20:22, None])
    return 1000.0 * float(np.linalg.norm(places[0] - places[1], axis=-1).mean())


def rotation_error_deg(found: np.ndarray, truth: np.ndarray) -> float:
    relative = np.swapaxes(found, -1, -2) @ truth
    return float(np.degrees(Rotation.from_matrix(relative.reshape(-1, 3, 3)).magnitude()).mean())


def zero_twist(truth: BodyMotion, body: BodyModel) -> np.ndarray:
    """The baseline: every bone is swung the shortest way to where it points, and the last joint does not turn."""
    rest = body.full.rest_joints(truth.betas)
    world, at = forward_kinematics(rest, truth.pose_in(SMPLH_TREE), tree=SMPLH_TREE)
    hands = np.tile(np.eye(3), (len(truth), 30, 1, 1))
    for first in range(0, 30, 3):
        above = world[:, 20 + first // 15].astype(np.float64)
        for part in (0, 1):
            joint = BODY_JOINTS + first + part
            bone = np.broadcast_to(rest[joint + 1] - rest[joint], (len(truth), 3))
            seen = np.einsum("tji,tj->ti", above, at[:, joint + 1] - at[:, joint])
            hands[:, first + part] = shortest_turns(bone, seen)
            above = above @ hands[:, first + part]
    return hands


@pytest.mark.parametrize("name", CLIPS)
def test_hands_of_real_clips_come_back(name: str, data_folder: Path, body: BodyModel) -> None:
    truth = truth_of(name, data_folder)
    found, table = fit_fingers(seen_points(truth, body), without_hands(truth), body)
    assert found.hands_rotmat is not None
    assert table["hands"] == "fitted"
    assert table["hands_seen"] == 1.0
    assert joint_error_mm(found, truth, body) < 3.0
    assert table["hands_error_mm"] == pytest.approx(joint_error_mm(found, truth, body), abs=0.05)
    if name != "smplcodec_apose":  # nearly straight fingers, whose last joints nothing shows
        ours = rotation_error_deg(found.hands_rotmat, truth.hands_rotmat)
        assert ours < rotation_error_deg(zero_twist(truth, body), truth.hands_rotmat)


@pytest.mark.parametrize("seed", [1, 2])
def test_bent_fingers_come_back(seed: int, body: BodyModel) -> None:
    truth = invented(seed)
    found, _ = fit_fingers(seen_points(truth, body), without_hands(truth), body)
    assert found.hands_rotmat is not None
    assert joint_error_mm(found, truth, body) < 3.0
    # The turn about the forearm may be shared otherwise between elbow and wrist; the hand's direction is the same.
    rest = body.full.rest_joints(truth.betas)
    world = [forward_kinematics(rest, motion.pose_in(SMPLH_TREE), tree=SMPLH_TREE)[0] for motion in (found, truth)]
    assert rotation_error_deg(world[0][:, 20:22], world[1][:, 20:22]) < 0.1
    fingers = [joint for joint in range(30) if FINGERS[joint % 15 // 3] != "thumb"]
    ours = rotation_error_deg(found.hands_rotmat[:, fingers], truth.hands_rotmat[:, fingers])
    assert ours < rotation_error_deg(zero_twist(truth, body)[:, fingers], truth.hands_rotmat[:, fingers])


def test_what_is_not_seen_is_relaxed_or_between_its_neighbours(body: BodyModel) -> None:
    truth = invented(3)
    sequence = seen_points(truth, body)
    points = sequence.keypoints_m.copy()
    names = sequence.layout.keypoints
    points[:, [index for index, name in enumerate(names) if name.startswith("left_ring")]] = np.nan
    hidden = [names.index(f"right_index{part}") for part in (1, 2, 3)]
    points[10:13, hidden] = np.nan
    found, table = fit_fingers(
        KeypointSequence(points, sequence.fps, sequence.layout, source="made"), without_hands(truth), body
    )
    assert found.hands_rotmat is not None
    assert np.isfinite(found.hands_rotmat).all()
    assert np.allclose(found.hands_rotmat[:, 9:12], relaxed_hands(40)[:, 9:12], atol=1e-6)
    assert 0.8 < table["hands_seen"] < 1.0
    gap = Rotation.from_matrix(found.hands_rotmat[9:14, 15]).as_rotvec()
    assert np.allclose(gap[2], (gap[0] + gap[4]) / 2.0, atol=1e-3)


def test_fingers_do_not_bend_backwards(body: BodyModel) -> None:
    hands = relaxed_hands(4).copy()
    hands[:, 1] = Rotation.from_rotvec([0.0, 0.0, 1.4]).as_matrix()
    pose = np.tile(np.eye(3, dtype=np.float32), (4, 24, 1, 1))
    truth = BodyMotion(pose, np.zeros((4, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0, {}, hands)
    found, _ = fit_fingers(seen_points(truth, body), without_hands(truth), body)
    assert found.hands_rotmat is not None
    assert Rotation.from_matrix(found.hands_rotmat[0, 1]).as_rotvec()[2] < 0.3


def test_layouts_without_fingers_and_bodies_without_fingers_stay_as_they_are(body: BodyModel) -> None:
    assert finger_points(get_layout("smpl24").keypoints, "left") is None
    assert finger_points(get_layout("smplx55").keypoints, "right") is not None
    truth = invented(4)
    plain, table = fit_fingers(seen_points(truth, body), without_hands(truth), synthetic_body(2))
    assert plain.hands_rotmat is None
    assert table == {}
    assert is_relaxed(relaxed_hands(2))


def test_twist_of_a_rotation_about_an_axis() -> None:
    turn = Rotation.from_rotvec([0.0, 0.8, 0.0]) * Rotation.from_rotvec([0.9, 0.0, 0.0])
    assert twist_angle_about(turn.as_matrix()[None], np.array([1.0, 0.0, 0.0]))[0] == pytest.approx(0.9, abs=1e-9)


def test_finger_points_without_confidence_do_not_count(body: BodyModel) -> None:
    truth = invented(4)
    sequence = seen_points(truth, body)
    hands = [
        number for number, name in enumerate(sequence.layout.keypoints) if name[-1].isdigit() and "spine" not in name
    ]
    points = sequence.keypoints_m.copy()
    points[:10, hands] += 5.0
    confidence = np.ones(points.shape[:2], np.float32)
    confidence[:10, hands] = 0.0
    found, table = fit_fingers(
        KeypointSequence(points, 30.0, sequence.layout, confidence=confidence), without_hands(truth), body)  # fmt: skip
    assert table["hands_seen"] == 0.75
    assert table["hands_error_mm"] < 3.0
    _, whole = fit_fingers(sequence, without_hands(truth), body)
    assert whole["hands_seen"] == 1.0
    assert found.hands_rotmat is not None
