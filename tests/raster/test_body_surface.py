# SPDX-License-Identifier: Apache-2.0
"""Triangles, normals and the coarse copy of a body."""

import numpy as np
import pytest

from dancepose.raster.body_surface import coarse_faces, surface_of


def test_every_triangle_is_drawn_once_with_its_material(body) -> None:
    surface = surface_of(body)
    assert sum(part.count for part in surface.parts) == body.faces.size
    wanted = {
        tuple(face): body.surface.rgba[m]
        for face, m in zip(body.faces.tolist(), body.surface.face_material, strict=True)
    }
    for part in surface.parts:
        for face in surface.faces.reshape(-1)[part.first : part.first + part.count].reshape(-1, 3)[::97].tolist():
            assert part.rgb == pytest.approx(wanted[tuple(face)][:3].tolist())


def test_normals_are_the_weighted_means_of_the_faces(body) -> None:
    surface, points = surface_of(body), body.v_template_m
    normals = surface.normals(points)
    for vertex in range(0, len(points), 1999):
        total = np.zeros(3)
        for a, b, c in body.faces[(body.faces == vertex).any(axis=1)]:
            total += np.cross(points[b] - points[a], points[c] - points[a])
        assert normals[vertex] == pytest.approx(total / np.linalg.norm(total), abs=1e-4)


def test_the_coarse_copy_is_small_and_near(body) -> None:
    from scipy.spatial import cKDTree

    coarse = coarse_faces(body)
    assert 300 < len(coarse) < 2500
    centres = body.v_template_m[coarse].mean(axis=1)
    distance, _ = cKDTree(body.v_template_m).query(centres)
    assert np.percentile(distance, 95) < 0.03
