# SPDX-License-Identifier: Apache-2.0
"""What `dancepose evaluate` tells, against regressors whose errors are known."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.evaluation.regressor_metrics import (
    ClipErrors,
    KnownClip,
    evaluate_clip,
    evaluate_known,
    faces_backward,
    seen_through,
    summarise,
)
from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, BodyModel
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import markers_for
from dancepose_addon.inference import open_regressor
from tests.support.samples import cut, waltz

TURN_DEG = 12.0


class Knows:
    """A regressor that was told the answer, but for one joint that it turns too far."""

    def __init__(self, pose: np.ndarray, joint: str | None = None) -> None:
        self.info = open_regressor(None, layout="smpl24", device="numpy").info
        self.pose = pose.copy()
        if joint is not None:
            turn = rotvec_to_rotmat(np.array([0.0, 0.0, np.radians(TURN_DEG)], np.float32))
            self.pose[:, JOINT_INDEX[joint]] = self.pose[:, JOINT_INDEX[joint]] @ turn

    def __call__(self, _keypoints_m: np.ndarray) -> np.ndarray:
        return self.pose


@pytest.fixture(scope="module")
def clip() -> KnownClip:
    return KnownClip("waltz", cut(waltz(), 40).pose.astype(np.float32))


def test_one_that_knows_has_no_error(clip: KnownClip, body: BodyModel) -> None:
    table = summarise([evaluate_known(Knows(clip.pose_rotmat), body, clip)], SMPL24)
    assert table["mean_mm"] < 0.01
    assert table["rotation_deg"] < 0.05
    assert table["pve_mm"] < 0.01
    assert table["by_clip"]["waltz"]["scale"] == pytest.approx(1.0, abs=1e-4)


def test_a_joint_that_is_turned_too_far_is_named_by_that_much(clip: KnownClip, body: BodyModel) -> None:
    found = evaluate_known(Knows(clip.pose_rotmat, "left_elbow"), body, clip)
    table = summarise([found], SMPL24)
    assert table["by_joint_deg"]["left_elbow"] == pytest.approx(TURN_DEG, abs=0.05)
    others = {joint: value for joint, value in table["by_joint_deg"].items() if joint != "left_elbow"}
    assert max(others.values()) < 0.05
    assert table["rotation_deg"] == pytest.approx(TURN_DEG / len(JOINT_NAMES), abs=0.05)
    worst = max(table["by_point_mm"], key=table["by_point_mm"].get)
    assert worst in ("left_hand", "left_wrist")


def test_points_are_compared_after_one_size_and_a_place_a_frame(clip: KnownClip, body: BodyModel) -> None:
    sequence = seen_through(clip, markers_for(SMPL24), body)
    moved = 1.1 * sequence.keypoints_m + np.linspace(0.0, 3.0, len(sequence))[:, None, None]
    larger = type(sequence)(moved.astype(np.float32), 25.0, SMPL24, source="larger")
    found = evaluate_clip(Knows(clip.pose_rotmat), body, larger)
    assert found.scale == pytest.approx(1.1, abs=1e-4)
    assert found.error_m.max() < 1e-4


def test_facing_is_told_by_left_and_right(clip: KnownClip, body: BodyModel) -> None:
    points = seen_through(clip, markers_for(SMPL24), body).keypoints_m
    turned = points * [-1.0, 1.0, -1.0]
    np.testing.assert_array_equal(faces_backward(turned, SMPL24), ~faces_backward(points, SMPL24))


def errors(name: str, error_mm: np.ndarray, **known: np.ndarray) -> ClipErrors:
    """Of the facings forward, backward, forward, ..."""
    points = np.zeros((*error_mm.shape, 3), np.float32)
    backward = np.arange(len(error_mm)) % 2 == 1
    return ClipErrors(name, 1.25, (error_mm / 1000.0).astype(np.float32), backward, points, points, **known)


def test_a_summary_is_that_of_a_hand_calculation() -> None:
    """Frame f of clip a has an error of f + 1 mm, that of clip b 10 mm everywhere but for point 3."""
    a = np.repeat(np.arange(1.0, 5.0)[:, None], 24, axis=1)
    b = np.full((2, 24), 10.0)
    b[1, 3] = 34.0
    known = {"rotation_deg": np.full((4, 24), 3.0, np.float32), "vertex_m": np.arange(4.0, dtype=np.float32) / 1000.0}
    known["rotation_deg"][1::2] = 5.0
    table = summarise([errors("a", a, **known), errors("b", b)], SMPL24)
    assert (table["clips"], table["frames"]) == (2, 6)
    assert table["mean_mm"] == pytest.approx((1 + 2 + 3 + 4 + 10 + 11) / 6, abs=0.01)
    assert table["median_frame_mm"] == 3.5
    assert table["p95_frame_mm"] == 10.75  # between 10 and 11 at 4.75 of 0 to 5
    assert table["worst_frame_mm"] == 11.0
    assert table["forward"] == {"frames": 3, "mean_mm": pytest.approx((1 + 3 + 10) / 3, abs=0.01)}
    assert table["backward"] == {"frames": 3, "mean_mm": pytest.approx((2 + 4 + 11) / 3, abs=0.01)}
    assert table["by_point_mm"][SMPL24.keypoints[2]] == pytest.approx(5.0, abs=0.01)
    assert table["by_point_mm"][SMPL24.keypoints[3]] == pytest.approx(9.0, abs=0.01)
    assert "rotation_deg" not in table  # clip b's rotations are unknown
    assert "rotation_deg" not in table["by_clip"]["b"]
    assert table["by_clip"]["a"]["rotation_deg"] == 4.0
    assert table["by_clip"]["a"]["pve_mm"] == 1.5
    alone = {key: table["by_clip"]["b"][key] for key in ("frames", "mean_mm", "worst_frame", "worst_frame_mm", "scale")}
    assert alone == {"frames": 2, "mean_mm": 10.5, "worst_frame": 1, "worst_frame_mm": 11.0, "scale": 1.25}
    assert table["by_clip"]["b"]["p95_frame_mm"] == 10.95
    table = summarise([errors("a", a, **known)], SMPL24)
    assert (table["rotation_deg"], table["pve_mm"]) == (4.0, 1.5)
    assert table["forward"] == {"frames": 2, "mean_mm": 2.0, "rotation_deg": 3.0, "pve_mm": 1.0}
    assert table["backward"] == {"frames": 2, "mean_mm": 3.0, "rotation_deg": 5.0, "pve_mm": 2.0}
    table = summarise(
        [errors("a", a[:1], rotation_deg=known["rotation_deg"][:1], vertex_m=known["vertex_m"][:1])], SMPL24
    )
    assert table["backward"] == {"frames": 0, "mean_mm": None, "rotation_deg": None, "pve_mm": None}


def test_the_verb_writes_tables_and_pictures(run_python, root, tmp_path) -> None:
    told = run_python(
        "-m", "dancepose.cli.main", "evaluate", "--motion", root / "examples" / "waltz", "--out", tmp_path, timeout=240
    )
    assert told.returncode == 0, told.stderr
    table = json.loads((tmp_path / "recorded.json").read_text(encoding="utf-8"))
    assert table["frames"] == 357
    assert 0.0 < table["mean_mm"] < 30.0
    assert set(table["by_clip"]) == {"waltz"}
    for name in ("recorded-errors.png", "recorded-frames.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_nothing_to_measure_on_is_usage(run_python) -> None:
    told = run_python("-m", "dancepose.cli.main", "evaluate")
    assert told.returncode == 2
    assert "--motion" in told.stderr
