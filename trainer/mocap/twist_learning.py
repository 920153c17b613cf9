# SPDX-License-Identifier: Apache-2.0
"""Learn a twist model from SMPL poses: ridge regression on top of analytic inverse kinematics.

Each joint is learned on frames that the joints above it were predicted for, so that a child makes up for what its
parents leave. Mirror images count as poses too, which ties left and right together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_COUNT, PARENTS, forward_kinematics
from dancepose_addon.core.body.rotation import nearest_rotmat, rotmat_to_rotvec
from dancepose_addon.core.fit.pose.analytic_ik import ObservedJoints, bone_starts, chest_of
from dancepose_addon.core.fit.pose.twist import (
    CHEST,
    CHILD,
    FEATURES,
    HEAD,
    SPINE,
    TWISTED,
    TwistModel,
    about,
    head_directions,
    quadratic,
    twist_between,
    unit,
)  # fmt: skip

from .poses import mirror_pose

RIDGE: Final = 0.3
"""Weight of the penalty on standardised weights, per unit of mean squared feature."""
LEAST_SCALE: Final = 0.05
"""Features that vary less than this are not stretched further: there are too few poses to learn from them."""
LIMBS: Final = tuple(joint for joint in TWISTED if joint not in SPINE)
REFERENCED: Final = (1, 2, 4, 5, 16, 17, 18, 19)
"""Hips, knees, shoulders and elbows."""


@dataclass(frozen=True)
class TwistLearning:
    """How a model is learned.

    Attributes:
        ridge: Weight of the penalty.
        shrinkage: Factor on the learned twist of limbs and neck, below 1 where the poses to learn from are of another
            origin than those it is for.
        skipped: Joints left without residual twist.
        referenced: Joints that start from their mean rotation, all others from the T-pose.
    """

    ridge: float = RIDGE
    shrinkage: float = 1.0
    skipped: tuple[int, ...] = ()
    referenced: tuple[int, ...] = REFERENCED


def learn_twist(
    clips: Sequence[F32], rest_joints_m: F32, *, style: str, source: str, learning: TwistLearning = TwistLearning()
) -> TwistModel:
    """Learn the residual twist of one convention.

    Args:
        clips: Local rotations of each clip, (T, 24, 3, 3).
        rest_joints_m: (24, 3), T-pose that the rotations are for, metres.
        style: Name of the convention.
        source: What the poses are, with licences.
        learning: Settings.
    """
    pose = np.concatenate([*clips, *(mirror_pose(clip) for clip in clips)])
    truth, place = forward_kinematics(rest_joints_m, pose)
    bones = (rest_joints_m - rest_joints_m[np.maximum(PARENTS, 0)]).astype(np.float32)
    known = np.ones(place.shape[:2], bool)
    shown = ObservedJoints(bones, pose, place, known, chest_of(bones, pose, place, known))
    reference = np.broadcast_to(np.eye(3, dtype=np.float32), (JOINT_COUNT, 3, 3)).copy()
    for joint in learning.referenced:
        reference[joint] = nearest_rotmat(pose[:, joint].mean(axis=0))
    mean, scale = np.zeros((JOINT_COUNT, FEATURES), np.float32), np.ones((JOINT_COUNT, FEATURES), np.float32)
    weights, head = np.zeros((JOINT_COUNT, 1 + FEATURES), np.float32), np.zeros((3, 1 + FEATURES), np.float32)
    turned = truth.copy()
    for joint in range(1, JOINT_COUNT):
        if joint == HEAD:
            directions = head_directions(turned[:, PARENTS[HEAD]], turned[:, CHEST], turned[:, 0])
            wanted = rotmat_to_rotvec(np.swapaxes(turned[:, PARENTS[HEAD]], -1, -2) @ truth[:, HEAD])
            mean[HEAD], scale[HEAD], head = _ridge(directions, wanted, learning.ridge)
        elif joint in TWISTED:
            child = np.array([CHILD[joint]])
            aim = place[:, child] - place[:, [joint]]
            start, features = bone_starts(reference, np.array([joint]), child, turned, aim, shown)
            bone = np.broadcast_to(unit(bones[child]), aim.shape)
            if joint not in learning.skipped:
                wanted = twist_between(start, truth[:, [joint]], bone)
                mean[joint], scale[joint], found = _ridge(features[:, 0], wanted, learning.ridge)
                weights[joint] = found[0] * (learning.shrinkage if joint in LIMBS else 1.0)
            model = TwistModel(style, source, reference, mean, scale, weights, head)
            turned[:, [joint]] = start @ about(bone, model.residual_rad(np.array([joint]), features))
        elif joint == CHEST:
            turned[:, CHEST] = shown.chest
        else:
            turned[:, joint] = turned[:, PARENTS[joint]]
    notes = {"poses": len(pose) // 2, "ridge": learning.ridge, "shrinkage": learning.shrinkage}
    return TwistModel(style, source, reference, mean, scale, weights, head, notes)


def _ridge(directions: F32, wanted: F32, penalty: float) -> tuple[F32, F32, F32]:
    """Ridge regression on standardised features with an unpenalised constant.

    Args:
        directions: (N, 6).
        wanted: (N, D).
        penalty: On the squared weights, against the mean squared error.

    Returns:
        Mean (FEATURES,) and scale (FEATURES,) of the features; weights (D, 1 + FEATURES), the constant first.
    """
    features: F64 = quadratic(directions.astype(np.float32)).astype(np.float64)
    mean = features.mean(axis=0)
    scale = np.maximum(features.std(axis=0), LEAST_SCALE)
    design = (features - mean) / scale
    normal = design.T @ design / len(design) + penalty * np.eye(FEATURES)
    found = np.linalg.solve(normal, design.T @ (wanted - wanted.mean(axis=0)) / len(design))
    weights = np.concatenate([wanted.mean(axis=0)[:, None], found.T], axis=1)
    return mean.astype(np.float32), scale.astype(np.float32), weights.astype(np.float32)
