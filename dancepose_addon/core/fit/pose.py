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
REFINE_STEPS: Final = 3
"""Enough from a regressor's pose: more steps come less than a millimetre nearer."""
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
    the regressor; damping_m: of every parameter at the start, metres per radian or per metre; outlier_m: residual at
    which Huber's loss turns from square to linear, metres."""

    steps: int = REFINE_STEPS
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
        problem = _Block(carriers, rest_joints_m, pose_rotmat[block], target_m[block], weight, prior, chosen.outlier_m)
        pose[block], translation[block] = _solve(problem, pose[block], translation[block], chosen)
    return pose, translation


@dataclass(frozen=True)
class _Block:
    """A block of frames to solve. reference: (T, 24, 3, 3); target_m: (T, K, 3); confidence: (T, K); prior: (A,)."""

    carriers: _Carriers
    rest_joints_m: F32
    reference: F32
    target_m: F32
    confidence: F32
    prior: F32
    outlier_m: float


@dataclass(frozen=True)
class _State:
    """A block posed, and its cost. carried: (T, P, 3); away: (T, A, 3), rotation vector to the reference seen from the
    parent; distance: (T, K); cost: (T,)."""

    pose: F32
    translation: F32
    global_rotmat: F32
    joints: F32
    carried: F32
    residual: F32
    distance: F32
    away: F32
    cost: F32


def _solve(problem: _Block, pose: F32, translation: F32, settings: RefineSettings) -> tuple[F32, F32]:
    """Levenberg-Marquardt with a damping of its own for each frame; a step that raises a frame's cost is not taken."""
    state = _evaluate(problem, pose, translation)
    damping = np.full(len(pose), settings.damping_m**2, np.float32)
    for _ in range(settings.steps):
        proposal = _evaluate(problem, *_propose(problem, state, damping))
        worse = proposal.cost > state.cost
        damping = np.where(worse, damping * 10.0, damping * 0.2).astype(np.float32)
        if worse.any():
            for new, old in zip(vars(proposal).values(), vars(state).values(), strict=True):
                new[worse] = old[worse]
        state = proposal
    return state.pose, state.translation


def _evaluate(problem: _Block, pose: F32, translation: F32) -> _State:
    carriers = problem.carriers
    global_rotmat, joints = forward_kinematics(problem.rest_joints_m, pose, translation)
    carried = (global_rotmat[:, carriers.bone] @ carriers.local_m[..., None])[..., 0] + joints[:, carriers.bone]
    residual = problem.target_m - carriers.sums.T @ (carried * carriers.weight[:, None])
    distance = np.linalg.norm(residual, axis=-1)
    away = rotmat_to_rotvec(problem.reference[:, carriers.joints] @ np.swapaxes(pose[:, carriers.joints], -1, -2))
    # Huber's loss, twice over: d^2 inside, 2 c d - c^2 outside.
    inside = np.minimum(distance, problem.outlier_m)
    loss = inside * (2.0 * distance - inside)
    cost = (problem.confidence * loss).sum(axis=1) + (problem.prior * (away * away).sum(axis=2)).sum(axis=1)
    return _State(pose, translation, global_rotmat, joints, carried, residual, distance, away, cost)


def _propose(problem: _Block, state: _State, damping: F32) -> tuple[F32, F32]:
    """The damped Gauss-Newton step of each frame: new pose and translation. damping: (T,)."""
    carriers = problem.carriers
    frames, active = len(state.pose), len(carriers.joints)
    weight = problem.confidence * np.minimum(1.0, problem.outlier_m / np.maximum(state.distance, 1e-9))
    root_weight = np.sqrt(weight)
    arms = state.carried[:, None] - state.joints[:, carriers.joints][:, :, None]
    lever = np.swapaxes(arms * carriers.below[None, :, :, None], 2, 3) @ carriers.sums
    jacobian = _jacobian(lever, root_weight).reshape(frames, 3 * active + 3, -1)
    hessian = jacobian @ np.swapaxes(jacobian, 1, 2)
    gradient = (jacobian @ (state.residual * root_weight[..., None]).reshape(frames, -1, 1))[..., 0]

    above = np.array([PARENTS[joint] for joint in carriers.joints])
    parent_rotmat = state.global_rotmat[:, np.maximum(above, 0)]
    world = np.where((above < 0)[:, None, None], np.eye(3, dtype=np.float32), parent_rotmat)
    pull = problem.prior[:, None] * (world @ state.away[..., None])[..., 0]
    gradient[:, : 3 * active] += pull.reshape(frames, -1)
    diagonal = np.arange(3 * active + 3)
    hessian[:, diagonal, diagonal] += damping[:, None]
    hessian[:, diagonal[:-3], diagonal[:-3]] += np.repeat(problem.prior, 3)

    change = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    turn = change[:, : 3 * active].reshape(frames, active, 3, 1)
    local_turn = rotvec_to_rotmat((np.swapaxes(world, -1, -2) @ turn)[..., 0])
    pose = state.pose.copy()
    pose[:, carriers.joints] = local_turn @ pose[:, carriers.joints]
    return pose, state.translation + change[:, 3 * active :]


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
