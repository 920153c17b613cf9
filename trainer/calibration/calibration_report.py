# SPDX-License-Identifier: Apache-2.0
"""Results of a calibration as JSON values and as text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from ..training_errors import ConfigError
from .solve import Calibration, CalibrationSettings, CalibrationSolution

USUAL_M: Final = (1.4, 2.0)
"""Height of adults with mean betas, metres."""
MOST_BETA: Final = 3.0
FAR_OUTSIDE_M: Final = 0.06
"""Distance outside the skin beyond markers on sticks and clothes."""


def split(
    clips: Sequence[KeypointSequence], hold_out: tuple[str, ...]
) -> tuple[list[KeypointSequence], list[KeypointSequence]]:
    """Separate the clips to learn from and the clips held out.

    Args:
        clips: All clips.
        hold_out: Names of the clips to hold out.

    Returns:
        The clips to learn from, and the others.

    Raises:
        ConfigError: A name is no clip's, or nothing is left to learn from.
    """
    names = [Path(clip.source).name for clip in clips]
    require_clips(names, hold_out)
    learning = [clip for clip, name in zip(clips, names, strict=True) if name not in hold_out]
    return learning, [clip for clip, name in zip(clips, names, strict=True) if name in hold_out]


def require_clips(names: Sequence[str], hold_out: tuple[str, ...]) -> None:
    """Require that the clips held out exist, and that others are left.

    Args:
        names: Names of all clips.
        hold_out: Names of the clips to hold out.

    Raises:
        ConfigError: A name is no clip's, or nothing is left to learn from.
    """
    unknown = sorted(set(hold_out) - set(names))
    if unknown:
        raise ConfigError(f"--test-clip {', '.join(unknown)}: no such clip. There are: {', '.join(names)}.")
    if names and not set(names) - set(hold_out):
        raise ConfigError("Every clip is held out, so none is left to learn from. Remove a --test-clip.")


def provenance(found: Calibration, learning: Sequence[KeypointSequence], settings: CalibrationSettings) -> str:
    """Return a sentence for the marker table: data, frames, seed and residual."""
    text = (
        f"dancepose calibrate, seed {settings.seed}: {counted(len(found.learned.error_m), 'frame')} of "
        f"{counted(len(learning), 'clip')}, "
        f"mean residual {_mm(found.learned):.2f} mm"
    )
    return text if found.held_out is None else f"{text}, {_mm(found.held_out):.2f} mm on held-out clips"


def calibration_report(
    found: Calibration,
    learning: Sequence[KeypointSequence],
    checking: Sequence[KeypointSequence],
    settings: CalibrationSettings,
) -> dict[str, Any]:
    """Collect residuals per point and per clip, and each point's distance outside the skin of the mean body.

    Args:
        found: The calibration.
        learning: Clips learned from.
        checking: Clips held out.
        settings: Settings of the calibration.

    Returns:
        JSON values, lengths in millimetres.
    """
    markers = found.markers
    per_point = {
        name: {
            "residual_mm": _round(found.learned.error_m[:, index].mean()),
            "held_out_mm": None if found.held_out is None else _round(found.held_out.error_m[:, index].mean()),
            "outside_skin_mm": _round(found.skin_m[index]),
            "rides_on": {JOINT_NAMES[j]: round(float(row[j]), 3) for j in np.flatnonzero(row)},
        }
        for index, (name, row) in enumerate(zip(markers.layout.keypoints, markers.weights, strict=True))
    }
    return {
        "layout": markers.layout.name,
        "body_fingerprint": markers.body_fingerprint,
        "seed": settings.seed,
        "frames": len(found.learned.error_m),
        "mean_residual_mm": _mm(found.learned),
        "held_out_mean_residual_mm": None if found.held_out is None else _mm(found.held_out),
        "points": per_point,
        "clips": _per_clip(found.learned, learning),
        "held_out_clips": {} if found.held_out is None else _per_clip(found.held_out, checking),
        "notices": _notices(found, learning),
    }


def _notices(found: Calibration, learning: Sequence[KeypointSequence]) -> list[str]:
    """Name bodies of an unusual size or shape, and points far off the skin: the table may be wrong."""
    notices = []
    height_m = load_body().height_m
    for name, clip in _per_clip(found.learned, learning).items():
        tall_m, most = clip["scale"] * height_m, max(map(abs, clip["betas"]), default=0.0)
        if not USUAL_M[0] <= tall_m <= USUAL_M[1] or most > MOST_BETA:
            body = f"{name} gave a body of {tall_m:.2f} m with betas up to {most:.1f}, which is unusual"
            notices.append(f"{body}: check attached_to and offset_m of the points.")
    off = [
        f"{name} by {1000.0 * far:.0f} mm"
        for name, far in zip(found.markers.layout.keypoints, found.skin_m.tolist(), strict=True)
        if far > FAR_OUTSIDE_M
    ]
    if off:
        notices.append(f"Points far outside the skin: {', '.join(off[:6])}. Check them in the picture of --plot.")
    return notices


def format_calibration(report: dict[str, Any]) -> str:
    """Format the report as a table."""
    lines = [f"{'point':<18}{'residual':>9}{'held out':>10}{'off skin':>10}  mm; attached to"]
    for name, point in report["points"].items():
        held = "" if point["held_out_mm"] is None else f"{point['held_out_mm']:.1f}"
        bones = ", ".join(f"{bone} {share:.2f}" for bone, share in point["rides_on"].items())
        lines.append(f"{name:<18}{point['residual_mm']:>9.1f}{held:>10}{point['outside_skin_mm']:>10.1f}  {bones}")
    held = report["held_out_mean_residual_mm"]
    other = "" if held is None else f"; {held:.2f} mm on held-out clips ({', '.join(report['held_out_clips'])})"
    lines.append(f"Mean residual {report['mean_residual_mm']:.2f} mm over {counted(report['frames'], 'frame')}{other}.")
    lines += [f"Note: {notice}" for notice in report["notices"]]
    return "\n".join(lines)


def _per_clip(solved: CalibrationSolution, clips: Sequence[KeypointSequence]) -> dict[str, dict[str, Any]]:
    poses = solved.poses
    return {
        Path(clip.source).name: {
            "residual_mm": _round(solved.error_m[solved.clip == index].mean()),
            "scale": round(float(poses.log_scale[index].exp()), 4),
            "betas": [round(float(value), 3) for value in poses.betas[index]],
        }
        for index, clip in enumerate(clips)
    }


def _mm(solved: CalibrationSolution) -> float:
    return _round(solved.error_m.mean())


def _round(metres: Any) -> float:
    return round(1000.0 * float(metres), 3)
