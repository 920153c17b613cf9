"""BVH as points: positions by forward kinematics, joints named as SMPL's by what they are called."""

from pathlib import Path

import numpy as np

from ..bone_names import CMU_UNIT, is_cmu
from ..recording import Head, Hints, PointRecording
from .bvh import parse_bvh
from .named_points import arranged


def recognises(head: Head) -> bool:
    """By its first word, or by its suffix."""
    return head.text.lstrip().startswith("HIERARCHY") or head.path.suffix.lower() == ".bvh"


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read a BVH file; see ``readers.open_recording``."""
    motion = parse_bvh(path)
    _, positions = motion.forward_kinematics()
    points = positions.astype(np.float64)
    cmu = is_cmu(motion.names)
    recording = PointRecording(
        points=points,
        form="BVH with CMU's skeleton" if cmu else "BVH",
        source=str(path),
        names=motion.names,
        unit=CMU_UNIT if cmu else None,
        fps=motion.fps,
        fps_why="its Frame Time says it",
    )
    return arranged(recording, hints, bones=True)
