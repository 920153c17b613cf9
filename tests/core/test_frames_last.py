# SPDX-License-Identifier: Apache-2.0
"""Rotations of many frames with the frames last, against NumPy and SciPy frame by frame."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body import frames_last as last
from dancepose_addon.core.body.model import PARENTS, TREE_LEVELS

RANDOM = np.random.default_rng(3)
FRAMES, JOINTS = 7, 24


def turns(count: int = FRAMES) -> np.ndarray:
    return Rotation.random(count * JOINTS, random_state=2).as_matrix().reshape(count, JOINTS, 3, 3)


FIRST, SECOND = turns(), turns()[::-1].copy()
VECTORS = RANDOM.normal(size=(FRAMES, JOINTS, 3))


def test_axes_are_moved_to_and_fro() -> None:
    for array in (FIRST, VECTORS, VECTORS[..., 0]):
        moved = last.frames_last(array)
        np.testing.assert_array_equal(moved, np.moveaxis(array, 0, -1))
        assert moved.flags.c_contiguous
        np.testing.assert_array_equal(last.frames_first(moved), array)


def test_products_against_numpy() -> None:
    first, second, vectors = (last.frames_last(array) for array in (FIRST, SECOND, VECTORS))
    np.testing.assert_allclose(last.frames_first(last.product(first, second)), FIRST @ SECOND, atol=1e-12)
    applied = last.frames_first(last.applied(first, vectors))
    np.testing.assert_allclose(applied, (FIRST @ VECTORS[..., None])[..., 0], atol=1e-12)
    inverse = last.frames_first(last.applied_inverse(first, vectors))
    np.testing.assert_allclose(inverse, (np.swapaxes(FIRST, -1, -2) @ VECTORS[..., None])[..., 0], atol=1e-12)
    one = VECTORS[0][..., None]
    np.testing.assert_allclose(
        last.frames_first(last.applied(first, one)), (FIRST @ VECTORS[0][..., None])[..., 0], atol=1e-12
    )


@pytest.mark.parametrize("count", [1, 20, 21, 300])
def test_many_matrices_at_once(count: int) -> None:
    """Fewer than 500 matrices, and several blocks of 256 frames."""
    first, second = turns(count).astype(np.float32), turns(count)[::-1].astype(np.float32)
    np.testing.assert_allclose(last.matrix_products(first, second), first @ second, atol=1e-6)
    np.testing.assert_allclose(last.matrix_products(first, second[:, :1]), first @ second[:, :1], atol=1e-6)


def test_parts_of_matrices_and_vectors() -> None:
    matrices, vectors = RANDOM.normal(size=(FRAMES, JOINTS, 3, 3)), RANDOM.normal(size=(FRAMES, JOINTS, 3))
    moved, other = last.frames_last(matrices), last.frames_last(vectors)
    axial = 0.5 * np.stack([matrices[..., i, j] - matrices[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=-1)
    np.testing.assert_allclose(last.frames_first(last.antisymmetric(moved)), axial, atol=1e-12)
    np.testing.assert_allclose(
        last.frames_first(last.trace_of(moved)), np.trace(matrices, axis1=2, axis2=3), atol=1e-12
    )
    np.testing.assert_allclose(last.frames_first(last.square_of(other)), (vectors**2).sum(axis=-1), atol=1e-12)
    found = last.frames_first(last.cross(other, last.frames_last(VECTORS)))
    np.testing.assert_allclose(found, np.cross(vectors, VECTORS), atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 9e-5, 1.1e-4, 1e-3, 0.5, 1.57, 2.9, 2.94, 2.96, 3.1, np.pi - 1e-6])
def test_rotation_vectors_against_scipy(angle: float) -> None:
    """From no turn to a half turn; beyond 169 degrees the axis is found otherwise."""
    axes = VECTORS / np.linalg.norm(VECTORS, axis=-1, keepdims=True)
    vectors = angle * axes
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(FIRST.shape)
    np.testing.assert_allclose(last.frames_first(last.rotation_of(last.frames_last(vectors))), matrices, atol=1e-12)
    found = last.frames_first(last.rotvec_of(last.frames_last(matrices)))
    np.testing.assert_allclose(found, vectors, atol=2e-6 if angle > 3.0 else 1e-9)


def test_each_frame_has_its_own_turn() -> None:
    """Half turns beside small ones: only the former take the other way."""
    angles = np.linspace(0.0, 3.1, FRAMES * JOINTS).reshape(FRAMES, JOINTS, 1)
    vectors = angles * VECTORS / np.linalg.norm(VECTORS, axis=-1, keepdims=True)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(FIRST.shape)
    np.testing.assert_allclose(last.frames_first(last.rotvec_of(last.frames_last(matrices))), vectors, atol=1e-6)


@pytest.mark.parametrize("each", [False, True], ids=["one rest", "a rest for each frame"])
def test_kinematics_joint_by_joint(*, each: bool) -> None:
    rest = RANDOM.normal(size=(FRAMES, JOINTS, 3))
    if not each:
        rest[:] = rest[0]
    given = last.frames_last(rest) if each else rest[0][..., None]
    turned, place = last.kinematics(given, last.frames_last(FIRST), TREE_LEVELS)
    for frame in range(FRAMES):
        world: list[np.ndarray] = []
        at: list[np.ndarray] = []
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                world.append(FIRST[frame, joint])
                at.append(rest[frame, joint])
            else:
                world.append(world[parent] @ FIRST[frame, joint])
                at.append(at[parent] + world[parent] @ (rest[frame, joint] - rest[frame, parent]))
        np.testing.assert_allclose(turned[..., frame], world, atol=1e-12)
        np.testing.assert_allclose(place[..., frame], at, atol=1e-12)
