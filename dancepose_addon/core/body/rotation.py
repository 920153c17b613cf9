# SPDX-License-Identifier: Apache-2.0
"""Rotations in four forms, batched over any leading axes.

    rotvec   (..., 3)     axis times angle, radians: SMPL's theta
    rotmat   (..., 3, 3)  matrix that turns column vectors
    quat     (..., 4)     unit quaternion, wxyz as in Blender
    rot6d    (..., 6)     first two columns of the matrix, column after column (Zhou et al. 2019,
                          On the Continuity of Rotation Representations in Neural Networks)

Every function keeps the floating type of its input.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

LEAST_COSINE: Final = -0.5
"""Cosine of the angle up to which a rotation's antisymmetric part gives its vector: 120 degrees."""


def rotvec_to_rotmat(rotvec: Array) -> Array:
    """Convert rotation vectors (..., 3), radians, to matrices (..., 3, 3) by Rodrigues' formula."""
    angle_sq = np.einsum("...c,...c->...", rotvec, rotvec)
    small = angle_sq < 1e-8
    safe = np.sqrt(np.where(small, 1.0, angle_sq))
    sine = np.where(small, 1.0 - angle_sq / 6.0, np.sin(safe) / safe)
    cosine = np.where(small, 0.5 - angle_sq / 24.0, (1.0 - np.cos(safe)) / (safe * safe))
    turned = sine[..., None] * rotvec
    result = (cosine[..., None] * rotvec)[..., :, None] * rotvec[..., None, :]
    rest = 1.0 - cosine * angle_sq
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        result[..., axis, axis] += rest
        result[..., second, first] += turned[..., axis]
        result[..., first, second] -= turned[..., axis]
    return result.astype(rotvec.dtype, copy=False)


def skew(vector: Array) -> Array:
    """Return the matrices (..., 3, 3) of cross products with vectors (..., 3): ``skew(a) @ b == a x b``."""
    result = np.zeros((*vector.shape[:-1], 3, 3), dtype=vector.dtype)
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    result[..., 0, 1], result[..., 0, 2] = -z, y
    result[..., 1, 0], result[..., 1, 2] = z, -x
    result[..., 2, 0], result[..., 2, 1] = -y, x
    return result


def rotmat_to_quat(rotmat: Array) -> Array:
    """Convert matrices (..., 3, 3) to quaternions (..., 4), wxyz with w >= 0, by Shepperd's method.

    It is stable at every angle.
    """
    m = rotmat
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    choices = np.stack([trace, m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], axis=-1)
    largest = np.argmax(choices, axis=-1)
    # Row i holds the quaternion times 4 |component i|, so the best-conditioned row is chosen and normalised.
    rows = np.empty((*m.shape[:-2], 4, 4), dtype=m.dtype)
    x, y, z = (m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1])
    xy, xz, yz = (m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1])
    rows[..., 0, :] = np.stack([1 + trace, x, y, z], axis=-1)
    rows[..., 1, :] = np.stack([x, 1 - trace + 2 * m[..., 0, 0], xy, xz], axis=-1)
    rows[..., 2, :] = np.stack([y, xy, 1 - trace + 2 * m[..., 1, 1], yz], axis=-1)
    rows[..., 3, :] = np.stack([z, xz, yz, 1 - trace + 2 * m[..., 2, 2]], axis=-1)
    quat = np.take_along_axis(rows, largest[..., None, None], axis=-2)[..., 0, :]
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.where(quat[..., :1] < 0, -quat, quat)


def quat_to_rotmat(quat: Array) -> Array:
    """Convert quaternions (..., 4), wxyz, of any length but zero, to matrices (..., 3, 3)."""
    w, x, y, z = np.moveaxis(quat / np.linalg.norm(quat, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_to_rotvec(quat: Array) -> Array:
    """Convert unit quaternions (..., 4), wxyz, to rotation vectors (..., 3) of at most pi radians."""
    quat = np.where(quat[..., :1] < 0, -quat, quat)
    sine = np.linalg.norm(quat[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quat[..., :1])
    small = sine < 1e-7
    factor = np.where(small, 2.0, angle / np.where(small, 1.0, sine))
    return (factor * quat[..., 1:]).astype(quat.dtype, copy=False)


def rotmat_to_rotvec(rotmat: Array) -> Array:
    """Convert matrices (..., 3, 3) to rotation vectors (..., 3) of at most pi radians.

    Up to 120 degrees the antisymmetric part gives the vector; beyond, quaternions do, since it vanishes at pi.
    """
    sine = np.empty(rotmat.shape[:-1], rotmat.dtype)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        np.subtract(rotmat[..., second, first], rotmat[..., first, second], out=sine[..., axis])
    sine *= 0.5
    length = np.sqrt(np.einsum("...c,...c->...", sine, sine))
    cosine = 0.5 * (rotmat[..., 0, 0] + rotmat[..., 1, 1] + rotmat[..., 2, 2] - 1.0)
    small = length < 1e-6
    factor = np.where(small, 1.0, np.arctan2(length, cosine) / np.where(small, 1.0, length))
    result: Array = np.asarray(sine * factor[..., None].astype(rotmat.dtype), rotmat.dtype)
    far = cosine < LEAST_COSINE
    if np.any(far):
        result[far] = np.asarray(quat_to_rotvec(rotmat_to_quat(rotmat[far])))
    return result


def rot6d_to_rotmat(rot6d: Array) -> Array:
    """Convert (..., 6) to matrices (..., 3, 3) by Gram-Schmidt (Zhou et al. 2019, equation 15)."""
    first, second = rot6d[..., :3], rot6d[..., 3:]
    x = first / np.linalg.norm(first, axis=-1, keepdims=True)
    y = second - np.sum(x * second, axis=-1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def rotmat_to_rot6d(rotmat: Array) -> Array:
    """Convert matrices (..., 3, 3) to their first and then their second column, (..., 6)."""
    return np.concatenate([rotmat[..., :, 0], rotmat[..., :, 1]], axis=-1)


def nearest_rotmat(matrix: Array) -> Array:
    """Return the rotations nearest to any matrices (..., 3, 3) (Kabsch 1976, by singular value decomposition)."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., :, 2] *= sign[..., None]
    return (u @ vt).astype(matrix.dtype, copy=False)


def geodesic_angle(first: Array, second: Array) -> Array:
    """Compute the angle between rotations.

    It is computed from the sine and the cosine together, so that small angles keep their precision.

    Args:
        first: (..., 3, 3).
        second: (..., 3, 3).

    Returns:
        (...), radians.
    """
    relative = np.swapaxes(first, -1, -2) @ second
    cosine = (np.trace(relative, axis1=-2, axis2=-1) - 1.0) / 2.0
    axis = np.stack(
        [
            relative[..., 2, 1] - relative[..., 1, 2],
            relative[..., 0, 2] - relative[..., 2, 0],
            relative[..., 1, 0] - relative[..., 0, 1],
        ],
        axis=-1,
    )
    return np.arctan2(np.linalg.norm(axis, axis=-1) / 2.0, cosine)


def continuous_quat(quat: Array) -> Array:
    """Choose the signs of quaternions (T, ..., 4) so that each is nearest to the one of the frame before."""
    dots = np.sum(quat[1:] * quat[:-1], axis=-1)
    flips = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    result = quat.copy()
    result[1:] *= flips[..., None].astype(quat.dtype)
    return result
