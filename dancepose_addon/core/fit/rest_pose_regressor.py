# SPDX-License-Identifier: Apache-2.0
"""Poses from geometry alone, for layouts that no network was trained on: a user's own, and sets of markers.

The trunk is turned as a rigid body onto its points (Umeyama 1991), each limb by the shortest rotation from its parent's
onto its points. Twists are those of the parent. This is only where a fit starts; least squares does the rest.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64
from ..body.model import JOINT_INDEX, JOINT_NAMES, PARENTS
from ..body.model_io import load_body
from ..skeleton.layouts import Layout
from ..skeleton.markers import markers_for
from .regressor import RegressorInfo

NEAR_JOINT_M: Final = 0.12
"""Points on the skin are at most as far from the joint that they show."""
ON_TRUNK_M: Final = 0.09
"""Points of hips and shoulders up to this far from the joint turn with the trunk."""
LEAST_POINTS: Final = 3
LIMBS: Final = (
    ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand"),
)  # fmt: skip
TRUNK: Final = ("pelvis", "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar")


@dataclass(frozen=True)
class RestPoseRegressor:
    """A ``PoseRegressor`` that needs no file.

    Attributes:
        info: As of a file.
        provider: What it runs on, for reports.
    """

    info: RegressorInfo
    provider: str = "geometry"

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn trunk and limbs onto points.

        Args:
            keypoints_m: (T, K, 3), metres, y up, NaN where unseen.

        Returns:
            (T, 24, 3, 3), local rotations.
        """
        points = keypoints_m.astype(np.float64)
        rest, joints = _rest(self.info.layout)
        turn, scale, place = _trunk(points, rest, self.info.layout, joints)
        frames = len(points)
        rotmats = np.repeat(turn[:, None], 24, axis=1)
        at = scale * np.einsum("tij,kj->tki", turn, joints) + place[:, None]
        for side in ("left", "right"):
            for first, last in LIMBS:
                a, b = JOINT_INDEX[f"{side}_{first}"], JOINT_INDEX[f"{side}_{last}"]
                parent = rotmats[:, PARENTS[a]] if first not in ("hip", "shoulder") else turn
                rotmats[:, a] = rotmats[:, b] = parent
                shown = _shown(self.info.layout, rest, joints, a, b)
                now, seen = _mean(points[:, shown]) if shown else (np.zeros((frames, 3)), np.zeros(frames, np.bool_))
                middle = rest[shown].mean(axis=0) if shown else joints[b]
                expected = np.einsum("tij,j->ti", parent, middle - joints[a])
                swing = _swing(expected, np.where(seen[:, None], now - at[:, a], expected))
                rotmats[:, a] = rotmats[:, b] = swing @ parent
                offset = np.einsum("tij,j->ti", rotmats[:, a], (joints[b] - middle) * scale)
                along = np.einsum("tij,j->ti", rotmats[:, a], (joints[b] - joints[a]) * scale)
                at[:, b] = np.where(seen[:, None], now + offset, at[:, a] + along)
        local = rotmats.copy()
        for joint in range(1, 24):
            local[:, joint] = np.swapaxes(rotmats[:, PARENTS[joint]], 1, 2) @ rotmats[:, joint]
        return local.astype(np.float32)


def rest_pose_regressor(layout: Layout) -> RestPoseRegressor:
    """The regressor of a layout that no network reads.

    Args:
        layout: Any, with its points on the body.

    Returns:
        A regressor from geometry alone.
    """
    info = RegressorInfo(
        layout=layout,
        markers=markers_for(layout),
        body_fingerprint=load_body().fingerprint,
        normalisation="none",
        rotation="rigid trunk and shortest rotations of the limbs",
        licence="",
        name="geometry",
    )
    return RestPoseRegressor(info)


@lru_cache(maxsize=8)
def _rest(layout: Layout) -> tuple[F64, F64]:
    """Points (K, 3) and joints (24, 3) of the default body's T-pose, metres."""
    joints = load_body().rest_joints()
    return markers_for(layout).rest_points(joints).astype(np.float64), joints.astype(np.float64)


def _trunk(points: F64, rest: F64, layout: Layout, joints: F64) -> tuple[F64, float, F64]:
    """Rotation (T, 3, 3), size and place (T, 3) of the trunk, by its points."""
    on_trunk = []
    for point, joint in enumerate(layout.joints):
        is_near = np.linalg.norm(rest[point] - joints[joint]) < ON_TRUNK_M
        if JOINT_NAMES[joint] in TRUNK or (JOINT_NAMES[joint].endswith(("hip", "shoulder")) and is_near):
            on_trunk.append(point)
    chosen = np.array(on_trunk if len(on_trunk) >= LEAST_POINTS else range(layout.count))
    seen = np.isfinite(points[:, chosen]).all(axis=-1)
    weight = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    here = np.where(seen[..., None], points[:, chosen], 0.0)
    middle, rest_middle = np.einsum("tk,tki->ti", weight, here), np.einsum("tk,ki->ti", weight, rest[chosen])
    away = np.where(seen[..., None], here - middle[:, None], 0.0)
    rest_away = np.where(seen[..., None], rest[chosen] - rest_middle[:, None], 0.0)
    covariance = np.einsum("tki,tkj->tij", away, rest_away)
    known = seen.sum(axis=1) >= LEAST_POINTS
    covariance[~known] = np.eye(3)
    u, _, vt = np.linalg.svd(covariance)
    flip = np.ones((len(points), 3))
    flip[:, 2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * flip[:, None]) @ vt
    turn = turn[_nearest_known(known)]
    size = np.sqrt((away**2).sum(axis=(1, 2)) / np.maximum((rest_away**2).sum(axis=(1, 2)), 1e-12))
    scale = float(np.clip(np.median(size[known]), 0.3, 3.0)) if known.any() else 1.0
    place = middle - scale * np.einsum("tij,tj->ti", turn, rest_middle)
    return turn, scale, place


def _nearest_known(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each frame the last one before it that is known, or the first that is."""
    numbers = np.where(known, np.arange(len(known)), -1)
    last = np.maximum.accumulate(numbers)
    first = int(np.argmax(known)) if known.any() else 0
    return np.where(last < 0, first, last)


def _shown(layout: Layout, rest: F64, joints: F64, first: int, last: int) -> list[int]:
    """Points that show where the joint ``last`` is: near it, on the bones that it joins."""
    return [
        point
        for point, joint in enumerate(layout.joints)
        if joint in (first, last) and np.linalg.norm(rest[point] - joints[last]) < NEAR_JOINT_M
    ]


def _mean(points: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Mean over the points where all are seen. (T, N, 3) -> (T, 3), (T,)."""
    seen = np.isfinite(points).all(axis=(1, 2))
    return np.where(seen[:, None], np.where(np.isfinite(points), points, 0.0).mean(axis=1), 0.0), seen


def _swing(before: F64, after: F64) -> F64:
    """The shortest rotations from one direction to another. (T, 3), (T, 3) -> (T, 3, 3)."""
    a = before / np.maximum(np.linalg.norm(before, axis=-1, keepdims=True), 1e-9)
    b = after / np.maximum(np.linalg.norm(after, axis=-1, keepdims=True), 1e-9)
    axis = np.cross(a, b)
    cosine = (a * b).sum(axis=-1)
    skew = np.zeros((len(a), 3, 3))
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    skew -= np.swapaxes(skew, 1, 2)
    # Rodrigues' formula with sin and cos of the angle; opposite directions turn about any axis across.
    factor = 1.0 / np.maximum(1.0 + cosine, 1e-6)
    return np.eye(3) + skew + skew @ skew * factor[:, None, None]
