# SPDX-License-Identifier: Apache-2.0
"""Build a figure from the default body: the steps in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tools.build_body.outfit import CLOTH_M, HAIR_M
from tools.build_body.topology import smoothing_operator, vertex_normals

from . import face, garments, hair, shoes
from .layer import Layer, joined

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MATERIALS: Final[tuple[tuple[str, tuple[float, float, float, float]], ...]] = (
    ("skin", (0.48, 0.31, 0.22, 1.0)),
    ("top", (0.16, 0.24, 0.32, 1.0)),
    ("trousers", (0.085, 0.092, 0.108, 1.0)),
    ("shoes", (0.060, 0.062, 0.068, 1.0)),
    ("hair", (0.045, 0.030, 0.022, 1.0)),
    ("sclera", (0.52, 0.50, 0.48, 1.0)),
    ("iris", (0.050, 0.032, 0.020, 1.0)),
    ("pupil", (0.004, 0.004, 0.004, 1.0)),
    ("lips", (0.39, 0.205, 0.155, 1.0)),
    ("brows", (0.060, 0.040, 0.030, 1.0)),
    ("lashes", (0.030, 0.022, 0.018, 1.0)),
    ("band", (0.125, 0.19, 0.255, 1.0)),
    ("soles", (0.58, 0.57, 0.54, 1.0)),
)
"""Name and linear RGBA of each material."""
NUMBER: Final = {name: number for number, (name, _) in enumerate(MATERIALS)}


def build(body: Mapping[str, Any], joints: Mapping[str, Floats]) -> Layer:
    """Build the surface of a figure.

    Args:
        body: The decoded body file.
        joints: Its joints by name, (3,), metres.

    Returns:
        The surface.
    """
    points = np.asarray(body["v_template"], np.float64)
    faces = np.asarray(body["f"], np.int64)
    names = [str(name) for name in body["material_names"]]
    of = {name: np.asarray(body["face_material"]) == names.index(name) for name in names}
    bare = undressed(points, faces, of)
    parts = [
        garments.sweatshirt(points, faces, joints, NUMBER["top"], NUMBER["band"]),
        garments.trousers(points, faces, joints, NUMBER["trousers"]),
        shoes.trainers(points, faces[of["shoes"]], NUMBER["shoes"], NUMBER["soles"]),
        hair.short_hair(bare, _head(bare, faces[of["skin"] | of["hair"]]), NUMBER["hair"]),
        _face(bare, faces[of["skin"] | of["hair"] | of["top"]], joints),
        _hands(bare, faces[of["skin"] | of["top"]]),
    ]
    parts += [Layer.of(points, faces[of[name]], NUMBER[name]) for name in ("sclera", "iris", "pupil")]
    parts.append(hair.bun(points, NUMBER["hair"]))
    return joined(parts)


def bare_points_m(body: Mapping[str, Any]) -> Floats:
    """Return the body's vertices without the thickness of hair and sleeves, (V, 3) metres."""
    names = [str(name) for name in body["material_names"]]
    of = {name: np.asarray(body["face_material"]) == names.index(name) for name in names}
    return undressed(np.asarray(body["v_template"], np.float64), np.asarray(body["f"], np.int64), of)


def undressed(points_m: Floats, faces: Ints, of: Mapping[str, NDArray[np.bool_]]) -> Floats:
    """Take the thickness of hair and sleeves off the body. points_m: (V, 3), metres."""
    bare, normals = points_m.copy(), vertex_normals(points_m, faces)
    skin = np.unique(faces[of["skin"]])
    for name, depth_m in (("hair", HAIR_M), ("top", CLOTH_M)):
        covered = np.unique(faces[of[name]])
        covered = covered[(name == "hair") | (np.abs(points_m[covered, 0]) > 0.4)]
        depth = np.where(np.isin(covered, skin), 0.35, 1.0) * depth_m
        bare[covered] -= depth[:, None] * normals[covered]
        step = smoothing_operator(faces, np.isin(np.arange(len(bare)), covered) * 0.5)
        for _ in range(4 if name == "hair" else 0):
            bare = step @ bare
    return np.asarray(bare)


def _head(points_m: Floats, faces: Ints) -> Ints:
    centre = points_m[faces].mean(axis=1)
    return faces[(centre[:, 1] > 0.56) & (np.abs(centre[:, 0]) < 0.15)]


def _face(points_m: Floats, faces: Ints, joints: Mapping[str, Floats]) -> Layer:
    centre = points_m[faces].mean(axis=1)
    chosen = (centre[:, 1] > 0.42) & (np.abs(centre[:, 0]) < 0.13) & (garments.neck_field(centre, joints) > -0.022)
    layer = Layer.of(points_m, faces[chosen], NUMBER["skin"])
    layer = layer.cut(lambda p: hair.hair_field(p, uneven=False) - hair.UNDER_M, None)
    return face.painted(layer, NUMBER["lips"], NUMBER["brows"], NUMBER["lashes"], NUMBER["skin"])


def _hands(points_m: Floats, faces: Ints) -> Layer:
    centre = points_m[faces].mean(axis=1)
    return Layer.of(points_m, faces[np.abs(centre[:, 0]) > garments.CUFF_X_M[1] - 0.03], NUMBER["skin"])
