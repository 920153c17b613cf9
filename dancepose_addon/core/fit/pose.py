"""Refinement of a pose: batched Levenberg-Marquardt on all key-points, held near the regressor's rotations.

Each joint i turns everything below it by a small rotation w_i about its own centre, in world axes. A point k that rides
on bones j with weights w_kj then moves by w_i x S_ik with S_ik = sum over j below i of w_kj (x_kj - joint_i), where
x_kj is the point as bone j alone would carry it: the whole Jacobian is cross products of one table. The pull towards
the regressor is the squared rotation vector between the local rotations; since w_i turns the local rotation by the same
angle seen from the parent, its Hessian is diagonal.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..body.keypoints import MarkerSet
from ..body.model import JOINT_COUNT, JOINT_INDEX, PARENTS, forward_kinematics
from ..body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ..progress import Progress, silent

F32 = NDArray[np.float32]

BLOCK: Final = 256
"""Frames solved together: their normal equations stay in the cache."""
LEVER_M: Final = 0.02
"""A joint is solved for when some point is carried by it at least this far from its centre."""
STIFF_JOINTS: Final = {
    "spine1": 4.0, "spine2": 4.0, "spine3": 4.0, "neck": 2.0, "left_collar": 4.0, "right_collar": 4.0,
    "head": 2.0, "left_wrist": 2.0, "right_wrist": 2.0, "left_foot": 4.0, "right_foot": 4.0,
}  # fmt: skip
"""Joints that a few points near them determine badly are held more firmly to the regressor."""


@dataclass(frozen=True)
class RefineSettings:
    """steps: of Levenberg-Marquardt; prior_m_per_rad: residual in metres that weighs as much as one radian away from
    the regressor; damping_m: of every parameter, metres per radian; outlier_m: residual at which Huber's loss turns
    from square to linear, metres."""

    steps: int = 4
    prior_m_per_rad: float = 0.03
    damping_m: float = 0.01
    outlier_m: float = 0.08


@dataclass(frozen=True)
class _Carriers:
    """Points as (point, bone) pairs. joints: (A,) those solved for; below: (A, P), the pair's weight where its bone is
    at or below the joint, else 0; sums: (P, K), 1 where the pair is of the point."""

    point: NDArray[np.intp]
    bone: NDArray[np.intp]
    weight: F32
    local_m: F32
    joints: NDArray[np.intp]
    below: F32
    sums: F32


def _carriers(markers: MarkerSet, rest_joints_m: F32) -> _Carriers:
    point, bone = np.nonzero(markers.weights)
    weight = markers.weights[point, bone].astype(np.float32)
    rest_points = markers.rest_points(rest_joints_m)
    below = np.zeros((JOINT_COUNT, JOINT_COUNT), bool)
    for joint in range(JOINT_COUNT):
        above = joint
        while above >= 0:
            below[above, joint] = True
            above = PARENTS[above]
    lever = np.linalg.norm(rest_points[point][None] - rest_joints_m[:, None], axis=-1)
    joints = np.flatnonzero((below[:, bone] & (lever > LEVER_M)).any(axis=1))
    sums = np.zeros((len(point), len(rest_points)), np.float32)
    sums[np.arange(len(point)), point] = 1.0
    local = (rest_points[point] - rest_joints_m[bone]).astype(np.float32)
    return _Carriers(point, bone, weight, local, joints, (below[joints][:, bone] * weight).astype(np.float32), sums)


def refine(
    markers: MarkerSet,
    rest_joints_m: F32,
    pose_rotmat: F32,
    translation_m: F32,
    target_m: F32,
    *,
    confidence: F32 | None = None,
    settings: RefineSettings | None = None,
    progress: Progress = silent,
) -> tuple[F32, F32]:
    """Fit rotations and translations of every frame to the key-points.

    markers, rest_joints_m: of the body in its true size, (24, 3), metres; pose_rotmat: (T, 24, 3, 3), start and prior;
    translation_m: (T, 3), metres; target_m: (T, K, 3), metres; confidence: (T, K) in [0, 1] or None.
    Returns pose_rotmat and translation_m of the same shapes. Joints that carry no point keep the regressor's rotation.
    """
    chosen = settings or RefineSettings()
    carriers = _carriers(markers, rest_joints_m)
    stiffness = np.array([STIFF_JOINTS.get(name, 1.0) for name in JOINT_INDEX], np.float32)[carriers.joints]
    prior = (stiffness * chosen.prior_m_per_rad**2).astype(np.float32)
    pose, translation = pose_rotmat.copy(), translation_m.copy()
    for first in range(0, len(pose), BLOCK):
        block = slice(first, first + BLOCK)
        progress(first / len(pose), f"Refining frame {first} of {len(pose)}")
        weight = np.ones(target_m[block].shape[:2], np.float32) if confidence is None else confidence[block]
        state = (pose[block], translation[block])
        for _ in range(chosen.steps):
            state = _step(carriers, rest_joints_m, *state, pose_rotmat[block], target_m[block], weight, prior, chosen)
        pose[block], translation[block] = state
    return pose, translation


def _step(
    carriers: _Carriers,
    rest_joints_m: F32,
    pose: F32,
    translation: F32,
    reference: F32,
    target: F32,
    confidence: F32,
    prior: F32,
    settings: RefineSettings,
) -> tuple[F32, F32]:
    """One damped Gauss-Newton step for a block of frames: new pose and translation."""
    frames, active = len(pose), len(carriers.joints)
    global_rotmat, joints = forward_kinematics(rest_joints_m, pose, translation)
    carried = (global_rotmat[:, carriers.bone] @ carriers.local_m[..., None])[..., 0] + joints[:, carriers.bone]
    points = np.einsum("tpc,pk->tkc", carried * carriers.weight[:, None], carriers.sums, optimize=True)
    residual = target - points
    distance = np.linalg.norm(residual, axis=-1)
    weight = confidence * np.minimum(1.0, settings.outlier_m / np.maximum(distance, 1e-9))

    lever = carriers.below[None, :, :, None] * (carried[:, None] - joints[:, carriers.joints][:, :, None])
    lever = np.einsum("tapc,pk->tack", lever, carriers.sums, optimize=True)
    jacobian = _jacobian(lever, np.sqrt(weight)).reshape(frames, 3 * active + 3, -1)
    hessian = jacobian @ np.swapaxes(jacobian, 1, 2)
    weighted = (residual * np.sqrt(weight)[..., None]).reshape(frames, -1, 1)
    gradient = (jacobian @ weighted)[..., 0]

    above = np.array([PARENTS[joint] for joint in carriers.joints])
    world = np.where((above < 0)[:, None, None], np.eye(3, dtype=np.float32), global_rotmat[:, np.maximum(above, 0)])
    away = rotmat_to_rotvec(reference[:, carriers.joints] @ np.swapaxes(pose[:, carriers.joints], -1, -2))
    pull = prior[:, None] * (world @ away[..., None])[..., 0]
    gradient[:, : 3 * active] += pull.reshape(frames, -1)
    diagonal = np.arange(3 * active + 3)
    hessian[:, diagonal, diagonal] += settings.damping_m**2
    hessian[:, diagonal[:-3], diagonal[:-3]] += np.repeat(prior, 3)

    change = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    turn = change[:, : 3 * active].reshape(frames, active, 3, 1)
    local_turn = rotvec_to_rotmat((np.swapaxes(world, -1, -2) @ turn)[..., 0])
    result = pose.copy()
    result[:, carriers.joints] = local_turn @ pose[:, carriers.joints]
    return result, translation + change[:, 3 * active :]


def _jacobian(lever: F32, root_weight: F32) -> F32:
    """d point / d parameter, weighted. lever: (T, A, 3, K), metres; root_weight: (T, K) -> (T, 3 A + 3, K, 3)."""
    frames, active, _, count = lever.shape
    result = np.zeros((frames, 3 * active + 3, count, 3), np.float32)
    turns = result[:, : 3 * active].reshape(frames, active, 3, count, 3)
    x, y, z = (lever[:, :, axis] * root_weight[:, None] for axis in range(3))
    turns[:, :, 0, :, 1], turns[:, :, 0, :, 2] = -z, y
    turns[:, :, 1, :, 0], turns[:, :, 1, :, 2] = z, -x
    turns[:, :, 2, :, 0], turns[:, :, 2, :, 1] = -y, x
    for axis in range(3):
        result[:, 3 * active + axis, :, axis] = root_weight
    return result
