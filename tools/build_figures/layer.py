# SPDX-License-Identifier: Apache-2.0
"""Parts of a figure's surface: pieces of the body, subdivided, cut, displaced, and closed by rims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tools.build_body.topology import Remesh, boundary_loops, cut_along, smoothing_operator, vertex_normals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Layer:
    """A part of the surface.

    Attributes:
        mesh: Vertices as blends of the body's, at most three of one triangle each; faces; material of each face.
        at_m: (V', 3), metres, where the vertices are in the T-pose. They may be off the body.
    """

    mesh: Remesh
    at_m: Floats

    @staticmethod
    def of(points_m: Floats, faces: Ints, material: int) -> Layer:
        """Start with triangles of the body. points_m: (V, 3), metres; faces: (F, 3)."""
        mesh = Remesh.start(len(points_m), faces)
        mesh.material[:] = material
        return Layer(mesh, points_m).compact()

    @property
    def faces(self) -> Ints:
        """(F, 3)."""
        return self.mesh.faces

    def compact(self) -> Layer:
        """Drop vertices that no face uses."""
        used = np.unique(self.faces)
        return Layer(self.mesh.drop_unused(), self.at_m[used])

    def normals(self) -> Floats:
        """Unit normals, (V', 3)."""
        return vertex_normals(self.at_m, self.faces)

    def moved(self, at_m: Floats) -> Layer:
        """Return the layer with its vertices elsewhere. at_m: (V', 3), metres."""
        return replace(self, at_m=at_m)

    def smoothed(self, strength: Floats, steps: int) -> Layer:
        """Smooth the positions: strength (V',) of each of the steps, 0 to 1."""
        step = smoothing_operator(self.faces, strength)
        at_m = self.at_m
        for _ in range(steps):
            at_m = step @ at_m
        return self.moved(np.asarray(at_m))

    def subdivided(self) -> Layer:
        """Divide each triangle into four (Loop 1987). The blends are linear, the positions smooth."""
        linear, smooth, faces = _loop_operators(self.faces, len(self.at_m))
        mesh = Remesh((linear @ self.mesh.blend).tocsr(), faces, np.repeat(self.mesh.material, 4))
        return Layer(mesh, np.asarray(smooth @ self.at_m))

    def cut(self, field_of: Callable[[Floats], Floats], inside: int | None, divided: tuple[int, ...] = ()) -> Layer:
        """Cut along the zero level of a field.

        Args:
            field_of: Value of each vertex, (V', 3) metres to (V',).
            inside: Material of the positive side; None to remove it.
            divided: Materials that are cut; all by default.

        Returns:
            The layer with edges along the border.
        """
        where = np.isin(self.mesh.material, divided) if divided else np.ones(len(self.faces), dtype=bool)
        before = self.mesh.blend.shape[0]
        numbered = replace(self.mesh, blend=sparse.identity(before, format="csr"))
        mesh, field = cut_along(numbered, field_of(self.at_m), where)
        whole = Layer(replace(mesh, blend=(mesh.blend @ self.mesh.blend).tocsr()), np.asarray(mesh.blend @ self.at_m))
        allowed = np.isin(mesh.material, divided) if divided else np.ones(len(mesh.faces), dtype=bool)
        positive = allowed & (field[mesh.faces].sum(axis=1) > 0.0)
        if inside is None:
            return Layer(whole.mesh.keep_faces(~positive), whole.at_m).compact()
        whole.mesh.material[positive] = inside
        return whole

    def with_rims(self, wanted: Callable[[Floats], bool], thickness_m: float, depth_m: float) -> Layer:
        """Fold open edges inwards, which gives cloth its thickness.

        Args:
            wanted: Whether a loop, (N, 3) metres, is folded.
            thickness_m: Thickness of the edge, metres.
            depth_m: How far the fold reaches inwards, metres.

        Returns:
            The layer with two more rows of vertices on each edge.
        """
        result, normals = self, self.normals()
        inwards = smoothing_operator(self.faces, np.ones(len(self.at_m))) @ self.at_m - self.at_m
        for loop in boundary_loops(self.faces):
            if not wanted(self.at_m[loop]):
                continue
            normal = _unit(_smoothed_round(normals[loop]))
            along = _unit(_smoothed_round(inwards[loop]))
            along = _unit(along - np.sum(along * normal, axis=1, keepdims=True) * normal)
            lip = self.at_m[loop] - thickness_m * normal
            edge = self.at_m[loop]
            rows = np.stack([edge, lip, lip, lip + depth_m * along - 0.5 * thickness_m * normal])
            result = result.extended(loop, rows, creases=(0, 2))
        return result

    def extended(self, loop: list[int], rows_m: Floats, *, creases: tuple[int, ...] = ()) -> Layer:
        """Add rows of vertices to an open edge.

        Args:
            loop: The N vertices of the edge.
            rows_m: (R, N, 3), metres, the new rows.
            creases: Rows that repeat the place of the row before, so that the normals change there at once.

        Returns:
            The layer with the new faces.
        """
        count, previous, faces = len(self.at_m), np.array(loop), []
        for number in range(len(rows_m)):
            ring = count + number * len(loop) + np.arange(len(loop))
            a, b, c, d = previous, np.roll(previous, -1), ring, np.roll(ring, -1)
            if number not in creases:
                faces += [np.stack([b, a, c], axis=1), np.stack([b, c, d], axis=1)]
            previous = ring
        rows = sparse.vstack([self.mesh.blend[loop]] * len(rows_m))
        touching = np.isin(self.faces, loop).sum(axis=1) == 2
        material = int(np.bincount(self.mesh.material[touching]).argmax())
        mesh = self.mesh.append(rows, np.concatenate(faces), material)
        return Layer(mesh, np.concatenate([self.at_m, rows_m.reshape(-1, 3)]))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _smoothed_round(values: Floats, steps: int = 12) -> Floats:
    """Smooth values (N, C) round a closed loop."""
    for _ in range(steps):
        values = 0.5 * values + 0.25 * (np.roll(values, 1, axis=0) + np.roll(values, -1, axis=0))
    return values


def joined(layers: list[Layer]) -> Layer:
    """Return several layers as one."""
    starts = np.cumsum([0, *(len(one.at_m) for one in layers)])
    mesh = Remesh(
        sparse.vstack([one.mesh.blend for one in layers], format="csr"),
        np.concatenate([one.faces + start for one, start in zip(layers, starts[:-1], strict=True)]),
        np.concatenate([one.mesh.material for one in layers]),
    )
    return Layer(mesh, np.concatenate([one.at_m for one in layers]))


def smoothstep(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below ``low``, 1 above ``high``, and a smooth curve between."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))


def _loop_operators(faces: Ints, count: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix, Ints]:
    """Return the linear and the smooth operator of one subdivision, (V + E, V) each, and the new faces."""
    pairs = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, which, uses = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1, 3)  # edges 01, 12, 20 of each face
    number = np.arange(len(edges))
    halves = sparse.csr_matrix(
        (np.full(2 * len(edges), 0.5), (np.repeat(number, 2), edges.ravel())), shape=(len(edges), count)
    )
    opposite = sparse.csr_matrix(
        (np.ones(faces.size), (which.ravel(), faces[:, [2, 0, 1]].ravel())), shape=(len(edges), count)
    )
    inner = uses == 2
    smooth_edges = (
        sparse.diags(np.where(inner, 0.75, 1.0)) @ halves + sparse.diags(np.where(inner, 0.125, 0.0)) @ opposite
    )
    border = edges[uses == 1]
    on_border = np.zeros(count, dtype=bool)
    on_border[border.ravel()] = True
    kept = np.where(on_border[edges].all(axis=1) & (uses == 1), 1.0, 0.0)
    links = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    links = links + links.T
    degree = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1.0)
    share = (0.625 - (0.375 + 0.25 * np.cos(2.0 * np.pi / degree)) ** 2) / degree
    rim = sparse.csr_matrix((kept, (edges[:, 0], edges[:, 1])), shape=(count, count))
    rim = rim + rim.T
    inside = sparse.diags(1.0 - degree * share) + sparse.diags(share) @ links
    outside = 0.75 * sparse.identity(count) + 0.125 * rim
    chosen = (
        sparse.diags(np.where(on_border, 0.0, 1.0)) @ inside + sparse.diags(np.where(on_border, 1.0, 0.0)) @ outside
    )
    new = which + count
    a, b, c = faces.T
    x, y, z = new.T
    quarters = np.stack([a, x, z, b, y, x, c, z, y, x, y, z], axis=1).reshape(-1, 3)
    linear = sparse.vstack([sparse.identity(count), halves], format="csr")
    return linear, sparse.vstack([chosen, smooth_edges], format="csr"), quarters
