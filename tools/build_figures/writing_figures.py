# SPDX-License-Identifier: Apache-2.0
"""The arrays of `figures.npz`; the format is described in `dancepose_addon/core/body/figure_file.py`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from dancepose_addon.core.body.figure_file import FORMAT

from .layer import Layer, smoothstep

STEP_M: Final = 2e-5
ARM_AXIS_M: Final = (0.480, 0.015)
"""Height and depth of the arms' axis in the T-pose, metres."""
Array = NDArray[Any]


def figure_arrays(
    layer: Layer, body_points_m: Array, offsets_m: dict[str, Array], materials: tuple[tuple[str, Any], ...]
) -> dict[str, Array]:
    """Return the arrays of a file.

    Args:
        layer: The surface.
        body_points_m: (V, 3), metres, the body's vertices.
        offsets_m: Figure to (N, 3), metres, offsets besides the neutral figure's.
        materials: Name and linear RGBA of each material.

    Returns:
        Arrays by key.
    """
    corners, shares = _three(layer.mesh.blend.tocsr())
    place = np.einsum("nk,nkc->nc", _decoded(shares), body_points_m[corners])
    base = layer.at_m - place
    offsets = np.stack([base + extra for extra in offsets_m.values()])
    whole = np.rint(offsets.transpose(0, 2, 1) / STEP_M)
    if np.abs(whole).max() > 32767:
        raise ValueError(f"an offset of {np.abs(offsets).max():.3f} m does not fit 16 bits")
    swell = np.rint(64.0 * limb_swell(place, layer.at_m))
    return {
        "format": np.array(FORMAT),
        "vertex_count": np.array(len(body_points_m), np.int32),
        "corners": _differences(corners.T.astype(np.uint16)),
        "shares": shares.T.astype(np.uint16),
        "figure_names": np.array(list(offsets_m)),
        "offsets": _differences(whole.astype(np.int16)),
        "step": np.array(STEP_M),
        "swell": np.clip(swell, 32, 255).astype(np.uint8),
        "f": _differences(layer.faces.T.astype(np.uint16)),
        "face_material": layer.mesh.material.astype(np.uint8),
        "material_names": np.array([name for name, _ in materials]),
        "material_rgba": np.array([rgba for _, rgba in materials], np.float32),
    }


def limb_swell(body_m: Array, at_m: Array) -> Array:
    """Return how much farther than the body a surface is from the axis of the arm, (N,); 1 beside the arms.

    Args:
        body_m: (N, 3), metres, places on the body.
        at_m: (N, 3), metres, the same vertices of the surface.
    """
    axis = ARM_AXIS_M
    near, far = (np.hypot(points[:, 1] - axis[0], points[:, 2] - axis[1]) for points in (body_m, at_m))
    share = smoothstep(np.abs(body_m[:, 0]), 0.16, 0.26) * smoothstep(-np.abs(body_m[:, 0]), -0.70, -0.66)
    return np.asarray(1.0 + share * (np.clip(far / np.maximum(near, 0.01), 0.8, 1.8) - 1.0))


def _three(blend: sparse.csr_matrix) -> tuple[Array, Array]:
    """Return three body vertices (N, 3) and the whole-number weights of the first two (N, 2)."""
    blend.sum_duplicates()
    blend.sort_indices()
    counts = np.diff(blend.indptr)
    if counts.max() > 3:
        raise ValueError(f"a vertex follows {counts.max()} vertices of the body; three is the most")
    corners = np.zeros((blend.shape[0], 3), np.int64)
    weights = np.zeros((blend.shape[0], 3))
    for column in range(3):
        has = counts > column
        at = blend.indptr[:-1][has] + column
        corners[has, column], weights[has, column] = blend.indices[at], blend.data[at]
    corners = np.where(weights > 0.0, corners, corners[:, :1])
    whole = np.rint(weights[:, :2] * 65535.0).astype(np.int64)
    # Where the third has no share, rounding must leave it none.
    without = weights[:, 2] <= 0.0
    whole[without, 1] = 65535 - whole[without, 0]
    return corners, whole


def _decoded(shares: Array) -> Array:
    first = shares / 65535.0
    return np.concatenate([first, 1.0 - first.sum(axis=1, keepdims=True)], axis=1)


def _differences(values: Array) -> Array:
    return np.diff(values, axis=-1, prepend=np.zeros_like(values[..., :1]))
