# SPDX-License-Identifier: Apache-2.0
"""How natural rotation vectors are, joint by joint: which of two alignments of their columns is SMPL's."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ...arrays import F64
from ...body.model import JOINT_NAMES
from ..recording import Finding

MOST: Final = 16.0
"""Squared deviation beyond which a number counts no more."""
CLEARLY: Final = 1.15
"""Ratio of two alignments."""
CLEAR_CONFIDENCE: Final = 0.9
_TRUNK: Final = {
    "spine1": ((0.1, 0.0, 0.0), (0.2, 0.15, 0.12)),
    "spine2": ((0.0, 0.0, 0.0), (0.15, 0.15, 0.12)),
    "spine3": ((0.0, 0.0, 0.0), (0.12, 0.12, 0.12)),
    "neck": ((0.0, 0.0, 0.0), (0.15, 0.25, 0.2)),
    "head": ((0.0, 0.0, 0.0), (0.15, 0.25, 0.2)),
}
_LEFT: Final = {
    "hip": ((-0.15, 0.0, 0.05), (0.6, 0.35, 0.3)),
    "knee": ((0.5, 0.0, 0.0), (0.6, 0.15, 0.15)),
    "ankle": ((0.0, 0.0, 0.0), (0.4, 0.15, 0.2)),
    "foot": ((0.0, 0.0, 0.0), (0.3, 0.15, 0.15)),
    "collar": ((0.0, 0.0, 0.0), (0.1, 0.15, 0.15)),
    "shoulder": ((0.0, -0.2, -0.8), (0.5, 0.6, 0.5)),
    "elbow": ((0.0, -0.7, 0.0), (0.5, 0.7, 0.4)),
    "wrist": ((0.0, 0.0, 0.0), (0.25, 0.2, 0.25)),
    "hand": ((0.0, 0.0, 0.0), (0.2, 0.2, 0.2)),
}
"""Mean and spread about x, y and z in radians, of people who move upright; joints of the right are mirror images."""


def unnatural(rotvec: F64, share: float = 0.5) -> float:
    """Measure how far rotations are from those of people.

    Of real SMPL parameters with their columns in place and shifted by a joint (174 pairs), all have a lower value in
    place, by a factor of 1.24 at least (``python -m benchmarks.column_order``).

    Args:
        rotvec: (T, J, 3), radians, of SMPL's joints; the hands may be other small joints, or missing.
        share: Of the frames that deviate less, for each number.

    Returns:
        Mean squared deviation of joints 1 to 23, in spreads.
    """
    mean, spread = _MEAN_AND_SPREAD
    count = min(rotvec.shape[1], 24)
    deviation = (rotvec[:, 1:count] - mean[: count - 1]) / spread[: count - 1]
    return float(np.minimum(np.nanquantile(deviation**2, share, axis=0), MOST).mean())


def better_alignment(poses: Mapping[str, F64], usual: str = "") -> tuple[str, Finding]:
    """Choose between alignments of the same columns.

    Args:
        poses: By what they are called, (T, J, 3) each, radians, J at least 24.
        usual: The one to take unless another is clearly more natural, or "".

    Returns:
        The name of the most natural one, and the finding.
    """
    costs = {name: unnatural(rotvec) for name, rotvec in poses.items()}
    best, second = sorted(costs, key=lambda name: costs[name])[:2]
    is_clear = costs[second] > CLEARLY * costs[best]
    best = best if is_clear or not usual else usual
    confidence = CLEAR_CONFIDENCE if is_clear or best == usual else 0.6
    return best, Finding("columns", f"SMPL's {best}", confidence, "the rotations are those of limbs")


def _mean_and_spread() -> tuple[F64, F64]:
    mean, spread = np.zeros((24, 3)), np.ones((24, 3))
    for joint, name in enumerate(JOINT_NAMES[:24]):
        side, _, part = name.partition("_")
        centre, width = _LEFT[part] if part in _LEFT else _TRUNK.get(name, ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))
        mean[joint] = np.array(centre) * ([1.0, -1.0, -1.0] if side == "right" else 1.0)
        spread[joint] = width
    return mean[1:], spread[1:]


_MEAN_AND_SPREAD: Final = _mean_and_spread()
