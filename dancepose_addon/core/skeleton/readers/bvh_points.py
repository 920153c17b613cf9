"""BVH as points: positions by forward kinematics, joints matched to SMPL's by their names."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..bone_names import CMU_ELSEWHERE, CMU_UNIT, is_cmu
from ..mapping import NEARLY
from ..recording import Finding, Head, Hints, PointRecording
from .bvh_grammar import parse_bvh
from .named_points import arranged


def recognises(head: Head) -> bool:
    """Tell BVH by its first word, or by its suffix."""
    return head.text.lstrip("\ufeff \t\r\n").startswith("HIERARCHY") or head.path.suffix.lower() == ".bvh"


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
    recording = PointRecording(
        points=points,
        form="BVH with CMU's skeleton" if cmu else "BVH",
        source=str(path),
        names=motion.names,
        unit=CMU_UNIT if cmu else None,
        fps=motion.fps,
        fps_why="its Frame Time says it",
        confidence=confidence,
        notes=motion.notes,
        findings=findings,
    )
    return arranged(recording, hints, bones=True)
