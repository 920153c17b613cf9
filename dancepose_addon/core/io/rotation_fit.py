# SPDX-License-Identifier: Apache-2.0
"""Use SMPL rotations from a file as the result of a fit: no regressor is needed."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import F32
from ..body.model import JOINT_INDEX, BodyModel
from ..body.motion import BodyMotion
from ..fit.evaluation.fit_report import foot_table
from ..fit.floor.contacts import contact_spans, find_soles, ground
from ..fit.floor.foot_lock import lock_feet
from ..fit.pipeline import FitResult
from ..fit.settings import FitSettings, require_settings
from ..skeleton.layouts import SMPL24
from ..skeleton.markers import joint_markers
from .theta import joints_of

LEG = ("left_hip", "left_knee", "left_ankle")


def use_rotations(motion: BodyMotion, body: BodyModel, *, settings: FitSettings = FitSettings()) -> FitResult:
    """Turn a motion that was read from a file into a fit result.

    Args:
        motion: The rotations, on ``body``.
        body: The body that they pose.
        settings: Settings of the fit. ``betas`` and ``foot_lock`` are applied.

    Returns:
        The result. Its keypoints are the joints of the body, so its errors are zero and not reported.

    Raises:
        InputError: A setting is given that applies to keypoints only, or there are more betas than the body has.
    """
    settings.require_for_rotations(str(motion.provenance.get("source", "The source")))
    require_settings(settings, body.beta_count)
    floor_m = float(motion.provenance.get("floor_m", 0.0))
    if settings.betas is not None:
        motion, lowered_m = _with_betas(motion, body, settings.betas)
        floor_m += lowered_m
    soles = find_soles(body, motion.pose_rotmat, motion.translation_m, scale=motion.scale, betas=motion.betas)
    floor = ground(soles, fps=motion.fps)
    feet: dict[str, Any] = {"feet": foot_table(soles, floor, motion.fps)}
    if settings.foot_lock:
        rest_m = np.float32(motion.scale) * body.rest_joints(motion.betas)
        pose = lock_feet(rest_m, motion.pose_rotmat, motion.translation_m, soles, floor, fps=motion.fps)
        motion = replace(motion, pose_rotmat=pose)
        soles = find_soles(body, pose, motion.translation_m, scale=motion.scale, betas=motion.betas)
        feet = {"feet": foot_table(soles, floor, motion.fps), "feet_before_lock": feet["feet"]}
    sequence = joints_of(motion, body)
    report = {key: motion.provenance.get(key) for key in ("source", "layout", "body", "regressor", "provider")}
    report |= {
        "frames": len(motion),
        "fps": motion.fps,
        "duration_s": sequence.duration_s,
        "notices": list(sequence.notes),
        "betas": [round(float(beta), 4) for beta in motion.betas],
        "scale": motion.scale,
        "error_mm": {},
        "final_error_mm": None,
        "floor_m": floor_m,
        "contacts": {side: [list(span) for span in spans] for side, spans in contact_spans(floor).items()},
        "seconds": {},
        **feet,
    }
    shape = sequence.keypoints_m.shape[:2]
    return FitResult(
        motion=motion,
        body=body,
        sequence=sequence,
        keypoints_m=sequence.keypoints_m,
        confidence=np.ones(shape, np.float32),
        error_m=np.zeros(shape, np.float32),
        ground=floor,
        markers=joint_markers(SMPL24).scaled(motion.scale),
        report=report,
    )


def _with_betas(motion: BodyMotion, body: BodyModel, betas: tuple[float, ...]) -> tuple[BodyMotion, float]:
    """Give a motion another shape.

    The body is scaled so that its legs keep their length, since other legs would make feet slide or float; then it is
    put on the floor again.

    Returns:
        The motion, and by how much it was lowered, metres.
    """
    wanted = np.zeros(body.beta_count, np.float32)
    wanted[: len(betas)] = betas
    scale = motion.scale * _leg_length_m(body, motion.betas) / _leg_length_m(body, wanted)
    pelvis_m = motion.translation_m + np.float32(motion.scale) * body.rest_joints(motion.betas)[0]
    before = find_soles(body, motion.pose_rotmat, motion.translation_m, scale=motion.scale, betas=motion.betas)
    translation = (pelvis_m - np.float32(scale) * body.rest_joints(wanted)[0]).astype(np.float32)
    after = find_soles(body, motion.pose_rotmat, translation, scale=scale, betas=wanted)
    lowered_m = ground(after, fps=motion.fps).floor_m - ground(before, fps=motion.fps).floor_m
    translation = translation - np.array([0.0, lowered_m, 0.0], np.float32)
    return replace(motion, translation_m=translation, betas=wanted, scale=float(scale)), float(lowered_m)


def _leg_length_m(body: BodyModel, betas: F32) -> float:
    """Length of hip to knee to ankle of the unscaled body, metres."""
    hip, knee, ankle = (body.rest_joints(betas)[JOINT_INDEX[name]] for name in LEG)
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
