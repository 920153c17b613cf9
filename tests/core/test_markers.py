# SPDX-License-Identifier: Apache-2.0
"""P_3d by hand, and the marker table's file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics, skin
from dancepose_addon.core.errors import FormatError, LayoutError, MissingFileError
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose
from tests.support.bodies import person_joints, synthetic_body
from tests.support.posing import random_pose

TURN_Z_90 = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)


def _rest() -> np.ndarray:
    return person_joints()


def _standing(frames: int = 1) -> np.ndarray:
    return np.broadcast_to(np.eye(3, dtype=np.float32), (frames, 24, 3, 3)).copy()


def _markers(weights: dict[str, float], offset: tuple[float, float, float]) -> MarkerSet:
    """md23 with its first point as given, all others on their joints."""
    plain = joint_markers(MD23)
    table, offsets = plain.weights.copy(), plain.offsets_m.copy()
    table[0] = 0.0
    for name, weight in weights.items():
        table[0, JOINT_INDEX[name]] = weight
    offsets[0] = offset
    return MarkerSet(MD23, table, offsets, "0123456789abcdef", "by hand")


def test_joint_markers_are_the_joints() -> None:
    pose = random_pose(0, 6)
    translation = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    found = keypoints_from_pose(joint_markers(SMPL24), _rest(), pose, translation)
    assert np.abs(found - forward_kinematics(_rest(), pose, translation)[1]).max() < 1e-5


def test_one_bone_by_hand() -> None:
    rest, pose = _rest(), _standing()
    pose[0, JOINT_INDEX["left_elbow"]] = TURN_Z_90
    markers = _markers({"left_elbow": 1.0}, (0.1, 0.02, 0.03))
    found = keypoints_from_pose(markers, rest, pose)[0, 0]
    # A quarter turn about z takes (x, y, z) to (-y, x, z).
    assert np.allclose(found, rest[JOINT_INDEX["left_elbow"]] + [-0.02, 0.1, 0.03], atol=1e-6)


def test_two_bones_by_hand() -> None:
    rest, pose = _rest(), _standing()
    pose[0, JOINT_INDEX["left_elbow"]] = TURN_Z_90
    shoulder, elbow = rest[JOINT_INDEX["left_shoulder"]], rest[JOINT_INDEX["left_elbow"]]
    markers = _markers({"left_shoulder": 0.25, "left_elbow": 0.75}, (0.0, 0.05, 0.0))
    at_rest = 0.25 * shoulder + 0.75 * elbow + [0.0, 0.05, 0.0]
    assert np.allclose(keypoints_from_pose(markers, rest, _standing())[0, 0], at_rest, atol=1e-6)
    # The upper arm leaves the point where it was; the forearm turns it about the elbow; the point is their mean.
    lever = at_rest - elbow
    turned = elbow + np.array([-lever[1], lever[0], lever[2]])
    found = keypoints_from_pose(markers, rest, pose)[0, 0]
    assert np.allclose(found, 0.25 * at_rest + 0.75 * turned, atol=1e-6)


def test_scale_comes_before_translation() -> None:
    pose, translation = random_pose(2, 3), np.array([[0.0, 1.0, 2.0]] * 3, np.float32)
    markers = _markers({"left_elbow": 1.0}, (0.1, 0.02, 0.03))
    plain = keypoints_from_pose(markers, _rest(), pose)
    assert np.allclose(
        keypoints_from_pose(markers, _rest(), pose, translation, scale=0.8), 0.8 * plain + translation[0], atol=1e-6
    )


def test_points_ride_with_the_body_s_own_skin() -> None:
    """A point at a vertex, with the vertex's weights, moves as skinning moves the vertex."""
    body = synthetic_body(3)
    rest, pose = body.rest_joints(), random_pose(4, 4)
    vertex = 50
    weights = joint_markers(SMPL24).weights.copy()
    weights[0] = body.weights[vertex]
    offsets = np.zeros((24, 3), np.float32)
    offsets[0] = body.v_template_m[vertex] - body.weights[vertex] @ rest
    found = keypoints_from_pose(MarkerSet(SMPL24, weights, offsets), rest, pose)[:, 0]
    truth = skin(body, pose, correctives=False, vertices=np.array([vertex]))
    assert truth is not None
    assert np.abs(found - truth[:, 0]).max() < 1e-5


def test_table_survives_its_file(tmp_path: Path) -> None:
    markers = _markers({"left_shoulder": 0.25, "left_elbow": 0.75}, (0.0, 0.05, -0.012))
    path = tmp_path / "md23.json"
    path.write_text(json.dumps(markers.to_json()), encoding="utf-8")
    again = MarkerSet.load(path)
    assert again.layout is MD23
    assert np.allclose(again.weights, markers.weights, atol=1e-5)
    assert np.allclose(again.offsets_m, markers.offsets_m, atol=1e-5)
    assert (again.body_fingerprint, again.provenance) == ("0123456789abcdef", "by hand")


def _table(**changes: Any) -> dict[str, Any]:
    return {**joint_markers(MD23).to_json(), **changes}


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        (_table(format="other"), FormatError, "has format 'other'"),
        (_table(layout="md24"), LayoutError, "no layout 'md24'.*md23"),
        (_table(points=joint_markers(SMPL24).to_json()["points"]), LayoutError, "other points than layout md23"),
        (_table(points=[{"name": "head_right"}]), FormatError, "not a marker table"),
        (_table(points=None), FormatError, "not a marker table"),
        ({}, FormatError, "not a marker table"),
        ([], FormatError, "not a marker table"),
    ],
)
def test_other_tables_are_refused(table: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        MarkerSet.from_json(table, "table.json")


def test_rows_without_any_joint_are_refused() -> None:
    table = _table()
    table["points"][4]["attached_to"] = {}
    with pytest.raises(FormatError, match="no skinning weights"):
        MarkerSet.from_json(table)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="cannot be read"):
        MarkerSet.load(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"format": "dance', encoding="utf-8")
    with pytest.raises(FormatError, match="not valid JSON"):
        MarkerSet.load(tmp_path / "cut.json")
