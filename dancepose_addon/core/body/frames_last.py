# SPDX-License-Identifier: Apache-2.0
"""Rotations and vectors of many frames, with the frames as the last axis.

Element-wise operations on long arrays are five to eight times faster than as many products of 3 x 3 matrices. Arrays
are (J, 3, 3, T) or (J, 3, T) here, and (T, J, 3, 3) or (T, J, 3) elsewhere.
"""

from typing import Final

import numpy as np

from ..arrays import F32
from .joint_tree import Levels
from .rotation import rotmat_to_rotvec

MANY: Final = 500
"""Matrices from which moving the axes pays."""
CACHED_FRAMES: Final = 256
"""Frames whose rotations stay in the cache."""
STRAIGHT: Final = -0.98
"""Cosine of the angle beyond which the antisymmetric part is too short to give the axis: 169 degrees."""


def frames_last(array: F32) -> F32:
    """Move the first axis to the end and copy: (T, ...) to (..., T)."""
    return np.ascontiguousarray(array.reshape(len(array), -1).T).reshape(*array.shape[1:], len(array))


def frames_first(array: F32) -> F32:
    """Move the last axis to the front and copy: (..., T) to (T, ...)."""
    return np.ascontiguousarray(array.reshape(-1, array.shape[-1]).T).reshape(array.shape[-1], *array.shape[:-1])


def product(first: F32, second: F32) -> F32:
    """Multiply matrices (..., 3, 3, T) by matrices (..., 3, 3, T)."""
    result: F32 = first[..., :, 0, None, :] * second[..., None, 0, :, :]
    for axis in (1, 2):
        result += first[..., :, axis, None, :] * second[..., None, axis, :, :]
    return result


def matrix_products(first: F32, second: F32) -> F32:
    """Multiply matrices (T, J, 3, 3), frames first: many of them take a third of the time of ``first @ second``."""
    if first.shape != second.shape or first[..., 0, 0].size < MANY:
        return first @ second
    result = np.empty_like(second)
    for begin in range(0, len(first), CACHED_FRAMES):
        some = slice(begin, begin + CACHED_FRAMES)
        result[some] = frames_first(product(frames_last(first[some]), frames_last(second[some])))
    return result


def applied(matrix: F32, vector: F32) -> F32:
    """Multiply matrices (..., 3, 3, T) by vectors (..., 3, T) or (..., 3, 1)."""
    result: F32 = matrix[..., :, 0, :] * vector[..., 0, None, :]
    for axis in (1, 2):
        result += matrix[..., :, axis, :] * vector[..., axis, None, :]
    return result


def applied_inverse(rotation: F32, vector: F32) -> F32:
    """Multiply transposed matrices (..., 3, 3, T) by vectors (..., 3, T)."""
    return applied(np.swapaxes(rotation, -3, -2), vector)


def antisymmetric(matrix: F32) -> F32:
    """Return half the axial vector of matrices (..., 3, 3, T), (..., 3, T): axis times sine for rotations."""
    vector = np.stack(
        [
            matrix[..., 2, 1, :] - matrix[..., 1, 2, :],
            matrix[..., 0, 2, :] - matrix[..., 2, 0, :],
            matrix[..., 1, 0, :] - matrix[..., 0, 1, :],
        ],
        axis=-2,
    )
    vector *= 0.5
    return vector


def trace_of(matrix: F32) -> F32:
    """Return the traces (..., T) of matrices (..., 3, 3, T)."""
    trace: F32 = matrix[..., 0, 0, :] + matrix[..., 1, 1, :] + matrix[..., 2, 2, :]
    return trace


def square_of(vector: F32) -> F32:
    """Return the squared lengths (..., T) of vectors (..., 3, T)."""
    square: F32 = vector[..., 0, :] * vector[..., 0, :]
    for axis in (1, 2):
        square += vector[..., axis, :] * vector[..., axis, :]
    return square


def cross(first: F32, second: F32) -> F32:
    """Return the cross products of vectors (..., 3, T)."""
    return np.stack(
        [
            first[..., 1, :] * second[..., 2, :] - first[..., 2, :] * second[..., 1, :],
            first[..., 2, :] * second[..., 0, :] - first[..., 0, :] * second[..., 2, :],
            first[..., 0, :] * second[..., 1, :] - first[..., 1, :] * second[..., 0, :],
        ],
        axis=-2,
    )


def rotvec_of(rotation: F32) -> F32:
    """Convert matrices (J, 3, 3, T) to rotation vectors (J, 3, T), as ``rotmat_to_rotvec`` does."""
    vector = antisymmetric(rotation)
    length = np.sqrt(square_of(vector))
    cosine = 0.5 * (trace_of(rotation) - 1.0)
    small = length < 1e-6
    vector *= np.where(small, 1.0, np.arctan2(length, cosine) / np.where(small, 1.0, length))[:, None]
    joint, frame = np.nonzero(cosine < STRAIGHT)
    if len(joint):
        vector[joint, :, frame] = rotmat_to_rotvec(rotation[joint, :, :, frame])
    return vector


def rotation_of(rotvec: F32) -> F32:
    """Convert rotation vectors (..., 3, T), radians, to matrices (..., 3, 3, T) by Rodrigues' formula."""
    square = square_of(rotvec)
    small = square < 1e-8
    angle = np.sqrt(np.where(small, 1.0, square))
    sine = np.where(small, 1.0 - square / 6.0, np.sin(angle) / angle)
    cosine = np.where(small, 0.5 - square / 24.0, (1.0 - np.cos(angle)) / (angle * angle))
    scaled = cosine[..., None, :] * rotvec
    result: F32 = scaled[..., :, None, :] * rotvec[..., None, :, :]
    turned = sine[..., None, :] * rotvec
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        result[..., axis, axis, :] += 1.0 - cosine * square
        result[..., second, first, :] += turned[..., axis, :]
        result[..., first, second, :] -= turned[..., axis, :]
    return result


def kinematics(rest_joints_m: F32, local: F32, levels: Levels) -> tuple[F32, F32]:
    """Pose a skeleton without its translation (Loper et al. 2015, equation 3).

    Args:
        rest_joints_m: (J, 3, 1) or (J, 3, T), metres.
        local: Rotations relative to the parent, (J, 3, 3, T).
        levels: Joints and their parents, level by level, as of ``JointTree``.

    Returns:
        Global rotations (J, 3, 3, T), and joint positions (J, 3, T) in metres.
    """
    turned, place = np.empty_like(local), np.empty((len(local), 3, local.shape[-1]), local.dtype)
    turned[0], place[0] = local[0], rest_joints_m[0]
    for joints, parents in levels:
        j, p = list(joints), list(parents)
        above = turned[p]
        turned[j] = product(above, local[j])
        place[j] = place[p] + applied(above, rest_joints_m[j] - rest_joints_m[p])
    return turned, place
