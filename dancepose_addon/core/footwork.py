"""How a motion's feet stand on its floor: numbers for a report, from the soles of the posed body."""

import numpy as np
from numpy.typing import NDArray

from .body.model import JOINT_INDEX, BodyModel, skin
from .fit.grounding import sole_vertices
from .fit.metrics import CONTACT_HEIGHT_M, floating_mm, penetration_mm, skating_ratio
from .fit.motion import BodyMotion

F32 = NDArray[np.float32]


def measure_footwork(body: BodyModel, motion: BodyMotion) -> dict[str, float]:
    """Shares of frames in which a foot, or both, touch the floor (y = 0), slide on it, and how far feet float above it
    or sink into it on average, in millimetres."""
    soles = sole_vertices(body)
    left = body.weights[soles][:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["left_foot"]]].sum(axis=1) > 0.5
    heights = np.empty((len(motion), 2), np.float32)
    toes = np.empty((len(motion), 2, 3), np.float32)

    def keep(first: int, vertices_m: F32) -> None:
        stop = first + len(vertices_m)
        for foot, chosen in enumerate((left, ~left)):
            heights[first:stop, foot] = vertices_m[:, chosen, 1].min(axis=1)
            toes[first:stop, foot] = vertices_m[:, chosen].mean(axis=1)

    skin(
        body,
        motion.pose_rotmat,
        betas=motion.betas,
        translation_m=motion.translation_m,
        scale=motion.scale,
        correctives=False,
        vertices=soles,
        batch=256,
        each=keep,
    )
    touching = heights < CONTACT_HEIGHT_M
    lowest = heights.min(axis=1)
    return {
        "contact": round(float(touching.any(axis=1).mean()), 4),
        "contact_both": round(float(touching.all(axis=1).mean()), 4),
        "skating": round(skating_ratio(toes, motion.fps), 4) if len(motion) > 1 else 0.0,
        "floating_mm": round(floating_mm(lowest), 2),
        "penetration_mm": round(penetration_mm(lowest), 2),
    }
