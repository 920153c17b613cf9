# SPDX-License-Identifier: Apache-2.0
"""Vertices of a motion at the times of a film's frames."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.hands import parts_of_pose
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import continuous_quat, quat_to_rotmat, rotmat_to_quat

BLOCK_FRAMES: Final = 8


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


def posed_frames(
    body: BodyModel, motion: BodyMotion, frames: Sequence[int], *, fps: float, start_s: float = 0.0
) -> Iterator[F32]:
    """Yield the vertices of frames of a film, (V, 3) metres, SMPL's axes.

    A frame is posed together with its whole block of frames, numbered from the start of the film, so that its last bits
    do not depend on which other frames are wanted: BLAS adds in another order for another number of rows.

    Args:
        body: The body.
        motion: Its motion.
        frames: Numbers of the frames, ascending.
        fps: Frames per second of the film.
        start_s: Time of the motion at which the film starts, seconds.
    """
    for block, wanted in groupby(frames, key=lambda frame: frame // BLOCK_FRAMES):
        whole = np.arange(block * BLOCK_FRAMES, (block + 1) * BLOCK_FRAMES)
        vertices = list(posed_vertices(body, motion_at(motion, start_s + whole / fps), batch=BLOCK_FRAMES))
        for frame in wanted:
            yield vertices[frame % BLOCK_FRAMES]
