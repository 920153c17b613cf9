"""The floor of a clip."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..body.model import JOINT_INDEX, BodyModel, skin

F32 = NDArray[np.float32]

SOLE_POINTS: Final = 40
"""Lowest vertices of each foot and toe region that stand for its sole."""
FLOOR_PERCENTILE: Final = 20.0
"""Of the soles' height over the clip: below most of what a standing dancer's feet do, above the few worst frames."""


def sole_vertices(body: BodyModel) -> NDArray[np.intp]:
    """Indices of vertices under both feet: the lowest of those that ankle and foot joints move."""
    chosen = []
    for side in ("left", "right"):
        for part in ("ankle", "foot"):
            moved = np.flatnonzero(body.weights[:, JOINT_INDEX[f"{side}_{part}"]] > 0.5)
            chosen.append(moved[np.argsort(body.v_template_m[moved, 1])[:SOLE_POINTS]])
    return np.unique(np.concatenate(chosen))


def ground(body: BodyModel, pose_rotmat: F32, translation_m: F32, *, scale: float, betas: F32 | None = None) -> float:
    """Height of the clip's floor, metres, constant over the clip.

    The lowest sole vertex of each frame is on the floor or above it (a jump) as long as a dancer stands; the floor is
    a low percentile of that height. pose_rotmat: (T, 24, 3, 3); translation_m: (T, 3), metres.
    """
    lowest = np.empty(len(pose_rotmat), np.float32)

    def keep(first: int, vertices_m: F32) -> None:
        lowest[first : first + len(vertices_m)] = vertices_m[:, :, 1].min(axis=1)

    skin(
        body,
        pose_rotmat,
        betas=betas,
        translation_m=translation_m,
        scale=scale,
        correctives=False,
        vertices=sole_vertices(body),
        batch=256,
        each=keep,
    )
    return float(np.percentile(lowest, FLOOR_PERCENTILE))
