# SPDX-License-Identifier: Apache-2.0
"""Which of a file's arrays are the points, which axis is the time, and tables of joints: by hand."""

from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import point_arrays
from dancepose_addon.core.skeleton.readers.point_arrays import find_points, taken
from dancepose_addon.core.skeleton.readers.point_tables import points_by_frame
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.samples import cut, points_of, waltz

DANCE = points_of(cut(waltz(), 30), "smpl24").astype(np.float64)
RANDOM = np.random.default_rng(9)
NOISE = RANDOM.normal(size=(30, 24, 3))


def found(arrays: dict[str, Any], **hints: Any) -> tuple[str, list[tuple[str, float]]]:
    name, _, notes = find_points(arrays, "it", Hints(**hints))
    return name, [(note.topic, note.confidence) for note in notes]


def test_points_by_their_name_or_their_shape() -> None:
    assert found({"keypoints_m": DANCE, "array": NOISE}) == ("keypoints_m", [])
    assert found({"array": DANCE, "joints": NOISE}) == ("array", [])
    assert found({"other": DANCE, "joints": NOISE}) == ("joints", [])
    assert found({"positions": NOISE, "joints3d": DANCE}) == ("joints3d", [])
    assert found({"other": DANCE, "fps": np.array(30.0), "text": "x"}) == ("other", [])
    assert found({"other": DANCE.reshape(30, 72), "more": np.ones((30, 71))}) == ("other", [])
    assert found({"flat": DANCE.reshape(1, 30, 72)}) == ("flat", [])
    assert found({"rows": np.ones((30, 263)), "more": np.ones((30, 7))}) == ("rows", [])


def test_points_that_look_like_a_person() -> None:
    assert found({"b": NOISE, "a": DANCE}) == ("a", [("array", 0.8)])
    both = {"a": DANCE, "b": DANCE[:20] + 1.0}
    assert found(both) == ("a", [("motion", 0.8)])
    assert found(both, take=1) == ("b", [("motion", 0.8)])
    with pytest.raises(InputError, match="2 motions; there is no number 2"):
        found(both, take=2)
    for arrays, reason in (
        ({"a": NOISE, "b": NOISE}, r"holds a \(30, 24, 3\), b"), ({}, "holds nothing"),
        ({"x": np.ones(3)}, r"holds x \(3,\)"),
        ({"state_dict": {}, "x": 1}, "a checkpoint of a network"),
        ({"v_template": 1, "shapedirs": 1}, "is a body model"),
        ({"v_template": 1, "weights": 1}, "is a body model"), ({"a": DANCE, "b": DANCE[:, :22]}, "holds a"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=reason):
            found(arrays)


@pytest.mark.parametrize(
    ("array", "points", "rows"),
    [
        (np.ones((9, 5, 3)), True, False), (np.ones((9, 4, 3)), False, False), (np.ones((9, 5, 4)), True, False),
        (np.ones((2, 9, 5, 3)), True, False), (np.ones((9, 5, 2)), False, False), (np.ones((9, 72)), False, True),
        (np.ones((9, 73)), False, False), (np.ones((1, 9, 72)), False, True), (np.ones((2, 9, 72)), False, False),
        (np.ones((0, 72)), False, False), (np.ones((9, 72), bool), False, False), (np.ones((9, 12)), False, False),
        (np.array(["a"] * 72)[None], False, False), ([1.0], False, False), (np.ones((9, 5, 3), int), True, False),
    ],
)  # fmt: skip
def test_arrays_that_may_be_points(array: Any, *, points: bool, rows: bool) -> None:
    assert point_arrays._may_be_points(array) is points
    assert point_arrays._may_be_rows(array) is rows


def test_the_time_is_where_numbers_run_on() -> None:
    """Two persons, 5 m apart: steps along the time are small, those between persons large."""
    persons = np.stack([DANCE, DANCE[::-1] + 5.0])
    assert not point_arrays._time_is_first(persons)
    assert point_arrays._time_is_first(persons.swapaxes(0, 1))
    assert point_arrays._time_is_first(DANCE[:, None])
    assert not point_arrays._time_is_first(DANCE[None])
    assert not point_arrays._time_is_first(DANCE[None, :1])
    copies = np.stack([DANCE, DANCE])
    assert not point_arrays._time_is_first(copies)
    assert point_arrays._time_is_first(copies.swapaxes(0, 1))
    holes = persons.copy()
    holes[0, 3] = np.nan
    assert not point_arrays._time_is_first(holes)


def test_one_of_several_is_taken() -> None:
    persons = np.stack([DANCE, DANCE[::-1] + 5.0])
    for stored, topic, count in ((persons, "motion", 1), (persons.swapaxes(0, 1), "person", 2)):
        for take in (0, 1):
            array, notes = taken(stored, "it", Hints(take=take))
            np.testing.assert_array_equal(array, persons[take])
            assert [(note.topic, note.value, note.count) for note in notes] == [(topic, f"number {take}", count)]
        with pytest.raises(InputError, match=f"holds 2 {topic}s; there is no number 2"):
            taken(stored, "it", Hints(take=2))
    array, notes = taken(DANCE[None], "it", Hints())
    assert notes == ()
    np.testing.assert_array_equal(array, DANCE)
    known, _ = taken(persons.swapaxes(0, 1), "it", Hints(take=3), persons_first=True)
    assert known.shape == (2, 24, 3)


def test_batches_of_one() -> None:
    for array, shape in (
        (np.ones((1, 1, 9, 5, 3)), (9, 5, 3)), (np.ones((1, 9, 5, 3)), (9, 5, 3)), (np.ones((1, 9, 5, 4)), (9, 5, 4)),
        (np.ones((1, 9, 4, 4)), (1, 9, 4, 4)), (np.ones((1, 9, 72)), (9, 72)), (np.ones((1, 9, 12)), (1, 9, 12)),
        (np.ones((1, 9, 13)), (9, 13)), (np.ones((2, 9, 5, 3)), (2, 9, 5, 3)), (np.ones((1, 9, 5, 6)), (1, 9, 5, 6)),
    ):  # fmt: skip
        assert point_arrays._without_batch(array).shape == shape


def test_matrices_of_rigid_motions() -> None:
    array = np.tile(np.eye(4), (60, 3, 1, 1))
    assert point_arrays._are_transforms(array)
    array[55, 0, 3, 0] = 9.0  # beyond the first fifty
    assert point_arrays._are_transforms(array)
    array[49, 0, 3, 0] = 2e-4
    assert not point_arrays._are_transforms(array)


def joints(count: int, frames: int = 6) -> dict[str, Any]:
    return {f"j{number}": np.full((frames, 3), float(number)) for number in range(count)}


def test_an_array_for_each_joint() -> None:
    for arrays in ({**joints(10), "fps": 25.0}, {"fps": 25.0, "data": {**joints(10), "text": "x"}}):
        table, notes = points_by_frame(arrays, "it", Hints())
        assert notes == ()
        assert table["array"][2, :, 1].tolist() == list(range(10))
        assert table["joint_names"] == [f"j{number}" for number in range(10)]
        assert table["fps"] == 25.0
    listed = {"joints": [{"name": name, "at": place} for name, place in joints(10).items()]}
    assert points_by_frame(listed, "it", Hints())[0]["joint_names"] == [f"j{number}" for number in range(10)]
    for arrays in (joints(9), {**joints(9), "more": np.ones((7, 3))}, {f"j{n}": np.ones((6, 4)) for n in range(10)}):
        assert points_by_frame(arrays, "it", Hints()) == (arrays, ())
    ours = {"keypoints_m": DANCE, **joints(10)}
    assert points_by_frame(ours, "it", Hints())[0] is ours


def test_an_entry_for_each_frame() -> None:
    frames = [[{"id": 1, "keypoints3d": DANCE[n]}, {"id": 2, "keypoints3d": DANCE[n] + 1.0}] for n in range(5)]
    first, notes = points_by_frame(
        {"frames": frames, "fps": 30.0, "joint_names": [f"n{k}" for k in range(24)]}, "it", Hints()
    )
    np.testing.assert_array_equal(first["array"], DANCE[:5])
    assert (first["fps"], first["joint_names"][3]) == (30.0, "n3")
    assert [(note.topic, note.value, note.confidence, note.count) for note in notes] == [("person", "1", 0.8, 2)]
    second, _ = points_by_frame({"frames": frames}, "it", Hints(take=1))
    np.testing.assert_array_equal(second["array"], DANCE[:5] + 1.0)
    with pytest.raises(InputError, match="2 persons; there is no number 2"):
        points_by_frame({"frames": frames}, "it", Hints(take=2))
    alone, notes = points_by_frame({"frames": [one[:1] for one in frames]}, "it", Hints())
    assert notes == ()
    assert len(alone["array"]) == 5
    with pytest.raises(FormatError, match="two-dimensional key-points"):
        points_by_frame({"frames": [{"pose_keypoints_2d": np.ones(75)}]}, "it", Hints())
