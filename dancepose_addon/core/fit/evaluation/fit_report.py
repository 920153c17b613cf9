# SPDX-License-Identifier: Apache-2.0
"""What a user wants to know of a fit, as JSON values."""

from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import BodyModel
from ...counting import counted
from ...skeleton.layouts import Layout
from ...skeleton.sequence import KeypointSequence
from ..floor.contacts import Ground, Soles, contact_spans
from ..regressor import PoseRegressor
from ..settings import FitSettings
from ..shape.from_lengths import Shape
from ..stages import GroundedFit
from ..temporal.exchanges import describe_exchanges
from ..temporal.preprocessing import Gap, Prepared
from .clip_checks import check_clip, describe_misses
from .metrics import floating_mm, penetration_mm, skating_ratio, standing_slide_mm_per_s

WORST_FRAMES: Final = 5
MOST_GAPS: Final = 200
"""Gaps listed one by one; more are counted."""


def describe_fit(
    sequence: KeypointSequence,
    regressor: PoseRegressor,
    body: BodyModel,
    *,
    settings: FitSettings,
    prepared: Prepared,
    shape: Shape,
    errors_m: dict[str, F32],
    settled: GroundedFit,
) -> dict[str, Any]:
    """errors_m: (T, K) by stage, metres, the last one final; NaN where a stage has none."""
    layout = sequence.layout
    tables = {stage: error_table(error, layout, prepared.seen & ~np.isnan(error)) for stage, error in errors_m.items()}
    report: dict[str, Any] = {
        "source": sequence.source,
        "layout": layout.name,
        "frames": len(sequence),
        "fps": sequence.fps,
        "duration_s": sequence.duration_s,
        "body": {"name": body.name, "fingerprint": body.fingerprint, "licence": body.licence},
        "regressor": regressor.info.name,
        "provider": regressor.provider,
        "settings": asdict(settings),
        "notices": _notices(sequence, regressor, body, prepared, settings, shape, settled.drift_m)
        + describe_misses(list(errors_m.values())[-1], prepared.seen, layout, scale=shape.scale),
        "noise_mm": round(prepared.noise_m * 1000.0, 3),
        "gaps": _gap_rows(prepared.gaps, layout),
        "betas": [round(float(beta), 4) for beta in shape.betas],
        "scale": shape.scale,
        "shape_residual_mm": None if np.isnan(shape.residual_m) else round(shape.residual_m * 1000.0, 3),
        "error_mm": tables,
        "final_error_mm": list(tables.values())[-1]["mean"],
        "floor_m": settled.floor_m,
        "floor_drift_m": settled.drift_m,
        "contacts": {side: [list(span) for span in spans] for side, spans in contact_spans(settled.ground).items()},
        "feet": foot_table(settled.soles, settled.ground, sequence.fps),
    }
    if settings.foot_lock:
        report["feet_before_lock"] = foot_table(settled.soles_before, settled.ground, sequence.fps)
    return report


def error_table(error_m: F32, layout: Layout, seen: NDArray[np.bool_]) -> dict[str, Any]:
    """Distances in millimetres over the points that were seen. error_m: (T, K), metres; seen: (T, K)."""
    error_mm = np.where(seen, error_m.astype(np.float64) * 1000.0, 0.0)
    by_frame, by_point = seen.sum(axis=1), seen.sum(axis=0)
    some = by_frame > 0
    frame_mm = np.where(some, error_mm.sum(axis=1) / np.maximum(by_frame, 1), np.nan)
    point_mm = (error_mm.sum(axis=0) / np.maximum(by_point, 1)).tolist()
    per_point = [value if by_point[index] else None for index, value in enumerate(point_mm)]
    worst = [index for index in np.argsort(-np.nan_to_num(frame_mm, nan=-1.0))[:WORST_FRAMES] if some[index]]
    return {
        "mean": round(float(error_mm.sum() / max(int(by_frame.sum()), 1)), 3),
        "median_frame": round(float(np.median(frame_mm[some])), 3),
        "p95_frame": round(float(np.percentile(frame_mm[some], 95)), 3),
        "per_point": {
            name: None if value is None else round(value, 3)
            for name, value in zip(layout.keypoints, per_point, strict=True)
        },
        "worst_frames": [{"frame": int(index), "mean": round(float(frame_mm[index]), 3)} for index in worst],
    }


def foot_table(soles: Soles, ground: Ground, fps: float) -> dict[str, float]:
    """How feet behave on a floor at height 0: sliding, floating, sinking. ground: which soles stand."""
    lowest = soles.lowest_m.min(axis=(1, 2))
    toes = soles.places_m[:, :, 1].copy()
    toes[..., 1] = soles.lowest_m[:, :, 1]
    return {
        "standing_slide_mm_per_s": round(standing_slide_mm_per_s(soles.places_m, ground.contact, fps), 2),
        "skating_ratio": round(skating_ratio(toes, fps), 5),
        "floating_mm": round(floating_mm(lowest), 3),
        "penetration_mm": round(penetration_mm(lowest), 3),
    }


def _notices(
    sequence: KeypointSequence,
    regressor: PoseRegressor,
    body: BodyModel,
    prepared: Prepared,
    settings: FitSettings,
    shape: Shape,
    drift_m: float,
) -> list[str]:
    notices = list(sequence.notes)
    if regressor.info.body_fingerprint != body.fingerprint:
        notices.append(
            f"The regressor {regressor.info.name} was trained on another body ({regressor.info.body_fingerprint}) than "
            f"{body.name} ({body.fingerprint}): rotations carry over, size and place are solved for {body.name}."
        )
    if prepared.gaps:
        frames = sum(gap.last - gap.first + 1 for gap in prepared.gaps)
        jumps = sum(gap.why == "jump" for gap in prepared.gaps)
        points = len({gap.point for gap in prepared.gaps})
        notices.append(
            f"{points} of {counted(sequence.layout.count, 'point')} have gaps "
            f"({counted(len(prepared.gaps), 'gap')}, {frames} point-frames; "
            f"{jumps} of them jumps): they were bridged, and are listed in the report."
        )
    notices.extend(check_clip(prepared.points_m, prepared.seen, sequence.layout))
    notices.extend(describe_exchanges(prepared.exchanges, sequence.layout))
    if settings.body_from is not None:
        notices.append(f"The body (betas and scale) is that of {settings.body_from}.")
    misfit = shape.notice() if settings.betas is None and settings.body_from is None else None
    if misfit:
        notices.append(misfit)
    if drift_m:
        notices.append(
            f"The floor of the recording drifts by {drift_m * 100.0:.0f} cm over the clip: standing feet were levelled."
        )
    if settings.smooth:
        notices.append(f"The motion was smoothed (strength {settings.smooth:g}).")
    if settings.foot_lock:
        notices.append("Standing feet were locked to the floor.")
    return notices


def _gap_rows(gaps: tuple[Gap, ...], layout: Layout) -> list[dict[str, Any]]:
    return [
        {"point": layout.keypoints[gap.point], "first": gap.first, "last": gap.last, "why": gap.why}
        for gap in gaps[:MOST_GAPS]
    ]
