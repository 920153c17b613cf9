# SPDX-License-Identifier: Apache-2.0
"""BVH as points: positions by forward kinematics, joints matched to SMPL's by their names."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...frame_rates import require_frame_rate
from ..bone_names import CMU_ELSEWHERE, CMU_UNIT, is_cmu
from ..mapping import NEARLY
from ..recording import Finding, Head, Hints, PointRecording
from .bvh_grammar import parse_bvh
from .named_points import arranged

POINTS_ONLY: Final = "The places of the joints are used; the rotations are of the file's own skeleton and are not."
LEAST_RATE: Final = 5.0
LONGEST_FRAME_S: Final = 0.5
"""A frame is hardly as long; from LEAST_RATE on the number is a rate."""


def recognises(head: Head) -> bool:
    """Tell BVH by its first word, or by its suffix."""
    return head.text.lstrip("\ufeff \t\r\n")[:9].upper() == "HIERARCHY" or head.path.suffix.lower() == ".bvh"


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read a BVH file; see ``readers.open_recording``."""
    motion = parse_bvh(path, take=hints.take)
    _, positions = motion.forward_kinematics()
    points = positions.astype(np.float64)
    cmu = is_cmu(motion.names)
    confidence: NDArray[np.float32] | None = None
    findings: tuple[Finding, ...] = ()
    if cmu:
        nearly = np.isin(motion.names, CMU_ELSEWHERE)
        confidence = np.tile(np.where(nearly, NEARLY, 1.0).astype(np.float32), (len(points), 1))
        names = ", ".join(CMU_ELSEWHERE)
        findings = (Finding("points", f"{names} only nearly", 0.95, "CMU's are up to 10 cm away from SMPL's"),)
    rate, why, sure = _rate_of(motion.fps)
    if hints.fps is None:
        require_frame_rate(rate, str(path))
    recording = PointRecording(
        points=points,
        form="BVH with CMU's skeleton" if cmu else "BVH",
        source=str(path),
        names=motion.names,
        unit=CMU_UNIT if cmu else None,
        fps=rate,
        fps_why=why,
        fps_confidence=sure,
        confidence=confidence,
        notes=(*motion.notes, POINTS_ONLY),
        findings=findings,
    )
    return arranged(recording, hints, bones=True)


def _rate_of(fps: float) -> tuple[float, str, float]:
    """Frames a second, why, and how sure that is, of what Frame Time says."""
    frame_time_s = 1.0 / fps
    if frame_time_s >= LEAST_RATE:
        why = f"its Frame Time of {frame_time_s:g} would be seconds a frame, so it was taken for frames a second"
        return frame_time_s, why, 0.7
    if frame_time_s >= LONGEST_FRAME_S:
        return fps, f"its Frame Time says {frame_time_s:g} s", 0.4
    return fps, "its Frame Time says it", 1.0
