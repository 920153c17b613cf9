# SPDX-License-Identifier: Apache-2.0
"""A motion of SMPL parameters as a character follows it."""

from typing import Final

import numpy as np

from ..body.hands import relaxed_hands
from ..body.model import JOINT_INDEX, BodyModel
from ..body.model_io import load_body
from ..body.motion import BodyMotion
from ..fit.floor.contacts import Ground, find_contacts, find_soles, ground
from .finger_transfer import SourceHands
from .transfer import SourceMotion

STILL: Final = 1e-6
"""Fingers whose rotations change by less over a clip do not move."""


def source_motion(motion: BodyMotion, body: BodyModel, *, floor_m: float | None = None) -> SourceMotion:
    """Return a motion as a character follows it, with its contacts and its fingers.

    Fingers that the motion does not hold are relaxed, as on the default body.

    Args:
        motion: The motion.
        body: Its body.
        floor_m: Height of the floor, metres; None to find it.

    Returns:
        The motion.
    """
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    soles = find_soles(body, motion.pose_rotmat, motion.translation_m, scale=motion.scale, betas=motion.betas)
    if floor_m is None:
        contacts = ground(soles, fps=motion.fps)
    else:
        contacts = Ground(floor_m, find_contacts(soles, floor_m, fps=motion.fps))
    lowest = motion.scale * float(body.rest_vertices(motion.betas)[:, 1].min())
    ankles = rest[[JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]], 1].mean()
    return SourceMotion(
        rest_joints_m=rest.astype(np.float64),
        pose_rotmat=motion.pose_rotmat.astype(np.float64),
        translation_m=motion.translation_m.astype(np.float64),
        ankle_m=float(ankles) - lowest,
        ground=contacts,
        fps=motion.fps,
        hands=_hands(motion, body),
    )


def _hands(motion: BodyMotion, body: BodyModel) -> SourceHands | None:
    """Return the fingers of a motion, one frame where they do not move; None where no body with fingers is known."""
    detailed = body.full if body.full.tree.has_fingers else load_body().full
    if not detailed.tree.has_fingers:
        return None
    betas = motion.betas if detailed is body.full else np.zeros(0, np.float32)
    rest = detailed.rest_joints(betas)[detailed.tree.first_finger :]
    fingers = relaxed_hands(len(motion), motion.pose_rotmat) if motion.hands_rotmat is None else motion.hands_rotmat
    if np.ptp(fingers, axis=0).max(initial=0.0) < STILL:
        fingers = fingers[:1]
    return SourceHands(rest.astype(np.float64), fingers.astype(np.float64))
