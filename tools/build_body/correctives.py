# SPDX-License-Identifier: Apache-2.0
"""Pose correctives in SMPL's convention: posedirs @ flatten(R_1..R_23 - I), fitted to `reference`."""

from __future__ import annotations

from collections.abc import Mapping
import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import skeleton, skinning
from .reference import Reference

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Range = tuple[float, float]

logger = logging.getLogger(__name__)

MOTION_DEG: Final[Mapping[str, tuple[Range, Range, Range]]] = {
    "left_hip": ((-130, 45), (-45, 45), (-30, 60)),
    "left_knee": ((0, 145), (-15, 15), (-5, 5)),
    "left_ankle": ((-35, 50), (-20, 20), (-20, 20)),
    "left_foot": ((-50, 30), (-5, 5), (-5, 5)),
    "spine1": ((-30, 45), (-35, 35), (-30, 30)),
    "spine2": ((-30, 45), (-35, 35), (-30, 30)),
    "spine3": ((-30, 45), (-35, 35), (-30, 30)),
    "neck": ((-50, 50), (-50, 50), (-35, 35)),
    "head": ((-45, 45), (-60, 60), (-30, 30)),
    "left_collar": ((-10, 10), (-25, 25), (-20, 35)),
    "left_shoulder": ((-70, 70), (-110, 50), (-90, 85)),
    "left_elbow": ((-80, 80), (-145, 5), (-10, 10)),
    "left_wrist": ((-70, 70), (-40, 40), (-80, 80)),
    "left_hand": ((-5, 5), (-15, 15), (-90, 25)),
}
"""Rotations about x, then y, then z, degrees, that dancers reach."""
POSES_PER_JOINT: Final = 90
SMALL_ERROR_M: Final = 0.004
"""Poses whose error is larger than this count by their relative error."""
CHECKED_POSES: Final = 30
UNSEEN_ERROR_M: Final = 0.0010
"""Root mean square over the vertices that a joint corrects; smaller errors are not visible."""
RIDGE: Final = 0.005
"""Weight of the penalty on large correctives, against one pose's worth of error."""
SMALLEST_EFFECT_M: Final = 0.0004
"""Vertices that a joint's correctives never move farther than this are left out."""


def sample_turns(name: str, count: int, seed: int) -> Floats:
    """Draw rotations of one joint (count, 3, 3): half of them about a single axis, as most movements are."""
    rng = np.random.default_rng([seed, skeleton.JOINT_NAMES.index(name)])
    low, high = np.array(MOTION_DEG[name], dtype=np.float64).T
    angles = rng.uniform(low, high, (count, 3))
    single = rng.integers(0, 3, count)
    axis_only = np.arange(count) % 2 == 0
    widest = np.where(rng.uniform(size=count) < 0.5, np.argmax(high - low), single)
    angles[axis_only] *= np.eye(3)[widest[axis_only]]
    radians = np.deg2rad(angles)
    x, y, z = ([skinning.rotation_about(np.eye(3)[axis].tolist(), a) for a in radians[:, axis]] for axis in range(3))
    return np.asarray(z) @ np.asarray(y) @ np.asarray(x)


def fit_joint(reference: Reference, weights: Floats, joint: int, seed: int) -> Floats:
    """Fit the correctives (V, 3, 9) of one joint, metres, by least squares on posed vertices. weights: (V, 24)."""
    turns = sample_turns(skeleton.JOINT_NAMES[joint], POSES_PER_JOINT, seed)
    count = len(reference.points_m)
    rotmats = np.tile(np.eye(3), (len(turns), len(reference.joints_m), 1, 1))
    rotmats[:, joint] = turns
    world, posed_m = skinning.pose_joints(rotmats, reference.joints_m, skeleton.PARENTS)
    offsets_m = skinning.bone_offsets(world, posed_m, reference.joints_m)
    wanted = np.empty((len(turns), count, 3))
    for pose, turn in enumerate(turns):
        plain_m = skinning.skin_linear(reference.points_m, weights, world[pose], offsets_m[pose])
        wanted[pose] = reference.deform(joint, turn) - plain_m
    moved = np.flatnonzero(np.linalg.norm(wanted, axis=2).max(axis=0) > SMALLEST_EFFECT_M)
    features = (turns - np.eye(3)).reshape(len(turns), 9)
    size_m = np.sqrt(np.mean(np.sum(wanted[:, moved] ** 2, axis=2), axis=1))
    counts = SMALL_ERROR_M / np.hypot(size_m, SMALL_ERROR_M)  # or deep bends would spoil the slight ones
    features_weighted, wanted_weighted = counts[:, None] * features, counts[:, None, None] * wanted
    directions = np.zeros((count, 3, 9))
    for chunk in np.array_split(moved, max(1, len(moved) // 500)):
        blend = np.einsum("vj,pjab->pvab", weights[chunk], world)
        directions[chunk] = _solve(blend, features_weighted, wanted_weighted[:, chunk])
    effect_m = np.linalg.norm(np.einsum("vcf,pf->pvc", directions, features), axis=2).max(axis=0)
    fade = np.clip((effect_m - SMALLEST_EFFECT_M) / SMALLEST_EFFECT_M, 0.0, 1.0)
    directions *= fade[:, None, None]
    return directions * _damping(reference, weights, joint, directions, seed + 1)


def _damping(reference: Reference, weights: Floats, joint: int, directions: Floats, seed: int) -> float:
    """Return the largest factor (1, .8, .64 ...) of directions (V, 3, 9) that makes no held-out pose worse."""
    turns = sample_turns(skeleton.JOINT_NAMES[joint], CHECKED_POSES, seed)
    plain, left = [], []
    for turn in turns:
        rotmats = np.tile(np.eye(3), (1, len(reference.joints_m), 1, 1))
        rotmats[0, joint] = turn
        world, posed_m = skinning.pose_joints(rotmats, reference.joints_m, skeleton.PARENTS)
        offsets_m = skinning.bone_offsets(world[0], posed_m[0], reference.joints_m)
        correction_m = directions @ (turn - np.eye(3)).ravel()
        skinned_m = skinning.skin_linear(reference.points_m, weights, world[0], offsets_m)
        plain.append(reference.deform(joint, turn) - skinned_m)
        left.append(np.einsum("vj,jab,vb->va", weights, world[0], correction_m, optimize=True))
    share = 1.0
    touched = int(np.count_nonzero(np.abs(directions).max(axis=(1, 2))))
    slack = touched * UNSEEN_ERROR_M**2  # next to the T-pose there is nothing to correct
    while any(np.sum((p - share * c) ** 2) > np.sum(p**2) + slack for p, c in zip(plain, left, strict=True)):
        share *= 0.8
    before_m, after_m = (
        float(np.sqrt(np.mean([np.sum(e**2) for e in errors])))
        for errors in (plain, [p - share * c for p, c in zip(plain, left, strict=True)])
    )
    name = skeleton.JOINT_NAMES[joint]
    logger.info("%s: %.0f %% of the error to the reference left, share %.2f", name, 100 * after_m / before_m, share)
    return share


def _solve(blend: Floats, features: Floats, wanted: Floats) -> Floats:
    """Solve least squares for directions (V, 3, 9).

    Blend (P, V, 3, 3) @ directions @ features (P, 9) = wanted (P, V, 3).
    """
    gram = np.einsum("pvac,pvad->pvcd", blend, blend)
    outer = np.einsum("pf,pg->pfg", features, features)
    left = np.einsum("pvcd,pfg->vcfdg", gram, outer, optimize=True).reshape(len(wanted[0]), 27, 27)
    right = np.einsum("pvac,pva,pf->vcf", blend, wanted, features, optimize=True).reshape(len(wanted[0]), 27, 1)
    left = left + RIDGE * np.eye(27)
    return np.asarray(np.linalg.solve(left, right).reshape(-1, 3, 9))


def mirror_correctives(directions: Floats, mirror: Ints) -> Floats:
    """Mirror correctives (V, 3, 9) to the joint of the other side."""
    flip = np.array([-1.0, 1.0, 1.0])
    sign = np.outer(flip, flip).reshape(9)
    return directions[mirror] * flip[None, :, None] * sign[None, None, :]


def fit_correctives(reference: Reference, weights: Floats, mirror: Ints, seed: int) -> Floats:
    """Fit all correctives (V, 3, 207), metres. weights: (V, 24); mirror: (V,), mirror image of each vertex."""
    posedirs = np.zeros((len(reference.points_m), 3, 23, 9))
    for name in MOTION_DEG:
        joint = skeleton.JOINT_NAMES.index(name)
        directions = fit_joint(reference, weights, joint, seed)
        twin = skeleton.MIRROR[joint]
        if twin == joint:
            directions = 0.5 * (directions + mirror_correctives(directions, mirror))
        else:
            posedirs[:, :, twin - 1] = mirror_correctives(directions, mirror)
        posedirs[:, :, joint - 1] = directions
    return posedirs.reshape(len(posedirs), 3, 207)
