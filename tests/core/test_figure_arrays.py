# SPDX-License-Identifier: Apache-2.0
"""Figures from arrays that are made here, on a small body: vertices, correctives and what is refused, by hand."""

from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body import figure_file
from dancepose_addon.core.body.figure_file import FORMAT, decode_figure
from dancepose_addon.core.body.joint_tree import JOINT_INDEX
from dancepose_addon.core.body.model import BodyModel
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3, vertices=60)
CORNERS = np.array([[3, 7, 11], [20, 21, 22], [5, 5, 9], [40, 1, 30]])
SHARES = np.array([[0.5, 0.25], [1.0, 0.0], [0.2, 0.3], [0.0, 0.0]])
OFFSETS = np.array([[[10, 0, -20], [0, 0, 0], [5, 5, 5], [-7, 0, 1]], [[1, 2, 3]] * 4])
FACES = np.array([[0, 1, 2], [1, 2, 3], [3, 0, 1]])


def differences(values: np.ndarray, kind: str) -> np.ndarray:
    return np.diff(values.T, prepend=0, axis=-1).astype(kind)


def arrays(**changed: Any) -> dict[str, Any]:
    table = {
        "format": FORMAT, "vertex_count": np.int32(len(BODY.v_template_m)), "corners": differences(CORNERS, "u2"),
        "shares": np.round(SHARES.T * 65535).astype("u2"), "figure_names": np.array(["one", "two"]), "step": 1e-3,
        "offsets": np.stack([differences(one, "i2") for one in OFFSETS]), "swell": np.array([64, 128, 32, 64], "u1"),
        "f": differences(FACES, "u2"), "face_material": np.array([0, 1, 0]), "material_names": np.array(["top",
        "hair"]),
        "material_rgba": np.full((2, 4), 0.5),
    }  # fmt: skip
    return {**table, **changed}


@pytest.mark.parametrize(("name", "number"), [("one", 0), ("two", 1)])
def test_vertices_follow_their_corners(name: str, number: int) -> None:
    found = decode_figure(BODY, arrays(), name)
    shares = np.column_stack([SHARES, 1.0 - SHARES.sum(axis=1)])
    expected = np.einsum("nk,nkc->nc", shares, BODY.v_template_m[CORNERS]) + 1e-3 * OFFSETS[number]
    np.testing.assert_allclose(found.v_template_m[:4], expected, atol=2e-5)
    weights = np.einsum("nk,nkj->nj", shares, BODY.weights[CORNERS])
    np.testing.assert_allclose(found.weights[:4], weights, atol=5e-5)
    betas = np.einsum("nk,nkcb->ncb", shares, BODY.shapedirs[CORNERS])
    np.testing.assert_allclose(found.shapedirs[:4], betas, atol=5e-5)
    np.testing.assert_array_equal(found.faces, FACES)
    assert found.surface is not None
    assert (found.surface.names, found.surface.face_material.tolist()) == (("top", "hair"), [0, 1, 0])
    assert found.figure == name
    np.testing.assert_allclose(found.rest_joints(), BODY.rest_joints(), atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "other"}, {"vertex_count": np.int32(61)}, {"f": differences(np.array([[0, 1, 2], [1, 2, 4]]), "u2")},
        {"corners": differences(np.array([[3, 7, 11], [20, 21, 60], [5, 5, 9], [40, 1, 30]]), "u2")},
        {"figure_names": np.array(["two", "three"])},
    ],
    ids=["format", "vertices", "faces", "corners", "names"],
)  # fmt: skip
def test_arrays_that_do_not_fit(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"format|vertex|figure"):
        decode_figure(BODY, arrays(**changed), "one")


def test_correctives_of_loose_cloth() -> None:
    """They grow with the cloth; beyond the elbow its diagonal is a difference and the twist's terms are left out."""
    random = np.random.default_rng(1)
    posedirs = random.normal(size=(4, 3, 207)).astype(np.float32)
    swell, beyond = np.array([1.0, 2.0, 1.5, 1.0], np.float32), np.array([0.0, 0.02, 0.05, 0.5], np.float32)
    found = figure_file._worn_correctives(posedirs, swell, beyond)
    plain = posedirs * swell[:, None, None]
    share = np.array([0.0, 0.0, 0.5, 1.0])[:, None]
    expected = plain.copy()
    for name in ("left_elbow", "right_elbow"):
        first = 9 * (JOINT_INDEX[name] - 1)
        expected[:, :, first + 4] = (1.0 - share) * plain[:, :, first + 4] - share * plain[:, :, first + 8]
        for twist in (5, 7):
            expected[:, :, first + twist] = (1.0 - share) * plain[:, :, first + twist]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_bodies_of_others_have_no_figures(tmp_path: Any) -> None:
    assert figure_file.figure_of(BODY, "neutral") is None
    assert isinstance(BODY, BodyModel)
