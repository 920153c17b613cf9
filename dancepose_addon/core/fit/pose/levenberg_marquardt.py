"""Pose refinement: batched Levenberg-Marquardt on all keypoints, with the regressor's rotations as prior.

Each joint i rotates everything below it by a small rotation w_i about its centre, in world axes. A point k attached to
bones j with weights w_kj moves by w_i x S_ik, with the moment arm S_ik = sum over j below i of w_kj (x_kj - p_i), where
x_kj is the point as carried by bone j alone and p_i the joint's centre. Since (a x b).(c x d) needs products of moment
arms only, the normal equations follow from one table C_ij = sum over k of S_ik S_jk^T, without an explicit Jacobian:
H_ij = tr(C_ij) I - C_ij^T. Translation is eliminated beforehand: moment arms and residuals are taken from their means.

The prior is on the rotation between the two poses about the joint's own axes, each in units of the regressor's standard
deviation about that axis (``joint_limits.py``): the points determine the flexion of a knee, the prior its twist.
Rotations beyond the joint limits are penalised.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_COUNT, PARENTS, forward_kinematics
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ...progress import Progress, silent
from ...skeleton.markers import MarkerSet
from .joint_limits import ELBOWS, LIMITED, LIMITS_RAD, SPREAD_RAD, twist_about

BLOCK: Final = 128
"""Frames solved together: their normal equations stay in the cache."""
REFINE_STEPS: Final = 1
"""Steps of every frame after the coarser levels; more reduce the residual by half a millimetre."""
MOST_DAMPING: Final = 100.0
"""Largest damping, squared metres per radian; steps are negligible then."""
WHOLE: Final = 0.999999
LEAST_COSINE: Final = 0.1
"""Smallest cosine of half the angle to the prior: near a half turn the axis is undefined."""
FOREARM: Final = np.array([1.0, 0.0, 0.0], np.float32)
"""Direction of a left forearm in the T-pose, about which pronation is measured at both elbows."""
MOMENT_ARM_M: Final = 0.02
"""A joint is solved if it carries a point at least this far from its centre."""


@dataclass(frozen=True)
class RefineSettings:
    """Settings of the pose solver.

    Attributes:
        steps: Levenberg-Marquardt steps.
        noise_m: Expected keypoint error, metres. It sets the weight of the prior: one SPREAD_RAD of deviation costs as
            much as this residual.
        limit_m_per_rad: Residual that costs as much as one radian beyond a joint's limits, metres.
        damping_m: Initial damping of every parameter, metres per radian.
        outlier_m: Residual at which Huber's loss turns from quadratic to linear, metres.
    """

    steps: int = REFINE_STEPS
    noise_m: float = 0.001
    limit_m_per_rad: float = 0.1
    damping_m: float = 0.05
    outlier_m: float = 0.08


@dataclass(frozen=True)
class _Carriers:
    """Points as P pairs (point, bone).

    Attributes:
        bone: (P,).
        local_m: Position relative to the bone's joint, (P, 3), metres.
        sums: Weight of each pair in its point, (P, K).
        joints: Joints that are solved, (A,).
        below: Share of each point that a joint carries, (A, K).
        partly: Indices of the N pairs (joint, point) where that share is between 0 and 1.
        parts: Weight of each pair in those, (P, N).
        elbows: Indices of the elbows within ``joints``.
    """

    bone: NDArray[np.intp]
    local_m: F32
    sums: F32
    joints: NDArray[np.intp]
    below: F32
    partly: tuple[NDArray[np.intp], ...]
    parts: F32
    elbows: NDArray[np.intp]


def _carriers(markers: MarkerSet, rest_joints_m: F32) -> _Carriers:
    """Build the pairs of points and bones of a layout on a body."""
    point, bone = np.nonzero(markers.weights)
    weight = markers.weights[point, bone].astype(np.float32)
    rest_points = markers.rest_points(rest_joints_m)
    descends = np.zeros((JOINT_COUNT, JOINT_COUNT), bool)
    for joint in range(JOINT_COUNT):
        above = joint
        while above >= 0:
            descends[above, joint] = True
            above = PARENTS[above]
    moment_arm = np.linalg.norm(rest_points[point][None] - rest_joints_m[:, None], axis=-1)
    joints = np.flatnonzero((descends[:, bone] & (moment_arm > MOMENT_ARM_M)).any(axis=1))
    sums = np.zeros((len(point), len(rest_points)), np.float32)
    sums[np.arange(len(point)), point] = weight
    carried = descends[joints][:, bone].astype(np.float32)
    below = (carried @ sums).astype(np.float32)
    partly = np.nonzero((below > 0.0) & (below < WHOLE))
    return _Carriers(
        bone=bone,
        local_m=(rest_points[point] - rest_joints_m[bone]).astype(np.float32),
        sums=sums,
        joints=joints,
        below=below,
        partly=partly,
        parts=carried.T[:, partly[0]] * sums[:, partly[1]],
        elbows=np.flatnonzero(np.isin(joints, ELBOWS)),
    )


def refine(
    markers: MarkerSet,
    rest_joints_m: F32,
    pose_rotmat: F32,
    translation_m: F32,
    target_m: F32,
    *,
    start_rotmat: F32 | None = None,
    confidence: F32 | None = None,
    settings: RefineSettings | None = None,
    progress: Progress = silent,
) -> tuple[F32, F32]:
    """Fit rotations and translations of every frame to the keypoints.

    Joints that carry no point keep their initial rotation.

    Args:
        markers: Attachment of the points to the body in true size.
        rest_joints_m: Rest joints of that body, (24, 3), metres.
        pose_rotmat: Prior, and initial pose unless ``start_rotmat`` is given, (T, 24, 3, 3).
        translation_m: Initial translation, (T, 3), metres.
        target_m: Keypoints, (T, K, 3), metres.
        start_rotmat: Initial pose, (T, 24, 3, 3).
        confidence: Weights in [0, 1], (T, K).
        settings: Settings of the solver.
        progress: Receives the progress.

    Returns:
        Rotations (T, 24, 3, 3) and translations (T, 3).
    """
    chosen = settings or RefineSettings()
    weight = np.ones(target_m.shape[:2], np.float32) if confidence is None else confidence
    whole = block_of(markers, rest_joints_m, pose_rotmat, target_m, weight, chosen)
    pose, translation = (pose_rotmat if start_rotmat is None else start_rotmat).copy(), translation_m.copy()
    for first in range(0, len(pose), BLOCK):
        block = slice(first, first + BLOCK)
        progress(first / len(pose), f"Refining frame {first} of {len(pose)}")
        problem = replace(
            whole,
            reference=whole.reference[block],
            target_m=whole.target_m[block],
            confidence=whole.confidence[block],
        )
        pose[block], translation[block] = _solve(problem, pose[block], translation[block])
    return pose, translation


@dataclass(frozen=True)
class Block:
    """Frames that are solved together.

    Attributes:
        carriers: The points.
        rest_joints_m: Rest joints in true size, (24, 3), metres.
        reference: Prior rotations, (T, 24, 3, 3).
        target_m: Keypoints, (T, K, 3), metres.
        confidence: (T, K).
        prior: Weight of the prior by joint and axis, (A, 3).
        settings: Settings of the solver.
    """

    carriers: _Carriers
    rest_joints_m: F32
    reference: F32
    target_m: F32
    confidence: F32
    prior: F32
    settings: RefineSettings


@dataclass(frozen=True)
class State:
    """A posed block and its cost.

    Attributes:
        pose: Local rotations, (T, 24, 3, 3).
        translation: (T, 3), metres.
        global_rotmat: Global rotations of the solved joints, (T, A, 3, 3).
        axes: World axes of the prior, (T, A, 3, 3).
        joints: Joint positions, (T, 24, 3), metres.
        carried: Points as carried by single bones, (T, P, 3), metres.
        residual: (T, K, 3), metres.
        distance: Length of the residual, (T, K), metres.
        prior_residual: Rotation to the prior about ``axes``, (T, A, 3), radians.
        limit_violation: Rotation beyond the limits about ``axes``, (T, A, 3), radians.
        cost: (T,).
    """

    pose: F32
    translation: F32
    global_rotmat: F32
    axes: F32
    joints: F32
    carried: F32
    residual: F32
    distance: F32
    prior_residual: F32
    limit_violation: F32
    cost: F32


def block_of(
    markers: MarkerSet, rest_joints_m: F32, reference: F32, target_m: F32, confidence: F32, settings: RefineSettings
) -> Block:
    """Build the problem of some frames on a body in true size; arguments as of ``refine``."""
    carriers = _carriers(markers, rest_joints_m)
    prior = np.square(settings.noise_m / SPREAD_RAD[carriers.joints]).astype(np.float32)
    return Block(carriers, rest_joints_m, reference, target_m, confidence, prior, settings)


def _solve(problem: Block, pose: F32, translation: F32) -> tuple[F32, F32]:
    """Run Levenberg-Marquardt with a separate damping per frame; steps that raise a frame's cost are rejected."""
    state = evaluate(problem, pose, translation)
    damping = np.full(len(pose), problem.settings.damping_m**2, np.float32)
    for _ in range(problem.settings.steps):
        proposal = evaluate(problem, *_propose(problem, state, damping))
        worse = proposal.cost > state.cost
        damping = np.where(worse, np.minimum(damping * 10.0, MOST_DAMPING), damping * 0.2).astype(np.float32)
        if worse.any():
            for new, old in zip(vars(proposal).values(), vars(state).values(), strict=True):
                new[worse] = old[worse]
        state = proposal
    return state.pose, state.translation


def evaluate(problem: Block, pose: F32, translation: F32) -> State:
    """Pose a block and compute its cost.

    Args:
        problem: The block.
        pose: Local rotations, (T, 24, 3, 3).
        translation: (T, 3), metres.
    """
    carriers, settings = problem.carriers, problem.settings
    global_rotmat, joints = forward_kinematics(problem.rest_joints_m, pose, translation)
    carried = (global_rotmat[:, carriers.bone] @ carriers.local_m[..., None])[..., 0] + joints[:, carriers.bone]
    residual = problem.target_m - carriers.sums.T @ carried
    distance = np.sqrt(np.einsum("tkc,tkc->tk", residual, residual))
    difference = np.swapaxes(pose[:, carriers.joints], -1, -2) @ problem.reference[:, carriers.joints]
    prior_residual = 0.5 * np.stack(
        [
            difference[..., 2, 1] - difference[..., 1, 2],
            difference[..., 0, 2] - difference[..., 2, 0],
            difference[..., 1, 0] - difference[..., 0, 1],
        ],
        axis=-1,
    )
    # Scale to 2 sin(angle / 2), which increases up to a half turn; the sine itself decreases beyond a quarter turn.
    half = np.sqrt(np.maximum((1.0 + np.einsum("taii->ta", difference)) / 4.0, LEAST_COSINE**2))
    prior_residual /= half[..., None]
    own = global_rotmat[:, carriers.joints]
    axes = _prior_axes(global_rotmat, carriers)
    prior_residual = (np.swapaxes(axes, -1, -2) @ (own @ prior_residual[..., None]))[..., 0]
    limit_violation = _limit_violation(pose, carriers.joints)
    # Twice Huber's loss: d^2 inside, 2 c d - c^2 outside.
    inside = np.minimum(distance, settings.outlier_m)
    loss = inside * (2.0 * distance - inside)
    cost = (problem.confidence * loss).sum(axis=1) + np.einsum(
        "tac,ac->t", prior_residual * prior_residual, problem.prior
    )
    cost += settings.limit_m_per_rad**2 * np.einsum("tac,tac->t", limit_violation, limit_violation)
    return State(
        pose, translation, own, axes, joints, carried, residual, distance, prior_residual, limit_violation, cost
    )


def _prior_axes(global_rotmat: F32, carriers: _Carriers) -> F32:
    """Return the world axes in which the prior residual is expressed, as columns.

    They are the joint's own axes, except at the elbow: the forearm and the upper arm's hinge, which forearm twist
    leaves unchanged.

    Args:
        global_rotmat: Global rotations, (T, 24, 3, 3).
        carriers: The points.

    Returns:
        (T, A, 3, 3).
    """
    joints = carriers.joints
    axes = global_rotmat[:, joints]
    for index in carriers.elbows:
        along = global_rotmat[:, joints[index], :, 0]
        hinge = global_rotmat[:, PARENTS[joints[index]], :, 1]
        hinge = hinge - (hinge * along).sum(axis=1, keepdims=True) * along
        hinge /= np.maximum(np.linalg.norm(hinge, axis=1, keepdims=True), 1e-6)
        axes[:, index] = np.stack([along, hinge, np.cross(along, hinge)], axis=-1)
    return axes


def _limit_violation(pose: F32, joints: NDArray[np.intp]) -> F32:
    """Return how far joints exceed their limits.

    Limits apply to rotation vectors, except at the elbow: to forearm twist, hinge angle and lateral bend.

    Args:
        pose: Local rotations, (T, 24, 3, 3).
        joints: The solved joints, (A,).

    Returns:
        (T, A, 3), radians.
    """
    limit_violation = np.zeros((len(pose), len(joints), 3), np.float32)
    limited = np.flatnonzero(np.isin(joints, LIMITED))
    if len(limited):
        rotvec = rotmat_to_rotvec(pose[:, joints[limited]])
        for index in np.flatnonzero(np.isin(joints[limited], ELBOWS)):
            local = pose[:, joints[limited[index]]]
            x, y, z = np.moveaxis(local[..., 0], -1, 0)
            twist = twist_about(local, FOREARM)
            rotvec[:, index] = np.stack([twist, -np.arctan2(z, x), np.arcsin(np.clip(y, -1.0, 1.0))], axis=-1)
        low, high = LIMITS_RAD[joints[limited], 0], LIMITS_RAD[joints[limited], 1]
        limit_violation[:, limited] = rotvec - np.clip(rotvec, low, high)
    return limit_violation


@dataclass(frozen=True)
class Normal:
    """The damped normal equations of a block, with the translation eliminated.

    Attributes:
        hessian: (T, 3 A, 3 A).
        gradient: (T, 3 A).
        moment_arms: Weighted, relative to their means, (T, 3 A, K).
        weight: Confidence times Huber's weight, (T, K).
        moment_arm_mean: (T, 3 A).
        residual: Relative to its mean, (T, K, 3).
        residual_mean: (T, 3).
    """

    hessian: F32
    gradient: F32
    moment_arms: F32
    weight: F32
    moment_arm_mean: F32
    residual: F32
    residual_mean: F32


def normal_equations(problem: Block, state: State, damping: F32) -> Normal:
    """Build the Gauss-Newton equations for rotations about world axes, axis by axis.

    Args:
        problem: The block.
        state: The block posed.
        damping: (T,).
    """
    carriers, settings = problem.carriers, problem.settings
    frames, active = len(state.pose), len(carriers.joints)
    weight = problem.confidence * np.minimum(1.0, settings.outlier_m / np.maximum(state.distance, 1e-9))
    moment_arm = _moment_arms(carriers, problem.target_m - state.residual, state.carried, state.joints)
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    moment_arm_mean = (moment_arm @ weight[:, :, None])[..., 0] / total
    residual_mean = np.einsum("tk,tkc->tc", weight, state.residual) / total
    moment_arm -= moment_arm_mean[..., None]
    residual = state.residual - residual_mean[:, None]

    weighted = moment_arm * weight[:, None]
    hessian = _crossed(weighted @ np.swapaxes(moment_arm, 1, 2), active)
    gradient = moments(weighted, residual)
    limit = np.float32(settings.limit_m_per_rad**2)
    pull = (state.axes @ (problem.prior * state.prior_residual - limit * state.limit_violation)[..., None])[..., 0]
    gradient += np.swapaxes(pull, 1, 2).reshape(frames, -1)
    _add_prior(hessian, state.axes, problem.prior + limit * (state.limit_violation != 0.0) + damping[:, None, None])
    return Normal(hessian, gradient, weighted, weight, moment_arm_mean, residual, residual_mean)


def moments(moment_arms: F32, vectors: F32) -> F32:
    """Sum moment arm x vector over the points.

    Args:
        moment_arms: (T, 3 A, K).
        vectors: (T, K, 3) or (T, K, 3, N).

    Returns:
        (T, 3 A) or (T, 3 A, N), axis by axis.
    """
    frames, rows, points = moment_arms.shape
    product = (moment_arms @ vectors.reshape(frames, points, -1)).reshape(frames, rows, *vectors.shape[2:])
    x, y, z = (slice(axis * rows // 3, (axis + 1) * rows // 3) for axis in range(3))
    return np.concatenate(
        [
            product[:, y, 2] - product[:, z, 1],
            product[:, z, 0] - product[:, x, 2],
            product[:, x, 1] - product[:, y, 0],
        ],
        axis=1,
    )


def turned(problem: Block, state: State, turn: F32) -> F32:
    """Return the pose after rotations about world axes.

    Args:
        problem: The block.
        state: The block posed.
        turn: Rotation vectors axis by axis, (T, 3 A), radians.

    Returns:
        Local rotations, (T, 24, 3, 3).
    """
    joints = problem.carriers.joints
    turn_xyz = turn.reshape(len(turn), 3, len(joints))
    own_turn = (np.swapaxes(state.global_rotmat, -1, -2) @ np.swapaxes(turn_xyz, 1, 2)[..., None])[..., 0]
    pose = state.pose.copy()
    pose[:, joints] = pose[:, joints] @ rotvec_to_rotmat(own_turn)
    return pose


def _propose(problem: Block, state: State, damping: F32) -> tuple[F32, F32]:
    """Return pose and translation after the damped Gauss-Newton step of each frame."""
    normal = normal_equations(problem, state, damping)
    turn = np.linalg.solve(normal.hessian, normal.gradient[..., None])[..., 0]
    by_axis = (len(turn), 3, len(problem.carriers.joints))
    moved = np.cross(turn.reshape(by_axis), normal.moment_arm_mean.reshape(by_axis), axis=1).sum(axis=2)
    return turned(problem, state, turn), state.translation + normal.residual_mean - moved


def _moment_arms(carriers: _Carriers, points: F32, carried: F32, joints: F32) -> F32:
    """Compute the moment arms S of the module's docstring.

    This is written out instead of as one large product, which BLAS would split into threads that wait for each other on
    a busy machine.

    Args:
        carriers: The points.
        points: (T, K, 3), metres.
        carried: (T, P, 3), metres.
        joints: (T, 24, 3), metres.

    Returns:
        (T, 3 A, K), metres, axis by axis.
    """
    frames, (active, count) = len(carried), carriers.below.shape
    own = np.swapaxes(joints[:, carriers.joints], 1, 2)[..., None]
    reach = np.swapaxes(points, 1, 2)[:, :, None] - own
    reach *= carriers.below
    joint, point = carriers.partly
    if len(joint):
        part = np.swapaxes(carried, 1, 2) @ carriers.parts
        reach[:, :, joint, point] = part - own[..., 0][:, :, joint] * carriers.below[joint, point]
    return reach.reshape(frames, 3 * active, count)


def _crossed(product: F32, active: int) -> F32:
    """Compute H of the module's docstring from C, (T, 3 A, 3 A), axis by axis."""
    hessian = np.empty_like(product)
    axes = [slice(axis * active, (axis + 1) * active) for axis in range(3)]
    for p, rows in enumerate(axes):
        for q, columns in enumerate(axes):
            if p == q:
                first, second = axes[(p + 1) % 3], axes[(p + 2) % 3]
                hessian[:, rows, rows] = product[:, first, first] + product[:, second, second]
            else:
                hessian[:, rows, columns] = -product[:, columns, rows]
    return hessian


def _add_prior(hessian: F32, axes: F32, weight: F32) -> None:
    """Add G diag(weight) G^T to the joints' diagonal blocks, in place.

    Args:
        hessian: (T, 3 A, 3 A), changed in place.
        axes: G, (T, A, 3, 3).
        weight: (T, A, 3).
    """
    count = axes.shape[1]
    block = (axes * weight[:, :, None, :]) @ np.swapaxes(axes, -1, -2)
    for p in range(3):
        for q in range(3):
            # The diagonals of the (p, q) blocks, as a view with one stride.
            diagonal = hessian[:, p * count : (p + 1) * count, q * count : (q + 1) * count]
            np.einsum("tii->ti", diagonal)[...] += block[..., p, q]
