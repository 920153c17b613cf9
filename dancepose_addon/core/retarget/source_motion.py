# SPDX-License-Identifier: Apache-2.0
"""A motion of SMPL parameters as a character follows it."""

import numpy as np

from ..body.model import JOINT_INDEX, BodyModel
from ..body.motion import BodyMotion
from ..fit.floor.contacts import Ground, find_contacts, find_soles, ground
from .transfer import SourceMotion


def source_motion(motion: BodyMotion, body: BodyModel, *, floor_m: float | None = None) -> SourceMotion:
    """Return a motion as a character follows it, with its contacts.

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
    )
