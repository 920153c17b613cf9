# SPDX-License-Identifier: Apache-2.0
"""Whether a person can move like this: limbs, joints at the places that their names say, and the frame rate."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import F64
from ..body.model import JOINT_NAMES
from ..body.model_io import load_body
from .anatomy import template_of
from .layout import Layout
from .recording import Finding

LIMBS: Final = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
LIMB_SHAPE: Final = 0.3
"""Mean of |log| by which the limbs of people and of rigs differ from the default body's."""
LIMB_JITTER: Final = 0.12
LIMB_UNEVEN: Final = 0.25
ELSEWHERE_M: Final = 0.12
"""Joint centres of other rigs lie up to 10 cm from SMPL's."""
HEAD_ELSEWHERE_M: Final = 0.25
"""Heads are taken for the top of the neck, the middle of the skull or its crown."""
ELSEWHERE_SHARE: Final = 0.45
SLOWEST_FPS: Final = 8.0
"""Motion is hardly recorded at fewer frames a second."""
TRUNK_M_S, LIMBS_M_S = 9.0, 14.0
"""Speeds that people's trunks and most of their joints stay below for nineteen twentieths of a clip."""


ENDS_OF_LIMBS: Final = ("elbow", "wrist", "hand", "knee", "ankle", "foot")


@dataclass(frozen=True)
class LimbFit:
    """How well arms and legs fit a person's.

    Attributes:
        scale: File units per metre of the default body.
        is_human: Whether proportions, steadiness and evenness are a person's.
    """

    scale: float
    is_human: bool


def measure_limbs(points: F64, layout: Layout) -> LimbFit:
    """Compare the lengths of limbs with the default body's.

    Args:
        points: (S, K, 3), sampled, NaN where unseen.
        layout: Of the points, which are joints.

    Returns:
        The scale, and whether these are a person's limbs.
    """
    rest = load_body().rest_joints().astype(np.float64)
    at = {JOINT_NAMES[joint]: point for point, joint in reversed(list(enumerate(layout.joints)))}
    ratios, jitter = dict[tuple[str, str], float](), []
    for side in ("left", "right"):
        for upper, lower in LIMBS:
            ends = (f"{side}_{upper}", f"{side}_{lower}")
            if ends[0] not in at or ends[1] not in at:
                continue
            length = np.linalg.norm(points[:, at[ends[0]]] - points[:, at[ends[1]]], axis=-1)
            length = length[np.isfinite(length)]
            if not len(length) or not np.median(length) > 0:
                continue
            known = np.linalg.norm(rest[JOINT_NAMES.index(ends[0])] - rest[JOINT_NAMES.index(ends[1])])
            ratios[side, upper] = float(np.log(np.median(length) / known))
            jitter.append(float(np.median(np.abs(length / np.median(length) - 1.0))))
    if len(ratios) < 6:
        return LimbFit(1.0, False)
    middle = float(np.median(list(ratios.values())))
    shape = float(np.mean([abs(value - middle) for value in ratios.values()]))
    pairs = [(ratios.get(("left", part)), ratios.get(("right", part))) for part, _ in LIMBS]
    uneven = [abs(left - right) for left, right in pairs if left is not None and right is not None]
    is_human = (
        shape < LIMB_SHAPE and float(np.mean(jitter)) < LIMB_JITTER and float(np.mean(uneven or [0.0])) < LIMB_UNEVEN
    )
    return LimbFit(float(np.exp(middle)), is_human)


def find_misplaced(points: F64, layout: Layout, scale: float, *, limbs_only: bool = False) -> Finding | None:
    """Whether a joint lies elsewhere than its name says.

    Args:
        points: (S, K, 3), sampled, file units, NaN where unseen.
        layout: Of the points.
        scale: File units per metre of the default body.
        limbs_only: Whether joints of the trunk may be elsewhere, as in some rigs.

    Returns:
        A doubtful finding that names such joints, or None.
    """
    template = template_of(layout)
    rest = template.rest_points
    wrong: list[tuple[str, float]] = []
    for point, name in enumerate(layout.keypoints):
        if limbs_only and not JOINT_NAMES[layout.joints[point]].endswith(ENDS_OF_LIMBS):
            continue
        ends = [other for edge in layout.edges if point in edge for other in edge if other != point]
        offs = []
        for other in ends:
            length = np.linalg.norm(points[:, point] - points[:, other], axis=-1)
            if np.isfinite(length).any():
                known = float(np.linalg.norm(rest[point] - rest[other]))
                off = abs(float(np.nanmedian(length)) / scale - known)
                offs.append((off, off / max(known, 1e-3)))
        most = HEAD_ELSEWHERE_M if JOINT_NAMES[layout.joints[point]] in ("head", "neck") else ELSEWHERE_M
        if offs and min(offs)[0] > most and min(share for _, share in offs) > ELSEWHERE_SHARE:
            wrong.append((name, min(offs)[0]))
    if not wrong:
        return None
    named = ", ".join(f"{name} by {100.0 * off:.0f} cm" for name, off in wrong[:4])
    return Finding("joints", "elsewhere than named", 0.6, f"a person of this size has them elsewhere: {named}")


def judge_rate(fps: float, confidence: float, why: str, points_m: F64, frames: int) -> Finding:
    """Hold a declared rate against how people move.

    Args:
        fps: Frames a second, as declared.
        confidence: Of the declaration.
        why: Of the declaration, a clause.
        points_m: (S, K, 3), sampled, metres.
        frames: Of the whole clip, to know how far apart the samples are.

    Returns:
        The finding about the rate, doubtful where people do not move like that.
    """
    value = f"{fps:.6g} fps"
    if fps < SLOWEST_FPS:
        return Finding("rate", value, min(confidence, 0.6), f"{why}, but motion is hardly recorded at so low a rate")
    if len(points_m) < 5 or frames > 4 * len(points_m):
        return Finding("rate", value, confidence, why)
    step_s = (frames - 1) / max(1, len(points_m) - 1) / fps
    speeds = np.linalg.norm(np.diff(points_m, axis=0), axis=-1) / step_s
    whole = points_m[np.isfinite(points_m).all(axis=-1).mean(axis=1) > 0.5]
    if not np.isfinite(speeds).any() or len(whole) < 5:
        return Finding("rate", value, confidence, why)
    limbs = float(np.median([np.percentile(one[np.isfinite(one)], 95) for one in speeds.T if np.isfinite(one).any()]))
    seen = np.isfinite(points_m).all(axis=(0, 2))
    middle = points_m[:, seen].mean(axis=1) if seen.any() else np.zeros((2, 3))
    trunk = float(np.percentile(np.linalg.norm(np.diff(middle, axis=0), axis=-1), 95)) / step_s
    if trunk > TRUNK_M_S or limbs > LIMBS_M_S:
        fastest = max(trunk, limbs)
        return Finding(
            "rate",
            value,
            min(confidence, 0.6),
            f"{why}, but at it the body moves at {fastest:.0f} m/s. Is --fps lower?",
        )
    return Finding("rate", value, confidence, why)
