# SPDX-License-Identifier: Apache-2.0
"""The regressor's poses as the reference of a fit: prior of the least squares, and initial poses."""

from typing import Final

import numpy as np

from ..arrays import F32, Indices
from ..body.model import JOINT_COUNT, BodyModel
from ..skeleton.markers import MarkerSet
from .canonical_up import regress_upright
from .pose.analytic_ik import best_turn, open_ends, restyle, seen_joints
from .refinement import STILL_POINTS_M, decided
from .regressor import PoseRegressor, require_rotations, twist_of
from .settings import FitSettings
from .temporal.gap_filling import blind_joints, carry_corrections, steady_reference
from .temporal.preprocessing import Prepared
from .temporal.smoothing import smooth_prepared

LONGEST_HOLD_S: Final = 1.0
"""Longest gap over which joints that are not observed are interpolated."""
SPARSE_STRIDE: Final = 16
PRIOR_STRIDE: Final = 4
"""As of the second level of the refinement (``refinement.LEVELS``)."""
PRIOR_S: Final = 0.16
"""Longest time between regressed frames."""
MOSTLY: Final = 0.9
"""Least weight on a joint of a point that is taken to move rigidly with it."""
LEAST_POINTS: Final = 2
"""Points, with the joint's centre, that determine how two marker tables differ in orientation."""


def reference_poses(
    regressor: PoseRegressor,
    body: BodyModel,
    markers: MarkerSet,
    raw: Prepared,
    prepared: Prepared,
    settings: FitSettings,
    fps: float,
) -> tuple[F32, Indices]:
    """Return the regressor's rotations in the chosen twist style, and the frames that were regressed.

    Where points are noisy or missing they are interpolated. Where analytic inverse kinematics and the twist model will
    determine every rotation, only every SPARSE_STRIDE-th frame is regressed, to report the regressor's error. Where all
    points are markers and are seen without noise, their rotations are the prior of frames that least squares solve, and
    the frames between the PRIOR_STRIDE-th start from those solutions: the prior is interpolated there.

    Args:
        regressor: The regressor.
        body: The body.
        markers: Marker table of the fit.
        raw: The points.
        prepared: The same, or smoothed.
        settings: Settings of the fit.
        fps: Frames per second.

    Returns:
        Local rotations, (T, 24, 3, 3), and the frames that were regressed, (N,); the others are interpolated.

    Raises:
        RegressorError: The regressor gives matrices that are not rotations.
    """
    twist, is_own = twist_of(regressor.info, settings.style)
    count, joints = len(raw.points_m), seen_joints(markers)
    plain = settings.refine and not (settings.smooth or settings.adapt or settings.betas)
    if plain and decided(joints, raw, twist):
        reference, frames = _sparsely(regressor, raw.points_m, SPARSE_STRIDE)
        return _between(reference, frames, count), frames
    noisy = raw.noise_m > STILL_POINTS_M
    # Noisy points are always smoothed for the regressor: its poses are the prior of a refinement, not the result.
    smoothed = noisy and not settings.smooth and settings.refine > 0
    shown = smooth_prepared(raw, fps=fps, strength=1.0) if smoothed else prepared
    restyled = twist is not None and not is_own
    prior_only = settings.refine and restyled and not (raw.gaps or noisy or joints.any_bone)
    stride = max(1, min(PRIOR_STRIDE, round(PRIOR_S * fps))) if prior_only else 1
    reference, frames = _sparsely(regressor, shown.points_m, stride)
    reference = for_table(reference, regressor.info.markers, markers, body.rest_joints())
    if twist is not None and restyled:
        reference = restyle(body.rest_joints(), reference, twist, ends=open_ends(markers))
    if not (raw.gaps or noisy):
        return _between(reference, frames, count), frames
    blind = blind_joints(markers, raw.seen)
    return steady_reference(reference, blind, longest=round(LONGEST_HOLD_S * fps), fps=fps), frames


def _sparsely(regressor: PoseRegressor, points_m: F32, stride: int) -> tuple[F32, Indices]:
    """Regress every ``stride``-th frame and the last one: rotations (N, 24, 3, 3), and their frames (N,)."""
    count = len(points_m)
    frames = np.unique(np.append(np.arange(0, count, stride), count - 1))
    found = regress_upright(regressor, points_m if stride == 1 else points_m[frames])
    require_rotations(found, regressor.info.name)
    return found, frames


def _between(pose_rotmat: F32, frames: Indices, count: int) -> F32:
    """Interpolate rotations of some frames (N, 24, 3, 3) to all of them, (T, 24, 3, 3)."""
    if len(frames) == count:
        return pose_rotmat
    still = np.broadcast_to(np.eye(3, dtype=np.float32), (count, *pose_rotmat.shape[1:]))
    return carry_corrections(pose_rotmat, frames, still, np.arange(count))


def for_table(pose_rotmat: F32, trained: MarkerSet, used: MarkerSet, rest_joints_m: F32) -> F32:
    """Convert a regressor's rotations from the marker table of its training to the one of the fit.

    A regressor that was trained with points on the forehead takes points on the temples for a head that is tilted back.
    Joints that carry two or more points rigidly are rotated so that the points of the new table are where the old
    ones were; the rotations of other joints are kept.

    Args:
        pose_rotmat: (T, 24, 3, 3).
        trained: Table that the regressor was trained with.
        used: Table of the fit, of the same layout.
        rest_joints_m: (24, 3), T-pose of the mean body, metres.

    Returns:
        (T, 24, 3, 3).
    """
    if seen_joints(used).any_bone or np.array_equal(trained.offsets_m, used.offsets_m):
        return pose_rotmat
    old, new = trained.rest_points(rest_joints_m), used.rest_points(rest_joints_m)
    pose = pose_rotmat.copy()
    for joint in range(1, JOINT_COUNT):
        points = np.flatnonzero(np.minimum(trained.weights, used.weights)[:, joint] > MOSTLY)
        if len(points) >= LEAST_POINTS:
            turn = best_turn(new[points] - rest_joints_m[joint], old[points] - rest_joints_m[joint])
            pose[:, joint] = pose[:, joint] @ turn
    return pose
