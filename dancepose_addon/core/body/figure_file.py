# SPDX-License-Identifier: Apache-2.0
"""Figures: surfaces with clothes, face and hair for pictures, in a file beside the default body.

    key                     shape, type          what it holds
    format                  () str               "dancepose-figures-1"
    vertex_count            () int32             of the body that the file belongs to
    corners                 (3, N) uint16        body vertices that each vertex follows, differences along N
    shares                  (2, N) uint16        weights of the first two, multiples of 1/65535; the third has the rest
    figure_names            (K,) str             of the figures
    offsets                 (K, 3, N) int16      distances from that place, multiples of `step`, differences along N
    step                    () float64           metres
    swell                   (N,) uint8           factor on the body's pose correctives, multiples of 1/64
    f                       (3, F) uint16        faces, differences along F
    face_material           (F,) uint8           an index into the two below
    material_names, material_rgba  (M,), (M, 4)  materials, linear colours

A figure changes what is drawn, and neither the joints nor the shape space: each of its vertices follows a triangle of
the body in every pose and shape. Differences wrap round in 16 bits; summing them up wraps back.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32
from ..bounded_files import NpzLimits, open_npz
from ..errors import BodyFileError, FormatError
from .joint_tree import JOINT_INDEX
from .model import BodyModel, Surface

FORMAT: Final = "dancepose-figures-1"
FIGURES_FILE: Final = "figures.npz"
FIGURES: Final = ("neutral", "female", "male")
MANNEQUIN: Final = "mannequin"
MANNEQUIN_FILE: Final = "mannequin.npz"
"""In the same format, with one figure."""
KEYS: Final = (
    "format", "vertex_count", "corners", "shares", "figure_names", "offsets", "step", "swell", "f",
    "face_material", "material_names", "material_rgba",
)  # fmt: skip
ELBOWS: Final = (JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"])
LIMITS: Final = NpzLimits(arrays=32, expansion=12, small_bytes=16 << 20)


def figure_of(body: BodyModel, figure: str) -> BodyModel | None:
    """Return a body with the surface of a figure.

    Args:
        body: The body.
        figure: One of ``FIGURES``, or ``MANNEQUIN``.

    Returns:
        A body with the same joints, shape space and poses for drawing; None where the body has no figures.

    Raises:
        BodyFileError: The file of figures is damaged or belongs to another body.
    """
    name = MANNEQUIN_FILE if figure == MANNEQUIN else FIGURES_FILE
    path = Path(body.source).with_name(name) if body.source else Path()
    # The folder may be known by a link, as where the package is installed from a checkout.
    if os.path.realpath(path.parent) != os.path.realpath(ASSETS) or not path.is_file():
        return None
    return _figure_of(body, path, figure)


ASSETS: Final = Path(__file__).parents[2] / "assets"


@lru_cache(maxsize=4)
def _figure_of(body: BodyModel, path: Path, figure: str) -> BodyModel:
    try:
        arrays = open_npz(path, limits=LIMITS, wanted=KEYS)
        return decode_figure(body, arrays, figure)
    except (FormatError, OSError, KeyError, ValueError, IndexError) as error:
        raise BodyFileError(f"{path} does not hold the figures of {body.name} ({error}). Install it again.") from error


def decode_figure(body: BodyModel, arrays: Mapping[str, Any], figure: str) -> BodyModel:
    """Return a body with the surface of a figure.

    Args:
        body: The body that the file belongs to.
        arrays: Of the file.
        figure: Name of the figure.

    Returns:
        The body for drawing.

    Raises:
        ValueError: The arrays do not fit the body, or there is no such figure.
    """
    count = len(body.v_template_m)
    if str(arrays["format"]) != FORMAT or int(arrays["vertex_count"]) != count:
        raise ValueError(f"format {arrays['format']} of {arrays['vertex_count']} vertices")
    names = [str(name) for name in arrays["figure_names"]]
    if figure not in names:
        raise ValueError(f"no figure {figure!r}")
    corners = _sums(arrays["corners"]).T.astype(np.intp)
    first = arrays["shares"].T.astype(np.float32) / np.float32(65535.0)
    shares = np.concatenate([first, 1.0 - first.sum(axis=1, keepdims=True)], axis=1).astype(np.float32)
    offsets = _sums(arrays["offsets"][names.index(figure)]).T * np.float32(arrays["step"])
    faces = _sums(arrays["f"]).T.astype(np.int32)
    if corners.max() >= count or faces.max() >= len(corners):
        raise ValueError("faces or corners beyond the last vertex")
    surface = Surface(
        np.asarray(arrays["face_material"], np.uint8),
        tuple(str(name) for name in arrays["material_names"]),
        np.asarray(arrays["material_rgba"], np.float32),
    )
    # Joints are means of vertices of the body, which the figure keeps without drawing them.
    kept = np.flatnonzero(body.full.joint_regressor.any(axis=0) | body.joint_regressor.any(axis=0))
    corners = np.concatenate([corners, np.stack([kept] * 3, axis=1)])
    shares = np.concatenate([shares, np.tile(np.array([1.0, 0.0, 0.0], np.float32), (len(kept), 1))])
    offsets = np.concatenate([offsets, np.zeros((len(kept), 3), np.float32)])
    swell = np.concatenate([arrays["swell"].astype(np.float32) / np.float32(64.0), np.ones(len(kept), np.float32)])
    drawn = _follow(body, corners, shares, offsets, kept)
    if drawn.posedirs is not None:
        beyond = np.abs(drawn.v_template_m[:, 0]) - abs(float(body.rest_joints()[ELBOWS[0], 0]))
        drawn = replace(drawn, posedirs=_worn_correctives(drawn.posedirs, swell, beyond))
    drawn = replace(drawn, faces=faces, surface=surface, detailed=None, figure=figure)
    if body.detailed is None:
        return drawn
    width = None if body.full.posedirs is None else body.full.posedirs.shape[2]
    fine = _follow(replace(body.full, posedirs=None), corners, shares, offsets, kept)
    fine = replace(
        fine, figure=figure, faces=faces, surface=surface, v_template_m=drawn.v_template_m, shapedirs=drawn.shapedirs
    )
    # The correctives of the fuller body are the first of the other's: those of the joints before the hands.
    posedirs = None if drawn.posedirs is None or width is None else drawn.posedirs[:, :, :width]
    return replace(drawn, detailed=replace(fine, posedirs=posedirs))


def _follow(
    body: BodyModel, corners: NDArray[np.intp], shares: F32, offsets_m: F32, kept: NDArray[np.intp]
) -> BodyModel:
    """Return a body whose vertices follow those of another."""

    def mean(values: F32) -> F32:
        flat = np.ascontiguousarray(values.reshape(len(values), -1))
        summed = flat[corners[:, 0]] * shares[:, :1]
        for column in (1, 2):
            used = np.flatnonzero(shares[:, column] > 0.0)
            summed[used] += flat[corners[used, column]] * shares[used, column, None]
        return np.asarray(summed.reshape(len(corners), *values.shape[1:]), np.float32)

    regressor = np.zeros((len(body.joint_regressor), len(corners)), np.float32)
    regressor[:, len(corners) - len(kept) :] = body.joint_regressor[:, kept]
    return replace(
        body,
        v_template_m=mean(body.v_template_m) + offsets_m,
        shapedirs=mean(body.shapedirs),
        posedirs=None if body.posedirs is None else mean(body.posedirs),
        weights=mean(body.weights),
        joint_regressor=regressor,
    )


def _worn_correctives(posedirs: F32, swell: F32, beyond_m: F32) -> F32:
    """Adapt pose correctives to loose cloth.

    What keeps a limb's volume grows with its radius. Where an elbow only twists, the forearm loses no volume by linear
    blend skinning, so there the elbow's correctives are left for the bend: R's diagonal then enters as a difference,
    which is 0 for a twist, and the terms of the twist are removed.

    Args:
        posedirs: (V, 3, 9 K), metres, of the body.
        swell: (V,), factor by which the cloth is farther from the limb's axis.
        beyond_m: (V,), how far beyond the elbow a vertex is, metres.

    Returns:
        (V, 3, 9 K), metres.
    """
    adapted = posedirs * swell[:, None, None]
    share = np.clip((beyond_m - 0.02) / 0.06, 0.0, 1.0)[:, None].astype(np.float32)
    for joint in ELBOWS:
        first = 9 * (joint - 1)
        adapted[:, :, first + 4] += share * (-adapted[:, :, first + 8] - adapted[:, :, first + 4])
        for twist in (5, 7):
            adapted[:, :, first + twist] *= 1.0 - share
    return np.asarray(adapted, np.float32)


def _sums(differences: NDArray[Any]) -> NDArray[Any]:
    return np.cumsum(differences, axis=-1, dtype=differences.dtype)
