# SPDX-License-Identifier: Apache-2.0
"""The shape space: mean person and ten betas by principal components, each with unit variance."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BETA_COUNT: Final = 10


def vertex_areas(points_m: Floats, faces: Ints) -> Floats:
    """A third of the area of the faces round each vertex: points_m (V, 3), metres -> (V,) square metres."""
    corners = points_m[faces]
    double = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    areas: Floats = np.bincount(faces.ravel(), np.repeat(double / 6.0, 3), len(points_m)).astype(np.float64)
    return areas


def fit_shape_space(samples_m: Floats, faces: Ints, mirror: Ints) -> tuple[Floats, Floats, float]:
    """Compute principal components of people in T-pose.

    Every vertex is weighted by its area, so that a finely meshed face does not outweigh the legs. The first beta is
    signed to make people taller, the others to make them heavier.

    Args:
        samples_m: (N, V, 3), metres, mirror-symmetric.
        faces: (F, 3).
        mirror: (V,), mirror image of each vertex.

    Returns:
        The mean (V, 3), the directions (V, 3, 10) in metres per standard deviation, and the share of variance
        explained.
    """
    mean_m = samples_m.mean(axis=0)
    root_area = np.sqrt(vertex_areas(mean_m, faces) + 1e-9)[None, :, None]
    weighted = ((samples_m - mean_m) * root_area).reshape(len(samples_m), -1)
    left, sizes, _ = np.linalg.svd(weighted @ weighted.T)
    scores = left[:, :BETA_COUNT] * np.sqrt(len(samples_m))  # unit variance over the sample
    directions = np.einsum("nvc,nk->vck", samples_m - mean_m, scores) / len(samples_m)
    reflected = directions[mirror] * np.array([-1.0, 1.0, 1.0])[None, :, None]
    directions = 0.5 * (directions + reflected)
    for beta in range(BETA_COUNT):
        if _growth(mean_m, directions[:, :, beta], faces, by_height=beta == 0) < 0.0:
            directions[:, :, beta] *= -1.0
    return mean_m, directions, float(sizes[:BETA_COUNT].sum() / sizes.sum())


def _growth(mean_m: Floats, direction: Floats, faces: Ints, *, by_height: bool) -> float:
    """Change of height (metres) or of volume (cubic metres) from one step along `direction` (V, 3)."""
    if by_height:
        return float(np.ptp((mean_m + direction)[:, 1]) - np.ptp(mean_m[:, 1]))
    return mesh_volume(mean_m + direction, faces) - mesh_volume(mean_m, faces)


def mesh_volume(points_m: Floats, faces: Ints) -> float:
    """Volume inside a closed mesh by the divergence theorem; points_m: (V, 3), metres -> cubic metres."""
    a, b, c = (points_m[faces[:, corner]] for corner in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0)
