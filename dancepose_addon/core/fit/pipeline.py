# SPDX-License-Identifier: Apache-2.0
"""From key-points to a body's motion.

The regressor gives what points alone cannot say (twist, and poses that people take), lengths give the body, swing and
least squares give exactness, time gives smoothness, the floor gives weight.
"""

from dataclasses import dataclass, field, replace
import json
from pathlib import Path
import time
from typing import Any, Final

import numpy as np

from ..arrays import F32
from ..atomic import replacing
from ..body.model import BodyModel
from ..body.motion import BodyMotion
from ..counting import counted
from ..errors import OutputError
from ..output_paths import Output, require_outputs
from ..progress import Progress, part_of, silent
from ..skeleton.markers import MarkerSet, keypoints_from_pose, markers_for
from ..skeleton.sequence import KeypointSequence, validate
from .clip_shape import given_betas, solve_clip_shape
from .evaluation.fit_report import describe_fit
from .evaluation.metrics import per_point_error_m
from .floor.contacts import Ground, ground, soles_of, support_drift
from .floor.foot_lock import lock_feet
from .placement import mean_offset, solve_scale_and_translation
from .pose.twist import REGRESSOR_STYLE
from .reference_poses import reference_poses
from .refinement import refine_to_keypoints, start
from .regressor import PoseRegressor, require_layout, twist_of
from .residual_check import require_close
from .settings import FILE_SETTINGS, FitSettings, require_settings
from .shape.from_lengths import Shape
from .shape.shared_body import shape_from_motion
from .stages import FitState, GroundedFit
from .temporal.preprocessing import Prepared, prepare
from .temporal.smoothing import smooth_curves, smooth_prepared, smooth_rotations

PROVENANCE: Final = ("source", "layout", "body", "regressor", "provider", "settings", "style", "gaps", "notices")
"""Parts of the report that a motion file stores."""

ROTATION_SHARE: Final = 0.2
"""Strength of the smoothing of rotations relative to that of the points, which were smoothed before: at full strength a
run of 20 mm noise was 6 mm further off than without smoothing."""

MOTION_SUFFIX: Final = ".npz"


@dataclass(frozen=True)
class FitResult:
    """A fitted motion and the information that belongs to it.

    Attributes:
        motion: The motion as SMPL parameters.
        body: The body that was fitted.
        sequence: The keypoints that were fitted, as they were read.
        keypoints_m: (T, K, 3), metres, the keypoints with gaps filled, moved by the same floor offset as the body.
        confidence: (T, K), 0 for points that were not seen.
        error_m: (T, K), metres, distance of each point from the body; NaN for points that were not seen.
        ground: Floor at height 0 and contacts with it.
        markers: Attachment of the points to this clip's body, in true size.
        report: JSON values: provider, notices, errors in mm, gaps, contacts, seconds by stage.
    """

    motion: BodyMotion
    body: BodyModel
    sequence: KeypointSequence
    keypoints_m: F32
    confidence: F32
    error_m: F32
    ground: Ground
    markers: MarkerSet
    report: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path | str) -> None:
        """Write the motion as an AMASS-style .npz; see ``BodyMotion.save``.

        Args:
            path: File to write.

        Raises:
            OutputError: The file cannot be written, its name does not end in .npz, or it is a source of the fit.
        """
        if Path(path).suffix.lower() != MOTION_SUFFIX:
            raise OutputError(
                f"{path} is not a name for a motion, which is written as an AMASS-style .npz. Give a name that ends in "
                ".npz; `dancepose convert` writes other formats."
            )
        self._require_output(Path(path), ())
        self.motion.save(path, self.body)

    def save_report(self, path: Path | str) -> None:
        """Write the report as JSON.

        Args:
            path: File to write.

        Raises:
            OutputError: The file cannot be written, its name does not end in .json, or it is a source of the fit.
        """
        self._require_output(Path(path), (".json",))
        with replacing(Path(path)) as temporary:
            temporary.write_text(json.dumps(self.report, indent=2) + "\n", encoding="utf-8")

    @property
    def source_files(self) -> list[Path]:
        """The existing files or folders that the fit was made from: motion, music, body, and files of its settings."""
        audio, settings = self.sequence.audio, self.report.get("settings", {})
        named = [self.sequence.source, self.body.source, audio.path if audio else ""]
        named += [settings.get(key) or "" for key in FILE_SETTINGS]
        sources = [Path(name) for name in named if name]
        return [source for source in sources if source.exists()]

    def _require_output(self, path: Path, suffixes: tuple[str, ...]) -> None:
        """Refuse to replace what the fit was made from."""
        require_outputs([Output("path", path, suffixes)], self.source_files)


def _markers_of(regressor: PoseRegressor) -> MarkerSet:
    """Return the marker table for a regressor.

    This is the project's own table if it was learned on the regressor's body, since it may be newer than the file; else
    the table in the file.
    """
    info = regressor.info
    shipped = markers_for(info.layout)
    return shipped if shipped.body_fingerprint in ("", info.body_fingerprint) else info.markers


def fit(
    sequence: KeypointSequence,
    *,
    regressor: PoseRegressor,
    body: BodyModel,
    markers: MarkerSet | None = None,
    settings: FitSettings = FitSettings(),
    progress: Progress = silent,
) -> FitResult:
    """Fit a body to keypoints.

    Args:
        sequence: The keypoints.
        regressor: Regressor for their layout.
        body: The body.
        markers: Attachment of the points; None for the project's own table.
        settings: Settings of the fit.
        progress: Receives the progress.

    Returns:
        The motion, its errors and a report.

    Raises:
        InputError: The points or the settings cannot be used.
        RegressorError: The regressor is for another layout.
    """
    clock = _Clock()
    sequence = validate(sequence)
    require_settings(settings, body.beta_count)
    require_layout(regressor.info, sequence.layout, sequence.source)
    markers = markers or _markers_of(regressor)
    raw = prepare(sequence)  # Validate before reporting any progress.
    progress(0.0, "Looking for gaps and noise")
    prepared = smooth_prepared(raw, fps=sequence.fps, strength=settings.smooth) if settings.smooth else raw
    clock.lap("prepare")
    progress(0.05, f"Regressing {counted(len(sequence), 'frame')}")
    twist, _ = twist_of(regressor.info, settings.style)
    reference, regressed = reference_poses(regressor, body, markers, raw, prepared, settings, sequence.fps)
    clock.lap("regress")
    errors: dict[str, F32] = {}
    refinement = settings.refinement
    if refinement is None:
        fitted = _place(markers, body, reference, prepared, settings)
    else:
        progress(0.3, "Solving the body's shape")
        shape, seeds = solve_clip_shape(markers, body, reference, raw, settings)  # Smoothing would shorten bones.
        fitted = start(shape, body, reference, prepared)
        errors["regressor"] = np.full(raw.points_m.shape[:2], np.nan, np.float32)
        found = replace(fitted, pose=fitted.pose[regressed], translation=fitted.translation[regressed])
        errors["regressor"][regressed] = per_point_error_m(found.keypoints(body), raw.points_m[regressed])
        clock.lap("shape")
        bar = part_of(progress, 0.4, 0.85)
        fitted = refine_to_keypoints(
            fitted, body, reference, prepared, refinement, fps=sequence.fps, twist=twist, seeds=seeds, progress=bar
        )
        clock.lap("refine")
    if settings.smooth:
        strength = ROTATION_SHARE * settings.smooth
        pose = smooth_rotations(fitted.pose, fps=sequence.fps, strength=strength, noise_m=raw.noise_m)
        fitted = _placed_again(replace(fitted, pose=pose), body, raw, sequence.fps)
        clock.lap("smooth")

    progress(0.9, "Finding the floor")
    settled = _settle(fitted, body, sequence.fps, settings)
    clock.lap("ground")
    last = "refined" if settings.refine else "regressor"
    errors[last] = per_point_error_m(settled.fitted.keypoints(body), raw.points_m - settled.drop_m)
    if settings.refine:
        require_close(settled.fitted, np.where(raw.seen, errors[last], np.nan), sequence.source)
    report = describe_fit(
        sequence, regressor, body, settings=settings, prepared=raw, shape=fitted.shape, errors_m=errors, settled=settled
    )
    report |= {"style": REGRESSOR_STYLE if twist is None else twist.style, "seconds": clock.seconds}
    progress(1.0, "Fitted")
    return _result(sequence, body, settled, raw, errors[last], report)


def _result(
    sequence: KeypointSequence,
    body: BodyModel,
    settled: GroundedFit,
    raw: Prepared,
    error_m: F32,
    report: dict[str, Any],
) -> FitResult:
    return FitResult(
        motion=_motion_of(settled.fitted, sequence.fps, report),
        body=body,
        sequence=sequence,
        keypoints_m=raw.points_m - settled.drop_m,
        confidence=raw.confidence,
        error_m=np.where(raw.seen, error_m, np.nan),
        ground=settled.ground,
        markers=settled.fitted.shape.sized_markers(),
        report=report,
    )


def _motion_of(fitted: FitState, fps: float, report: dict[str, Any]) -> BodyMotion:
    return BodyMotion(
        pose_rotmat=fitted.pose,
        translation_m=fitted.translation,
        betas=fitted.shape.betas,
        scale=fitted.shape.scale,
        fps=fps,
        provenance={key: report[key] for key in PROVENANCE},
    )


def _settle(fitted: FitState, body: BodyModel, fps: float, settings: FitSettings) -> GroundedFit:
    """Put the body on a floor at height 0 that is level over the clip, and lock its feet where that is wanted."""
    supports = fitted.supports(body)
    drift = support_drift(supports, fps=fps) if settings.level else None
    height = np.zeros(len(supports), np.float32) if drift is None else drift
    soles = soles_of(supports).lowered(height)
    found = ground(soles, fps=fps)
    soles, height = soles.lowered(np.full_like(height, found.floor_m)), height + np.float32(found.floor_m)
    drop = np.zeros((len(supports), 1, 3), np.float32)
    drop[:, 0, 1] = height
    level = replace(fitted, translation=fitted.translation - drop[:, 0])
    settled = GroundedFit(
        level,
        drop_m=drop,
        drift_m=0.0 if drift is None else float(np.ptp(drift)),
        ground=replace(found, floor_m=0.0),
        floor_m=found.floor_m,
        soles_before=soles,
        soles=soles,
    )
    if not settings.foot_lock:
        return settled
    rest_joints = fitted.shape.rest_joints(body)
    locked = replace(level, pose=lock_feet(rest_joints, level.pose, level.translation, soles, settled.ground, fps=fps))
    return replace(settled, fitted=locked, soles=soles_of(locked.supports(body)))


def _place(markers: MarkerSet, body: BodyModel, reference: F32, prepared: Prepared, settings: FitSettings) -> FitState:
    """Return the regressor's poses with one scale for the clip and a translation per frame, in closed form."""
    if settings.body_from is not None:
        return start(shape_from_motion(Path(settings.body_from), markers, body), body, reference, prepared)
    betas = given_betas(settings, body)
    posed = keypoints_from_pose(markers, body.rest_joints(betas), reference)
    scale, translation = solve_scale_and_translation(posed, prepared.points_m, prepared.confidence)
    return FitState(Shape(betas, scale, markers), reference, translation)


def _placed_again(fitted: FitState, body: BodyModel, prepared: Prepared, fps: float) -> FitState:
    """After rotations were smoothed: the place that fits them to all points, smoothed by the noise of their mean."""
    posed = keypoints_from_pose(fitted.shape.sized_markers(), fitted.shape.rest_joints(body), fitted.pose)
    offset = mean_offset(posed, prepared.points_m, prepared.confidence)[:, None]
    noise = np.array([prepared.noise_m / np.sqrt(prepared.points_m.shape[1])])
    return replace(fitted, translation=smooth_curves(offset, noise, fps=fps)[:, 0])


@dataclass
class _Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self.last = round(now - self.last, 4), now
