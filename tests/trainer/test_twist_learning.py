# SPDX-License-Identifier: Apache-2.0
"""Learning twist: a convention that is put into poses by hand is found again, and held-out real clips gain by it."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose.trainer.mocap.twist_learning import _ridge, learn_twist
from dancepose.trainer.mocap.twist_of_poses import give_twist, twist_of_poses
from dancepose_addon.core.body.model import forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.fit.pose.analytic_ik import restyle
from dancepose_addon.core.fit.pose.joint_limits import twist_about
from dancepose_addon.core.fit.pose.twist import TwistModel, load_twist, quadratic
from tests.support.posing import random_pose

REST = load_body().rest_joints()
DATA = Path(__file__).parents[3] / "shared" / "data" / "smpl"
KNEE, ANKLE = 4, 7


def twisting(seed: int, frames: int = 400) -> np.ndarray:
    """Random poses whose knees are twisted by 0.4 rad per unit of how far the shin points to the body's left."""
    pose = restyle(REST, random_pose(seed, frames, angle=0.5), _nothing())
    for knee, ankle in ((4, 7), (5, 8)):
        bone = (REST[ankle] - REST[knee]) / np.linalg.norm(REST[ankle] - REST[knee])
        side = (pose[:, knee] @ bone)[:, 0]
        turn = Rotation.from_rotvec((0.4 * side)[:, None] * bone).as_matrix().astype(np.float32)
        pose[:, knee] = pose[:, knee] @ turn
        pose[:, ankle] = np.swapaxes(turn, 1, 2) @ pose[:, ankle]
    return pose


def _nothing() -> TwistModel:
    shipped = load_twist("aist")
    eye = np.broadcast_to(np.eye(3, dtype=np.float32), (24, 3, 3))
    return TwistModel("none", "", eye, shipped.mean, shipped.scale, 0.0 * shipped.weights, 0.0 * shipped.head_weights)


def test_a_twist_that_follows_the_pose_is_learned() -> None:
    model = learn_twist([twisting(0), twisting(1)], REST, style="made", source="by hand")
    truth = twisting(2)
    bone = (REST[ANKLE] - REST[KNEE]) / np.float32(np.linalg.norm(REST[ANKLE] - REST[KNEE]))

    def off(pose: np.ndarray) -> float:
        return float(np.degrees(np.abs(twist_about(pose[:, KNEE], bone) - twist_about(truth[:, KNEE], bone))).mean())

    minimal, learned = restyle(REST, truth, _nothing()), restyle(REST, truth, model)
    assert off(minimal) > 3.0
    assert off(learned) < 0.4 * off(minimal)
    _, before = forward_kinematics(REST, truth)
    assert np.abs(forward_kinematics(REST, learned)[1] - before).max() < 1e-4


def test_a_model_survives_its_file() -> None:
    model = load_twist("mosh")
    again = TwistModel.from_json(model.to_json(), "a file")
    pose = random_pose(3, 20, angle=0.4)
    assert np.degrees(geodesic_angle(restyle(REST, pose, again), restyle(REST, pose, model))).max() < 0.01
    with pytest.raises(FormatError, match="expected 'dancepose-twist-1'"):
        TwistModel.from_json({"format": "other"}, "a file")


def test_retargeted_poses_keep_their_joints_but_for_pronated_hands() -> None:
    pose = random_pose(5, 60, angle=0.4)
    given = give_twist(pose, load_twist("aist"), REST)
    before, after = (forward_kinematics(REST, p)[1] for p in (pose, given))
    assert np.abs(after - before)[:, :22].max() < 1e-4
    assert np.abs(after - before)[:, 22:].max() > 0.01


def test_too_few_poses_get_the_default() -> None:
    pose = random_pose(6, 50, angle=0.4)
    assert twist_of_poses(pose, np.ones(50, bool), 1, REST).style == "aist"
    assert twist_of_poses(twisting(0, 200), np.ones(200, bool), 1, REST).style == "learned"


@pytest.mark.skipif(not (DATA / "index.json").is_file(), reason="real SMPL clips are not available")
@pytest.mark.parametrize(("style", "group"), [("aist", "aist"), ("aist", "generated"), ("mosh", "soma")])
def test_held_out_real_clips_are_nearer_with_their_style_than_with_minimal_rotations(style: str, group: str) -> None:
    """Real rotations, the source left out of what the model is learned from."""
    from tools.build_twist import build, read_clip

    index = json.loads((DATA / "index.json").read_text(encoding="utf-8"))
    model = build(DATA, style, without=(group,))
    for row in (row for row in index if row["group"] == group):
        truth = read_clip(DATA / row["file"])
        limbs = [1, 2, 4, 5, 7, 8, 16, 17, 18, 19]
        off = [
            np.degrees(geodesic_angle(restyle(REST, truth, chosen), truth))[:, limbs].mean()
            for chosen in (_nothing(), model)
        ]
        assert off[1] < 0.8 * off[0]


def test_ridge_regression_agrees_with_least_squares_on_more_rows() -> None:
    """A penalty of p on the mean squared error is p N more observations: sqrt(p N) w = 0 for each weight."""
    random = np.random.default_rng(4)
    directions = random.normal(loc=0.3, size=(200, 6)).astype(np.float32)
    directions[:, 5] = 0.2 + 0.001 * directions[:, 5]  # hardly varies
    wanted = random.normal(size=(200, 2)).astype(np.float32) + np.float32([5.0, -3.0])
    mean, scale, weights = _ridge(directions, wanted, 0.1)
    features = quadratic(directions).astype(np.float64)
    np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale, np.maximum(features.std(axis=0), 0.05), rtol=1e-5)
    assert scale[5] == np.float32(0.05)
    design = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 0.05)
    more = np.sqrt(0.1 * 200.0) * np.eye(features.shape[1])
    targets = np.concatenate([wanted - wanted.mean(axis=0), np.zeros((features.shape[1], 2))])
    expected = np.linalg.lstsq(np.concatenate([design, more]), targets, rcond=None)[0]
    np.testing.assert_allclose(weights[:, 1:], expected.T, atol=1e-5)
    np.testing.assert_allclose(weights[:, 0], wanted.mean(axis=0), rtol=1e-5)
