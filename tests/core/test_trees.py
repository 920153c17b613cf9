# SPDX-License-Identifier: Apache-2.0
"""Bodies with fingers and a face: their trees, skinning against the package smplx, and their reduction to 24 joints."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.fewer_joints import smpl_joint_of
from dancepose_addon.core.body.hands import is_relaxed, parts_of_pose, pose_in_tree, relaxed_hands
from dancepose_addon.core.body.joint_tree import (
    FINGER_JOINTS,
    SMPL_TREE,
    SMPLH_TREE,
    SMPLX_TREE,
    TREES,
    JointTree,
)
from dancepose_addon.core.body.model import BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.io.frame_rate import resample_motion
from tests.support.bodies import synthetic_arrays

WITH_FINGERS = (SMPLH_TREE, SMPLX_TREE)


def pose_of(tree: JointTree, seed: int, frames: int) -> np.ndarray:
    rotvec = np.random.default_rng(seed).normal(scale=0.5, size=(frames * len(tree), 3))
    return Rotation.from_rotvec(rotvec).as_matrix().reshape(frames, len(tree), 3, 3).astype(np.float32)


def official(tree: JointTree, path: Path) -> BodyModel:
    np.savez(path / f"{tree.name}.npz", **synthetic_arrays(4, vertices=600, tree=tree))
    return load_body(path / f"{tree.name}.npz")


@pytest.mark.parametrize("tree", WITH_FINGERS, ids=lambda tree: tree.name)
def test_names_are_those_of_the_package_smplx(tree: JointTree) -> None:
    names = pytest.importorskip("smplx.joint_names")
    theirs = names.SMPLH_JOINT_NAMES if tree is SMPLH_TREE else names.JOINT_NAMES
    ours = [name.replace("left_eye", "left_eye_smplhf").replace("right_eye", "right_eye_smplhf") for name in tree.names]
    assert list(theirs[: len(tree)]) == ours
    for joint, parent in enumerate(tree.parents):
        assert parent < joint


@pytest.mark.parametrize("tree", WITH_FINGERS, ids=lambda tree: tree.name)
def test_skinning_against_smplx(tree: JointTree, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    lbs = pytest.importorskip("smplx.lbs").lbs
    body = official(tree, tmp_path).full
    pose, betas = pose_of(tree, 1, 4), np.random.default_rng(2).normal(size=10).astype(np.float32)
    assert body.posedirs is not None
    vertices, joints = lbs(
        torch.tensor(np.tile(betas, (4, 1))),
        torch.tensor(rotmat_to_rotvec(pose).reshape(4, -1)),
        torch.tensor(body.v_template_m),
        torch.tensor(body.shapedirs),
        torch.tensor(body.posedirs.reshape(-1, 9 * (len(tree) - 1)).T.copy()),
        torch.tensor(body.joint_regressor),
        torch.tensor(tree.parents),
        torch.tensor(body.weights),
    )
    posed = skin(body, pose, betas=betas)
    assert posed is not None
    assert np.abs(posed - vertices.numpy()).max() < 1e-5
    ours = forward_kinematics(body.rest_joints(betas), pose, tree=tree)[1]
    assert np.abs(ours - joints.numpy()).max() < 1e-5


@pytest.mark.parametrize("tree", WITH_FINGERS, ids=lambda tree: tree.name)
def test_in_smpls_joints_the_body_is_the_same_but_for_its_fingers(tree: JointTree, tmp_path: Path) -> None:
    """Vertices that neither a finger nor the face moves, nor their correctives, are posed alike by both forms."""
    body = official(tree, tmp_path)
    full = body.full
    assert (body.tree, full.tree) == (SMPL_TREE, tree)
    assert np.allclose(body.weights.sum(axis=1), full.weights.sum(axis=1), atol=1e-5)
    pose = np.tile(np.eye(3, dtype=np.float32), (3, len(tree), 1, 1))
    pose[:, :20] = pose_of(SMPL_TREE, 5, 3)[:, :20]
    short, _, _ = parts_of_pose(pose, tree)
    everywhere = skin(full, pose, correctives=False)
    reduced = skin(body, short, correctives=False)
    assert np.allclose(everywhere, reduced, atol=1e-5)


@pytest.mark.parametrize("name", ["left_index1", "right_pinky3", "left_thumb2", "right_thumb1", "jaw", "left_eye"])
def test_each_joint_belongs_to_the_joint_above_it_that_smpl_has(name: str) -> None:
    wanted = {"left_index1": "left_hand", "right_pinky3": "right_hand", "left_thumb2": "left_hand"}
    wanted |= {"right_thumb1": "right_wrist", "jaw": "head", "left_eye": "head"}
    assert SMPL_TREE.names[smpl_joint_of(SMPLX_TREE, SMPLX_TREE.index[name])] == wanted[name]


@pytest.mark.parametrize("tree", WITH_FINGERS, ids=lambda tree: tree.name)
def test_a_pose_is_arranged_for_a_tree_and_taken_apart_again(tree: JointTree) -> None:
    pose = pose_of(tree, 6, 2)
    body, hands, face = parts_of_pose(pose, tree)
    assert np.array_equal(pose_in_tree(body, hands, face, tree), pose)
    assert hands is not None
    assert np.array_equal(hands[:, FINGER_JOINTS.index("right_thumb3")], pose[:, tree.index["right_thumb3"]])


def test_resting_fingers_close_towards_the_palm_alike_on_both_sides() -> None:
    """In the T-pose palms face down, so fingertips lie below the knuckles; the hands mirror each other."""
    hands = relaxed_hands(1)
    pose = pose_in_tree(np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1)), hands, None, SMPLH_TREE)
    rest = np.zeros((52, 3), np.float32)
    for joint in range(1, 52):
        side = 1.0 if SMPLH_TREE.names[joint].startswith("left") else -1.0
        rest[joint] = rest[SMPLH_TREE.parents[joint]] + np.float32([side * 0.03, 0.0, 0.0])
    _, joints = forward_kinematics(rest, pose, tree=SMPLH_TREE)
    for finger in ("index", "middle", "ring", "pinky"):
        heights = [joints[0, SMPLH_TREE.index[f"left_{finger}{part}"], 1] for part in (1, 2, 3)]
        assert heights[0] > heights[1] > heights[2]
    left = joints[0, 22:37] - joints[0, 20]
    right = joints[0, 37:52] - joints[0, 21]
    assert np.allclose(left * [-1, 1, 1], right, atol=1e-6)
    assert is_relaxed(hands)
    assert not is_relaxed(np.tile(np.eye(3, dtype=np.float32), (1, 30, 1, 1)))


def test_a_turned_hand_of_smpl_turns_the_four_fingers() -> None:
    pose = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    pose[0, 22] = Rotation.from_rotvec([0.0, 0.0, -0.5]).as_matrix()
    turned, resting = relaxed_hands(1, pose), relaxed_hands(1)
    assert np.allclose(turned[0, 0], pose[0, 22] @ resting[0, 0], atol=1e-6)
    assert np.array_equal(turned[0, 12:], resting[0, 12:])


@pytest.mark.parametrize("tree", TREES.values(), ids=list(TREES))
def test_a_motion_keeps_its_joints_in_its_file(tree: JointTree, tmp_path: Path) -> None:
    pose, hands, face = parts_of_pose(pose_of(tree, 7, 5), tree)
    expression = np.random.default_rng(8).normal(size=(5, 10)).astype(np.float32) if tree is SMPLX_TREE else None
    place = np.random.default_rng(9).normal(size=(5, 3)).astype(np.float32)
    motion = BodyMotion(pose, place, np.zeros(10, np.float32), 1.1, 30.0, {}, hands, face, expression)
    assert motion.tree is tree
    body = official(tree, tmp_path)
    motion.save(tmp_path / "motion.npz", body)
    with np.load(tmp_path / "motion.npz") as file:
        assert file["poses"].shape == (5, 3 * len(tree))
        assert str(file["surface_model_type"]) == tree.name
    again = BodyMotion.load(tmp_path / "motion.npz")
    assert again.tree is tree
    assert np.abs(again.pose_in(tree) - motion.pose_in(tree)).max() < 5e-6
    assert expression is None or np.array_equal(again.expression, expression)
    assert again.part(slice(1, 3)).tree is tree
    assert resample_motion(again, 60.0).tree is tree
    joints = motion.joints(body, fingers=True)
    rest = np.float32(1.1) * body.full.rest_joints(motion.betas)
    assert np.allclose(joints, forward_kinematics(rest, motion.pose_in(tree), place, tree=tree)[1], atol=1e-6)


def test_parts_of_different_lengths_are_a_bug() -> None:
    pose, hands, _ = parts_of_pose(pose_of(SMPLH_TREE, 10, 4), SMPLH_TREE)
    with pytest.raises(ValueError, match="hands_rotmat has shape"):
        BodyMotion(pose[:2], np.zeros((2, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0, {}, hands)
