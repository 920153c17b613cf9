# SPDX-License-Identifier: Apache-2.0
"""Metadata of a regressor whose values have another type than they should: refused when the file is opened."""

from collections.abc import Iterator
import copy
import json
from typing import Any

import pytest

from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.fit.pose.twist import load_twist
from dancepose_addon.core.fit.regressor import RegressorInfo, twist_of
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers

TRAINING = {"config": {"data": {"holdout": 0.1}, "seed": 3}, "twist_model": load_twist("aist").to_json(), "steps": 4}
MARKERS = (joint_markers(MD23), joint_markers(SMPL24))
WRONG: tuple[Any, ...] = (None, "x", 5, True, {}, [])


def table_of(*, shared: bool) -> dict[str, Any]:
    info = RegressorInfo(
        MD23, MARKERS[0], "0" * 16, "none", "linear", "CC0-1.0", "test", TRAINING, MARKERS if shared else ()
    )
    return dict(json.loads(info.to_json()))


def damaged(table: dict[str, Any], *path: str) -> Iterator[str]:
    """The table with the value at a path replaced by each that has another type."""
    for value in WRONG:
        other = copy.deepcopy(table)
        holder = other
        for key in path[:-1]:
            holder = holder[key]
        if not isinstance(value, type(holder[path[-1]])):
            holder[path[-1]] = value
            yield json.dumps(other)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        ("body_fingerprint",),
        ("normalisation",),
        ("rotation",),
        ("licence",),
        ("name",),
        ("training",),
        ("training", "config"),
        ("training", "config", "data"),
        ("training", "twist_model"),
        ("training", "twist_model", "joints"),
    ],
    ids=".".join,
)
def test_every_key_has_its_type(path: tuple[str, ...], *, shared: bool) -> None:
    for text in damaged(table_of(shared=shared), *path):
        with pytest.raises(RegressorError, match=r"^m\.onnx has damaged DancePose metadata \(.*\)\. Export it again\."):
            RegressorInfo.from_json(text, "m.onnx")


@pytest.mark.parametrize("key", ["layout", "keypoints", "markers"])
def test_every_layout_has_its_keys(key: str) -> None:
    table = table_of(shared=True)
    texts = list(damaged(table_of(shared=False), key))
    texts += [json.dumps({**table, "layouts": [json.loads(text)]}) for text in texts]
    texts += [json.dumps({**table, "layouts": value}) for value in (*WRONG, [None], [[]], [5], ["layout"])]
    for text in (*texts, "[]", "5", "null", '"x"'):
        with pytest.raises(RegressorError, match=r"m\.onnx (has damaged DancePose metadata|orders the points)"):
            RegressorInfo.from_json(text, "m.onnx")


@pytest.mark.parametrize("share", ["0.1", None, -1, 2, True, float("nan")])
def test_the_share_held_out_is_one(share: object) -> None:
    table = table_of(shared=False)
    table["training"]["config"]["data"]["holdout"] = share
    with pytest.raises(RegressorError, match="damaged DancePose metadata"):
        RegressorInfo.from_json(json.dumps(table), "m.onnx")


def test_metadata_without_training_is_read() -> None:
    info = RegressorInfo.from_json(json.dumps({**table_of(shared=False), "training": {}}), "m.onnx")
    assert twist_of(info, "regressor") == (None, True)
    assert RegressorInfo.from_json(json.dumps(table_of(shared=True)), "m.onnx").training == TRAINING
