# SPDX-License-Identifier: Apache-2.0
"""Bodies that lie or hang, shown to a regressor that knows upright ones only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.canonical_up import regress_upright, trunk_direction
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.inference import open_regressor


@dataclass(frozen=True)
class _OnlyUpright:
    """The shipped regressor; keeps what it was shown."""

    inner: Any
    seen: list[np.ndarray]

    @property
    def info(self) -> Any:
        return self.inner.info

    @property
    def provider(self) -> str:
        return "NumPy"

    def __call__(self, keypoints_m: np.ndarray) -> np.ndarray:
        self.seen.append(keypoints_m)
        return self.inner(keypoints_m)


@pytest.mark.parametrize("rotvec", [(-1.57, 0.0, 0.0), (3.14159, 0.0, 0.0), (0.0, 0.0, 2.4), (0.0, 2.0, 0.0)])
def test_a_turned_body_gets_the_same_pose(body: BodyModel, rotvec: tuple[float, float, float]) -> None:
    random = np.random.default_rng(0)
    pose = Rotation.from_rotvec(random.normal(scale=0.12, size=(20 * 24, 3))).as_matrix()
    pose = pose.reshape(20, 24, 3, 3).astype(np.float32)
    points = keypoints_from_pose(joint_markers(SMPL24), body.rest_joints(), pose)
    turn = Rotation.from_rotvec(rotvec).as_matrix().astype(np.float32)
    regressor = _OnlyUpright(open_regressor(None, layout="smpl24", device="numpy"), [])
    upright = regressor.inner(points)
    turned = regress_upright(regressor, points @ turn.T)
    difference = np.degrees(geodesic_angle(turned[:, 1:], upright[:, 1:])).mean()
    # Turned upright, the trunk stands exactly so; how much it leaned before is not known any more.
    assert difference < 3.0
    if rotvec[1] == 0.0:
        plain = regressor.inner(points @ turn.T)
        assert difference < 0.3 * np.degrees(geodesic_angle(plain[:, 1:], upright[:, 1:])).mean()
    assert np.degrees(geodesic_angle(turn.T @ turned[:, 0], upright[:, 0])).mean() < 4.0
    assert (trunk_direction(regressor.seen[-1], SMPL24)[:, 1] > 0.9).all()


def test_upright_bodies_are_shown_once_and_as_they_are(body: BodyModel) -> None:
    points = np.repeat(body.rest_joints()[None], 5, axis=0)
    regressor = _OnlyUpright(open_regressor(None, layout="smpl24", device="numpy"), [])
    regress_upright(regressor, points)
    assert len(regressor.seen) == 1
    assert np.array_equal(regressor.seen[0], points)
