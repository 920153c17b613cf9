# SPDX-License-Identifier: Apache-2.0
"""Bodies that lie or hang, shown to a regressor that knows upright ones only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.canonical_up import _turn_upright, regress_upright, trunk_direction
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


def test_any_trunk_is_turned_upright() -> None:
    """Upright ones not at all, hanging ones by half a turn about x, and all by rotations."""
    ways = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    ways[0], ways[1], ways[2] = [0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [1e-4, -1.0, 0.0]
    turn = _turn_upright(ways)
    np.testing.assert_allclose((turn @ ways[..., None])[..., 0], np.tile([0.0, 1.0, 0.0], (200, 1)), atol=1e-4)
    np.testing.assert_allclose(turn @ np.swapaxes(turn, 1, 2), np.tile(np.eye(3), (200, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(turn), 1.0, atol=1e-5)
    np.testing.assert_allclose(turn[0], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(turn[1], np.diag([1.0, -1.0, -1.0]), atol=1e-6)
    np.testing.assert_allclose(turn[2], np.diag([1.0, -1.0, -1.0]), atol=1e-3)
    # The turn of a trunk above the horizon is the smallest: by the angle between it and up.
    above = ways[:, 1] > 0.0
    angle = np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0))
    np.testing.assert_allclose(angle[above], np.arccos(np.clip(ways[above, 1], -1.0, 1.0)), atol=2e-3)


def test_the_trunk_points_from_shoulders_and_hips_to_the_head() -> None:
    points = np.zeros((2, 24, 3), np.float32)
    points[:, list(SMPL24.top)] = [0.0, 3.0, 4.0]
    np.testing.assert_allclose(trunk_direction(points, SMPL24), [[0.0, 0.6, 0.8]] * 2, rtol=1e-6)
    points[:, [*SMPL24.left, *SMPL24.right]] = [0.0, 3.0, 0.0]
    np.testing.assert_allclose(trunk_direction(points, SMPL24), [[0.0, 0.0, 1.0]] * 2, rtol=1e-6)
    assert not trunk_direction(0.0 * points, SMPL24).any()
