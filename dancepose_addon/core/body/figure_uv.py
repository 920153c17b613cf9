# SPDX-License-Identifier: Apache-2.0
"""UV map of the figures: one square of an atlas for each part, unrolled round the part's own axis."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32, F64
from .model import BodyModel

COLUMNS: Final = 5
MARGIN: Final = 0.03
"""Empty share of a square on each side, against bleeding of neighbours."""
PARTS: Final = (
    "torso", "hips", "left_sleeve", "right_sleeve", "left_leg", "right_leg", "left_shoe", "right_shoe", "left_sole",
    "right_sole", "left_hand", "right_hand", "left_palm", "right_palm", "head", "hair", "left_eye", "right_eye",
)  # fmt: skip
"""Parts in the order of their squares: rows of five from the lower left."""
SLEEVE_X_M: Final = 0.20
HAND_X_M: Final = 0.50
LEG_Y_M: Final = -0.10

Unroll = Callable[[F64], tuple[F64, F64]]


def figure_uv(body: BodyModel) -> F32:
    """Return the UV coordinates of a figure.

    Front and back of cloth that is folded inwards at a hem share a place.

    Args:
        body: A body that ``figure_of`` returned.

    Returns:
        (F, 3, 2), coordinates of each face's corners in [0, 1].
    """
    corners = body.v_template_m.astype(np.float64)[body.faces]
    part = part_of_faces(body)
    joints = body.rest_joints().astype(np.float64)
    result = np.zeros((*corners.shape[:2], 2))
    rows = -(-len(PARTS) // COLUMNS)
    for number, name in enumerate(PARTS):
        chosen = np.flatnonzero(part == number)
        if not len(chosen):
            continue
        across, along = _unrolled(name, joints)(corners[chosen])
        placed = np.stack([across, along], axis=-1)
        low, high = placed.min(axis=(0, 1)), placed.max(axis=(0, 1))
        square = MARGIN + (1.0 - 2.0 * MARGIN) * (placed - low) / np.maximum(high - low, 1e-9)
        result[chosen] = (square + np.array([number % COLUMNS, number // COLUMNS])) / np.array([COLUMNS, rows])
    return result.astype(np.float32)


def part_of_faces(body: BodyModel) -> NDArray[np.int64]:
    """Return the part of each face of a figure, (F,), an index into ``PARTS``."""
    surface = body.surface
    if surface is None:
        return np.zeros(len(body.faces), np.int64)
    names = np.array(surface.names)[surface.face_material]
    corners = body.v_template_m[body.faces]
    middle = corners.mean(axis=1)
    upwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1] > 0.0
    left, far = middle[:, 0] > 0.0, np.abs(middle[:, 0])
    number = {name: index for index, name in enumerate(PARTS)}

    def sided(name: str) -> NDArray[np.int64]:
        return np.where(left, number[f"left_{name}"], number[f"right_{name}"])

    part = np.full(len(names), number["head"])
    cloth = np.isin(names, ("top", "band"))
    part[cloth] = number["torso"]
    for where, values in (
        (cloth & (far > SLEEVE_X_M), sided("sleeve")),
        (names == "trousers", np.where(middle[:, 1] < LEG_Y_M, sided("leg"), number["hips"])),
        (names == "shoes", sided("shoe")),
        (names == "soles", sided("sole")),
        ((names == "skin") & (far > HAND_X_M), np.where(upwards, sided("hand"), sided("palm"))),
        (names == "hair", np.full(len(names), number["hair"])),
        (np.isin(names, ("sclera", "iris", "pupil")), sided("eye")),
    ):
        part[where] = values[where]
    return part


def _unrolled(name: str, joints: F64) -> Unroll:
    """Return how a part is unrolled: corners (N, 3, 3), metres, to two coordinates, (N, 3) each."""
    side = -1.0 if name.startswith("right") else 1.0
    kind = name.partition("_")[2] or name
    if kind == "sleeve":
        height, depth = joints[16][1], joints[16][2]
        return lambda p: (side * _turn(p[..., 1] - height, p[..., 2] - depth), p[..., 0])
    if kind in ("hand", "palm", "sole"):
        return lambda p: (p[..., 0], p[..., 2])
    if kind == "eye":
        return lambda p: (p[..., 0], p[..., 1])
    middle = {"leg": (side * joints[4][0], joints[4][2]), "shoe": (side * joints[7][0], 0.04)}.get(kind, (0.0, 0.02))
    return lambda p: (_turn(p[..., 0] - middle[0], p[..., 2] - middle[1]), p[..., 1])


def _turn(across: F64, ahead: F64) -> F64:
    """Return angles (N, 3) that do not jump within a face."""
    angle = np.arctan2(across, ahead)
    first = angle[:, :1]
    return np.asarray(first + np.mod(angle - first + np.pi, 2.0 * np.pi) - np.pi)
