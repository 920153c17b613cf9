# SPDX-License-Identifier: Apache-2.0
"""Arrays of files whose end is missing, at the exact byte; and files of several persons with parts missing."""

import io
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.people_file import load_people, save_people
from dancepose_addon.core.bounded_files import read_npy
from dancepose_addon.core.errors import FormatError, MissingFileError


def stored(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype="i2"),
              np.zeros((0, 3)), np.array(2.5)],
)  # fmt: skip
def test_arrays_are_read_as_they_were_written(array: np.ndarray) -> None:
    data = stored(array)
    found = read_npy(io.BytesIO(data), len(data), "it")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("missing", [1, 8, 40])
def test_arrays_that_end_early_are_refused(missing: int) -> None:
    data = stored(np.arange(6.0))[:-missing]
    with pytest.raises(FormatError, match=f"{48 - missing} bytes are too few"):
        read_npy(io.BytesIO(data), len(data), "it")


def test_bytes_after_an_array_stay() -> None:
    data = stored(np.arange(6.0))
    file = io.BytesIO(data + b"more")
    assert read_npy(file, len(data) + 4, "it").tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert file.read() == b"more"


def test_objects_and_empty_rows_are_refused() -> None:
    for array, reason in ((np.array([{}], object), "holds Python objects"), (np.zeros((3, 0)), "an empty array")):
        data = stored(array)
        with pytest.raises(FormatError, match=reason):
            read_npy(io.BytesIO(data), len(data), "it")


@pytest.fixture(scope="module")
def persons() -> list[BodyMotion]:
    pose = np.tile(np.eye(3, dtype=np.float32), (4, 24, 1, 1))
    place = np.zeros((4, 3), np.float32)
    return [BodyMotion(pose, place + side, np.full(10, side, np.float32), 1.0, 25.0) for side in (0.0, 1.0, 2.0)]


def test_persons_of_a_file(tmp_path: Path, persons: list[BodyMotion]) -> None:
    for count in (1, 2, 3):
        save_people(persons[:count], load_body(), tmp_path / "motion.npz")
        found = load_people(tmp_path / "motion.npz")
        assert [motion.betas[0] for motion in found] == [0.0, 1.0, 2.0][:count]


@pytest.mark.parametrize("missing", ["poses", "trans", "betas"])
def test_a_second_person_without_a_part_is_refused(tmp_path: Path, persons: list[BodyMotion], missing: str) -> None:
    """Not taken for the end of the file: its other parts are there."""
    save_people(persons, load_body(), tmp_path / "motion.npz")
    arrays = dict(np.load(tmp_path / "motion.npz"))
    del arrays[f"person2_{missing}"]
    np.savez(tmp_path / "damaged.npz", **arrays)
    with pytest.raises(FormatError, match="is not a DancePose motion"):
        load_people(tmp_path / "damaged.npz")


def test_sixteen_persons_are_read_and_a_missing_file_is_said(tmp_path: Path, persons: list[BodyMotion]) -> None:
    save_people([persons[0]] * 17, load_body(), tmp_path / "motion.npz")
    assert len(load_people(tmp_path / "motion.npz")) == 16
    with pytest.raises(MissingFileError):
        load_people(tmp_path / "none.npz")
