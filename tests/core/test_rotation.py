# SPDX-License-Identifier: Apache-2.0
"""Rotations against SciPy's."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
import pytest
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body import rotation

ANGLES = (0.0, 1e-12, 1e-7, 9e-5, 1.1e-4, 1e-3, 0.5, 2.0, np.pi - 1e-3, np.pi - 1e-7, np.pi)


@pytest.fixture(scope="module")
def rotvecs() -> NDArray[np.float64]:
    """Random axes and the coordinate axes, at angles about every branch."""
    axes = np.concatenate([np.random.default_rng(0).normal(size=(40, 3)), np.eye(3), -np.eye(3)])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return (axes[:, None] * np.array(ANGLES)[:, None]).reshape(-1, 3)


def _wxyz(turns: Rotation) -> NDArray[np.float64]:
    return turns.as_quat()[:, [3, 0, 1, 2]]


@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_rotvec_to_rotmat(rotvecs: NDArray[np.float64], dtype: type, within: float) -> None:
    found = rotation.rotvec_to_rotmat(rotvecs.astype(dtype))
    assert np.abs(found - Rotation.from_rotvec(rotvecs).as_matrix()).max() < within


@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-9), (np.float32, 2e-6)])
def test_rotmat_to_rotvec_and_quat(rotvecs: NDArray[np.float64], dtype: type, within: float) -> None:
    truth = Rotation.from_rotvec(rotvecs)
    rotmat = truth.as_matrix().astype(dtype)
    quat = rotation.rotmat_to_quat(rotmat)
    assert np.abs((quat * _wxyz(truth)).sum(axis=1)).min() > 1 - within
    assert (quat[:, 0] >= 0).all()
    # At half a turn either sign of the axis is right, so rotations are compared and not numbers.
    again = rotation.rotmat_to_rotvec(rotmat)
    assert np.linalg.norm(again, axis=1).max() <= np.pi + within
    assert (Rotation.from_rotvec(again) * truth.inv()).magnitude().max() < 3e-6
    small = np.linalg.norm(rotvecs, axis=1) < 3.0
    assert np.abs(again - rotvecs)[small].max() < 2e-6


def test_quat_to_rotmat_takes_any_length(rotvecs: NDArray[np.float64]) -> None:
    truth = Rotation.from_rotvec(rotvecs)
    lengths = np.random.default_rng(1).uniform(0.1, 5.0, (len(rotvecs), 1))
    assert np.abs(rotation.quat_to_rotmat(-lengths * _wxyz(truth)) - truth.as_matrix()).max() < 1e-12


def test_quat_to_rotvec_at_every_angle(rotvecs: NDArray[np.float64]) -> None:
    truth = Rotation.from_rotvec(rotvecs)
    for sign in (1.0, -1.0):
        found = rotation.quat_to_rotvec(sign * _wxyz(truth))
        assert (Rotation.from_rotvec(found) * truth.inv()).magnitude().max() < 1e-9
        # Tiny turns keep their size, not merely a small one.
        tiny = np.linalg.norm(rotvecs, axis=1) == pytest.approx(1e-7)
        assert np.allclose(found[tiny], rotvecs[tiny], rtol=1e-6, atol=0.0)


def test_rot6d_is_the_first_two_columns_and_orthonormalises(rotvecs: NDArray[np.float64]) -> None:
    truth = Rotation.from_rotvec(rotvecs).as_matrix()
    six = rotation.rotmat_to_rot6d(truth)
    assert (six[:, :3] == truth @ [1, 0, 0]).all()
    assert (six[:, 3:] == truth @ [0, 1, 0]).all()
    assert np.abs(rotation.rot6d_to_rotmat(six) - truth).max() < 1e-12
    # Gram-Schmidt is the QR decomposition with a positive diagonal.
    free = np.random.default_rng(2).normal(size=(50, 6))
    columns = np.stack([free[:, :3], free[:, 3:], np.cross(free[:, :3], free[:, 3:])], axis=-1)
    q, r = np.linalg.qr(columns)
    expected = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    assert np.abs(rotation.rot6d_to_rotmat(free) - expected).max() < 1e-12


def test_nearest_rotmat_is_the_polar_factor() -> None:
    random = np.random.default_rng(3)
    matrices = random.normal(size=(60, 3, 3))
    found = rotation.nearest_rotmat(matrices)
    assert np.allclose(np.linalg.det(found), 1.0)
    for matrix, nearest in zip(matrices, found, strict=True):
        if np.linalg.det(matrix) > 0:
            assert np.allclose(nearest, polar(matrix)[0])
        distance = np.linalg.norm(matrix - nearest)
        others = Rotation.from_matrix(nearest) * Rotation.from_rotvec(random.normal(scale=0.3, size=(200, 3)))
        assert (np.linalg.norm(matrix - others.as_matrix(), axis=(1, 2)) >= distance - 1e-12).all()


def test_geodesic_angle_keeps_small_angles(rotvecs: NDArray[np.float64]) -> None:
    base = Rotation.from_quat(np.random.default_rng(4).normal(size=(len(rotvecs), 4)))
    found = rotation.geodesic_angle(base.as_matrix(), (base * Rotation.from_rotvec(rotvecs)).as_matrix())
    assert np.allclose(found, np.linalg.norm(rotvecs, axis=1), rtol=1e-6, atol=1e-12)


def test_continuous_quat_turns_without_jumping() -> None:
    angle = np.linspace(0.0, 6 * np.pi, 400)
    turns = Rotation.from_rotvec(angle[:, None] * [0.6, 0.0, 0.8])
    jumping = rotation.rotmat_to_quat(turns.as_matrix())[:, None]
    assert np.abs(np.diff(jumping, axis=0)).max() > 1.0
    smooth = rotation.continuous_quat(jumping)
    assert np.abs(np.diff(smooth, axis=0)).max() < 0.05
    assert np.allclose(rotation.quat_to_rotmat(smooth[:, 0]), turns.as_matrix())


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (rotation.rotvec_to_rotmat, (3,)),
        (rotation.skew, (3,)),
        (rotation.rotmat_to_quat, (3, 3)),
        (rotation.quat_to_rotmat, (4,)),
        (rotation.quat_to_rotvec, (4,)),
        (rotation.rotmat_to_rotvec, (3, 3)),
        (rotation.rot6d_to_rotmat, (6,)),
        (rotation.rotmat_to_rot6d, (3, 3)),
        (rotation.nearest_rotmat, (3, 3)),
    ],
)
def test_type_and_leading_axes_are_kept(function: Callable[[NDArray], NDArray], shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(5).normal(size=(2, 3, *shape))
    if shape == (4,):
        values /= np.linalg.norm(values, axis=-1, keepdims=True)
    if shape == (3, 3):
        values = Rotation.from_quat(np.random.default_rng(6).normal(size=(6, 4))).as_matrix().reshape(2, 3, 3, 3)
    for dtype in (np.float32, np.float64):
        found = function(values.astype(dtype))
        assert found.dtype == dtype
        assert found.shape[:2] == (2, 3)
        assert np.allclose(found[1, 2], function(values.astype(dtype)[1, 2]), atol=1e-6)
