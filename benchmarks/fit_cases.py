# SPDX-License-Identifier: Apache-2.0
"""What the fit is measured on, and how: real clips, noise, odd orientations."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
import time

import numpy as np

from benchmarks.fit_scores import Score, mean_score, score
from benchmarks.kept_results import KeptResults
from benchmarks.real_clips import RealClip
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.pipeline import FitResult, fit
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layout import Layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence

Method = Callable[[RealClip, BodyModel], BodyMotion]
"""Solves a clip from its points and returns a motion in the clip's own place."""


@dataclass(frozen=True)
class Result:
    """Of one method on some clips.

    Attributes:
        sources: Score of each source, mean over its frames.
        joints_deg: Rotation error of each joint, (24,), mean over sources.
        frames_per_s: Per core, by processor time.
    """

    sources: dict[str, Score]
    joints_deg: F64
    frames_per_s: float

    @property
    def mean(self) -> Score:
        """Mean over sources."""
        return mean_score(list(self.sources.values()), [1.0] * len(self.sources))


def measure(
    clips: Sequence[RealClip], body: BodyModel, method: Method, kept: KeptResults | None = None, name: str = ""
) -> Result:
    """Score a method on clips, source by source.

    Args:
        clips: The clips.
        body: The body.
        method: The method.
        kept: Results of earlier runs, or None.
        name: Identifies the method and its conditions in ``kept``.
    """
    scores: dict[str, list[Score]] = {}
    joints: dict[str, list[F64]] = {}
    frames: dict[str, list[float]] = {}
    seconds = 0.0
    for clip in clips:
        one = partial(_measured, clip, body, method)
        figures, angles, spent = one() if kept is None else kept.get(f"{name}, {clip.name}", one)
        seconds += spent
        scores.setdefault(clip.group, []).append(Score(*figures))
        joints.setdefault(clip.group, []).append(np.array(angles))
        frames.setdefault(clip.group, []).append(float(len(clip.motion)))
    return Result(
        {group: mean_score(found, frames[group]) for group, found in scores.items()},
        np.mean([np.average(joints[group], axis=0, weights=frames[group]) for group in joints], axis=0),
        sum(sum(counts) for counts in frames.values()) / max(seconds, 1e-9),
    )


def _measured(clip: RealClip, body: BodyModel, method: Method) -> tuple[list[float], list[float], float]:
    """Return the figures of a score, the rotation error of each joint in degrees, and seconds of processor time."""
    clock = time.process_time()
    motion = method(clip, body)
    seconds = time.process_time() - clock
    found, angles = score(clip.motion, motion, body)
    return list(astuple(found)), angles.tolist(), seconds


def by_fit(
    layout: Layout,
    regressor: PoseRegressor,
    settings: Callable[[RealClip], FitSettings],
    *,
    spoil: Callable[[KeypointSequence, int], KeypointSequence] | None = None,
) -> Method:
    """The fit as a method. spoil: What happens to a clip's points, given a number for its random errors."""

    def method(clip: RealClip, body: BodyModel) -> BodyMotion:
        shown = clip.seen(layout, body)
        if spoil is not None:
            shown = spoil(shown, len(clip.motion))
        return back_in_place(fit(shown, regressor=regressor, body=body, settings=settings(clip)), shown)

    return method


def back_in_place(result: FitResult, shown: KeypointSequence) -> BodyMotion:
    """Return the motion without the lowering onto the floor, which the truth does not have."""
    raised = np.nanmean(shown.keypoints_m - result.keypoints_m, axis=1)
    return replace(result.motion, translation_m=(result.motion.translation_m + raised).astype(np.float32))


def noisy(sequence: KeypointSequence, number: int) -> KeypointSequence:
    """Add Gaussian noise of 20 mm to every coordinate of a sequence."""
    noise = np.random.default_rng(number).normal(scale=0.02, size=sequence.keypoints_m.shape)
    return replace(sequence, keypoints_m=(sequence.keypoints_m + noise).astype(np.float32))


def dirty(sequence: KeypointSequence, number: int) -> KeypointSequence:
    """Add noise, gaps and outliers to a sequence.

    Gaussian noise of 20 mm on every coordinate, 10 % of the points missing in runs of up to ten frames, and in 5 % of
    the frames one point moved by half a metre.
    """
    random = np.random.default_rng(number)
    points = sequence.keypoints_m + random.normal(scale=0.02, size=sequence.keypoints_m.shape)
    frames, count = points.shape[:2]
    missing = np.zeros((frames, count), bool)
    while missing.mean() < 0.1:
        first, length = random.integers(frames), random.integers(1, 11)
        missing[first : first + length, random.integers(count)] = True
    points[missing] = np.nan
    for frame in np.flatnonzero(random.random(frames) < 0.05):
        away = random.normal(size=3)
        points[frame, random.integers(count)] += 0.5 * away / np.linalg.norm(away)
    return replace(sequence, keypoints_m=points.astype(np.float32))


def turned(
    clips: Sequence[RealClip], body: BodyModel, rotvec: tuple[float, float, float], spin: float
) -> list[RealClip]:
    """The clips turned as a whole about the origin. rotvec: radians; spin: turns a second about the vertical."""
    result = []
    for clip in clips:
        motion = clip.motion
        pelvis = body.rest_joints(motion.betas)[0]
        angle = 2.0 * np.pi * spin * np.arange(len(motion)) / motion.fps
        about = rotvec_to_rotmat(np.stack([0 * angle, angle, 0 * angle], axis=-1).astype(np.float32))
        turn = about @ rotvec_to_rotmat(np.array(rotvec, np.float32))
        pose = motion.pose_rotmat.copy()
        pose[:, 0] = turn @ pose[:, 0]
        at = (turn @ (motion.translation_m + pelvis)[..., None])[..., 0] - pelvis
        result.append(replace(clip, motion=replace(motion, pose_rotmat=pose, translation_m=at)))
    return result


def noise_of(clips: Sequence[RealClip], layout: Layout, body: BodyModel) -> float:
    """Mean distance that the noise of ``dirty`` alone moves a point by, mm."""
    apart = []
    for clip in clips:
        clean = clip.seen(layout, body)
        apart.append(np.linalg.norm(dirty(clean, len(clip.motion)).keypoints_m - clean.keypoints_m, axis=-1).ravel())
    return float(np.nanmean(np.concatenate(apart))) * 1000.0


def posed_points(result: FitResult, body: BodyModel) -> F32:
    """P_3d of a fit, (T, K, 3), metres, on its floor."""
    motion = result.motion
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    return keypoints_from_pose(result.markers, rest, motion.pose_rotmat, motion.translation_m)
