# SPDX-License-Identifier: Apache-2.0
"""Rotations from a file as the result of a fit, with the betas of the file or others."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.rotation_fit import use_rotations

FRAMES, LIFT_M = 20, 0.3
PROVENANCE = {"source": "some.npz", "floor_m": 0.25}


@pytest.fixture(scope="module")
def motion(body: BodyModel) -> BodyMotion:
    """A T-pose of 1.1 times the size whose soles are 0.3 m above the origin, and whose left arm is lowered."""
    pose = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 24, 1, 1))
    pose[:, JOINT_INDEX["left_shoulder"]] = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    place = np.tile(np.float32([0.5, LIFT_M - 1.1 * float(body.v_template_m[:, 1].min()), -0.2]), (FRAMES, 1))
    return BodyMotion(pose, place, np.zeros(body.beta_count, np.float32), 1.1, 25.0, provenance=PROVENANCE)


def leg_m(body: BodyModel, motion: BodyMotion) -> float:
    joints = motion.joints(body)[0]
    hip, knee, ankle = (joints[JOINT_INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))


def lowest_m(body: BodyModel, motion: BodyMotion) -> float:
    points = skin(body, motion.pose_rotmat[:1], betas=motion.betas, translation_m=motion.translation_m[:1],
                  scale=motion.scale)  # fmt: skip
    assert points is not None
    return float(points[..., 1].min())


def test_what_the_file_has_is_kept(body: BodyModel, motion: BodyMotion) -> None:
    fit = use_rotations(motion, body, settings=FitSettings(foot_lock=False))
    np.testing.assert_array_equal(fit.motion.pose_rotmat, motion.pose_rotmat)
    np.testing.assert_array_equal(fit.motion.translation_m, motion.translation_m)
    assert fit.keypoints_m == pytest.approx(motion.joints(body), abs=1e-6)
    assert fit.confidence.min() == 1.0
    assert not fit.error_m.any()
    assert fit.report["floor_m"] == 0.25
    assert (fit.report["source"], fit.report["frames"], fit.report["fps"]) == ("some.npz", FRAMES, 25.0)
    assert (fit.report["error_mm"], fit.report["final_error_mm"]) == ({}, None)
    assert "feet_before_lock" not in fit.report
    assert fit.report["scale"] == 1.1
    assert "feet_before_lock" in use_rotations(motion, body, settings=FitSettings(foot_lock=True)).report


def test_other_betas_keep_the_legs_and_the_floor(body: BodyModel, motion: BodyMotion) -> None:
    fit = use_rotations(motion, body, settings=FitSettings(betas=(2.0, -1.0), foot_lock=False))
    assert fit.motion.betas[:3].tolist() == [2.0, -1.0, 0.0]
    assert fit.report["betas"][:3] == [2.0, -1.0, 0.0]
    assert leg_m(body, fit.motion) == pytest.approx(leg_m(body, motion), rel=1e-3)
    assert fit.motion.scale != pytest.approx(1.1, rel=1e-3)
    assert lowest_m(body, fit.motion) == pytest.approx(LIFT_M, abs=2e-3)
    before, after = motion.joints(body)[0, 0], fit.motion.joints(body)[0, 0]
    assert after[[0, 2]] == pytest.approx(before[[0, 2]], abs=1e-5)
    # The pelvis was lowered by as much as the floor of the report.
    assert fit.report["floor_m"] == pytest.approx(0.25 + before[1] - after[1], abs=1e-5)


def test_betas_of_zero_change_nothing(body: BodyModel, motion: BodyMotion) -> None:
    plain = replace(motion, provenance={})
    fit = use_rotations(plain, body, settings=FitSettings(betas=(0.0,), foot_lock=False))
    assert fit.motion.scale == pytest.approx(1.1)
    assert fit.motion.translation_m == pytest.approx(motion.translation_m, abs=1e-6)
    assert fit.report["floor_m"] == pytest.approx(0.0, abs=1e-6)
