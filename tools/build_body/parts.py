# SPDX-License-Identifier: Apache-2.0
"""New parts: round eyes and closed shoe toes instead of eight-sided eyes and bare toes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .topology import Remesh, boundary_loops, cut_along

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EYE_RINGS_M: Final = (0.0021, 0.0040, 0.0058, 0.0080, 0.0105, 0.0130, 0.0145)
"""Distance of each ring from the line of sight, metres; the pupil ends at the first, the iris at the third."""
EYE_SEGMENTS: Final = 20
TOE_STEPS: Final = (0.30, 0.52, 0.70, 0.84, 0.94, 0.99)
"""Positions of the rings of the shoe's toe, from the cut (0) to the tip (1)."""
TOE_ROUNDNESS: Final = 2.3


def add_eye(mesh: Remesh, points_m: Floats, eyeball: Ints, front: Ints, materials: tuple[int, int, int]) -> Remesh:
    """Add the front of a round eyeball fitted to the old one.

    Args:
        mesh: Mesh to extend.
        points_m: (V, 3), original vertices, metres.
        eyeball: Indices of the old eyeball.
        front: Indices of its front.
        materials: Materials of sclera, iris and pupil.

    Returns:
        The extended mesh.
    """
    ball = points_m[eyeball]
    centre, radius = _fit_sphere(ball)
    ahead = points_m[front].mean(axis=0) - centre
    ahead /= np.linalg.norm(ahead)
    side = np.cross([0.0, 1.0, 0.0], ahead)
    side /= np.linalg.norm(side)
    up = np.cross(ahead, side)
    # Mirrored eyes get mirrored rings: the angle runs the other way round.
    turn = np.sign(centre[0]) * 2.0 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    wanted = [centre + radius * ahead]
    for ring_m in EYE_RINGS_M:
        depth = np.sqrt(max(radius**2 - ring_m**2, 0.0))
        wanted.extend(centre + depth * ahead + ring_m * (np.cos(t) * side * np.sign(centre[0]) + np.sin(t) * up)
                      for t in turn * np.sign(centre[0]))  # fmt: skip
    rows = _affine_blends(ball, np.array(wanted))
    spread = sparse.csr_matrix((rows.ravel(), (np.repeat(np.arange(len(rows)), len(eyeball)),
                                               np.tile(eyeball, len(rows)))),
                               shape=(len(rows), mesh.blend.shape[1]))  # fmt: skip
    base = mesh.blend.shape[0]
    for index, faces in enumerate(_disc_faces(len(EYE_RINGS_M), EYE_SEGMENTS)):
        if centre[0] < 0:
            faces = faces[:, ::-1]
        material = materials[2] if index == 0 else materials[1] if index <= 2 else materials[0]
        mesh = mesh.append(spread if index == 0 else spread[:0], faces + base, material)
    return mesh


def _disc_faces(rings: int, segments: int) -> list[Ints]:
    """Faces of a disc round vertex 0, one array per ring; vertex 1 + ring * segments + segment."""
    around = np.arange(segments)
    following = (around + 1) % segments
    inner = [np.stack([np.zeros(segments, dtype=np.int64), 1 + around, 1 + following], axis=1)]
    for ring in range(1, rings):
        a, b = 1 + (ring - 1) * segments, 1 + ring * segments
        inner.append(
            np.concatenate(
                [
                    np.stack([a + around, b + around, b + following], axis=1),
                    np.stack([a + around, b + following, a + following], axis=1),
                ]
            )
        )
    return inner


def _fit_sphere(points_m: Floats) -> tuple[Floats, float]:
    """Least-squares sphere through points_m (N, 3): centre (3,) and radius, metres."""
    matrix = np.concatenate([2.0 * points_m, np.ones((len(points_m), 1))], axis=1)
    solution = np.linalg.lstsq(matrix, np.sum(points_m**2, axis=1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def _affine_blends(points_m: Floats, wanted_m: Floats) -> Floats:
    """Smallest weights (K, N), rows summing to 1, with weights @ points_m (N, 3) = wanted_m (K, 3)."""
    matrix = np.concatenate([points_m.T * 100.0, np.ones((1, len(points_m)))])  # centimetres: better conditioned
    target = np.concatenate([wanted_m.T * 100.0, np.ones((1, len(wanted_m)))])
    return np.asarray((np.linalg.pinv(matrix) @ target).T)


def close_toes(mesh: Remesh, points_m: Floats, cut: Floats, tips: tuple[Ints, Ints], material: int) -> Remesh:
    """Cut off bare toes and close each foot with a round toe cap.

    Args:
        mesh: Mesh to change.
        points_m: (V, 3), original vertices, metres.
        cut: (V',), positive in front of the cut, on feet only.
        tips: Original vertices at the tips of the left and the right toes; the cap ends at their mean.
        material: Material of the cap.

    Returns:
        The changed mesh.
    """
    mesh, field = cut_along(mesh, cut)
    mesh = mesh.keep_faces(~(field[mesh.faces].max(axis=1) > 1e-12))
    at_m = mesh.apply(points_m)
    on_cut = np.abs(field) < 1e-12
    for loop in boundary_loops(mesh.faces):
        if not on_cut[loop].all():
            continue
        tip = tips[0] if at_m[loop, 0].mean() > 0 else tips[1]
        mesh = _add_cap(mesh, loop, tip, material)
    return mesh


def _add_cap(mesh: Remesh, loop: list[int], tip: Ints, material: int) -> Remesh:
    """Close `loop` with rings that taper to the mean of the original vertices `tip`."""
    edge = mesh.blend[loop]
    centre = sparse.csr_matrix(edge.mean(axis=0))
    end = sparse.csr_matrix((np.full(len(tip), 1.0 / len(tip)), (np.zeros(len(tip), dtype=int), tip)),
                            shape=(1, mesh.blend.shape[1]))  # fmt: skip
    ones = sparse.csr_matrix(np.ones((len(loop), 1)))
    rows, faces = [], []
    previous = np.array(loop)
    base = mesh.blend.shape[0]
    for step in TOE_STEPS:
        taper = (1.0 - step**TOE_ROUNDNESS) ** (1.0 / TOE_ROUNDNESS)
        rows.append(taper * edge + ones @ (step * end + (1.0 - step - taper) * centre))
        ring = base + np.arange(len(loop))
        base += len(loop)
        a, b = previous, np.roll(previous, -1)
        c, d = ring, np.roll(ring, -1)
        faces += [np.stack([b, a, c], axis=1), np.stack([b, c, d], axis=1)]
        previous = ring
    rows.append(end)
    faces.append(np.stack([np.roll(previous, -1), previous, np.full(len(loop), base)], axis=1))
    return mesh.append(sparse.vstack(rows), np.concatenate(faces), material)
