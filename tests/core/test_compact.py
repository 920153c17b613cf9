# SPDX-License-Identifier: Apache-2.0
"""The compact body file: small, quick, exact within its steps, and refused in words when damaged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pytest

from dancepose_addon.core.body import compact
from dancepose_addon.core.errors import BodyFileError

BODY_PATH = Path(__file__).parents[2] / "dancepose_addon" / "assets" / "body.npz"
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[Any]]:
    with np.load(BODY_PATH, allow_pickle=False) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def body(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return compact.decode(arrays)


def test_file_is_small_and_quick_to_decode(arrays: dict[str, NDArray[Any]]) -> None:
    assert BODY_PATH.stat().st_size <= 3_000_000
    times = []
    for _ in range(5):
        start = time.process_time()
        compact.decode(arrays)
        times.append(time.process_time() - start)
    assert min(times) < 0.15


def test_decode_undoes_encode(body: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    again = compact.encode(body)
    assert set(again) == set(arrays)
    for key, array in arrays.items():
        np.testing.assert_array_equal(again[key], array, err_msg=key)


def test_rounding_stays_within_half_a_step() -> None:
    rng = np.random.default_rng(5)
    vertices, faces = 300, 500
    weights = np.zeros((vertices, 24))
    for row in weights:
        row[rng.choice(24, 4, replace=False)] = rng.dirichlet((1.0, 1.0, 1.0, 1.0))
    posedirs = np.where(rng.uniform(size=(vertices, 1, 23, 1)) < 0.2, rng.normal(0, 0.05, (vertices, 3, 23, 9)), 0.0)
    regressor = np.zeros((24, vertices), np.float32)
    regressor[np.arange(24), rng.integers(0, vertices, 24)] = 1.0
    given = {
        "v_template": rng.uniform(-0.95, 0.95, (vertices, 3)),
        "f": rng.integers(0, vertices, (faces, 3)),
        "shapedirs": rng.normal(0.0, 0.03, (vertices, 3, 10)),
        "posedirs": posedirs.reshape(vertices, 3, 207),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[4294967295, *PARENTS[1:]], range(24)]),
        "face_material": rng.integers(0, 2, faces),
        "material_names": ["skin", "suit"],
        "material_rgba": rng.uniform(size=(2, 4)),
        "name": "noise",
        "licence": "none",
    }
    back = compact.decode(compact.encode(given))
    slack = 1e-7  # float32
    np.testing.assert_allclose(back["v_template"], given["v_template"], atol=compact.V_STEP_M / 2 + slack)
    np.testing.assert_allclose(back["shapedirs"], given["shapedirs"], atol=compact.SHAPE_STEP_M / 2 + slack)
    np.testing.assert_allclose(back["posedirs"], given["posedirs"], atol=compact.POSE_STEP_M / 2 + slack)
    np.testing.assert_allclose(back["weights"], weights, atol=2.5 / 65535)
    for key in ("f", "J_regressor", "kintree_table", "face_material", "material_names"):
        np.testing.assert_array_equal(back[key], given[key], err_msg=key)
    assert (back["name"], back["licence"]) == ("noise", "none")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": np.array("dancepose-body-9")}, "dancepose-body-9"),
        ({"shapedirs": None, "weight_values": None}, "shapedirs, weight_values"),
        ({"weight_joints": np.zeros((3, 4), np.uint8)}, "do not fit together"),
    ],
)
def test_a_damaged_file_is_refused_in_words(
    arrays: dict[str, NDArray[Any]], change: Mapping[str, Any], words: str
) -> None:
    damaged = {key: value for key, value in {**arrays, **change}.items() if value is not None}
    with pytest.raises(BodyFileError, match=words):
        compact.decode(damaged)


def test_what_does_not_fit_is_not_written(body: dict[str, Any]) -> None:
    crowded = np.full_like(body["weights"], 1.0 / 24.0)
    with pytest.raises(ValueError, match="influences"):
        compact.encode({**body, "weights": crowded})
    with pytest.raises(ValueError, match="does not fit"):
        compact.encode({**body, "v_template": body["v_template"] * 3.0})
