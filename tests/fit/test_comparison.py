# SPDX-License-Identifier: Apache-2.0
"""Two motions held against each other, where every figure can be worked out by hand."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.evaluation.comparison import compare_motions

from .known import flowing_pose

FRAMES = 30


def motion(pose: np.ndarray, place: np.ndarray | None = None, *, scale: float = 1.0, fps: float = 25.0) -> BodyMotion:
    where = np.zeros((len(pose), 3), np.float32) if place is None else place.astype(np.float32)
    return BodyMotion(pose, where, np.zeros(10, np.float32), scale, fps)


@pytest.fixture(scope="module")
def pose() -> np.ndarray:
    return flowing_pose(0, FRAMES)


def test_a_motion_is_itself(pose: np.ndarray, body: BodyModel) -> None:
    table = compare_motions(motion(pose), motion(pose), body)
    assert all(value == pytest.approx(0.0, abs=1e-3) for value in table["between"].values())
    assert table["each"]["A"] == table["each"]["B"]
    assert table["frames"] == FRAMES
    assert table["notices"] == []
    json.dumps(table, allow_nan=False)


def test_a_shift_moves_points_and_nothing_else(pose: np.ndarray, body: BodyModel) -> None:
    shift = np.tile([0.003, 0.0, 0.004], (FRAMES, 1))
    between = compare_motions(motion(pose), motion(pose, shift), body)["between"]
    assert between["mpjpe_mm"] == pytest.approx(5.0, abs=1e-3)
    assert between["pve_mm"] == pytest.approx(5.0, abs=1e-3)
    for name in ("pa_mpjpe_mm", "local_rotation_error_deg", "acceleration_error_mm_per_frame2"):
        assert between[name] == pytest.approx(0.0, abs=2e-3)


def test_speed_and_jerk(pose: np.ndarray, body: BodyModel) -> None:
    time = np.arange(FRAMES)
    for power, name, expected in (
        (2, "acceleration_error_mm_per_frame2", 2.0), (3, "jerk_error_mm_per_frame3", 6.0),
    ):  # fmt: skip
        path = 0.0001 * time[:, None] ** power * np.array([1.0, 0.0, 0.0])
        between = compare_motions(motion(pose), motion(pose, path), body)["between"]
        assert between[name] == pytest.approx(0.1 * expected, rel=0.02)


def test_one_turned_joint(pose: np.ndarray, body: BodyModel) -> None:
    """Turned by 12 degrees the pelvis turns one local rotation of 24 and all global ones; a wrist one and two."""
    turn = Rotation.from_rotvec([0.0, np.radians(12), 0.0]).as_matrix().astype(np.float32)
    for joint, below in ((0, 24), (20, 2)):
        other = pose.copy()
        other[:, joint] = other[:, joint] @ turn
        between = compare_motions(motion(pose), motion(other), body)["between"]
        assert between["local_rotation_error_deg"] == pytest.approx(12.0 / 24, abs=0.02)
        assert between["global_rotation_error_deg"] == pytest.approx(12.0 * below / 24, abs=0.05)


def test_size_is_left_to_pa_mpjpe(pose: np.ndarray, body: BodyModel) -> None:
    between = compare_motions(motion(pose), motion(pose, scale=1.1), body)["between"]
    assert between["mpjpe_mm"] > 20.0
    assert between["pa_mpjpe_mm"] == pytest.approx(0.0, abs=5e-3)


def test_feet_of_each(body: BodyModel) -> None:
    """A T-pose 4 cm over the floor, and one 3 cm in it that slides: both known from its lowest vertex."""
    still = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 24, 3, 3)).copy()
    sole = -float(body.v_template_m[:, 1].min())
    high, low = np.zeros((2, FRAMES, 3))
    high[:, 1], low[:, 1] = sole + 0.04, sole - 0.03
    low[:, 0] = 0.2 / 25.0 * np.arange(FRAMES)
    each = compare_motions(motion(still, high), motion(still, low), body)["each"]
    assert each["A"]["floating_mm"] == pytest.approx(40.0, abs=0.5)
    assert each["A"]["penetration_mm"] == 0.0
    assert each["B"]["penetration_mm"] == pytest.approx(30.0, abs=0.5)
    assert each["A"]["standing_slide_mm_per_s"] == 0.0
    assert each["B"]["standing_slide_mm_per_s"] == pytest.approx(200.0, rel=0.01)
    assert each["B"]["skating_ratio"] == 0.0  # 0.2 m/s is slower than what GMD counts
    low[:, 0] *= 4.0
    fast = compare_motions(motion(still, high), motion(still, low), body)["each"]["B"]
    assert fast["skating_ratio"] == pytest.approx(1.0)


def test_the_lower_foot_counts(body: BodyModel) -> None:
    """One knee is bent by 90 degrees: the foot that stays down decides how high the motion floats."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 24, 3, 3)).copy()
    pose[:, JOINT_INDEX["left_knee"]] = Rotation.from_rotvec([np.pi / 2, 0.0, 0.0]).as_matrix()
    height = np.zeros((FRAMES, 3))
    height[:, 1] = 0.04 - float(body.v_template_m[:, 1].min())
    each = compare_motions(motion(pose, height), motion(pose, height - [0.0, 0.07, 0.0]), body)["each"]
    assert each["A"]["floating_mm"] == pytest.approx(40.0, abs=2.0)
    assert each["A"]["penetration_mm"] == 0.0
    assert each["B"]["penetration_mm"] == pytest.approx(30.0, abs=2.0)


def test_lengths_and_rates(pose: np.ndarray, body: BodyModel) -> None:
    table = compare_motions(motion(pose), motion(pose[:20]), body)
    assert table["frames"] == 20
    assert table["notices"] == ["They have 30 and 20 frames: the first 20 are compared."]
    with pytest.raises(InputError, match="run at 25 and 30 fps"):
        compare_motions(motion(pose), motion(pose, fps=30.0), body)
    assert "jerk_error_mm_per_frame3" not in compare_motions(motion(pose[:2]), motion(pose[:2]), body)["between"]
