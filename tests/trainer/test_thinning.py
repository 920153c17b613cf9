# SPDX-License-Identifier: Apache-2.0
"""Thinning of poses against dart throwing one pose at a time."""

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.mocap.poses import FEATURE_JOINTS, MIRROR, mirror_pose, thin, without_heading
from dancepose_addon.core.body.model import MIRRORED_JOINTS, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from tests.support.posing import random_pose

REST = load_body().rest_joints()


@pytest.mark.parametrize(("count", "radius_m"), [(700, 0.12), (700, 0.25), (40, 0.01)])
def test_chosen_poses_are_those_of_throwing_one_by_one(count: int, radius_m: float) -> None:
    pose = random_pose(3, count, angle=0.25)
    _, joints = forward_kinematics(REST, without_heading(pose))
    features = joints[:, list(FEATURE_JOINTS)].astype(np.float64)
    kept: list[int] = []
    for number in np.random.default_rng(5).permutation(count):
        away = np.sqrt(((features[kept] - features[number]) ** 2).sum(axis=2).mean(axis=1))
        if not len(kept) or away.min() >= radius_m:
            kept.append(int(number))
    found = thin(pose, REST, seed=5, radius_m=radius_m)
    assert found.tolist() == sorted(kept)
    assert 1 < len(found) < count or radius_m < 0.1


def test_heading_does_not_make_poses_differ() -> None:
    pose = random_pose(3, 1, angle=0.25)[[0, 0, 0]]
    for number, degrees in enumerate((0.0, 90.0, 200.0)):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn = np.float32([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        pose[number, 0] = turn @ pose[number, 0]
    assert len(thin(pose, REST, seed=0)) == 1
    assert thin(pose, REST, seed=0, radius_m=0.0).tolist() == [0, 1, 2]


def test_mirror_images_are_those_of_the_body() -> None:
    """Joints of the mirrored pose are the mirrored joints, on a body that is its own mirror image."""
    rest = 0.5 * (REST + REST[list(MIRRORED_JOINTS)] * [-1.0, 1.0, 1.0])
    pose = random_pose(4, 6, angle=0.5)
    _, joints = forward_kinematics(rest.astype(np.float32), pose)
    _, mirrored = forward_kinematics(rest.astype(np.float32), mirror_pose(pose))
    np.testing.assert_allclose(mirrored, joints[:, list(MIRRORED_JOINTS)] * MIRROR, atol=1e-5)
    np.testing.assert_allclose(mirror_pose(mirror_pose(pose)), pose, atol=1e-7)
