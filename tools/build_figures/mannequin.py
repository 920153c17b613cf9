# SPDX-License-Identifier: Apache-2.0
"""The mannequin: the body without hems, with a smooth head that has no face, hair or ears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from tools.build_body.shape_space import vertex_areas
from tools.build_body.topology import Remesh, boundary_loops

from .layer import Layer, joined, smoothstep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CENTRE_M: Final = np.array([0.0, 0.700, 0.038])
NECK_Y_M: Final = 0.628
DEEPEST_DEG: Final = 172.0
"""How far from the crown the head's shell reaches, inside the neck."""
EAR_X_M: Final = 0.0775
BLUR_DEG: Final = 11.0
RINGS, SIDES = 30, 44
NEIGHBOURS: Final = 3


def build_mannequin(body: Mapping[str, Any], bare_m: Floats) -> Layer:
    """Build the surface.

    Args:
        body: The decoded body file.
        bare_m: (V, 3), metres, the body without the thickness of its hair.

    Returns:
        The surface, of one material.
    """
    faces = np.asarray(body["f"], np.int64)
    below = bare_m[faces].mean(axis=1)[:, 1] < NECK_Y_M + 0.02
    trunk = Layer.of(bare_m, faces[below], 0).cut(_above_neck, None)
    p = trunk.at_m
    suit = 0.5 * smoothstep(-np.abs(p[:, 0]), -0.70, -0.68) * smoothstep(p[:, 1], -0.80, -0.78)
    trunk = trunk.smoothed(suit * smoothstep(-p[:, 1], -0.56, -0.53), 4)
    for loop in boundary_loops(trunk.faces):
        if trunk.at_m[loop, 1].mean() > 0.5:  # the neck continues inside the head
            rim = trunk.at_m[loop]
            rows = [rim * [0.96, 1.0, 1.0] + [0.0, 0.035, 0.002], rim * [0.70, 1.0, 0.8] + [0.0, 0.065, 0.008]]
            trunk = trunk.extended(loop, np.stack(rows))
    return joined([trunk, _head(bare_m, faces)])


def _above_neck(p: Floats) -> Floats:
    """Positive on the head: above a plane that drops in front, below the chin. p: (V, 3), metres."""
    return p[:, 1] - NECK_Y_M + 0.75 * np.maximum(p[:, 2], 0.0)


def _head(bare_m: Floats, faces: Ints) -> Layer:
    """Return a shell round the head: the mean distance of the head from its centre, blurred over directions."""
    area = vertex_areas(bare_m, faces)
    jaw = 0.625 - 0.55 * np.maximum(bare_m[:, 2] - 0.03, 0.0)
    near = np.flatnonzero((bare_m[:, 1] > jaw) & (np.abs(bare_m[:, 0]) < EAR_X_M))
    away = bare_m[near] - CENTRE_M
    radius = np.linalg.norm(away, axis=1)
    rise = np.radians(np.linspace(0.0, DEEPEST_DEG, RINGS + 1)[1:])
    turn = 2.0 * np.pi * np.arange(SIDES) / SIDES
    directions = np.concatenate(
        [
            [[0.0, 1.0, 0.0]],
            np.stack(
                [
                    np.outer(np.sin(rise), np.sin(turn)),
                    np.outer(np.cos(rise), np.ones(SIDES)),
                    np.outer(np.sin(rise), np.cos(turn)),
                ],
                axis=-1,
            ).reshape(-1, 3),
        ]
    )
    angle = np.arccos(np.clip(directions @ (away / radius[:, None]).T, -1.0, 1.0))
    weight = np.exp(-((np.degrees(angle) / BLUR_DEG) ** 2)) * area[near]
    at_m = CENTRE_M + directions * ((weight @ radius) / weight.sum(axis=1))[:, None]
    nearest = near[cKDTree(bare_m[near]).query(at_m, NEIGHBOURS)[1]]
    rows = sparse.csr_matrix(
        (np.full(nearest.size, 1.0 / NEIGHBOURS), (np.repeat(np.arange(len(at_m)), NEIGHBOURS), nearest.ravel())),
        shape=(len(at_m), len(bare_m)),
    )
    shell = _shell_faces()
    return Layer(Remesh(rows, shell, np.zeros(len(shell), np.uint8)), at_m)


def _shell_faces() -> Ints:
    """Return triangles that point outwards: a fan at the crown, then rings."""
    side = np.arange(SIDES)
    after = (side + 1) % SIDES
    found = [np.stack([np.zeros(SIDES, np.int64), 1 + side, 1 + after], axis=1)]
    for ring in range(RINGS - 1):
        a, b = 1 + ring * SIDES, 1 + (ring + 1) * SIDES
        found += [np.stack([a + side, b + side, b + after], axis=1), np.stack([a + side, b + after, a + after], axis=1)]
    return np.concatenate(found).astype(np.int64)
