# SPDX-License-Identifier: Apache-2.0
"""Lists of numbers become arrays where they are regular, and stay lists where they are not."""

from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.skeleton.readers.tidy_values import as_array, tidied


@pytest.mark.parametrize(
    ("value", "shape"),
    [([1, 2.5], (2,)), ([[1, 2], [3, 4], [5, 6]], (3, 2)), ([[None, 1.0]], (1, 2)), (3, ()), (2.5, ())],
)
def test_regular_numbers_become_arrays(value: Any, shape: tuple[int, ...]) -> None:
    found = tidied(value)
    assert isinstance(found, np.ndarray)
    assert found.shape == shape


@pytest.mark.parametrize("value", [[], ["a", "b"], "text", None, True, 1e301, -1e301])
def test_other_values_stay(value: Any) -> None:
    assert tidied(value) == value
    assert not isinstance(tidied(value), np.ndarray)


def test_missing_numbers_become_nan() -> None:
    assert np.isnan(tidied([1.0, None])).tolist() == [False, True]


def test_tables_are_tidied_inside() -> None:
    found = tidied({1: [{"x": [1, 2]}], "y": {"z": [3]}})
    assert list(found) == ["1", "y"]
    assert found["1"][0]["x"].tolist() == [1, 2]
    assert found["y"]["z"].tolist() == [3]


def test_lists_of_different_lengths_become_a_list_of_arrays() -> None:
    found = tidied([[1, 2], [3]])
    assert [part.tolist() for part in found] == [[1, 2], [3]]


def test_arrays_of_one_shape_are_stacked_and_others_are_not() -> None:
    one = np.zeros((2, 3))
    assert tidied([one, one + 1]).shape == (2, 2, 3)
    for other in (np.zeros((2, 4)), np.array(["a"] * 6).reshape(2, 3), [0.0] * 3):
        for parts in ([one, other], [one, other, one]):
            assert isinstance(tidied(parts), list)


@pytest.mark.parametrize("parts", [["a", "b"], [{}, {}]])
def test_arrays_of_objects_are_not_stacked(parts: list[Any]) -> None:
    arrays = [np.array(parts, object), np.array(parts, object)]
    assert isinstance(tidied(arrays), list)


@pytest.mark.parametrize("value", [[], [[]], ["a"], [[1], [2, 3]], [10**400], {"a": 1}])
def test_no_array(value: Any) -> None:
    assert as_array(value) is None


def test_nesting_ends_at_eight() -> None:
    """Tables inside eight others are left as they are; inside seven they are tidied."""

    def nested(depth: int) -> Any:
        return {"k": nested(depth - 1)} if depth else [1, 2]

    def innermost(value: Any) -> Any:
        return innermost(value["k"]) if isinstance(value, dict) else value

    assert isinstance(innermost(tidied(nested(8))), np.ndarray)
    assert isinstance(innermost(tidied(nested(9))), list)
