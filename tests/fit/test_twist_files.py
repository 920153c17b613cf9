# SPDX-License-Identifier: Apache-2.0
"""Twist models as files."""

from collections.abc import Callable
import json
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.fit.pose.twist import TwistModel, load_twist

Change = Callable[[dict[str, Any]], None]


def test_a_model_is_read_as_it_was_written() -> None:
    model = load_twist("mosh")
    table = json.loads(json.dumps(model.to_json()))
    again = TwistModel.from_json(table, "again")
    for name in ("reference", "mean", "scale", "weights", "head_weights"):
        assert getattr(again, name) == pytest.approx(getattr(model, name), abs=1e-6)
    assert (again.style, again.source, again.notes) == (model.style, model.source, model.notes)
    assert np.abs(again.weights).max() > 0.01


def replaced(key: str, value: float) -> Change:
    def change(table: dict[str, Any]) -> None:
        row = next(iter(table["joints"].values()))
        row[key][0] = [value] * len(row[key][0]) if isinstance(row[key][0], list) else value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (replaced("scale", 0.0), "not usable"),
        (replaced("scale", -1.0), "not usable"),
        (replaced("mean", float("nan")), "not usable"),
        (replaced("weights", float("inf")), "not usable"),
        (replaced("reference", float("nan")), "not usable"),
        (lambda table: table.update(format="other"), "format 'other'"),
        (lambda table: table.pop("joints"), "not a twist model"),
        (lambda table: table["joints"].update(tail={}), "not a twist model"),
        (lambda table: table["joints"].clear(), "has no joints"),
    ],
)
def test_unusable_models_are_refused(change: Change, said: str) -> None:
    table = json.loads(json.dumps(load_twist("mosh").to_json()))
    change(table)
    with pytest.raises(FormatError, match=said):
        TwistModel.from_json(table, "some.json")
