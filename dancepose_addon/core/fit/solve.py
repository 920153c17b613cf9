"""From key-points to a body's motion: regressor, size and place in closed form, refinement, floor."""

from dataclasses import dataclass, field
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..body.keypoints import keypoints_from_pose, markers_for as markers_for
from ..body.model import BodyModel
from ..progress import Progress, part_of, silent
from ..skeleton.layouts import Layout
from ..skeleton.sequence import Sequence, validate
from .grounding import ground
from .metrics import per_point_error_m
from .motion import BodyMotion
from .pose import RefineSettings, refine
from .regressor import PoseRegressor, require_layout

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class FitResult:
    """A fitted motion, with what a user wants to know of it.

    keypoints_m: (T, K, 3), the input moved by the same floor shift as the body, to be shown beside it;
    report: JSON values: provider, notices, errors in mm, seconds by stage.
    """

    motion: BodyMotion
    keypoints_m: F32
    report: dict[str, Any] = field(default_factory=dict)


def fit(
    sequence: Sequence,
    *,
    regressor: PoseRegressor,
    body: BodyModel,
    refinement: RefineSettings | None = None,
    progress: Progress = silent,
) -> FitResult:
    """Fit ``body`` to ``sequence``: rotations by the regressor, one scale for the clip, translation frame by frame,
    one floor; and where ``refinement`` is given, rotations and translations drawn onto the key-points.

    Raises:
        InputError: points that no fit could use. RegressorError: the regressor is for another layout.
    """
    clock = _Clock()
    validate(sequence)
    require_layout(regressor.info, sequence.layout, sequence.source)
    progress(0.0, f"Regressing {len(sequence)} frames")
    pose = regressor(np.ascontiguousarray(sequence.keypoints_m))
    clock.lap("regress")

    progress(0.4, "Solving size and place")
    markers, target, confidence = regressor.info.markers, sequence.keypoints_m, sequence.confidence
    rest_joints = body.rest_joints()
    posed = keypoints_from_pose(markers, rest_joints, pose)
    scale, translation = solve_scale_and_translation(posed, target, confidence)
    error = {"regressor": per_point_error_m(np.float32(scale) * posed + translation[:, None], target)}
    clock.lap("place")

    if refinement is not None:
        inner = part_of(progress, 0.5, 0.9)
        sized, sized_joints = markers.scaled(scale), rest_joints * np.float32(scale)
        pose, translation = refine(
            sized, sized_joints, pose, translation, target, confidence=confidence, settings=refinement, progress=inner
        )
        posed = keypoints_from_pose(sized, sized_joints, pose, translation)
        error["refined"] = per_point_error_m(posed, target)
        clock.lap("refine")

    progress(0.9, "Finding the floor")
    floor_m = ground(body, pose, translation, scale=scale)
    drop = np.array([0.0, floor_m, 0.0], np.float32)
    clock.lap("ground")

    report = _report(sequence, regressor, body, error)
    report |= {"scale": scale, "floor_m": floor_m, "seconds": clock.seconds}
    motion = BodyMotion(
        pose_rotmat=pose,
        translation_m=translation - drop,
        betas=np.zeros(body.beta_count, np.float32),
        scale=scale,
        fps=sequence.fps,
        provenance={key: report[key] for key in ("source", "layout", "body", "regressor", "provider", "notices")},
    )
    progress(1.0, "Fitted")
    return FitResult(motion, target - drop, report)


@dataclass
class _Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self.last = round(now - self.last, 4), now


def solve_scale_and_translation(posed_m: F32, target_m: F32, confidence: F32 | None = None) -> tuple[float, F32]:
    """One scale for the clip and a translation a frame that lay ``posed_m`` over ``target_m``.

    posed_m, target_m: (T, K, 3), metres; confidence: (T, K) or None. The scale is the ratio of the spreads about the
    means (Horn 1987, section 2.E, the symmetric form): unlike plain least squares it does not shrink the body where
    the points are noisy. Returns the scale and (T, 3), metres.
    """
    weight = np.ones(posed_m.shape[:2], np.float32) if confidence is None else confidence
    weight = (weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-6))[..., None]
    posed_mean, target_mean = (weight * posed_m).sum(axis=1), (weight * target_m).sum(axis=1)
    spreads = [
        float((weight * (points - mean[:, None]) ** 2).sum(dtype=np.float64))
        for points, mean in ((posed_m, posed_mean), (target_m, target_mean))
    ]
    scale = float(np.sqrt(spreads[1] / max(spreads[0], 1e-12)))
    return scale, (target_mean - np.float32(scale) * posed_mean).astype(np.float32)


def _report(sequence: Sequence, regressor: PoseRegressor, body: BodyModel, error_m: dict[str, F32]) -> dict[str, Any]:
    notices = list(sequence.notes)
    if regressor.info.body_fingerprint != body.fingerprint:
        notices.append(
            f"The regressor {regressor.info.name} was trained on another body ({regressor.info.body_fingerprint}) than "
            f"{body.name} ({body.fingerprint}): rotations carry over, size and place are solved for {body.name}."
        )
    return {
        "source": sequence.source,
        "layout": sequence.layout.name,
        "frames": len(sequence),
        "fps": sequence.fps,
        "duration_s": sequence.duration_s,
        "body": {"name": body.name, "fingerprint": body.fingerprint, "licence": body.licence},
        "regressor": regressor.info.name,
        "provider": regressor.provider,
        "notices": notices,
        "error_mm": {stage: _error_table(error, sequence.layout) for stage, error in error_m.items()},
        "final_error_mm": _error_table(error_m.get("refined", error_m["regressor"]), sequence.layout)["mean"],
    }


def _error_table(error_m: F32, layout: Layout) -> dict[str, Any]:
    """error_m: (T, K), metres -> JSON values in millimetres."""
    error_mm = error_m.astype(np.float64) * 1000.0
    frame_mm = error_mm.mean(axis=1)
    return {
        "mean": round(float(error_mm.mean()), 3),
        "median_frame": round(float(np.median(frame_mm)), 3),
        "p95_frame": round(float(np.percentile(frame_mm, 95)), 3),
        "per_point": dict(zip(layout.keypoints, np.round(error_mm.mean(axis=0), 3).tolist(), strict=True)),
        "worst_frames": [
            {"frame": int(index), "mean": round(float(frame_mm[index]), 3)} for index in np.argsort(-frame_mm)[:5]
        ],
    }
