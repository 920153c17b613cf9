"""What the fit is measured on, and how: known motion of CMU's recordings, music & dance, noise, odd orientations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import time

import numpy as np

from benchmarks.known_motion import KnownMotion
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import geodesic_angle, rotvec_to_rotmat
from dancepose_addon.core.fit.evaluation.metrics import acceleration_error_mm, mpjpe_mm
from dancepose_addon.core.fit.pipeline import FitResult, fit
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence

VERTEX_STEP = 8
"""Every so many vertices count for PVE."""


@dataclass(frozen=True)
class Score:
    """Of one method on one set. flips: joints that turn more than 60 degrees between frames where the truth does not;
    frames_per_s: per core, by processor time."""

    mpjpe_mm: float
    rotation_deg: float
    pve_mm: float
    acceleration_mm: float
    flips: int
    frames_per_s: float


def score(truth: BodyMotion, motion: BodyMotion, body: BodyModel) -> tuple[float, float, float, float, int]:
    """A fitted motion against the truth, where both stand in the same place."""
    joints = [_joints(m, body) for m in (truth, motion)]
    angle = np.degrees(geodesic_angle(motion.pose_rotmat, truth.pose_rotmat))
    vertices = [_vertices(m, body) for m in (truth, motion)]
    turns = [np.degrees(geodesic_angle(m.pose_rotmat[:-1], m.pose_rotmat[1:])) for m in (truth, motion)]
    return (
        mpjpe_mm(*joints),
        float(angle.mean()),
        mpjpe_mm(*vertices),
        acceleration_error_mm(*joints),
        int(((turns[1] > 60.0) & (turns[0] <= 60.0)).sum()),
    )


def _joints(motion: BodyMotion, body: BodyModel) -> F32:
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    return forward_kinematics(rest, motion.pose_rotmat, motion.translation_m)[1]


def _vertices(motion: BodyMotion, body: BodyModel) -> F32:
    chosen = np.arange(0, len(body.v_template_m), VERTEX_STEP)
    found = skin(
        body,
        motion.pose_rotmat,
        betas=motion.betas,
        translation_m=motion.translation_m,
        scale=motion.scale,
        vertices=chosen,
    )
    assert found is not None
    return found


def measure(
    clips: Sequence[KnownMotion],
    layout: Layout,
    regressor: PoseRegressor,
    body: BodyModel,
    settings: FitSettings,
    *,
    spoil: Callable[[KeypointSequence, int], KeypointSequence] | None = None,
) -> Score:
    """The fit on key-points seen of known motion. spoil: what happens to a clip's points, given its number."""
    rows, frames, seconds = [], [], 0.0
    for number, clip in enumerate(clips):
        seen = clip.seen(layout, body)
        shown = spoil(seen, number) if spoil else seen
        clock = time.process_time()
        result = fit(shown, regressor=regressor, body=body, settings=settings)
        seconds += time.process_time() - clock
        rows.append(score(clip.motion, back_in_place(result, shown), body))
        frames.append(len(seen))
    return average(rows, frames, seconds)


def average(rows: Sequence[tuple[float, float, float, float, int]], frames: Sequence[int], seconds: float) -> Score:
    """Means over frames; flips are counted."""
    table, weight = np.array(rows), np.array(frames) / sum(frames)
    mpjpe, rotation, pve, acceleration = weight @ table[:, :4]
    return Score(mpjpe, rotation, pve, acceleration, int(table[:, 4].sum()), sum(frames) / max(seconds, 1e-9))


def back_in_place(result: FitResult, shown: KeypointSequence) -> BodyMotion:
    """The motion without the lowering onto the floor, which the truth has not had."""
    raised = np.nanmean(shown.keypoints_m - result.keypoints_m, axis=1)
    return replace(result.motion, translation_m=(result.motion.translation_m + raised).astype(np.float32))


def dirty(sequence: KeypointSequence, number: int) -> KeypointSequence:
    """20 mm of Gaussian noise on every coordinate, 10 % of the points missing in stretches of up to ten frames, and in
    5 % of the frames one point thrown half a metre off."""
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
    clips: Sequence[KnownMotion], body: BodyModel, rotvec: tuple[float, float, float], spin: float
) -> list[KnownMotion]:
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
        result.append(KnownMotion(clip.name, replace(motion, pose_rotmat=pose, translation_m=at)))
    return result


def noise_of(clips: Sequence[KnownMotion], layout: Layout, body: BodyModel) -> float:
    """Mean distance that the noise of ``dirty`` alone moves a point by, mm."""
    apart = []
    for number, clip in enumerate(clips):
        clean = clip.seen(layout, body)
        apart.append(np.linalg.norm(dirty(clean, number).keypoints_m - clean.keypoints_m, axis=-1).ravel())
    return float(np.nanmean(np.concatenate(apart))) * 1000.0


def posed_points(result: FitResult, body: BodyModel) -> F32:
    """P_3d of a fit, (T, K, 3), metres, on its floor."""
    motion = result.motion
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    return keypoints_from_pose(result.markers, rest, motion.pose_rotmat, motion.translation_m)
