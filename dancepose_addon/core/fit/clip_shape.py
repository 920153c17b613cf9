# SPDX-License-Identifier: Apache-2.0
"""The body of a clip: from its lengths, or together with sampled poses."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32
from ..body.model import BodyModel
from ..skeleton.markers import MarkerSet, keypoints_from_pose
from ..skeleton.sequence import KeypointSequence
from .intervals import nearest_seen
from .placement import mean_offset
from .pose.analytic_ik import seen_joints
from .pose.levenberg_marquardt import refine
from .pose.pose_problem import RefineSettings
from .reference_poses import reference_poses
from .refinement import Seeds
from .regressor import PoseRegressor
from .settings import FitSettings
from .shape.bundle_adjustment import Sample, solve_shape_and_poses
from .shape.from_lengths import MOST_SHIFT_M, SESSION_SHIFT_M, Shape, ShapeModel, shape_from_lengths, solve_shape
from .shape.shared_body import shape_from_motion
from .temporal.preprocessing import Prepared, prepare

SAMPLED_FRAMES: Final = 64
"""Largest number of frames from which the body is solved if lengths do not determine it. In long clips they are
multiples of SEED_STRIDE, so that they are among the frames that are solved first."""
FEWEST_FRAMES: Final = 24
SEED_STRIDE: Final = 16
SAMPLE_ROUNDS: Final = 2
"""Rounds of posing the sample and solving the body alternately, before both are solved together."""
SAMPLE_STEPS: Final = 3


def solve_clip_shape(
    markers: MarkerSet, body: BodyModel, reference: F32, prepared: Prepared, settings: FitSettings
) -> tuple[Shape, Seeds | None]:
    """Solve betas and scale of the clip.

    Joint layouts determine them by their lengths. For marker layouts, sampled frames are posed and the body is solved
    with them, and with the places of this session's markers.

    Args:
        markers: Marker table.
        body: The body.
        reference: (T, 24, 3, 3), the regressor's rotations.
        prepared: The points.
        settings: Settings of the fit.

    Returns:
        The shape, and the poses of the sampled frames where there are any.
    """
    if settings.body_from is not None:
        return shape_from_motion(Path(settings.body_from), markers, body), None
    seen = seen_joints(markers)
    known = None if settings.betas is None else given_betas(settings, body)
    betas = np.zeros(body.beta_count, np.float32) if known is None else known
    if known is None and seen.any_bone:
        shape = shape_from_lengths(markers, body, prepared.points_m, prepared.confidence, noise_m=prepared.noise_m)
        if seen.whole_trunk and not settings.adapt:
            return shape, None
        betas = shape.betas
    frames, sample = _sample(reference, prepared, settings)
    # Markers are attached by hand in each session; joints are where they are.
    shift = MOST_SHIFT_M if settings.adapt else 0.0 if seen.any_bone else SESSION_SHIFT_M
    shape, pose = _solve_sample(ShapeModel(markers, body, known, shift > 0.0, shift), sample, betas)
    return shape, Seeds(frames, pose)


def solve_sample(
    sequence: KeypointSequence, *, regressor: PoseRegressor, body: BodyModel, markers: MarkerSet
) -> tuple[Sample, Shape, F32]:
    """Return the sampled frames of a clip with the body and the poses that a fit starts from.

    Args:
        sequence: The keypoints.
        regressor: Regressor for their layout.
        body: The body.
        markers: Attachment of the points.

    Returns:
        The sample, the body, and poses (S, 24, 3, 3).

    Raises:
        InputError: The points cannot be used.
    """
    prepared, settings = prepare(sequence), FitSettings()
    reference, _ = reference_poses(regressor, body, markers, prepared, prepared, settings, sequence.fps)
    _, sample = _sample(reference, prepared, settings)
    return sample, *_solve_sample(ShapeModel(markers, body), sample, np.zeros(body.beta_count, np.float32))


def _sample(reference: F32, prepared: Prepared, settings: FitSettings) -> tuple[NDArray[np.intp], Sample]:
    refinement = settings.refinement or RefineSettings()
    frames = nearest_seen(_sampled(len(reference)), prepared.seen.any(axis=1))
    quick = replace(refinement, steps=SAMPLE_STEPS, noise_m=max(refinement.noise_m, prepared.noise_m))
    return frames, Sample(reference[frames], prepared.points_m[frames], prepared.confidence[frames], quick)


def _solve_sample(model: ShapeModel, sample: Sample, betas: F32) -> tuple[Shape, F32]:
    """Solve the body and the sample's poses, alternating at first, then together; ``betas`` initialise the body."""
    markers, body = model.markers, model.body
    pose, target, confidence = sample.reference, sample.target_m, sample.confidence
    shape = solve_shape(markers, body, pose, target, confidence, betas=betas)
    for _ in range(SAMPLE_ROUNDS):
        sized, rest_joints = shape.sized_markers(), shape.rest_joints(body)
        offset = mean_offset(keypoints_from_pose(sized, rest_joints, pose), target, confidence)
        pose, _ = refine(
            sized, rest_joints, sample.reference, offset, target, start_rotmat=pose, confidence=confidence,
            settings=sample.settings,
        )  # fmt: skip
        shape = solve_shape(
            markers, body, pose, target, confidence, betas=model.betas, adapt=model.adapt,
            most_shift_m=model.most_shift_m,
        )  # fmt: skip
    return solve_shape_and_poses(model, shape, pose, sample)


def _sampled(count: int) -> NDArray[np.intp]:
    """Frames from which the body is solved: at most SAMPLED_FRAMES, spread over the clip."""
    if count < FEWEST_FRAMES * SEED_STRIDE:
        return np.unique(np.linspace(0, count - 1, FEWEST_FRAMES).round().astype(np.intp))
    stride = SEED_STRIDE * max(1, -(-count // (SEED_STRIDE * SAMPLED_FRAMES)))
    return np.unique(np.append(np.arange(0, count, stride), count - 1))


def given_betas(settings: FitSettings, body: BodyModel) -> F32:
    """Return the betas of the settings, (B,); zeros where none are given."""
    betas = np.zeros(body.beta_count, np.float32)
    if settings.betas is not None:
        betas[: len(settings.betas)] = settings.betas
    return betas
