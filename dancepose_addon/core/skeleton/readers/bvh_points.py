# SPDX-License-Identifier: Apache-2.0
"""BVH as points: positions by forward kinematics, joints matched to SMPL's by their names."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...body.rotation import rotmat_to_rotvec
from ...frame_rates import require_frame_rate
from ..bone_names import CMU_ELSEWHERE, CMU_UNIT, is_cmu
from ..layouts import SUFFIX
from ..mapping import NEARLY
from ..recording import Finding, Head, Hints, PointRecording
from .bvh_grammar import BvhMotion, parse_bvh
from .named_points import arranged

POINTS_ONLY: Final = "The places of the joints are used; the rotations are of the file's own skeleton and are not."
ON_THE_THORAX: Final = ("Neck", "LeftShoulder", "RightShoulder")
CMU_TRUNK: Final = {"Hips": "twist", "LowerBack": "spine1", "Spine": "spine2", "Spine1": "spine3", "Neck": "twist",
                    "Neck1": "neck"}  # fmt: skip
"""SMPL's joint at the place of each of CMU's, by their heights above the floor on a body of 1.74 m: LowerBack 1.03 m
(SMPL's spine1 1.01), Spine 1.14 (1.16), Spine1 1.26 (1.29), Neck1 1.46 (1.48). Hips is at LowerBack's place."""
CMU_HIPS: Final = ("LeftUpLeg", "RightUpLeg")
"""6 cm higher than SMPL's."""
ZERO_SHARE: Final = 1e-3
STILL_DEGREES: Final = 0.05
MOST_RADIANS: Final = 5.0
"""Three angles of half a turn each, taken for degrees."""
LEAST_RATE: Final = 5.0
LONGEST_FRAME_S: Final = 0.5
"""A frame is hardly as long; from LEAST_RATE on the number is a rate."""


def recognises(head: Head) -> bool:
    """Tell BVH by its first word, or by its suffix."""
    return head.text.lstrip("\ufeff \t\r\n")[:9].upper() == "HIERARCHY" or head.path.suffix.lower() == ".bvh"


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read a BVH file; see ``readers.open_recording``."""
    motion = parse_bvh(path, take=hints.take)
    cmu = is_cmu(motion.names)
    thorax = 0.0
    if cmu:
        motion, thorax = with_thorax(motion)
    _, positions = motion.forward_kinematics()
    points = positions.astype(np.float64)
    confidence: NDArray[np.float32] | None = None
    findings: tuple[Finding, ...] = ()
    if cmu:
        elsewhere = CMU_HIPS if thorax else CMU_ELSEWHERE
        nearly = np.isin(motion.names, elsewhere)
        confidence = np.tile(np.where(nearly, NEARLY, 1.0).astype(np.float32), (len(points), 1))
        names = ", ".join(elsewhere)
        findings = (Finding("points", f"{names} only nearly", 0.95, "CMU's are up to 10 cm away from SMPL's"),)
        if thorax:
            why = "CMU's BVH files leave out this bone, so that neck and arms begin 12 cm too low"
            findings += (Finding("thorax", f"{thorax:.2f} units added", 0.9, why),)
    findings += _about_angles(motion)
    # A user's layout is written in the names of the file.
    own_names = hints.as_named or (hints.layout or "").endswith(SUFFIX)
    rate, why, sure = _rate_of(motion.fps)
    if hints.fps is None:
        require_frame_rate(rate, str(path))
    recording = PointRecording(
        points=points,
        form="BVH with CMU's skeleton" if cmu else "BVH",
        source=str(path),
        names=tuple(CMU_TRUNK.get(name, name) for name in motion.names) if thorax and not own_names else motion.names,
        unit=CMU_UNIT if cmu else None,
        fps=rate,
        fps_why=why,
        fps_confidence=sure,
        confidence=confidence,
        notes=(*motion.notes, POINTS_ONLY),
        findings=findings,
    )
    return arranged(recording, hints, bones=True, in_order=True)


def _about_angles(motion: BvhMotion) -> tuple[Finding, ...]:
    """Doubt angles that are all smaller than half a turn in radians: BVH has degrees."""
    largest = float(np.degrees(np.abs(rotmat_to_rotvec(motion.rotations)).max(initial=0.0)))
    if not STILL_DEGREES < largest < MOST_RADIANS:
        return ()
    why = f"no joint turns by more than {largest:.2g} degrees; if they are radians, convert them with numpy.degrees"
    return (Finding("rotations", "hardly any", 0.6, why),)


def with_thorax(motion: BvhMotion) -> tuple[BvhMotion, float]:
    """Add the bone that the BVH conversion of CMU's data leaves out.

    CMU's skeleton has lower back, upper back and thorax, of equal lengths within 3 %. In the conversion neck and
    shoulders begin where the thorax does, not at its end.

    Args:
        motion: With CMU's names.

    Returns:
        The motion, and the length of the bone in the file's unit; 0 where the file has it.
    """
    names = motion.names
    if "Spine1" not in names:
        return motion, 0.0
    spine = names.index("Spine1")
    above = [joint for joint, parent in enumerate(motion.parents) if parent == spine and names[joint] in ON_THE_THORAX]
    length = float(np.linalg.norm(motion.offsets[spine]))
    if not above or np.abs(motion.local_positions[:, above]).max() > ZERO_SHARE * length:
        return motion, 0.0
    offsets, places = motion.offsets.copy(), motion.local_positions.copy()
    offsets[above, 1] = places[:, above, 1] = length
    return replace(motion, offsets=offsets, local_positions=places), length


def _rate_of(fps: float) -> tuple[float, str, float]:
    """Frames a second, why, and how sure that is, of what Frame Time says."""
    frame_time_s = 1.0 / fps
    if frame_time_s >= LEAST_RATE:
        why = f"its Frame Time of {frame_time_s:g} would be seconds a frame, so it was taken for frames a second"
        return frame_time_s, why, 0.7
    if frame_time_s >= LONGEST_FRAME_S:
        return fps, f"its Frame Time says {frame_time_s:g} s", 0.4
    return fps, "its Frame Time says it", 1.0
