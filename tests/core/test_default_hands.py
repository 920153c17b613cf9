# SPDX-License-Identifier: Apache-2.0
"""Fingers of the body that ships: where their joints are, what they move, and that the body itself stays the same."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.hand_file import with_fingers
from dancepose_addon.core.body.hands import pose_in_tree, relaxed_hands
from dancepose_addon.core.body.joint_tree import FINGERS, SMPL_TREE, SMPLH_TREE
from dancepose_addon.core.body.model import BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.model_io import DEFAULT_BODY, load_body
from dancepose_addon.core.errors import BodyFileError


def test_the_default_body_has_fingers_and_the_fit_has_24_joints(body: BodyModel) -> None:
    assert (body.tree, body.full.tree) == (SMPL_TREE, SMPLH_TREE)
    assert body.full.faces is body.faces
    assert np.allclose(body.full.weights.sum(axis=1), 1.0, atol=1e-5)
    assert np.allclose(body.full.joint_regressor.sum(axis=1), 1.0, atol=1e-4)
    assert ((body.full.weights > 0).sum(axis=1) <= 4).all()


@pytest.mark.parametrize("betas", [None, np.linspace(-2.0, 2.0, 10).astype(np.float32)], ids=["mean", "another"])
def test_finger_joints_are_in_order_inside_the_hand(body: BodyModel, betas: np.ndarray | None) -> None:
    joints = dict(zip(SMPLH_TREE.names, body.full.rest_joints(betas), strict=True))
    vertices = body.rest_vertices(betas)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        reach = [sign * joints[f"{side}_middle{part}"][0] for part in (1, 2, 3)]
        assert sign * joints[f"{side}_wrist"][0] < reach[0] < reach[1] < reach[2]
        knuckles = [joints[f"{side}_{finger}1"][2] for finger in ("index", "middle", "ring", "pinky")]
        assert knuckles == sorted(knuckles, reverse=True)  # the T-pose's palms face down: index fingers are in front
        for finger in FINGERS:
            for part in (1, 2, 3):
                nearest = np.linalg.norm(vertices - joints[f"{side}_{finger}{part}"], axis=1).min()
                assert 0.003 < nearest < 0.02
    mirrored = {name: joints[name.replace("left", "right")] * [-1, 1, 1] for name in joints if name.startswith("left")}
    assert max(np.abs(joints[name] - place).max() for name, place in mirrored.items()) < 0.005


def test_a_finger_moves_its_own_vertices_and_no_others(body: BodyModel) -> None:
    full = body.full
    pose = np.tile(np.eye(3, dtype=np.float32), (1, 52, 1, 1))
    pose[0, SMPLH_TREE.index["left_index1"]] = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]  # 90 degrees
    moved = np.linalg.norm(skin(full, pose, correctives=False)[0] - full.v_template_m, axis=1)
    knuckle = full.rest_joints()[SMPLH_TREE.index["left_index1"]]
    assert 0.05 < moved.max() < 0.2  # the tip of a finger of 7 cm
    assert np.linalg.norm(full.v_template_m[moved > 1e-4] - knuckle, axis=1).max() < 0.12
    _, joints = forward_kinematics(full.rest_joints(), pose, tree=SMPLH_TREE)
    tip = joints[0, SMPLH_TREE.index["left_index3"]]
    assert tip[1] < knuckle[1] - 0.03  # it bends towards the palm


def test_resting_hands_are_not_splayed(body: BodyModel) -> None:
    flat = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    poses = {
        "flat": pose_in_tree(flat, np.tile(np.eye(3, dtype=np.float32), (1, 30, 1, 1)), None, SMPLH_TREE),
        "resting": pose_in_tree(flat, relaxed_hands(1), None, SMPLH_TREE),
    }
    width = {}
    for name, pose in poses.items():
        _, joints = forward_kinematics(body.full.rest_joints(), pose, tree=SMPLH_TREE)
        tips = [joints[0, SMPLH_TREE.index[f"left_{finger}3"], 2] for finger in ("index", "pinky")]
        width[name] = tips[0] - tips[1]
    assert width["resting"] < 0.95 * width["flat"]


def test_without_the_file_the_body_has_24_joints_and_a_foreign_file_is_refused(body: BodyModel, tmp_path: Path) -> None:
    plain = load_body(DEFAULT_BODY)
    assert with_fingers(plain, tmp_path / "hands.npz") is plain
    np.savez(tmp_path / "hands.npz", format="dancepose-hands-1", vertex_count=10)
    with pytest.raises(BodyFileError, match="does not hold the fingers"):
        with_fingers(plain, tmp_path / "hands.npz")


def test_weights_with_fingers_sum_to_one(body: BodyModel) -> None:
    """They are stored in 16 bits, whose rounding is taken out again."""
    full = load_body().full
    np.testing.assert_allclose(full.weights.sum(axis=1, dtype=np.float64), 1.0, atol=3e-7)
    assert full.weights.min() >= 0.0
    np.testing.assert_allclose(full.joint_regressor.sum(axis=1, dtype=np.float64), 1.0, atol=1e-3)
