# SPDX-License-Identifier: Apache-2.0
"""Turns that take one rest pose to another: smallest ones, half turns, and SMPL's own skeleton."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS, BodyModel
from dancepose_addon.core.retarget.character_map import PARTS_OF_MAP, CharacterMap
from dancepose_addon.core.retarget.rest_alignment import _angle_about, _palm, align_rest_pose, between_turns, turn_onto
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton

RANDOM = np.random.default_rng(9)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_the_turn_is_the_smallest_from_the_one_before() -> None:
    for _ in range(50):
        start, end = RANDOM.normal(size=(2, 3))
        before = Rotation.random(random_state=RANDOM.integers(1 << 30)).as_matrix()
        found = turn_onto(3.0 * start, 0.2 * end, before)
        np.testing.assert_allclose(found @ unit(start), unit(end), atol=1e-7)
        step = Rotation.from_matrix(found @ before.T).magnitude()
        assert step == pytest.approx(np.arccos(np.clip(unit(before @ start) @ unit(end), -1.0, 1.0)), abs=1e-6)


def test_opposite_directions_are_half_a_turn_apart() -> None:
    """Also where rounding leaves the cosine a little above -1."""
    starts = [*np.eye(3), *-np.eye(3), *RANDOM.normal(size=(200, 3))]
    for start in starts:
        found = turn_onto(start, -1.7 * start, np.eye(3))
        np.testing.assert_allclose(found @ unit(start), -unit(start), atol=1e-6)
        assert np.linalg.det(found) == pytest.approx(1.0)
        before = Rotation.from_rotvec([0.1, 0.2, 0.3]).as_matrix()
        assert turn_onto(start, before @ start, before) is before


def test_angles_about_an_axis() -> None:
    axis = np.array([0.0, 0.0, 1.0])
    for degrees in (0.0, 30.0, -120.0, 179.0):
        end = Rotation.from_rotvec(np.radians(degrees) * axis).apply([2.0, 0.0, 5.0])
        assert np.degrees(_angle_about(axis, np.array([1.0, 0.0, -3.0]), end)) == pytest.approx(degrees, abs=1e-6)
    assert _angle_about(axis, axis, np.array([1.0, 0.0, 0.0])) == 0.0
    assert _angle_about(axis, np.array([1.0, 0.0, 0.0]), -axis) == 0.0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_way_between_two_rotations(share: float) -> None:
    first = Rotation.from_rotvec([0.3, -0.2, 0.5])
    step = np.array([0.4, 0.8, -0.1])
    last = first * Rotation.from_rotvec(step)
    expected = (first * Rotation.from_rotvec(share * step)).as_matrix()
    np.testing.assert_allclose(between_turns(first.as_matrix(), last.as_matrix(), share), expected, atol=1e-9)


def test_palms() -> None:
    wrist = np.array([1.0, 0.0, 0.0])
    row = {
        name: np.array([1.1, 0.0, 0.03 - 0.02 * number])
        for number, name in enumerate(("index", "middle", "ring", "pinky"))
    }
    ahead, across = _palm(row, wrist)
    np.testing.assert_allclose(ahead, row["middle"] - wrist)
    np.testing.assert_allclose(across, [0.0, 0.0, 0.06], atol=1e-12)
    ahead, across = _palm({"index": row["index"], "ring": row["ring"]}, wrist)
    np.testing.assert_allclose(ahead, [0.1, 0.0, 0.01])
    np.testing.assert_allclose(across, [0.0, 0.0, 0.04], atol=1e-12)
    thumb = np.array([1.03, 0.0, 0.06])
    ahead, across = _palm({"index": row["index"], "thumb": thumb}, wrist)
    np.testing.assert_allclose(across, thumb - row["index"])
    assert _palm({"index": row["index"]}, wrist)[1] is None
    assert _palm({"thumb": thumb}, wrist) == (None, None)


PARTS = {part: (JOINT_INDEX["spine1" if part == "spine" else part],)
         for part in PARTS_OF_MAP if part in JOINT_INDEX or part == "spine"}  # fmt: skip


def skeleton_at(heads: np.ndarray) -> RestSkeleton:
    """SMPL's tree with joints at given places, (J, 3)."""
    count = len(heads)
    return RestSkeleton(
        "smpl", tuple(f"b{bone}" for bone in range(count)), np.array(PARENTS, np.int64), heads, heads + 0.01,
        np.tile(np.eye(3), (count, 1, 1)), np.eye(3), 1.0, np.zeros(3), np.ones(count, bool), np.zeros(count, bool),
    )  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 50.0])
@pytest.mark.parametrize(
    "turn", [[0.0, 0.0, 0.0], [90.0, 0.0, 0.0], [0.0, 180.0, 0.0]], ids=["y up", "z up", "backwards"]
)
def test_smpls_own_skeleton_needs_no_turn(body: BodyModel, turn: list[float], scale: float) -> None:
    rest = body.rest_joints().astype(np.float64)
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    heads = scale * rest @ axes.T
    found = align_rest_pose(skeleton_at(heads), CharacterMap(PARTS), rest)
    assert found.ratio == pytest.approx(scale)
    np.testing.assert_allclose(found.frame, axes, atol=1e-9)
    np.testing.assert_allclose(found.heads_m, rest, atol=1e-9)
    for part, matrix in found.turns.items():
        assert np.degrees(Rotation.from_matrix(matrix).magnitude()) < 1e-3, part
    knee, ankle = rest[JOINT_INDEX["left_knee"]], rest[JOINT_INDEX["left_ankle"]]
    np.testing.assert_allclose(found.limb["left_knee"], unit(ankle - knee), atol=1e-9)


def test_arms_that_hang_are_raised(body: BodyModel) -> None:
    """The left arm turned down by 60 degrees at the shoulder: its turns raise it again, and nothing else turns."""
    rest = body.rest_joints().astype(np.float64)
    heads = rest.copy()
    shoulder = rest[JOINT_INDEX["left_shoulder"]]
    down = Rotation.from_rotvec([0.0, 0.0, np.radians(-60.0)])
    below = [JOINT_INDEX[f"left_{part}"] for part in ("elbow", "wrist", "hand")]
    heads[below] = down.apply(rest[below] - shoulder) + shoulder
    found = align_rest_pose(skeleton_at(heads), CharacterMap(PARTS), rest)
    for part, matrix in found.turns.items():
        rotvec = np.degrees(Rotation.from_matrix(matrix).as_rotvec())
        expected = [0.0, 0.0, 60.0] if part in ("left_shoulder", "left_elbow", "left_wrist") else [0.0] * 3
        np.testing.assert_allclose(rotvec, expected, atol=0.05, err_msg=part)
