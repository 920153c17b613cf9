# SPDX-License-Identifier: Apache-2.0
"""A body with fingers in SMPL's joints, and readings turned into motions, by hand."""

from dataclasses import replace

import numpy as np

from dancepose_addon.core.body.fewer_joints import smpl_joint_of, with_smpl_joints
from dancepose_addon.core.body.joint_tree import JOINT_INDEX, SMPLH_TREE, SMPLX_TREE
from dancepose_addon.core.skeleton.conventions import interpret
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.readers import Examination, sequence_of
from dancepose_addon.core.skeleton.recording import Finding, Hints, PointRecording
from tests.support.bodies import synthetic_body
from tests.support.samples import cut, points_of, waltz

DETAILED = synthetic_body(2, vertices=80, tree=SMPLH_TREE).full


def test_joints_that_move_the_same() -> None:
    for tree, names in (
        (
            SMPLH_TREE,
            {"left_thumb1": "left_wrist", "left_thumb2": "left_hand", "right_pinky3": "right_hand", "head": "head"},
        ),
        (SMPLX_TREE, {"jaw": "head", "left_eye": "head", "right_thumb1": "right_wrist", "right_index1": "right_hand"}),
    ):
        for name, own in names.items():
            assert smpl_joint_of(tree, tree.index[name]) == JOINT_INDEX[own]


def test_hands_are_the_mean_of_four_knuckles() -> None:
    found = with_smpl_joints(DETAILED)
    rest, own = DETAILED.rest_joints(), found.rest_joints()
    np.testing.assert_allclose(own[:22], rest[:22], atol=1e-6)
    for side in ("left", "right"):
        knuckles = [SMPLH_TREE.index[f"{side}_{finger}1"] for finger in ("index", "middle", "ring", "pinky")]
        np.testing.assert_allclose(own[JOINT_INDEX[f"{side}_hand"]], rest[knuckles].mean(axis=0), atol=1e-6)
        wrist, thumb = SMPLH_TREE.index[f"{side}_wrist"], SMPLH_TREE.index[f"{side}_thumb1"]
        weights = DETAILED.weights[:, [wrist, thumb]].sum(axis=1)
        np.testing.assert_allclose(found.weights[:, JOINT_INDEX[f"{side}_wrist"]], weights, atol=1e-6)
    np.testing.assert_allclose(found.weights.sum(axis=1), DETAILED.weights.sum(axis=1), atol=1e-6)
    assert found.full is DETAILED
    if DETAILED.posedirs is not None:
        assert found.posedirs is not None
        assert found.posedirs.shape[2] == 207
        np.testing.assert_array_equal(found.posedirs[:, :, :189], DETAILED.posedirs[:, :, :189])
        assert not found.posedirs[:, :, 189:].any()
    assert with_smpl_joints(replace(DETAILED, posedirs=None)).posedirs is None


def examined(recording: PointRecording, **hints: str) -> Examination:
    return Examination(
        recording,
        interpret(recording, Hints(**hints)),
        (Finding("unit", "m", 0.5, "of a guess"), Finding("up axis", "y", 0.95, "x")),
    )


def test_a_point_with_one_coordinate_missing_is_unseen() -> None:
    points = points_of(cut(waltz(), 20), "smpl24").astype(np.float64)
    points[3, 7, 1] = np.nan
    given = PointRecording(
        100.0 * points, "made", "it", layout="smpl24", unit="cm", up="y", fps=25.0, notes=("a note",)
    )
    found = sequence_of(examined(given))
    assert np.isnan(found.keypoints_m).all(axis=2).nonzero()[0].tolist() == [3]
    assert np.isnan(found.keypoints_m[3, 7]).all()
    assert found.confidence is not None
    assert found.confidence[3, 7] == 0.0
    assert found.confidence.sum() == 20 * 24 - 1
    np.testing.assert_allclose(found.keypoints_m[5], points[5], atol=1e-5)
    assert (found.fps, found.notes[0], len(found.notes)) == (25.0, "a note", 2)
    assert "A doubtful guess: unit m (50%)" in found.notes[1]
    trusted = sequence_of(examined(replace(given, confidence=np.full((20, 24), 0.5, np.float32))))
    assert trusted.confidence is not None
    assert (trusted.confidence[3, 7], trusted.confidence[4, 7]) == (0.0, 0.5)


def test_sides_that_are_exchanged() -> None:
    points = points_of(cut(waltz(), 20), "smpl24").astype(np.float64)
    hands = np.zeros((20, 42, 3))
    hands[:, :21] = 1.0
    given = PointRecording(
        points, "made", "it", layout="smpl24", unit="m", up="y", fps=25.0, hands=hands,
        confidence=np.tile(np.linspace(0.0, 1.0, 24, dtype=np.float32), (20, 1)),
    )  # fmt: skip
    found = sequence_of(examined(given, mirror="names"))
    np.testing.assert_allclose(found.keypoints_m, points[:, list(SMPL24.mirrored)], atol=1e-5)
    assert found.confidence is not None
    assert found.hands_m is not None
    assert given.confidence is not None
    np.testing.assert_array_equal(found.confidence, given.confidence[:, list(SMPL24.mirrored)])
    assert found.hands_m[:, :21].max() == 0.0
    assert found.hands_m[:, 21:].min() == 1.0
    plain = sequence_of(examined(given))
    assert plain.hands_m is not None
    assert plain.hands_m[:, :21].min() == 1.0
