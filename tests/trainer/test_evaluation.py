# SPDX-License-Identifier: Apache-2.0
"""What `dancepose evaluate` tells, against regressors whose errors are known."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.evaluation.regressor_metrics import (
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
