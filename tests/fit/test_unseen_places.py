# SPDX-License-Identifier: Apache-2.0
"""Points that a clip never shows: limbs hang straight down, others keep their place against the trunk."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.fit.temporal.unseen import place_unseen
from dancepose_addon.core.skeleton.layouts import SMPL24

TURN = Rotation.from_euler("xyz", [10.0, 70.0, -5.0], degrees=True).as_matrix()


def standing(body: BodyModel, size: float = 1.0) -> np.ndarray:
    """(3, 24, 3): the T-pose turned and elsewhere, of another size."""
    return np.tile(size * body.rest_joints() @ TURN.T + [0.3, 1.0, -2.0], (3, 1, 1)).astype(np.float32)


@pytest.mark.parametrize("size", [1.0, 0.8, 1.3])
def test_an_arm_that_is_never_seen_hangs(body: BodyModel, size: float) -> None:
    truth = standing(body, size)
    chain = [JOINT_INDEX[f"left_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")]
    points = truth.copy()
    points[:, chain[1:]] = np.nan
    # Whatever the order in which they are given, the elbow comes first.
    place_unseen(points, chain[:0:-1], SMPL24)
    rest, at = body.rest_joints(), truth[:, chain[0]].astype(np.float64)
    for above, joint in pairwise(chain):
        at = at - [0.0, size * np.linalg.norm(rest[joint] - rest[above]), 0.0]
        np.testing.assert_allclose(points[:, joint], at, atol=1e-4)
    others = [joint for joint in range(24) if joint not in chain[1:]]
    np.testing.assert_array_equal(points[:, others], truth[:, others])


@pytest.mark.parametrize("names", [("head",), ("left_foot",), ("spine2", "spine3"), ("neck", "head"), ("pelvis",)])
def test_points_of_the_trunk_keep_their_place(body: BodyModel, names: tuple[str, ...]) -> None:
    truth = standing(body, 0.9)
    unseen = [JOINT_INDEX[name] for name in names]
    points = truth.copy()
    points[:, unseen] = np.nan
    place_unseen(points, unseen, SMPL24)
    np.testing.assert_allclose(points, truth, atol=2e-4)


def test_a_shoulder_keeps_its_place_since_the_collar_is_no_limb(body: BodyModel) -> None:
    truth = standing(body)
    points = truth.copy()
    points[:, JOINT_INDEX["right_shoulder"]] = np.nan
    place_unseen(points, [JOINT_INDEX["right_shoulder"]], SMPL24)
    expected = truth[:, JOINT_INDEX["right_shoulder"]]
    assert np.linalg.norm(points[:, JOINT_INDEX["right_shoulder"]] - expected, axis=-1).max() < 2e-3 or (
        points[0, JOINT_INDEX["right_shoulder"], 1] < truth[0, JOINT_INDEX["right_elbow"], 1]
    )


def test_nothing_unseen_changes_nothing(body: BodyModel) -> None:
    points = standing(body)
    place_unseen(points, [], SMPL24)
    np.testing.assert_array_equal(points, standing(body))
