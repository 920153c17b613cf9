# SPDX-License-Identifier: Apache-2.0
"""Clips whose every rotation is known, and a regressor that knows them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.regressor import RegressorInfo
from dancepose_addon.core.skeleton.layouts import SMPL24, Layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.sequence import KeypointSequence


@dataclass(frozen=True)
class KnownPose:
    """A regressor for one clip: it gives back the rotations that the clip was made with, or near ones."""

    pose: F32
    layout: Layout
    body_fingerprint: str
    provider: str = "NumPy"

    @property
    def info(self) -> RegressorInfo:
        """As an ONNX file would say it."""
        training: Mapping[str, object] = {"style": "regressor"}
        markers = markers_for(self.layout)
        return RegressorInfo(self.layout, markers, self.body_fingerprint, "", "", "", "known", training)

    def __call__(self, keypoints_m: F32) -> F32:
        """(T, 24, 3, 3)."""
        assert keypoints_m.shape == (len(self.pose), self.layout.count, 3)
        assert np.isfinite(keypoints_m).all()
        return self.pose


def flowing_pose(seed: int, frames: int, *, angle: float = 0.2, fps: float = 25.0) -> F32:
    """(frames, 24, 3, 3): each joint swings about its own axis, about once a second and by about ``angle``."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / fps
    rate, phase = random.uniform(0.5, 1.3, (1, 24, 1)), random.uniform(0.0, 2.0 * np.pi, (1, 24, 1))
    rotvec = angle * random.normal(size=(1, 24, 3)) * np.sin(2.0 * np.pi * rate * time + phase)
    rotvec[:, [4, 5], 0] = np.abs(rotvec[:, [4, 5], 0]) + 0.1  # knees bend one way
    rotvec[:, [4, 5], 1:] = 0.0
    rotvec[:, 18] = [0.0, -1.0, 0.0] * (np.abs(rotvec[:, 18, 1:2]) + 0.1)  # and so do elbows
    rotvec[:, 19] = [0.0, 1.0, 0.0] * (np.abs(rotvec[:, 19, 1:2]) + 0.1)
    return Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(frames, 24, 3, 3).astype(np.float32)


@dataclass(frozen=True)
class KnownClip:
    """What a fit should find. pose: (T, 24, 3, 3); place_m: (T, 3); betas; scale; sequence: the points to be seen."""

    pose: F32
    place_m: F32
    betas: F32
    scale: float
    sequence: KeypointSequence


def known_clip(
    body: BodyModel, layout: Layout = SMPL24, *, frames: int = 60, seed: int = 4, scale: float = 1.0, betas: float = 0.8
) -> KnownClip:
    """Two seconds and a half of a body of unusual shape, a metre off the ground and wandering."""
    pose = flowing_pose(seed, frames)
    time = np.arange(frames, dtype=np.float32)[:, None] / 25.0
    place = np.array([0.5, 1.0, -1.0], np.float32) + np.array([0.3, 0.0, 0.2], np.float32) * np.sin(2.0 * time)
    shape = (betas * np.random.default_rng(seed + 1).normal(size=body.beta_count)).astype(np.float32)
    rest = body.rest_joints(shape)
    points = keypoints_from_pose(markers_for(layout), rest, pose, place.astype(np.float32), scale=scale)
    return KnownClip(
        pose, place.astype(np.float32), shape, scale, KeypointSequence(points, 25.0, layout, source="a dance")
    )


def turned(clip: KnownClip, body: BodyModel, rotvec: tuple[float, float, float]) -> KnownClip:
    """The whole clip turned about the world's origin, rotations and points alike."""
    turn = Rotation.from_rotvec(rotvec).as_matrix().astype(np.float32)
    pose = clip.pose.copy()
    pose[:, 0] = turn @ pose[:, 0]
    pelvis = np.float32(clip.scale) * body.rest_joints(clip.betas)[0]
    place = (clip.place_m + pelvis) @ turn.T - pelvis
    points = (clip.sequence.keypoints_m @ turn.T).astype(np.float32)
    return replace(
        clip, pose=pose, place_m=place.astype(np.float32), sequence=replace(clip.sequence, keypoints_m=points)
    )
