# SPDX-License-Identifier: Apache-2.0
"""Linear and dual-quaternion skinning and forward kinematics for this tool, in double precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pose_joints(rotmats: Floats, joints_m: Floats, parents: Sequence[int]) -> tuple[Floats, Floats]:
    """Compute forward kinematics: local rotmats (P, J, 3, 3), joints_m (J, 3) at rest to (P, J, 3, 3) and (P, J, 3)."""
    world = np.empty_like(rotmats)
    posed_m = np.empty((*rotmats.shape[:2], 3))
    for joint, parent in enumerate(parents):
        if parent < 0:
            world[:, joint] = rotmats[:, joint]
            posed_m[:, joint] = joints_m[joint]
        else:
            world[:, joint] = world[:, parent] @ rotmats[:, joint]
            posed_m[:, joint] = posed_m[:, parent] + world[:, parent] @ (joints_m[joint] - joints_m[parent])
    return world, posed_m


def bone_offsets(world: Floats, posed_m: Floats, rest_m: Floats) -> Floats:
    """Return the translation t of each bone's map x -> R x + t.

    world: (..., J, 3, 3); posed_m, rest_m: (..., J, 3), metres.
    """
    return posed_m - np.einsum("...ij,...j->...i", world, rest_m)


def skin_linear(vertices_m: Floats, weights: Floats, world: Floats, offsets_m: Floats) -> Floats:
    """Apply linear blend skinning. vertices_m: (V, 3); weights: (V, J); world: (J, 3, 3); offsets_m: (J, 3)."""
    blended = np.einsum("vj,jab->vab", weights, world)
    return np.einsum("vab,vb->va", blended, vertices_m) + weights @ offsets_m


def skin_dual_quaternion(vertices_m: Floats, weights: Floats, world: Floats, offsets_m: Floats) -> Floats:
    """Apply dual-quaternion skinning (Kavan et al. 2007); arguments as of `skin_linear`.

    Signs are chosen per vertex relative to its heaviest bone, so that every vertex rotates along the shorter arc.
    """
    real = matrix_to_quaternion(world)
    dual = 0.5 * multiply_quaternions(np.concatenate([np.zeros((len(offsets_m), 1)), offsets_m], 1), real)
    heaviest = real[np.argmax(weights, axis=1)]
    signed = weights * np.where(heaviest @ real.T < 0.0, -1.0, 1.0)
    blend_real, blend_dual = signed @ real, signed @ dual
    norm = np.linalg.norm(blend_real, axis=1, keepdims=True)
    blend_real, blend_dual = blend_real / norm, blend_dual / norm
    conjugate = blend_real * np.array([1.0, -1.0, -1.0, -1.0])
    shift_m = 2.0 * multiply_quaternions(blend_dual, conjugate)[:, 1:]
    w, xyz = blend_real[:, :1], blend_real[:, 1:]
    turned = vertices_m + 2.0 * np.cross(xyz, np.cross(xyz, vertices_m) + w * vertices_m)
    return turned + shift_m


def multiply_quaternions(first: Floats, second: Floats) -> Floats:
    """Return the Hamilton product of wxyz quaternions, (N, 4) each."""
    w1, v1, w2, v2 = first[:, :1], first[:, 1:], second[:, :1], second[:, 1:]
    scalar = w1 * w2 - np.sum(v1 * v2, axis=1, keepdims=True)
    return np.concatenate([scalar, w1 * v2 + w2 * v1 + np.cross(v1, v2)], axis=1)


def matrix_to_quaternion(rotmats: Floats) -> Floats:
    """Convert rotations (N, 3, 3) to wxyz (N, 4), by the largest of the four components (Shepperd 1978)."""
    m = rotmats
    trace = m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2]
    table = np.empty((len(m), 4, 4))
    table[:, 0, 0] = 1.0 + trace
    for axis in range(3):
        table[:, axis + 1, axis + 1] = 1.0 + 2.0 * m[:, axis, axis] - trace
    for row, column, a, b, sign in (
        (0, 1, (2, 1), (1, 2), -1.0),
        (0, 2, (0, 2), (2, 0), -1.0),
        (0, 3, (1, 0), (0, 1), -1.0),
        (1, 2, (1, 0), (0, 1), 1.0),
        (1, 3, (2, 0), (0, 2), 1.0),
        (2, 3, (2, 1), (1, 2), 1.0),
    ):
        value = m[:, a[0], a[1]] + sign * m[:, b[0], b[1]]
        table[:, row, column] = table[:, column, row] = value
    best = np.argmax(np.einsum("nii->ni", table), axis=1)
    quaternion = table[np.arange(len(m)), best]
    return quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)


def rotation_between(source: Floats, target: Floats) -> Floats:
    """Return the minimal rotation (3, 3) from direction `source` (3,) to direction `target` (3,)."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis = np.cross(a, b)
    cosine = float(a @ b)
    k = cross_matrix(axis)
    return np.eye(3) + k + k @ k / (1.0 + cosine)


def rotation_about(axis: Sequence[float], angle_rad: float) -> Floats:
    """Return the rotation (3, 3) by `angle_rad` about a unit axis (3,) (Rodrigues)."""
    k = cross_matrix(np.asarray(axis, dtype=np.float64))
    return np.eye(3) + np.sin(angle_rad) * k + (1.0 - np.cos(angle_rad)) * k @ k


def cross_matrix(v: Floats) -> Floats:
    """Return the (3, 3) matrix of the cross product with a vector (3,)."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
