# SPDX-License-Identifier: Apache-2.0
"""Rotations as files store them: rotation vectors, matrices, 6D and quaternions, distinguished by their properties.

A matrix has orthonormal rows; 6D is the first two of them (PyTorch3D's order) or its first two columns (Zhou et al.
2019), interleaved as HMR's descendants write them, or one after the other; those differ from rows in which of both are
the rotations of people. A quaternion has length 1. Widths alone prove nothing: 135 numbers
are 45 points, or 22 rotations and a place.
"""

from typing import Any, Final

import numpy as np

from ...arrays import F64
from ...body.rotation import rotmat_to_rotvec
from ...errors import FormatError, InputError
from .natural_rotations import CLEARLY, unnatural
from .numbers import as_numbers

NEARLY: Final = 0.15
"""By which networks' rotations miss being orthonormal, in the median."""
ROTATION_COUNTS: Final = (22, 24, 52, 55)
"""Numbers of joints in SMPL's family, with or without hands."""
BODY_COUNTS: Final = (21, 23)
"""The same of body_pose, which lacks the root."""
MOST_JOINTS: Final = 60


def is_orthonormal(first: F64, second: F64) -> bool:
    """Whether pairs of vectors are two rows of rotation matrices.

    Args:
        first: (..., 3).
        second: (..., 3).

    Returns:
        True where nearly all have length 1 and are at right angles.
    """
    with np.errstate(invalid="ignore"):
        lengths = np.concatenate([np.linalg.norm(first, axis=-1).ravel(), np.linalg.norm(second, axis=-1).ravel()])
        across = np.abs((first * second).sum(axis=-1)).ravel()
    lengths, across = lengths[np.isfinite(lengths)], across[np.isfinite(across)]
    if not lengths.size or not across.size:
        return False
    return bool(np.percentile(np.abs(lengths - 1.0), 75) < NEARLY and np.percentile(across, 75) < NEARLY)


def rotmat_of_rows(rot6d: F64) -> F64:
    """Rotation matrices from their first two rows, orthonormalised (Zhou et al. 2019, in PyTorch3D's order).

    Args:
        rot6d: (..., 6).

    Returns:
        (..., 3, 3). Where the rows give no rotation it is the identity.
    """
    first, second = rot6d[..., :3], rot6d[..., 3:]
    with np.errstate(invalid="ignore", divide="ignore"):
        x = first / np.linalg.norm(first, axis=-1, keepdims=True)
        y = second - (x * second).sum(axis=-1, keepdims=True) * x
        y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    rotmat = np.stack([x, y, np.cross(x, y)], axis=-2)
    broken = ~np.isfinite(rotmat).all(axis=(-1, -2))
    rotmat[broken] = np.eye(3)
    return rotmat


def rotvec_of_6d(rot6d: F64) -> F64 | None:
    """Rotation vectors of 6D rotations.

    Args:
        rot6d: (..., 6).

    Returns:
        (..., 3), radians, or None where the numbers are no 6D rotations.
    """
    if is_orthonormal(rot6d[..., :3], rot6d[..., 3:]):
        rotvec = rotmat_to_rotvec(rotmat_of_rows(rot6d))
        return -rotvec if _are_columns(rotvec) else rotvec
    if is_orthonormal(rot6d[..., 0::2], rot6d[..., 1::2]):
        columns = np.concatenate([rot6d[..., 0::2], rot6d[..., 1::2]], axis=-1)
        return rotmat_to_rotvec(np.swapaxes(rotmat_of_rows(columns), -1, -2))
    return None


def _are_columns(rotvec: F64) -> bool:
    """Whether rotations of a body are inverse, since two columns were taken for two rows."""
    if rotvec.ndim != 3 or rotvec.shape[1] not in ROTATION_COUNTS:
        return False
    return CLEARLY * unnatural(-rotvec[:, :24]) < unnatural(rotvec[:, :24])


def rotvec_of_matrices(matrices: F64) -> F64 | None:
    """Rotation vectors of matrices.

    Args:
        matrices: (..., 3, 3).

    Returns:
        (..., 3), radians, or None where they are no rotations.
    """
    if not is_orthonormal(matrices[..., 0, :], matrices[..., 1, :]):
        return None
    rows = matrices[..., :2, :].reshape(*matrices.shape[:-2], 6)
    return rotmat_to_rotvec(rotmat_of_rows(rows))


def rotvec_of_quaternions(quaternions: F64) -> F64 | None:
    """Rotation vectors of quaternions, whose real part is the first or the last number, whichever is larger.

    Args:
        quaternions: (..., 4).

    Returns:
        (..., 3), radians, or None where they have not length 1.
    """
    length = np.linalg.norm(quaternions, axis=-1, keepdims=True)
    if not np.isfinite(length).all() or not np.percentile(np.abs(length - 1.0), 75) < NEARLY:
        return None
    unit = quaternions / np.where(length > 0, length, 1.0)
    if np.mean(np.abs(unit[..., 3])) > np.mean(np.abs(unit[..., 0])):
        unit = np.concatenate([unit[..., 3:], unit[..., :3]], axis=-1)
    unit = np.where(unit[..., :1] < 0, -unit, unit)
    sine = np.linalg.norm(unit[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, unit[..., :1])
    return unit[..., 1:] * np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-9)


def as_rotvec(value: Any, source: str, name: str, joints: tuple[int, ...]) -> F64:
    """Rotations of a file, in whatever form, as rotation vectors.

    Args:
        value: (T, 3 J), (T, J, 3), (T, J, 3, 3), (T, 9 J), (T, J, 6), (T, 6 J), (T, J, 4) or (J, 6, T), with a leading
            axis of length 1 or without.
        source: The file, for messages.
        name: Of the array, for messages.
        joints: Numbers of joints that are possible.

    Returns:
        (T, J, 3), radians.

    Raises:
        FormatError: It is none of these forms.
        InputError: It has no frames.
    """
    array = as_numbers(value, source)
    stored = array.shape
    while array.ndim > 2 and array.shape[0] == 1 and _known(array[0], joints):
        array = array[0]
    if array.ndim == 3 and array.shape[1] == 6 and array.shape[0] in joints:
        array = array.transpose(2, 0, 1)
    widths = {size * count for count in joints for size in (3, 6, 9)}
    if array.ndim == 2 and array.shape[0] in widths and array.shape[1] not in widths:
        array = array.T  # the time is the last axis
    if array.ndim == 1 and array.size in {3 * count for count in joints}:
        array = array[None]
    if array.size == 0:
        raise InputError(f"{source} has zero frames. Check that the file was written completely.")
    found = _rotvec(array, joints)
    if found is None:
        columns = " or ".join(str(3 * count) for count in joints)
        raise FormatError(
            f"{source} has {name} of shape {stored}; expected rotations of {' or '.join(map(str, joints))} joints: "
            f"(frames, {columns}), (frames, joints, 3), (frames, joints, 3, 3) or (frames, joints, 6)."
        )
    return found


def _known(array: F64, joints: tuple[int, ...]) -> bool:
    """Whether an array has frames and rotations, by its shape."""
    if array.ndim == 2:
        return array.shape[1] in {size * count for count in joints for size in (3, 6, 9)} and array.shape[0] > 0
    if array.ndim == 3:
        return array.shape[1] in joints and array.shape[2] in (3, 4, 6)
    return array.ndim == 4 and array.shape[1] in joints and array.shape[2:] == (3, 3)


def _rotvec(array: F64, joints: tuple[int, ...]) -> F64 | None:
    frames = len(array)
    if array.ndim == 2:
        width = array.shape[1]
        if width % 3 == 0 and width // 3 in joints:
            return array.reshape(frames, -1, 3)
        if width % 6 == 0 and width // 6 in joints:
            return rotvec_of_6d(array.reshape(frames, -1, 6))
        if width % 9 == 0 and width // 9 in joints:
            return rotvec_of_matrices(array.reshape(frames, -1, 3, 3))
        return None
    if array.ndim == 3 and array.shape[1] in joints:
        if array.shape[2] == 3:
            return array
        if array.shape[2] == 6:
            return rotvec_of_6d(array)
        if array.shape[2] == 4:
            return rotvec_of_quaternions(array)
        return rotvec_of_matrices(array.reshape(frames, -1, 3, 3)) if array.shape[2] == 9 else None
    if array.ndim == 3 and array.shape[1:] == (3, 3) and 1 in joints:
        return rotvec_of_matrices(array[:, None])
    if array.ndim == 4 and array.shape[1] in joints and array.shape[2:] == (3, 3):
        return rotvec_of_matrices(array)
    return None
