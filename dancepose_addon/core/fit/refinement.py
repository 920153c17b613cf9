# SPDX-License-Identifier: Apache-2.0
"""From the regressor's poses to poses that meet the points."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32, Indices
from ..body.model import BodyModel
from ..progress import Progress, part_of, silent
from ..skeleton.markers import keypoints_from_pose
from .evaluation.metrics import per_point_error_m
from .intervals import nearest_seen
from .placement import mean_offset
from .pose.analytic_ik import SeenJoints, open_ends, seen_joints, swing
from .pose.joint_limits import hold_forearms
from .pose.levenberg_marquardt import refine
from .pose.pose_problem import RefineSettings
from .pose.temporal_coupling import refine_coupled
from .pose.twist import TwistModel
from .shape.from_lengths import Shape
from .stages import FitState
from .temporal.gap_filling import blind_joints, bridge_corrections, carry_corrections, undo_flips
from .temporal.preprocessing import Prepared

STILL_POINTS_M: Final = 0.002
"""Up to this noise bones are rotated exactly onto visible joints; beyond, the points are evidence only."""
REACHED_M: Final = 0.001
"""Frames whose points are met within this need no refinement."""
LOST_WEIGHT: Final = np.float32(3e-4)
"""Of the bridged points of a frame in which no point is seen."""
FEW_FRAMES: Final = 0.2
"""Up to this share of unfinished frames is refined independently, with STEPS_ALONE steps."""
STEPS_ALONE: Final = 6
MENDED_NOISE_M: Final = 0.02
STEPS_MENDED: Final = 3
"""Noise scale and steps where flips were undone: the points have little weight against the corrected rotations."""
LEVELS: Final = ((16, 12), (4, 2), (1, 1))
"""Levels of the refinement: frame stride, and steps as a multiple of the settings' steps."""
COUPLED_STEPS: Final = {4: 5, 1: 2}
"""Steps of the coupled least squares by stride, as a multiple of the settings' steps."""
STEPS_SEEDED: Final = 5
"""Steps on the first level if its frames are already solved."""
STEADY_M: Final = 0.002
"""Frames with a larger mean error get a temporal smoothing step; also its noise scale (metres per SPREAD_RAD)."""


@dataclass(frozen=True)
class Seeds:
    """Frames that are already solved.

    Attributes:
        frames: (S,), increasing.
        pose: (S, 24, 3, 3).
    """

    frames: NDArray[np.intp]
    pose: F32


def start(shape: Shape, body: BodyModel, pose: F32, prepared: Prepared) -> FitState:
    """Return a pose with the translations that bring it nearest to the points."""
    posed = keypoints_from_pose(shape.sized_markers(), shape.rest_joints(body), pose)
    return FitState(shape, pose, mean_offset(posed, prepared.points_m, prepared.confidence))


def refine_to_keypoints(  # noqa: PLR0913 (the arrays of one problem)
    fitted: FitState,
    body: BodyModel,
    reference: F32,
    prepared: Prepared,
    settings: RefineSettings,
    *,
    fps: float,
    twist: TwistModel | None = None,
    seeds: Seeds | None = None,
    progress: Progress = silent,
) -> FitState:
    """Turn bones onto the joints that are seen, refine frames that do not meet their points, and fill gaps.

    Args:
        fitted: Poses and places to start from.
        body: The body.
        reference: (T, 24, 3, 3), the regressor's rotations.
        prepared: The points.
        settings: Of the least squares.
        fps: Frames per second.
        twist: Decides how bones are turned about themselves where joints are seen; None keeps the regressor's twist.
        seeds: Frames that are solved already.
        progress: Called with the share done.
    """
    shape = fitted.shape
    rest_joints, markers, seen = shape.rest_joints(body), shape.sized_markers(), seen_joints(shape.markers)
    if seen.any_bone and prepared.noise_m < STILL_POINTS_M:
        pose, translation = swing(
            rest_joints,
            fitted.pose,
            fitted.translation,
            prepared.points_m,
            seen,
            prepared.seen,
            twist=twist,
            ends=open_ends(markers),
        )
        fitted = replace(fitted, pose=pose, translation=translation)
        if decided(seen, prepared, twist):
            # Every rotation is that of the twist model: the regressor's have no part in it.
            reference = pose
    distance = per_point_error_m(fitted.keypoints(body), prepared.points_m)
    distance[~prepared.seen] = 0.0
    far = np.flatnonzero(distance.max(axis=1) > REACHED_M)
    if not len(far) and decided(seen, prepared, twist):
        return _held(fitted, body, prepared, fps)
    chosen = replace(settings, noise_m=max(settings.noise_m, prepared.noise_m))
    if len(far) > FEW_FRAMES * len(distance):
        fitted = _coarse_to_fine(fitted, body, reference, prepared, chosen, seeds, fps, progress)
    elif len(far):
        fitted = _refined_at(far, fitted, body, reference, prepared, replace(chosen, steps=STEPS_ALONE), progress)
    if prepared.gaps:
        pose = bridge_corrections(fitted.pose, reference, blind_joints(markers, prepared.seen))
        fitted = _through_lost_frames(replace(fitted, pose=pose), body, prepared, chosen, progress)
    fitted = _mended(fitted, body, reference, prepared, chosen, fps=fps, progress=progress)
    return _held(fitted, body, prepared, fps)


def _through_lost_frames(
    fitted: FitState, body: BodyModel, prepared: Prepared, settings: RefineSettings, progress: Progress
) -> FitState:
    """Draw frames without any seen point towards the bridges of their points, which are curves.

    Rotations between two frames are interpolated at a constant speed. Measured by `benchmarks.lost_frames`: with more
    weight joints are no nearer, and bones that bridges shorten turn collars aside.
    """
    lost = ~prepared.seen.any(axis=1)
    if not lost.any():
        return fitted
    confidence = np.where(lost[:, None], LOST_WEIGHT, prepared.confidence)
    towards = replace(prepared, confidence=confidence)
    chosen = replace(settings, steps=STEPS_ALONE)
    return _refined_at(np.flatnonzero(lost), fitted, body, fitted.pose, towards, chosen, progress)


def decided(seen: SeenJoints, prepared: Prepared, twist: TwistModel | None) -> bool:
    """Tell whether the analytic inverse kinematics and the twist model determine every rotation.

    Args:
        seen: Joints that the layout shows.
        prepared: The points.
        twist: The twist model; None where the regressor's twist is kept.
    """
    return twist is not None and seen.whole_trunk and not prepared.gaps and prepared.noise_m < STILL_POINTS_M


def _held(fitted: FitState, body: BodyModel, prepared: Prepared, fps: float) -> FitState:
    """Keep forearms within their limits.

    If the points do not meet the body, implausible rotations between two frames that result from this are interpolated.
    """
    rest_joints = fitted.shape.rest_joints(body)
    pose = hold_forearms(fitted.pose, rest_joints)
    if np.array_equal(pose, fitted.pose) or not _is_loose(np.arange(len(pose)), fitted, body, prepared):
        return replace(fitted, pose=pose)
    still = np.broadcast_to(np.eye(3, dtype=np.float32), pose.shape)
    return replace(fitted, pose=hold_forearms(undo_flips(pose, still, fps=fps), rest_joints))


def _mended(
    fitted: FitState,
    body: BodyModel,
    reference: F32,
    prepared: Prepared,
    settings: RefineSettings,
    *,
    fps: float,
    progress: Progress,
) -> FitState:
    """Undo implausible flips, then refit the other joints of those frames with the corrected ones nearly fixed."""
    pose = undo_flips(fitted.pose, reference, fps=fps)
    frames = np.flatnonzero((pose != fitted.pose).any(axis=(1, 2, 3)))
    if not len(frames):
        return fitted
    held = replace(settings, noise_m=max(settings.noise_m, MENDED_NOISE_M), steps=STEPS_MENDED)
    met = _refined_at(frames, replace(fitted, pose=pose), body, pose, prepared, held, progress)
    return replace(met, pose=undo_flips(met.pose, reference, fps=fps))


def _coarse_to_fine(
    fitted: FitState,
    body: BodyModel,
    reference: F32,
    prepared: Prepared,
    settings: RefineSettings,
    seeds: Seeds | None,
    fps: float,
    progress: Progress,
) -> FitState:
    """Refine few frames with many steps, then more frames with fewer steps.

    Each level starts from the corrections of the previous one. This converges faster than refining frames
    independently, and neighbouring frames agree.
    """
    count, solved, pose = len(reference), None, fitted.pose.copy()
    if seeds is not None:
        solved, pose[seeds.frames] = seeds.frames, seeds.pose
    levels = [(every, steps) for every, steps in LEVELS if every == 1 or count > 2 * every]
    coupled = False
    for index, (every, steps) in enumerate(levels):
        frames = np.unique(np.append(np.arange(0, count, every), count - 1))
        if every > 1:
            frames = nearest_seen(frames, prepared.seen.any(axis=1))
        if solved is not None:
            # Coupled poses are continuous, which the regressor's need not be.
            way = np.broadcast_to(np.eye(3, dtype=np.float32), reference.shape) if coupled else reference
            new = np.setdiff1d(frames, solved)
            pose[new] = carry_corrections(pose[solved], solved, way, new)
        steps = STEPS_SEEDED if seeds is not None and index == 0 and len(levels) > 1 else steps
        inner = part_of(progress, index / (1 + len(levels)), (1 + index) / (1 + len(levels)))
        fitted = replace(fitted, pose=pose)
        if not coupled:
            chosen = replace(settings, steps=steps * settings.steps)
            fitted = _refined_at(frames, fitted, body, reference, prepared, chosen, inner)
        if every in COUPLED_STEPS and (coupled or _is_loose(frames, fitted, body, prepared)):
            chosen = replace(settings, steps=COUPLED_STEPS[every] * settings.steps)
            fitted = _coupled_at(frames, fitted, body, reference, prepared, chosen, fps / every)
            coupled = True
        solved, pose = frames, fitted.pose
    if coupled or prepared.noise_m >= STILL_POINTS_M:
        return fitted
    return _steadied(fitted, body, prepared, settings, part_of(progress, len(levels) / (1 + len(levels)), 1.0))


def _is_loose(frames: Indices, fitted: FitState, body: BodyModel, prepared: Prepared) -> bool:
    """Tell whether points are markers that the body does not meet, so that independent frames change between branches.

    Visible joints leave only twist undetermined, which the analytic inverse kinematics decides.
    """
    if seen_joints(fitted.shape.markers).whole_trunk:
        return False
    markers, rest_joints = fitted.shape.sized_markers(), fitted.shape.rest_joints(body)
    posed = keypoints_from_pose(markers, rest_joints, fitted.pose[frames], fitted.translation[frames])
    apart, seen = per_point_error_m(posed, prepared.points_m[frames]), prepared.seen[frames]
    return bool(seen.any() and apart[seen].mean() > STEADY_M)


def _steadied(
    fitted: FitState, body: BodyModel, prepared: Prepared, settings: RefineSettings, progress: Progress
) -> FitState:
    """Apply a last step to frames that do not meet their points.

    What the points hardly determine, such as the twist of an arm, is better predicted by neighbouring frames than by a
    regressor that may be far off.
    """
    apart = np.where(prepared.seen, per_point_error_m(fitted.keypoints(body), prepared.points_m), 0.0)
    frames = np.flatnonzero(apart.sum(axis=1) > STEADY_M * prepared.seen.sum(axis=1))
    held = replace(settings, noise_m=max(settings.noise_m, STEADY_M))
    return _refined_at(frames, fitted, body, _between_neighbours(fitted.pose), prepared, held, progress)


def _coupled_at(
    frames: Indices,
    fitted: FitState,
    body: BodyModel,
    reference: F32,
    prepared: Prepared,
    settings: RefineSettings,
    fps: float,
) -> FitState:
    """Refine some frames together, coupled to their neighbours among them.

    ``fps`` is the rate of these frames.
    """
    markers, rest_joints = fitted.shape.sized_markers(), fitted.shape.rest_joints(body)
    pose, translation = fitted.pose.copy(), fitted.translation.copy()
    target, confidence = prepared.points_m[frames], prepared.confidence[frames]
    offset = mean_offset(keypoints_from_pose(markers, rest_joints, pose[frames]), target, confidence)
    pose[frames], translation[frames] = refine_coupled(
        markers, rest_joints, reference[frames], pose[frames], offset, target, confidence, settings, fps=fps
    )  # fmt: skip
    return replace(fitted, pose=pose, translation=translation)


def _between_neighbours(pose_rotmat: F32) -> F32:
    """Return the mean of each frame and its neighbours, (T, 24, 3, 3).

    It is nearly a rotation; the prior uses only its direction.
    """
    padded = np.concatenate([pose_rotmat[:1], pose_rotmat, pose_rotmat[-1:]])
    return np.float32(0.5) * pose_rotmat + np.float32(0.25) * (padded[:-2] + padded[2:])


def _refined_at(
    frames: NDArray[np.intp],
    fitted: FitState,
    body: BodyModel,
    reference: F32,
    prepared: Prepared,
    settings: RefineSettings,
    progress: Progress,
) -> FitState:
    """Refine some frames independently, each from its current pose."""
    markers, rest_joints = fitted.shape.sized_markers(), fitted.shape.rest_joints(body)
    pose, translation = fitted.pose.copy(), fitted.translation.copy()
    target, confidence = prepared.points_m[frames], prepared.confidence[frames]
    offset = mean_offset(keypoints_from_pose(markers, rest_joints, pose[frames]), target, confidence)
    pose[frames], translation[frames] = refine(
        markers,
        rest_joints,
        reference[frames],
        offset,
        target,
        start_rotmat=pose[frames],
        confidence=confidence,
        settings=settings,
        progress=progress,
    )
    return replace(fitted, pose=pose, translation=translation)
