# SPDX-License-Identifier: Apache-2.0
"""Every form in which a file may store rotations, made with SciPy from the same rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers.rotation_forms import (
    as_rotvec,
    is_orthonormal,
    rotmat_of_rows,
    rotvec_of_6d,
    rotvec_of_matrices,
    rotvec_of_quaternions,
)

FRAMES, JOINTS = 10, 22
ROTVEC = np.random.default_rng(0).normal(0.0, 0.5, (FRAMES, JOINTS, 3))
ROTATIONS = Rotation.from_rotvec(ROTVEC.reshape(-1, 3))
MATRICES = ROTATIONS.as_matrix().reshape(FRAMES, JOINTS, 3, 3)
ROWS = MATRICES[..., :2, :].reshape(FRAMES, JOINTS, 6)
COLUMNS = MATRICES[..., :2].reshape(FRAMES, JOINTS, 6)
REAL_LAST = ROTATIONS.as_quat().reshape(FRAMES, JOINTS, 4)
REAL_FIRST = REAL_LAST[..., [3, 0, 1, 2]]


@pytest.mark.parametrize(
    "stored",
    [
        ROTVEC,
        ROTVEC.reshape(FRAMES, -1),
        ROTVEC.reshape(FRAMES, -1).T,
        ROTVEC[None],
        ROTVEC.reshape(1, FRAMES, -1),
        MATRICES,
        MATRICES[None],
        MATRICES.reshape(FRAMES, JOINTS, 9),
        MATRICES.reshape(FRAMES, -1),
        ROWS,
        ROWS[None],
        ROWS.transpose(1, 2, 0),
        ROWS.reshape(FRAMES, -1),
        COLUMNS,
        COLUMNS.reshape(FRAMES, -1),
        COLUMNS.reshape(FRAMES, -1).T,
        REAL_FIRST,
        REAL_LAST,
        -REAL_LAST,
        REAL_FIRST[None],
    ],
)
def test_forms(stored: np.ndarray) -> None:
    found = as_rotvec(stored, "a file", "poses", (22, 24))
    assert found.shape == ROTVEC.shape
    assert Rotation.from_rotvec(found.reshape(-1, 3)).as_matrix().reshape(MATRICES.shape) == pytest.approx(
        MATRICES, abs=1e-6
    )


def test_one_joint_and_one_frame() -> None:
    assert as_rotvec(MATRICES[:, 0], "a file", "root", (1,)) == pytest.approx(ROTVEC[:, :1], abs=1e-6)
    assert as_rotvec(ROTVEC[0].ravel(), "a file", "poses", (22,)) == pytest.approx(ROTVEC[:1])


@pytest.mark.parametrize(
    "stored",
    [np.zeros((FRAMES, 65)), np.zeros((FRAMES, 20, 3)), np.zeros((FRAMES, 22, 5)), 3.0 * MATRICES, 2.0 * REAL_LAST,
     np.zeros(65), 2.0 * ROWS],
)  # fmt: skip
def test_what_is_no_rotation_is_refused(stored: np.ndarray) -> None:
    with pytest.raises(FormatError, match="expected rotations of 22 joints"):
        as_rotvec(stored, "a file", "poses", (22,))


def test_no_frames() -> None:
    with pytest.raises(InputError, match="zero frames"):
        as_rotvec(np.zeros((0, 66)), "a file", "poses", (22,))


@pytest.mark.parametrize(
    ("length", "across", "near"),
    [(1.0, 0.0, True), (1.14, 0.0, True), (0.86, 0.0, True), (1.16, 0.0, False), (0.84, 0.0, False), (1.0, 0.14, True),
     (1.0, -0.16, False)],
)  # fmt: skip
def test_networks_miss_being_orthonormal_by_a_little(length: float, across: float, *, near: bool) -> None:
    first = np.tile([length, 0.0, 0.0], (8, 1))
    second = np.tile([across / length, np.sqrt(1.0 - across**2 / length**2), 0.0], (8, 1))
    assert is_orthonormal(first, second) is near


def test_a_quarter_may_be_anything() -> None:
    first, second = np.tile([1.0, 0.0, 0.0], (10, 1)), np.tile([0.0, 1.0, 0.0], (10, 1))
    first[:2], second[:2] = 3.0, np.nan
    assert is_orthonormal(first, second)
    first[:4] = 3.0
    second[:4] = 3.0
    assert not is_orthonormal(first, second)
    assert not is_orthonormal(first * np.nan, second)


def test_rows_are_orthonormalised() -> None:
    """(2, 0, 0) and (1, 3, 0) give the identity, and none gives it too."""
    rows = np.array([[2.0, 0.0, 0.0, 1.0, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 4.0, 0.0, -1.0, 5.0, 0.0]])
    turned = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert rotmat_of_rows(rows) == pytest.approx(np.stack([np.eye(3), np.eye(3), turned]))


def test_numbers_that_are_no_rotations_are_none() -> None:
    assert rotvec_of_6d(np.full((4, 6), 2.0)) is None
    assert rotvec_of_matrices(np.full((4, 3, 3), 2.0)) is None
    assert rotvec_of_quaternions(np.full((4, 4), 2.0)) is None
    assert rotvec_of_quaternions(np.full((4, 4), np.nan)) is None


def test_quaternions_of_no_turn_and_of_half_a_turn() -> None:
    found = rotvec_of_quaternions(
        np.array([[1.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0],
                  [1.0, 1e-12, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    )  # fmt: skip
    assert found is not None
    assert found[:5] == pytest.approx(
        np.array([[0.0] * 3, [0.0] * 3, [0.0] * 3, [np.pi, 0.0, 0.0], [2e-12, 0.0, 0.0]]), abs=1e-15
    )
