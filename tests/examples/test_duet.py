# SPDX-License-Identifier: Apache-2.0
"""The dance for two: its script makes the shipped file, both are read, hands stay together and feet on the floor."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.fitting import fit_people
from tools.build_example.__main__ import write_duet


@pytest.fixture(scope="module")
def shipped(root) -> Path:
    return root / "examples" / "duet" / "duet.npz"


@pytest.fixture(scope="module")
def couple(shipped) -> list[BodyMotion]:
    return [fit.motion for fit in fit_people(shipped)]


def test_its_script_still_makes_it(shipped, tmp_path) -> None:
    write_duet(tmp_path)
    with np.load(tmp_path / "duet.npz") as made, np.load(shipped) as kept:
        assert set(made) == set(kept)
        for name in made:
            # Values are rounded to 0.0001, which may fall either way on another machine.
            np.testing.assert_allclose(made[name], kept[name], atol=2e-4, err_msg="run python -m tools.build_example")


def test_both_are_read_and_face_each_other(couple) -> None:
    assert len(couple) == 2
    leader, follower = (motion.pose_rotmat[:, 0, :, 2] for motion in couple)
    assert ((leader * follower).sum(axis=1) < -0.9).all()


def test_held_hands_stay_together_and_bodies_turn(body, couple) -> None:
    joints = [motion.joints(body) for motion in couple]
    held = joints[0][:, JOINT_INDEX["left_hand"]] - joints[1][:, JOINT_INDEX["right_hand"]]
    np.testing.assert_allclose(np.linalg.norm(held, axis=1), 0.052, atol=0.003)
    across = joints[1][:, 0] - joints[0][:, 0]
    turned = np.unwrap(np.arctan2(across[:, 0], across[:, 2]))
    assert abs(np.degrees(turned[-1] - turned[0])) > 690.0  # two whole turns


def test_soles_are_on_the_floor(body, couple) -> None:
    for motion in couple:
        lowest = []
        for frame in range(0, len(motion), 15):
            part = motion.part(slice(frame, frame + 1))
            vertices = skin(body, part.pose_rotmat, translation_m=part.translation_m, scale=part.scale)
            lowest.append(float(vertices[0, :, 1].min()))
        assert max(lowest) < 0.02
        assert min(lowest) > -0.02
