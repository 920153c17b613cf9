# SPDX-License-Identifier: Apache-2.0
"""Recordings of hands without a body, by MediaPipe, OpenPose, FreiHAND or MANO: recognised, and refused with advice.

Where a hand is, and how the arm holds it, only points of the body show.
"""

from typing import Final

import numpy as np

from ...arrays import F64
from ...errors import InputError
from ..hand_points import POINTS_OF_HAND

TREE: Final = (
    (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11), (11, 12),
    (9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (17, 18), (18, 19), (19, 20),
)  # fmt: skip
"""Neighbours in a hand: the fingers, and the knuckles across the palm."""
LONGEST: Final = 1.3
"""Length of these edges, as a multiple of the shortest tree through the points; 1.0 to 1.15 in hands, above 2 else."""
LOOKED_AT: Final = 9
"""Frames."""


def refuse_hands_alone(points: F64, source: str) -> None:
    """Refuse points of one or two hands without a body.

    Args:
        points: (T, K, 3), in any unit.
        source: The file, for the message.

    Raises:
        InputError: They are hands.
    """
    count = points.shape[1]
    if count not in (POINTS_OF_HAND, 2 * POINTS_OF_HAND) or not len(points):
        return
    frames = points[np.unique(np.linspace(0, len(points) - 1, LOOKED_AT).astype(int))]
    hands = frames.reshape(-1, POINTS_OF_HAND, 3)
    hands = hands[np.isfinite(hands).all(axis=(1, 2)) & (np.ptp(hands, axis=1) > 0.0).any(axis=1)]
    if len(hands) and float(np.median([_excess(hand) for hand in hands])) < LONGEST:
        number = "a hand" if count == POINTS_OF_HAND else "two hands"
        raise InputError(
            f"{source} holds points of {number} ({count} in the order of MediaPipe) and no body: without it, arms "
            "cannot be placed. Store them with the body's points, as (frames, 75, 3): MediaPipe's 33, then 21 of the "
            "left and 21 of the right hand, NaN where one is missing."
        )


def _excess(hand: F64) -> float:
    """Return the length of ``TREE`` as a multiple of the shortest tree through the points (Prim, 1957)."""
    ends = np.array(TREE)
    length = float(np.linalg.norm(hand[ends[:, 0]] - hand[ends[:, 1]], axis=1).sum())
    apart = np.linalg.norm(hand[:, None] - hand[None], axis=-1)
    nearest, total = apart[0].copy(), 0.0
    nearest[0] = np.inf
    for _ in range(len(hand) - 1):
        chosen = int(nearest.argmin())
        total += float(nearest[chosen])
        used = np.isinf(nearest)
        nearest = np.minimum(nearest, apart[chosen])
        nearest[used] = np.inf
        nearest[chosen] = np.inf
    return length / total if total > 0.0 else np.inf
