# SPDX-License-Identifier: Apache-2.0
"""The study suit: its borders, thickness, smoothing and colours.

Borders are level sets of smooth fields on the mean T-pose, so cutting along them gives clean lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .topology import Remesh, cut_along, smoothing_operator, vertex_normals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Joints = Mapping[str, Floats]

MATERIALS: Final[tuple[tuple[str, tuple[float, float, float, float]], ...]] = (
    ("skin", (0.52, 0.36, 0.27, 1.0)),
    ("top", (0.16, 0.24, 0.32, 1.0)),
    ("trousers", (0.105, 0.112, 0.125, 1.0)),
    ("shoes", (0.035, 0.036, 0.039, 1.0)),
    ("hair", (0.045, 0.032, 0.025, 1.0)),
    ("sclera", (0.72, 0.70, 0.67, 1.0)),
    ("iris", (0.070, 0.045, 0.028, 1.0)),
    ("pupil", (0.004, 0.004, 0.004, 1.0)),
)
"""Name and linear RGBA of each material, in the order of the indices in `face_material`."""
SKIN, TOP, TROUSERS, SHOES, HAIR, SCLERA, IRIS, PUPIL = range(len(MATERIALS))

CLOTH_M: Final = 0.0035
SHOE_M: Final = 0.0040
HAIR_M: Final = 0.0060
HEM_M: Final = 0.006
"""Distance from its border over which a garment rises to its full thickness, metres."""
SHOE_RELAX_STEPS: Final = 6
SOLE_HEIGHT_M: Final = 0.022
"""Downward-facing shoe surface below this height becomes the flat sole."""

Triple = tuple[float, float, float]
SETTLED: Final[tuple[tuple[str, Triple, Triple], ...]] = (
    ("pelvis", (0.0, -0.109, -0.010), (0.065, 0.080, 0.140)),  # crotch
    ("pelvis", (0.0, -0.040, -0.110), (0.045, 0.110, 0.060)),  # seat
)
BRIDGED: Final[tuple[tuple[str, Triple, Triple], ...]] = (
    ("spine3", (0.099, -0.038, 0.165), (0.040, 0.040, 0.060)),  # chest
    ("spine1", (0.0, 0.035, 0.130), (0.025, 0.025, 0.050)),  # navel
)
"""Detail that a suit hides: ellipsoids by joint, shift and radii in metres, on both sides of the body."""


@dataclass(frozen=True)
class Surface:
    """Changes that turn each sample's skin into the dressed surface.

    Attributes:
        thickness_m: (V,), displacement along the normal, metres.
        shoe: (V,), true on the shoes.
        sole: (V,), true where the shoe is flat on the floor.
        relax: (V, V), one smoothing step of the shoes.
    """

    thickness_m: Floats
    shoe: NDArray[np.bool_]
    sole: NDArray[np.bool_]
    relax: sparse.csr_matrix

    def dress(self, points_m: Floats, faces: Ints) -> Floats:
        """Move one sample's vertices (V, 3), metres, to the surface of the clothes."""
        dressed = points_m + self.thickness_m[:, None] * vertex_normals(points_m, faces)
        for _ in range(SHOE_RELAX_STEPS):
            dressed[self.sole, 1] = dressed[self.shoe, 1].min()
            dressed = self.relax @ dressed
        dressed[self.sole, 1] = dressed[self.shoe, 1].min()
        return dressed


def sleeve_field(p: Floats, joints: Joints) -> Floats:
    """Positive on the hand side of the cuffs. p: (V, 3), metres."""
    return np.abs(p[:, 0]) - (joints["left_wrist"][0] - 0.018)


def neckline_field(p: Floats, joints: Joints) -> Floats:
    """Positive above a crew neckline: a plane that drops to the front and bows up over the shoulders."""
    neck = joints["neck"]
    line = neck[1] - 0.020 - 0.345 * (p[:, 2] - neck[2]) + 3.0 * p[:, 0] ** 2
    return np.where(p[:, 1] > neck[1] - 0.15, p[:, 1] - line, -1.0)


def waist_field(p: Floats, joints: Joints) -> Floats:
    """Positive above the waistband."""
    return p[:, 1] - (joints["spine1"][1] - 0.005)


def shoe_field(p: Floats, joints: Joints) -> Floats:
    """Positive inside the shoes: below a plane that rises a little towards the heel."""
    ankle = joints["left_ankle"]
    return (ankle[1] + 0.022) - 0.18 * (p[:, 2] - ankle[2]) - p[:, 1]


def hair_field(p: Floats, joints: Joints) -> Floats:
    """Positive inside the hair: above a slope from the hairline to the nape that bows up round the ears."""
    head = joints["head"]
    z = p[:, 2] - head[2]
    line = head[1] + 0.060 + 0.58 * z
    side = np.clip((np.abs(p[:, 0]) - 0.030) / 0.040, 0.0, 1.0)
    ear = 0.036 * np.exp(-(((z + 0.002) / 0.045) ** 2)) * side**2 * (3.0 - 2.0 * side)
    return np.where(p[:, 1] > head[1] - 0.06, p[:, 1] - line - ear, -1.0)


BORDERS: Final[tuple[tuple[Callable[[Floats, Joints], Floats], tuple[int, ...], int], ...]] = (
    (shoe_field, (SKIN,), SHOES),
    (waist_field, (SKIN,), TOP),
    (sleeve_field, (TOP,), SKIN),
    (neckline_field, (TOP,), SKIN),
    (hair_field, (SKIN,), HAIR),
)
"""Each border: its field, the materials that it divides, and the material of the positive side."""


def tailor(mesh: Remesh, points_m: Floats, joints: Joints) -> Remesh:
    """Cut the borders into the mesh and assign a material to every face.

    Args:
        mesh: Mesh to cut.
        points_m: (V, 3), original vertices of the mean T-pose, metres.
        joints: Joints by name, metres.

    Returns:
        The mesh with borders and materials.
    """
    for field_of, divided, inside in BORDERS:
        at_m = mesh.apply(points_m)
        where = np.isin(mesh.material, divided)
        mesh, field = cut_along(mesh, field_of(at_m, joints), where)
        positive = np.isin(mesh.material, divided) & (field[mesh.faces].sum(axis=1) > 0.0)
        mesh.material[positive] = inside
    at_m = mesh.apply(points_m)
    centre = at_m[mesh.faces].mean(axis=1)
    legs = (mesh.material == SKIN) & (centre[:, 1] < joints["spine1"][1]) & (np.abs(centre[:, 0]) < 0.4)
    mesh.material[legs] = TROUSERS
    return mesh


def plan_surface(mesh: Remesh, at_m: Floats, joints: Joints) -> Surface:
    """Compute thickness and soles of the tailored mesh. at_m: (V', 3), its mean T-pose, metres."""
    thickness = np.zeros(len(at_m))
    for material, depth_m in ((TOP, CLOTH_M), (TROUSERS, CLOTH_M), (SHOES, SHOE_M), (HAIR, HAIR_M)):
        thickness[np.unique(mesh.faces[mesh.material == material])] = depth_m
    for field_of, _, inside in BORDERS:
        if inside == TOP:
            continue  # top and trousers have the same thickness
        distance = np.abs(field_of(at_m, joints))
        ramp = np.clip(distance / HEM_M, 0.0, 1.0)
        near = distance < HEM_M
        thickness = np.where(near, thickness * (0.35 + 0.65 * ramp), thickness)
    normals = vertex_normals(at_m, mesh.faces)
    shoe = np.zeros(len(at_m), dtype=bool)
    shoe[np.unique(mesh.faces[mesh.material == SHOES])] = True
    low = at_m[:, 1] < at_m[shoe, 1].min() + SOLE_HEIGHT_M
    inner = shoe & (np.abs(shoe_field(at_m, joints)) > 0.004)  # the border keeps its line
    relax = smoothing_operator(mesh.faces, np.where(inner, 0.5, 0.0))
    return Surface(thickness, shoe, shoe & low & (normals[:, 1] < -0.40), relax)


@dataclass(frozen=True)
class Smoothing:
    """Smoothing of the suit.

    Attributes:
        torso: (V,), strength from 0 to 1 on the torso.
        settled: (V,), strength from 0 to 1 at details.
        bridged: (V,), vertices that are replaced by a thin plate.
    """

    torso: Floats
    settled: Floats
    bridged: NDArray[np.bool_]


def plan_smoothing(p: Floats, joints: Joints, frozen: NDArray[np.bool_]) -> Smoothing:
    """Plan mild smoothing of the torso, strong smoothing at `SETTLED`, and a thin plate over `BRIDGED`.

    Args:
        p: (V, 3), mean T-pose, metres.
        joints: Joints by name, metres.
        frozen: (V,), vertices that are never moved (eyes and hidden parts).

    Returns:
        The strengths.
    """
    cloth = np.clip(-neckline_field(p, joints) / 0.03, 0.0, 1.0)
    cloth *= np.clip(-sleeve_field(p, joints) / 0.03, 0.0, 1.0)
    cloth *= np.clip(-shoe_field(p, joints) / 0.03, 0.0, 1.0)
    cloth[frozen] = 0.0
    torso = cloth * np.clip((0.25 - np.abs(p[:, 0])) / 0.06, 0.0, 1.0) * np.clip((p[:, 1] + 0.25) / 0.1, 0.0, 1.0)
    mirrored = np.stack([np.abs(p[:, 0]), p[:, 1], p[:, 2]], axis=1)

    def away(places: tuple[tuple[str, Triple, Triple], ...]) -> Floats:
        return np.min(
            [
                np.linalg.norm((mirrored - joints[joint] - np.array(shift_m)) / np.array(reach_m), axis=1)
                for joint, shift_m, reach_m in places
            ],
            axis=0,
        )

    settled = np.asarray(cloth * np.clip(1.6 - away(SETTLED), 0.0, 1.0), dtype=np.float64)
    return Smoothing(torso, settled, (away(BRIDGED) < 1.0) & (cloth > 0.5))
