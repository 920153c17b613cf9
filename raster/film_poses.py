# SPDX-License-Identifier: Apache-2.0
"""Vertices of a motion at the times of a film's frames."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.hands import parts_of_pose
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import continuous_quat, quat_to_rotmat, rotmat_to_quat


def motion_at(motion: BodyMotion, times_s: F64) -> BodyMotion:
    """Return a motion at other times, interpolated as Blender interpolates its keys.

    Quaternions and translations are interpolated linearly. Before the first key and after the last, the pose is held.

    Args:
        motion: The motion.
        times_s: (N,), seconds since its first frame.

    Returns:
        The motion with N frames. ``fps`` is kept.
    """
    place = np.clip(np.asarray(times_s, np.float64) * motion.fps, 0.0, len(motion) - 1)
    before = np.floor(place + 1e-9).astype(np.intp)
    after = np.minimum(before + 1, len(motion) - 1)
    share = np.clip(place - before, 0.0, 1.0)
    used = np.unique(np.concatenate([before, after]))
    whole = motion.pose_in(motion.tree)
    quats = continuous_quat(rotmat_to_quat(whole[used[0] : used[-1] + 1].astype(np.float64)))
    first, second = quats[before - used[0]], quats[after - used[0]]
    mixed = first + (second - first) * share[:, None, None]
    mixed /= np.linalg.norm(mixed, axis=-1, keepdims=True)
    trans = motion.translation_m.astype(np.float64)
    moved = trans[before] + (trans[after] - trans[before]) * share[:, None]
    pose, hands, face = parts_of_pose(quat_to_rotmat(mixed).astype(np.float32), motion.tree)
    return replace(
        motion,
        pose_rotmat=pose,
        translation_m=moved.astype(np.float32),
        hands_rotmat=hands,
        face_rotmat=face,
        expression=None,
    )


def posed_vertices(body: BodyModel, motion: BodyMotion, *, batch: int = 16) -> Iterator[F32]:
    """Yield the vertices of each frame of a motion, (V, 3) metres, SMPL's axes.

    Args:
        body: The body.
        motion: Its motion, at the times of the frames.
        batch: Frames that are posed at a time.
    """
    shown = body.shown
    for first in range(0, len(motion), batch):
        part = motion.part(slice(first, first + batch))
        vertices = skin(
            shown,
            part.pose_in(shown.tree),
            betas=motion.betas,
            translation_m=part.translation_m,
            scale=motion.scale,
            batch=batch,
        )
        assert vertices is not None
        yield from vertices
