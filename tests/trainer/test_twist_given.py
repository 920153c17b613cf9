# SPDX-License-Identifier: Apache-2.0
"""Which poses get the twist of a model, and how far forearms are pronated."""

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.mocap import twist_of_poses as module
from dancepose.trainer.mocap.twist_learning import learn_twist
from dancepose.trainer.mocap.twist_of_poses import give_twist, twist_of_poses, with_twist
from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.pose.analytic_ik import restyle
from dancepose_addon.core.fit.pose.twist import load_twist
from tests.support.posing import random_pose

REST = load_body().rest_joints()


@pytest.mark.parametrize(("count", "style"), [(99, "aist"), (100, "learned")])
def test_a_twist_is_learned_from_a_hundred_poses(count: int, style: str) -> None:
    pose = random_pose(1, 120, angle=0.4)
    smpl = np.arange(120) < count
    assert twist_of_poses(pose, smpl, 4, REST).style == style


def test_the_source_says_how_much_was_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    pose = random_pose(1, 130, angle=0.4)
    found = twist_of_poses(pose, np.ones(130, bool), 4, REST)
    assert found.source == "130 SMPL poses of 4 clips of the training data"
    monkeypatch.setattr(module, "MOST_POSES", 110)
    learned: list[np.ndarray] = []

    def learn(clips: list[np.ndarray], *rest: object, **more: object) -> object:
        learned.extend(clips)
        return learn_twist(clips, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "learn_twist", learn)
    assert twist_of_poses(pose, np.ones(130, bool), 4, REST).source.startswith("110 SMPL poses")
    # No pose is chosen twice.
    assert len(np.unique(learned[0].reshape(110, -1), axis=0)) == 110
    monkeypatch.setattr(module, "MOST_POSES", 130)
    np.testing.assert_array_equal(twist_of_poses(pose, np.ones(130, bool), 4, REST).weights, found.weights)


def test_forearms_are_pronated_in_three_of_ten_poses_by_up_to_80_degrees() -> None:
    """Half of the turn in the elbow and half in the wrist, about the forearm, so that no joint moves."""
    pose = random_pose(2, 2300, angle=0.4)
    twist = load_twist("aist")
    plain = np.concatenate([restyle(REST, pose[:2000], twist), restyle(REST, pose[2000:], twist)])
    given = give_twist(pose, twist, REST)
    turned_rad = geodesic_angle(plain, given)
    others = [joint for joint in range(24) if joint not in {JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right")
              for part in ("elbow", "wrist")}]  # fmt: skip
    assert turned_rad[:, others].max() < 1e-3
    for side in ("left", "right"):
        elbow, wrist = turned_rad[:, JOINT_INDEX[f"{side}_elbow"]], turned_rad[:, JOINT_INDEX[f"{side}_wrist"]]
        np.testing.assert_allclose(elbow, wrist, atol=2e-3)
        assert (elbow > 2e-3).mean() == pytest.approx(0.3, abs=0.03)
        assert np.degrees(elbow.max()) == pytest.approx(40.0, abs=0.5)
        assert np.degrees(elbow[elbow > 2e-3].mean()) == pytest.approx(20.0, abs=2.0)
    _, before = forward_kinematics(REST, plain)
    _, after = forward_kinematics(REST, given)
    body = [joint for joint in range(24) if "hand" not in list(JOINT_INDEX)[joint]]
    np.testing.assert_allclose(after[:, body], before[:, body], atol=1e-4)


def test_only_retargeted_poses_are_changed_and_mirror_images_are_not_learned_from() -> None:
    pose = random_pose(3, 240, angle=0.4)
    clip = np.repeat([0, 1], 120)
    found, twist = with_twist(pose, clip, (True, False), np.zeros(240, bool), REST)
    assert twist.style == "learned"
    assert twist.source.startswith("120 SMPL poses of 1 clips")
    np.testing.assert_array_equal(found[:120], pose[:120])
    np.testing.assert_array_equal(found[120:], give_twist(pose[120:], twist, REST))
    mirrored = np.arange(240) % 2 == 0
    assert with_twist(pose, clip, (True, False), mirrored, REST)[1].style == "aist"
    same, _ = with_twist(pose, clip, (True, True), mirrored, REST)
    assert same is pose
