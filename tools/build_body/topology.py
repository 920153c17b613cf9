# SPDX-License-Identifier: Apache-2.0
"""Changes of the mesh. Every new vertex is a fixed blend of old ones, so all body shapes change consistently.

A `Remesh` holds the blend as a sparse matrix: new vertices = blend @ old vertices, for any sample, and likewise for
skinning weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve as sparse_solve
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SNAP: float = 0.06
"""A border that passes within this share of an edge from a vertex goes through the vertex, which avoids slivers."""


@dataclass(frozen=True)
class Remesh:
    """A mesh derived from the original one.

    Attributes:
        blend: (V', V), sparse rows that sum to 1.
        faces: (F, 3).
        material: (F,), index of each face's material.
    """

    blend: sparse.csr_matrix
    faces: Ints
    material: NDArray[np.uint8]

    @staticmethod
    def start(vertex_count: int, faces: Ints) -> Remesh:
        """Return the original mesh, all of material 0."""
        identity = sparse.identity(vertex_count, format="csr")
        return Remesh(identity, faces, np.zeros(len(faces), dtype=np.uint8))

    def apply(self, values: Floats) -> Floats:
        """Convert values on the old vertices (V, C) to the new ones (V', C)."""
        return np.asarray(self.blend @ values)

    def keep_faces(self, kept: Flags) -> Remesh:
        """Keep the faces flagged in kept (F,); vertices remain until `drop_unused`."""
        return replace(self, faces=self.faces[kept], material=self.material[kept])

    def append(self, rows: sparse.spmatrix, faces: Ints, material: int) -> Remesh:
        """Add vertices as blends of the *original* ones, rows (K, V), and faces (G, 3) in the new numbering."""
        return Remesh(
            sparse.vstack([self.blend, rows], format="csr"),
            np.concatenate([self.faces, faces]),
            np.concatenate([self.material, np.full(len(faces), material, dtype=np.uint8)]),
        )

    def drop_unused(self) -> Remesh:
        """Drop vertices that no face uses, and renumber."""
        used, faces = np.unique(self.faces, return_inverse=True)
        return replace(self, blend=self.blend[used], faces=faces.reshape(-1, 3))


def mirror_map(points_m: Floats, tolerance_m: float = 1e-4) -> Ints:
    """Return the mirror image in x of each vertex.

    Args:
        points_m: (V, 3), metres.
        tolerance_m: Largest distance of a mirror image, metres.

    Returns:
        (V,), indices.

    Raises:
        ValueError: A vertex has no mirror image.
    """
    distance, index = cKDTree(points_m).query(points_m * np.array([-1.0, 1.0, 1.0]))
    if distance.max() > tolerance_m or not np.array_equal(index[index], np.arange(len(index))):
        raise ValueError(f"the mesh is not mirror-symmetric: worst pair {1000 * distance.max():.3f} mm apart")
    return np.asarray(index, dtype=np.int64)


def vertex_normals(points_m: Floats, faces: Ints) -> Floats:
    """Return area-weighted unit normals (V, 3)."""
    corners = points_m[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points_m)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def boundary_loops(faces: Ints) -> list[list[int]]:
    """Return closed chains of edges that have only one face, in the direction of that face."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loops, seen = [], set[int]()
    for start in sorted(following):
        if start in seen:
            continue
        loop = [start]
        while (vertex := following[loop[-1]]) != start:
            loop.append(vertex)
        seen.update(loop)
        loops.append(loop)
    return loops


def cut_along(mesh: Remesh, field: Floats, where: Flags | None = None) -> tuple[Remesh, Floats]:
    """Cut every triangle that the zero level of a field crosses.

    Args:
        mesh: Mesh to cut.
        field: (V',), signed value per vertex.
        where: (F,), faces that may be cut; None for all.

    Returns:
        The mesh, and the field on it.
    """
    field = field.copy()
    faces = mesh.faces
    cuttable = np.ones(len(faces), dtype=bool) if where is None else where
    edges = np.unique(np.sort(faces[cuttable][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    a, b = field[edges[:, 0]], field[edges[:, 1]]
    crossing = a * b < 0.0
    share = np.where(crossing, np.abs(a) / np.maximum(np.abs(a) + np.abs(b), 1e-30), 0.5)
    field[edges[crossing & (share < SNAP), 0]] = 0.0
    field[edges[crossing & (share > 1.0 - SNAP), 1]] = 0.0
    a, b = field[edges[:, 0]], field[edges[:, 1]]
    crossing = a * b < 0.0
    ends, share = edges[crossing], (a / np.where(crossing, a - b, 1.0))[crossing]
    count = mesh.blend.shape[0]
    halves = sparse.csr_matrix(
        (
            np.concatenate([1.0 - share, share]),
            (np.tile(np.arange(len(ends)), 2), np.concatenate([ends[:, 0], ends[:, 1]])),
        ),
        shape=(len(ends), count),
    )
    middle = {(int(u), int(v)): count + index for index, (u, v) in enumerate(ends)}
    new_faces: list[list[int]] = []
    new_material: list[int] = []
    for face, material, allowed in zip(faces.tolist(), mesh.material.tolist(), cuttable, strict=True):
        parts = _split_triangle(face, field, middle) if allowed else [face]
        new_faces.extend(parts)
        new_material.extend([material] * len(parts))
    cut = Remesh(
        sparse.vstack([mesh.blend, halves @ mesh.blend], format="csr"),
        np.array(new_faces, dtype=np.int64),
        np.array(new_material, dtype=np.uint8),
    )
    return cut, np.concatenate([field, np.zeros(len(ends))])


def _split_triangle(face: Sequence[int], field: Floats, middle: dict[tuple[int, int], int]) -> list[list[int]]:
    """Return the one to three triangles that a cut leaves of `face`."""
    mids = [middle.get((min(u, v), max(u, v))) for u, v in zip(face, (*face[1:], face[0]), strict=True)]
    cut = [index for index, mid in enumerate(mids) if mid is not None]
    if not cut:
        return [list(face)]
    if len(cut) == 1:  # from a corner to the opposite edge
        k = cut[0]
        p, q, r, m = face[k], face[(k + 1) % 3], face[(k + 2) % 3], mids[k]
        assert m is not None
        return [[p, m, r], [m, q, r]]
    k = ({0, 1, 2} - set(cut)).pop()  # the edge left whole; its opposite corner stands alone
    p, q, lone = face[k], face[(k + 1) % 3], face[(k + 2) % 3]
    mq, mp = mids[(k + 1) % 3], mids[(k + 2) % 3]
    assert mq is not None
    assert mp is not None
    if abs(field[p]) <= abs(field[q]):  # the diagonal that leaves the fatter triangles, the same in the mirror
        return [[mq, lone, mp], [p, q, mq], [p, mq, mp]]
    return [[mq, lone, mp], [p, q, mp], [q, mq, mp]]


def close_slit(mesh: Remesh, points_m: Floats, loop: Sequence[int]) -> Remesh:
    """Close a slit such as the mouth with a strip between its two sides, symmetric in x.

    Args:
        mesh: Mesh to change.
        points_m: (V', 3), metres.
        loop: The boundary, in the direction of `boundary_loops`.

    Returns:
        The closed mesh.
    """
    at = points_m[loop]
    count = len(loop)
    start, end = sorted(np.argsort(np.abs(at[:, 0]), kind="stable")[:2].tolist())  # the two on the midline
    corner = int(np.argmax(at[:, 0]))
    if not start < corner < end:
        start, end = end, start + count
        corner = corner if start < corner else corner + count
    first, second = list(range(start, corner + 1)), list(range(end, corner - 1, -1))
    strip = []
    i = j = 0
    while i + 1 < len(first) or j + 1 < len(second):  # always along the shorter diagonal

        def diagonal(a: int, b: int) -> float:
            return float(np.linalg.norm(at[first[a] % count] - at[second[b] % count]))

        ahead = i + 1 < len(first) and (j + 1 == len(second) or diagonal(i + 1, j) <= diagonal(i, j + 1))
        step = first[i + 1] if ahead else second[j + 1]
        strip.append([step, first[i], second[j]] if ahead else [first[i], second[j], step])
        i, j = (i + 1, j) if ahead else (i, j + 1)
    half = np.array([face for face in strip if len({k % count for k in face}) == 3])
    other = (2 * start - half)[:, ::-1]  # walking the loop the other way round is the mirror image
    faces = np.asarray(loop)[np.concatenate([half, other]) % count]
    empty = sparse.csr_matrix((0, mesh.blend.shape[1]))
    return mesh.append(empty, faces, 0)


def smoothing_operator(faces: Ints, strength: Floats) -> sparse.csr_matrix:
    """Return one Laplacian step v + strength * (mean of the neighbours - v).

    strength: (V,); faces: (F, 3) to (V, V).
    """
    count = len(strength)
    pairs = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    adjacency = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    adjacency = ((adjacency + adjacency.T) > 0).astype(np.float64)
    degree = np.maximum(np.asarray(adjacency.sum(axis=1)).ravel(), 1.0)
    mean = sparse.diags(1.0 / degree) @ adjacency
    active = sparse.diags(np.where(np.asarray(adjacency.sum(axis=1)).ravel() > 0, strength, 0.0))
    return (sparse.identity(count) + active @ (mean - sparse.identity(count))).tocsr()


def bridging_operator(points_m: Floats, faces: Ints, bridged: Flags) -> sparse.csr_matrix:
    """Return the operator that replaces flagged vertices by a thin plate spanned between the others.

    The plate minimises the squared cotangent Laplacian (Botsch and Kobbelt 2004). The operator is linear, so it treats
    every sample alike.

    Args:
        points_m: (V, 3), metres.
        faces: (F, 3).
        bridged: (V,), flags; symmetric for a symmetric result.

    Returns:
        (V, V).
    """
    count = len(points_m)
    stiffness = sparse.csr_matrix((count, count))
    areas = np.zeros(count)
    for corner in range(3):
        a, b, c = (faces[:, (corner + k) % 3] for k in range(3))
        u, v = points_m[a] - points_m[c], points_m[b] - points_m[c]
        double = np.linalg.norm(np.cross(u, v), axis=1)
        cotangent = 0.5 * np.einsum("fi,fi->f", u, v) / np.maximum(double, 1e-12)
        stiffness += sparse.coo_matrix((cotangent, (a, b)), shape=(count, count)).tocsr()
        areas += np.bincount(a, double / 6.0, minlength=count)
    stiffness = stiffness + stiffness.T
    laplacian = stiffness - sparse.diags(np.asarray(stiffness.sum(axis=1)).ravel())
    energy = (laplacian @ sparse.diags(1.0 / np.maximum(areas, 1e-9)) @ laplacian).tocsr()
    inside, outside = np.flatnonzero(bridged), np.flatnonzero(~bridged)
    spread = -sparse_solve(energy[inside][:, inside].tocsc(), energy[inside][:, outside].tocsc())
    everything = sparse.identity(count, format="csc")
    selection, placed = everything[:, outside], everything[:, inside]
    return ((selection + placed @ spread) @ selection.T).tocsr()
