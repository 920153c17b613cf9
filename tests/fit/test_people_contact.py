# SPDX-License-Identifier: Apache-2.0
"""Contact of two persons against distances and depths that are known from how they are placed."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.evaluation.people_contact import (
    describe_people_contact,
    identity_exchanges,
    interpenetration_depth,
    people_contact,
)

FRAMES = 4


@pytest.fixture(scope="module")
def alone() -> BodyMotion:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 24, 3, 3)).copy()
    return BodyMotion(pose, np.zeros((FRAMES, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0)


def moved(motion: BodyMotion, by_m: tuple[float, float, float]) -> BodyMotion:
    return replace(motion, translation_m=motion.translation_m + np.array(by_m, np.float32))


def test_hands_that_touch_in_the_t_pose(body, alone) -> None:
    """Side by side, the left hand of one is at the right hand of the other when they are a span of hands apart."""
    rest = body.rest_joints()
    span = float(rest[JOINT_INDEX["left_hand"], 0] - rest[JOINT_INDEX["right_hand"], 0])
    (pair,) = people_contact(body, [alone, moved(alone, (span + 0.06, 0.0, 0.0))])
    assert pair["hands_m"] == pytest.approx([0.06, 0.06], abs=1e-3)
    assert pair["hand_contact"] == 1.0
    assert pair["apart_m"] == pytest.approx([span + 0.06] * 2, abs=1e-3)
    (far,) = people_contact(body, [alone, moved(alone, (span + 0.4, 0.0, 0.0))])
    assert far["hand_contact"] == 0.0
    assert far["overlap"] == 0.0
    assert "40 cm" in describe_people_contact(far)
    assert "do not overlap" in describe_people_contact(far)


def test_the_depth_of_one_chest_in_another_back(body) -> None:
    """Moved forward by the depth of the trunk less 4 cm, one body is 4 cm inside the other at the deepest."""
    vertices = body.v_template_m
    trunk = vertices[np.abs(vertices[:, 0]) < 0.03]
    thick = float(np.ptp(trunk[(trunk[:, 1] > 0.0) & (trunk[:, 1] < 0.4), 2]))
    # The deepest place of two shifted copies is where the body is thickest along the shift.
    deep = interpenetration_depth(body, vertices, vertices + np.array([0.0, 0.0, thick - 0.04], np.float32))
    assert 0.02 < deep < 0.06
    assert interpenetration_depth(body, vertices, vertices + np.array([0.0, 0.0, 1.0], np.float32)) == 0.0


def test_tracks_that_exchange_persons_are_found() -> None:
    time = np.linspace(0.0, 4.0, 101)
    one = np.stack([np.sin(time), np.zeros(101), np.zeros(101)], axis=1)
    other = one + np.array([0.9, 0.0, 0.0])
    assert identity_exchanges([one, other]) == []
    first, second = one.copy(), other.copy()
    first[60:], second[60:] = other[60:], one[60:]
    assert identity_exchanges([first, second]) == [(0, 1, 60)]
    seen = first.copy()
    seen[30] = np.nan
    assert identity_exchanges([seen, second]) == [(0, 1, 60)]
