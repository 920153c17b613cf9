# SPDX-License-Identifier: Apache-2.0
"""SMPL written out slowly, joint by joint with 4x4 matrices in double precision: what faster code is held against."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import PARENTS


def random_pose(seed: int, frames: int, *, angle: float = 0.6) -> NDArray[np.float32]:
    """(frames, 24, 3, 3), float32: each joint turned by about ``angle`` radians about any axis."""
    rotvec = np.random.default_rng(seed).normal(scale=angle, size=(frames * 24, 3))
    return Rotation.from_rotvec(rotvec).as_matrix().reshape(frames, 24, 3, 3).astype(np.float32)


def slow_transforms(rest_joints: F64, pose: F64) -> F64:
    """Each joint's 4x4 transform from its own axes to the world's. rest_joints: (24, 3); pose: (24, 3, 3)."""
    world = np.zeros((24, 4, 4))
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = pose[joint]
        local[:3, 3] = rest_joints[joint] - (rest_joints[parent] if parent >= 0 else 0.0)
        world[joint] = world[parent] @ local if parent >= 0 else local
    return world


def slow_skin(arrays: dict[str, Any], pose: F64, betas: F64, translation: F64) -> F64:
    """Posed vertices (V, 3) of one frame: Loper et al. 2015, equations 2 to 9, in their order."""
    shaped = arrays["v_template"] + sum(beta * arrays["shapedirs"][:, :, index] for index, beta in enumerate(betas))
    joints = arrays["J_regressor"] @ shaped
    world = slow_transforms(joints, pose)
    if "posedirs" in arrays:
        feature = np.concatenate([(rotmat - np.eye(3)).ravel() for rotmat in pose[1:]])
        shaped = shaped + arrays["posedirs"] @ feature
    result = np.zeros_like(shaped)
    for vertex, point in enumerate(shaped):
        for joint in np.flatnonzero(arrays["weights"][vertex]):
            unposed = np.append(point - joints[joint], 1.0)
            result[vertex] += arrays["weights"][vertex, joint] * (world[joint] @ unposed)[:3]
    return result + translation
