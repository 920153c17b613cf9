# SPDX-License-Identifier: Apache-2.0
"""Neutral, female and male: the body's betas of each, without their effect on the joints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import hair
from .layer import Layer

Floats = NDArray[np.float64]

BETAS: Final[Mapping[str, tuple[float, ...]]] = {
    "neutral": (0.0,) * 10,
    "female": (0.0, -1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "male": (0.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
"""Betas of each figure. The second beta is the one that separates women and men in the people of anny."""
WITH_BUN: Final = ("female",)
HIDDEN_M: Final = np.array([0.0, 0.745, 0.03])
BUN_VERTICES: Final = (hair.BUN_RINGS - 1) * hair.BUN_SIDES + 2


def offsets_m(body: Mapping[str, Any], layer: Layer) -> dict[str, Floats]:
    """Return what each figure adds to the neutral surface, (N, 3) metres.

    The skeleton stays: what a beta does to the joints is subtracted, blended by the skinning weights.

    Args:
        body: The decoded body file.
        layer: The surface.
    """
    directions = np.asarray(body["shapedirs"], np.float64)
    regressor, weights = (np.asarray(body[key], np.float64) for key in ("J_regressor", "weights"))
    found = {}
    for name, betas in BETAS.items():
        moved = directions @ np.array(betas)
        moved = moved - weights @ (regressor @ moved)
        found[name] = np.asarray(layer.mesh.blend @ moved)
        if name not in WITH_BUN:
            # The bun, the last part of the surface, hides in the head.
            bun = slice(len(layer.at_m) - BUN_VERTICES, None)
            found[name][bun] += 0.97 * (HIDDEN_M - layer.at_m[bun])
    return found
