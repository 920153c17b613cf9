# SPDX-License-Identifier: Apache-2.0
"""Fingers and face in the parameters of SMPL+H and SMPL-X."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.skeleton.readers.pose_detail import (
    COMPONENTS,
    detail_in,
    detail_of,
    pose_detail,
)

FRAMES = 4
RANDOM = np.random.default_rng(0)
HANDS = RANDOM.normal(0.0, 0.4, (FRAMES, 30, 3))
FACE = RANDOM.normal(0.0, 0.2, (FRAMES, 3, 3))
EXPRESSION = RANDOM.normal(size=(FRAMES, 10))


def test_parts_of_poses() -> None:
    body = RANDOM.normal(size=(FRAMES, 22, 3))
    found = detail_of(np.concatenate([body, HANDS], axis=1))
    assert found is not None
    assert found.hands is not None
    np.testing.assert_array_equal(found.hands, HANDS)
    assert found.face is None
    found = detail_of(np.concatenate([body, FACE, HANDS], axis=1))
    assert found is not None
    assert found.hands is not None
    assert found.face is not None
    np.testing.assert_array_equal(found.hands, HANDS)
    np.testing.assert_array_equal(found.face, FACE)
    assert detail_of(body) is None
    assert detail_of(np.zeros((FRAMES, 52, 3))) is None


def test_zeros_and_gaps_are_nothing() -> None:
    zeros, broken = np.zeros((FRAMES, 30, 3)), HANDS.copy()
    broken[1, 2, 0] = np.nan
    assert pose_detail(zeros, None, None) is None
    assert pose_detail(broken, np.zeros((FRAMES, 3, 3)), np.zeros((FRAMES, 10))) is None
    assert pose_detail(None, None, EXPRESSION * np.nan) is None
    found = pose_detail(zeros, FACE, EXPRESSION)
    assert found is not None
    assert found.hands is None
    assert found.face is FACE
    assert found.expression is EXPRESSION
    found = pose_detail(HANDS, None, np.zeros((FRAMES, 10)))
    assert found is not None
    assert (found.face, found.expression) == (None, None)


LEFT, RIGHT = HANDS[:, :15].reshape(FRAMES, 45), HANDS[:, 15:].reshape(FRAMES, 45)
MATRICES = Rotation.from_rotvec(HANDS.reshape(-1, 3)).as_matrix().reshape(FRAMES, 30, 3, 3)


@pytest.mark.parametrize(
    "table",
    [
        {"left_hand_pose": LEFT, "right_hand_pose": RIGHT},
        {"leftHandPose": LEFT, "rightHandPose": RIGHT},
        {"smplx_lhand_pose": LEFT.reshape(FRAMES, 15, 3), "smplx_rhand_pose": RIGHT},
        {"pose_hand": np.concatenate([LEFT, RIGHT], axis=1)},
        {"hand_pose": HANDS},
        {"hand_pose": np.concatenate([HANDS, HANDS])},  # more frames than the body
        {"left_hand_pose": MATRICES[:, :15], "right_hand_pose": MATRICES[:, 15:]},
        {"left_hand_pose": MATRICES[:, :15, :2].reshape(FRAMES, -1), "right_hand_pose": MATRICES[:, 15:, :2]},
    ],
)
def test_hands_by_name(table: dict[str, np.ndarray]) -> None:
    found, findings = detail_in(table, FRAMES)
    assert findings == ()
    assert found is not None
    assert found.hands is not None
    assert found.hands == pytest.approx(HANDS, abs=1e-6)


def test_one_pose_of_the_hands_is_kept_for_all_frames() -> None:
    found, _ = detail_in({"left_hand_pose": LEFT[0], "right_hand_pose": RIGHT[0]}, FRAMES)
    assert found is not None
    assert found.hands == pytest.approx(np.tile(HANDS[:1], (FRAMES, 1, 1)))


@pytest.mark.parametrize("name", ["expression", "expressions", "smplx_expr", "expr"])
def test_the_face_by_name(name: str) -> None:
    """An eye that is missing looks ahead."""
    table = {"jaw_pose": FACE[:, 0], "reye_pose": FACE[:, 2], name: EXPRESSION.astype(np.float32)}
    found, _ = detail_in(table, FRAMES)
    assert found is not None
    assert found.face is not None
    assert found.face[:, [0, 2]] == pytest.approx(FACE[:, [0, 2]])
    assert not found.face[:, 1].any()
    assert found.expression == pytest.approx(EXPRESSION, rel=1e-6)
    found, _ = detail_in({"leye_pose": FACE[:, 1]}, FRAMES)
    assert found is not None
    assert found.face is not None
    assert found.face[:, 1] == pytest.approx(FACE[:, 1])
    assert not found.face[:, [0, 2]].any()
    assert found.expression is None


@pytest.mark.parametrize("value", [EXPRESSION[:-1], EXPRESSION[0], EXPRESSION.astype(np.int64), EXPRESSION.tolist()])
def test_other_expressions_are_left_out(value: object) -> None:
    assert detail_in({"expression": value}, FRAMES) == (None, ())


def test_principal_components_are_named_where_they_move() -> None:
    moving, still = RANDOM.normal(size=(FRAMES, 12)), np.ones((FRAMES, 12))
    assert detail_in({"left_hand_pose": moving, "right_hand_pose": still}, FRAMES) == (None, (COMPONENTS,))
    assert detail_in({"left_hand_pose": still, "right_hand_pose": still}, FRAMES) == (None, ())
    assert detail_in({"left_hand_pose": moving}, FRAMES) == (None, (COMPONENTS,))
    assert detail_in({"pose_hand": moving}, FRAMES) == (None, (COMPONENTS,))
    assert detail_in({"pose_hand": still}, FRAMES) == (None, ())
    assert detail_in({"pose_hand": moving[0]}, FRAMES) == (None, ())
    assert detail_in({"pose_hand": "text"}, FRAMES) == (None, ())


def test_some_zeros_are_no_gaps() -> None:
    """A frame at rest, a jaw that does not move and one coefficient that is not used are still the file's."""
    hands, face, expression = HANDS.copy(), FACE.copy(), EXPRESSION.copy()
    hands[0], face[:, 0], expression[:, 3] = 0.0, 0.0, 0.0
    found = pose_detail(hands, face, expression)
    assert found is not None
    assert found.hands is hands
    assert found.face is face
    assert found.expression is expression
