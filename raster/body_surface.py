# SPDX-License-Identifier: Apache-2.0
"""The triangles of a body as the engine draws them: sorted by material, with normals and a coarse copy for shadows."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.stage_design import CLOTH_ROUGHNESS, PLAIN_RGBA, ROUGHNESS

I32 = NDArray[np.int32]
COARSE_CELL_M: Final = 0.09
"""Vertices closer than about this become one in the coarse copy. Penumbras are wider than what that moves a shadow."""
FINE_CELL_M: Final = 0.04
"""The same for feet, whose shadows touch them, and for forearms and hands, which are thin."""
FINE_JOINTS: Final = tuple(
    JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "foot", "elbow", "wrist", "hand")
)


@dataclass(frozen=True)
class MaterialPart:
    """Triangles of one material.

    Attributes:
        first: First index in the list of indices.
        count: Number of indices.
        rgb: Scene-linear colour.
        roughness: Roughness of the surface, 0 to 1.
    """

    first: int
    count: int
    rgb: tuple[float, float, float]
    roughness: float


@dataclass(frozen=True)
class BodySurface:
    """Triangles of a body.

    Attributes:
        faces: (F, 3), vertex indices, sorted by material.
        parts: Where each material's triangles are.
        coarse: (C, 3), vertex indices of the coarse copy, whose corners are vertices of the body.
        corner_faces: (3 F,), the face of each corner, sorted by vertex.
        vertex_starts: (V,), first corner of each vertex in ``corner_faces``.
    """

    faces: I32
    parts: tuple[MaterialPart, ...]
    coarse: I32
    corner_faces: NDArray[np.intp]
    vertex_starts: NDArray[np.intp]

    def normals(self, vertices_m: F32) -> F32:
        """Compute unit vertex normals, weighted by the areas of the faces.

        Args:
            vertices_m: (V, 3), metres.

        Returns:
            (V, 3).
        """
        corners = vertices_m[self.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        summed = np.add.reduceat(across[self.corner_faces], self.vertex_starts, axis=0)
        length = np.sqrt(np.einsum("vc,vc->v", summed, summed))
        return np.asarray(summed / np.maximum(length, 1e-12)[:, None], np.float32)


def surface_of(body: BodyModel) -> BodySurface:
    """Prepare the triangles of a body.

    Args:
        body: The body.

    Returns:
        Its triangles.
    """
    faces, parts = _sorted_by_material(body)
    corners = faces.ravel()
    order = np.argsort(corners, kind="stable")
    # A vertex without a face takes the next vertex's normal; nothing draws it.
    starts = np.minimum(np.searchsorted(corners[order], np.arange(len(body.v_template_m))), len(corners) - 1)
    return BodySurface(faces, parts, coarse_faces(body), order // 3, starts)


def material_parts(body: BodyModel) -> tuple[MaterialPart, ...]:
    """Return where the triangles of each material are, and its colour; alike for bodies that differ in colours only."""
    return _sorted_by_material(body)[1]


def _sorted_by_material(body: BodyModel) -> tuple[I32, tuple[MaterialPart, ...]]:
    faces = np.asarray(body.faces, np.int32)
    surface = body.surface
    if surface is None:
        red, green, blue, _ = PLAIN_RGBA
        return faces, (MaterialPart(0, faces.size, (red, green, blue), CLOTH_ROUGHNESS),)
    order = np.argsort(surface.face_material, kind="stable")
    counts = np.bincount(surface.face_material, minlength=len(surface.names))
    parts, first = [], 0
    for name, rgba, count in zip(surface.names, surface.rgba.tolist(), counts.tolist(), strict=True):
        if count:
            rgb = (rgba[0], rgba[1], rgba[2])
            parts.append(MaterialPart(first, 3 * count, rgb, ROUGHNESS.get(name, CLOTH_ROUGHNESS)))
        first += 3 * count
    return faces[order], tuple(parts)


def coarse_faces(body: BodyModel) -> I32:
    """Return triangles of a coarse copy of a body: one vertex of each cell of a grid (vertex clustering).

    Cells are separate for each joint that moves a vertex most, so that no triangle joins an arm to the trunk.

    Args:
        body: The body, in its T-pose.

    Returns:
        (C, 3), indices of the body's vertices.
    """
    rest, owner = body.v_template_m, body.weights.argmax(axis=1)
    cell_m = np.where(np.isin(owner, FINE_JOINTS), FINE_CELL_M, COARSE_CELL_M)
    cell = np.floor((rest - rest.min(axis=0)) / cell_m[:, None]).astype(np.int64)
    _, group = np.unique(np.concatenate([cell, owner[:, None]], axis=1), axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group)
    middle = np.stack([np.bincount(group, rest[:, axis]) for axis in range(3)], axis=1) / count[:, None]
    distance = np.linalg.norm(rest - middle[group], axis=1)
    order = np.lexsort((distance, group))
    nearest = order[np.concatenate([[0], np.cumsum(count)[:-1]])]
    coarse = nearest[group][body.faces]
    kept = (coarse[:, 0] != coarse[:, 1]) & (coarse[:, 1] != coarse[:, 2]) & (coarse[:, 0] != coarse[:, 2])
    return np.unique(np.sort(coarse[kept], axis=1), axis=0).astype(np.int32)
