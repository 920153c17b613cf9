# SPDX-License-Identifier: Apache-2.0
"""A body's motion at another frame rate: rotations along the shortest way, the path of the body band-limited."""

from dataclasses import replace

import numpy as np

from ..arrays import F32
from ..body.motion import BodyMotion
from ..skeleton.resampling import resample_points, resample_rotations


def resample_motion(motion: BodyMotion, to_fps: float) -> BodyMotion:
    """Resample a body's motion in time.

    Args:
        motion: Any.
        to_fps: Frames a second that are wanted.

    Returns:
        The motion at that rate.

    Raises:
        InputError: The rate cannot be made.
    """
    if abs(to_fps / motion.fps - 1.0) < 1e-6:
        return motion
    path = resample_points(motion.translation_m.astype(np.float64), motion.fps, to_fps)

    def resampled(rotmat: F32 | None) -> F32 | None:
        return None if rotmat is None else resample_rotations(rotmat, motion.fps, to_fps).astype(np.float32)

    pose = resample_rotations(motion.pose_rotmat, motion.fps, to_fps)
    expression = motion.expression
    if expression is not None:
        times = np.arange(len(pose)) / to_fps * motion.fps
        known = np.arange(len(motion))
        expression = np.stack([np.interp(times, known, column) for column in expression.T], axis=1).astype(np.float32)
    return replace(
        motion,
        pose_rotmat=pose.astype(np.float32),
        translation_m=path.astype(np.float32),
        fps=float(to_fps),
        hands_rotmat=resampled(motion.hands_rotmat),
        face_rotmat=resampled(motion.face_rotmat),
        expression=expression,
    )
