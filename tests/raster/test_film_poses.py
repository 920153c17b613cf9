# SPDX-License-Identifier: Apache-2.0
"""Motions at the times of a film."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose.raster.film_poses import motion_at, posed_vertices


def test_keys_are_kept_and_held_at_the_ends(standing) -> None:
    turned = standing.pose_rotmat.copy()
    turned[:, 4] = Rotation.random(len(turned), random_state=3).as_matrix()
    motion = replace(standing, pose_rotmat=turned)
    times = np.array([-1.0, 0.0, 3 / 30.0, 99.0])
    found = motion_at(motion, times)
    assert found.pose_rotmat == pytest.approx(turned[[0, 0, 3, len(turned) - 1]], abs=1e-5)


def test_half_way_between_keys_is_half_of_the_rotation(standing) -> None:
    first, second = Rotation.from_euler("x", 20, degrees=True), Rotation.from_euler("x", 80, degrees=True)
    pose, trans = standing.pose_rotmat.copy(), standing.translation_m.copy()
    pose[0, 4], pose[1, 4], trans[1, 0] = first.as_matrix(), second.as_matrix(), 0.4
    found = motion_at(replace(standing, pose_rotmat=pose, translation_m=trans), np.array([0.5 / 30.0]))
    assert found.pose_rotmat[0, 4] == pytest.approx(Rotation.from_euler("x", 50, degrees=True).as_matrix(), abs=1e-5)
    assert found.translation_m[0, 0] == pytest.approx(0.2)


def test_vertices_are_those_of_the_motion(body, standing) -> None:
    found = list(posed_vertices(body, standing, batch=4))
    assert len(found) == len(standing)
    assert found[9] == pytest.approx(standing.vertices(body)[9], abs=1e-5)
