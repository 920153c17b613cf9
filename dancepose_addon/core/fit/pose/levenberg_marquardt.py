"""Refinement of a pose: batched Levenberg-Marquardt on all key-points, held near the regressor's rotations.

Each joint i turns everything below it by a small rotation w_i about its own centre, in world axes. A point k that rides
on bones j with weights w_kj then moves by w_i x S_ik, with the lever S_ik = sum over j below i of w_kj (x_kj - p_i),
where x_kj is the point as bone j alone would carry it and p_i the joint's centre. Since (a x b).(c x d) needs products
of levers only, the normal equations follow from one table of products C_ij = sum over k of S_ik S_jk^T, without the
Jacobian ever being written out: H_ij = tr(C_ij) I - C_ij^T. Translation is eliminated beforehand: levers and residuals
are taken from their means.

The pull towards the regressor is on the turn between the two rotations about the joint's own axes, each
in units of how far off a regressor is about that axis (``limits.py``): what points say of a knee's bend counts, what
they say of its twist hardly does. Rotations that leave the joints' limits are pulled back.
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
"""Of every frame, after coarser levels in time have found the corrections: more come half a millimetre nearer."""
MOST_DAMPING: Final = 100.0
"""Squared metres per radian: steps are as good as none by then."""
WHOLE: Final = 0.999999
LEAST_COSINE: Final = 0.1
"""Of half the angle to the reference: nearer to a half turn its axis is not to be told."""
FOREARM: Final = np.array([1.0, 0.0, 0.0], np.float32)
"""Direction of a left forearm in the T-pose, about which pronation is measured at both elbows."""
LEVER_M: Final = 0.02
"""A joint is solved for when some point is carried by it at least this far from its centre."""


@dataclass(frozen=True)
class RefineSettings:
    """steps: of Levenberg-Marquardt; noise_m: how far points are off, metres: so much weighs as much as a joint that is
    one SPREAD_RAD away from the regressor; limit_m_per_rad: residual that weighs as much as one radian beyond a joint's
    limits; damping_m: of every parameter at the start, metres per radian; outlier_m: residual at which Huber's loss
    turns from square to linear, metres."""

    steps: int = REFINE_STEPS
    noise_m: float = 0.001
    limit_m_per_rad: float = 0.1
    damping_m: float = 0.05
    outlier_m: float = 0.08


@dataclass(frozen=True)
class _Carriers:
    """Points as P (point, bone) pairs. weight: (P,); local_m: (P, 3), from the bone's joint; sums: (P, K), the pair's
    weight in its point; joints: (A,) those solved for; below: (A, K), share of the point that the joint carries;
    partly: N pairs (joint, point) of which it carries a part, as two rows of indices; parts: (P, N), the pair's weight
    in those; elbows: their indices within ``joints``."""

    bone: NDArray[np.intp]
    local_m: F32
    sums: F32
    joints: NDArray[np.intp]
    below: F32
    partly: tuple[NDArray[np.intp], ...]
    parts: F32
    elbows: NDArray[np.intp]


def _carriers(markers: MarkerSet, rest_joints_m: F32) -> _Carriers:
    point, bone = np.nonzero(markers.weights)
    weight = markers.weights[point, bone].astype(np.float32)
    rest_points = markers.rest_points(rest_joints_m)
    descends = np.zeros((JOINT_COUNT, JOINT_COUNT), bool)
    for joint in range(JOINT_COUNT):
        above = joint
        while above >= 0:
            descends[above, joint] = True
            above = PARENTS[above]
    lever = np.linalg.norm(rest_points[point][None] - rest_joints_m[:, None], axis=-1)
    joints = np.flatnonzero((descends[:, bone] & (lever > LEVER_M)).any(axis=1))
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
    """Fit rotations and translations of every frame to the key-points.

    markers, rest_joints_m: of the body in its true size, (24, 3), metres; pose_rotmat: (T, 24, 3, 3), the prior, and
    the start unless start_rotmat is given; translation_m: (T, 3), metres; target_m: (T, K, 3), metres;
    confidence: (T, K) in [0, 1] or None. Returns pose_rotmat and translation_m of the same shapes. Joints that carry
    no point keep the rotation they start with.
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
    """A block of frames to solve. reference: (T, 24, 3, 3); target_m: (T, K, 3); confidence: (T, K); prior: (A, 3)."""

    carriers: _Carriers
    rest_joints_m: F32
    reference: F32
    target_m: F32
    confidence: F32
    prior: F32
    settings: RefineSettings


@dataclass(frozen=True)
class State:
    """A block posed, and its cost. own: (T, A, 3, 3), the solved joints' global rotations; axes: (T, A, 3, 3), those
    about which pulls are known; carried: (T, P, 3); away: (T, A, 3), the turn to the reference, and beyond:
    (T, A, 3), turn past the limits, radians, both about ``axes``; distance: (T, K); cost: (T,)."""

    pose: F32
    translation: F32
    own: F32
    axes: F32
    joints: F32
    carried: F32
    residual: F32
    distance: F32
    away: F32
    beyond: F32
    cost: F32


def block_of(
    markers: MarkerSet, rest_joints_m: F32, reference: F32, target_m: F32, confidence: F32, settings: RefineSettings
) -> Block:
    """Frames to be solved on a body in its true size; arguments as ``refine``'s."""
    carriers = _carriers(markers, rest_joints_m)
    prior = np.square(settings.noise_m / SPREAD_RAD[carriers.joints]).astype(np.float32)
    return Block(carriers, rest_joints_m, reference, target_m, confidence, prior, settings)


def _solve(problem: Block, pose: F32, translation: F32) -> tuple[F32, F32]:
    """Levenberg-Marquardt with a damping of its own for each frame; a step that raises a frame's cost is not taken."""
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
    """Pose the block. pose: (T, 24, 3, 3); translation: (T, 3), metres."""
    carriers, settings = problem.carriers, problem.settings
    global_rotmat, joints = forward_kinematics(problem.rest_joints_m, pose, translation)
    carried = (global_rotmat[:, carriers.bone] @ carriers.local_m[..., None])[..., 0] + joints[:, carriers.bone]
    residual = problem.target_m - carriers.sums.T @ carried
    distance = np.sqrt(np.einsum("tkc,tkc->tk", residual, residual))
    apart = np.swapaxes(pose[:, carriers.joints], -1, -2) @ problem.reference[:, carriers.joints]
    away = 0.5 * np.stack(
        [
            apart[..., 2, 1] - apart[..., 1, 2],
            apart[..., 0, 2] - apart[..., 2, 0],
            apart[..., 1, 0] - apart[..., 0, 1],
        ],
        axis=-1,
    )
    # As long as 2 sin(angle / 2), which grows up to a half turn; the sine itself would let go beyond a quarter.
    half = np.sqrt(np.maximum((1.0 + np.einsum("taii->ta", apart)) / 4.0, LEAST_COSINE**2))
    away /= half[..., None]
    own = global_rotmat[:, carriers.joints]
    axes = _axes_of_pulls(global_rotmat, carriers)
    away = (np.swapaxes(axes, -1, -2) @ (own @ away[..., None]))[..., 0]
    beyond = _beyond_limits(pose, carriers.joints)
    # Huber's loss, twice over: d^2 inside, 2 c d - c^2 outside.
    inside = np.minimum(distance, settings.outlier_m)
    loss = inside * (2.0 * distance - inside)
    cost = (problem.confidence * loss).sum(axis=1) + np.einsum("tac,ac->t", away * away, problem.prior)
    cost += settings.limit_m_per_rad**2 * np.einsum("tac,tac->t", beyond, beyond)
    return State(pose, translation, own, axes, joints, carried, residual, distance, away, beyond, cost)


def _axes_of_pulls(global_rotmat: F32, carriers: _Carriers) -> F32:
    """World axes about which a joint's pulls are known, as columns: its own ones, but at the elbow the forearm and the
    upper arm's hinge, which the forearm's twist leaves where it is. global_rotmat: (T, 24, 3, 3) -> (T, A, 3, 3)."""
    joints = carriers.joints
    axes = global_rotmat[:, joints]
    for index in carriers.elbows:
        along = global_rotmat[:, joints[index], :, 0]
        hinge = global_rotmat[:, PARENTS[joints[index]], :, 1]
        hinge = hinge - (hinge * along).sum(axis=1, keepdims=True) * along
        hinge /= np.maximum(np.linalg.norm(hinge, axis=1, keepdims=True), 1e-6)
        axes[:, index] = np.stack([along, hinge, np.cross(along, hinge)], axis=-1)
    return axes


def _beyond_limits(pose: F32, joints: NDArray[np.intp]) -> F32:
    """How far joints are turned past their limits, radians: rotation vectors, but at the elbow the forearm's twist, the
    hinge and the sideways bend. pose: (T, 24, 3, 3) -> (T, A, 3)."""
    beyond = np.zeros((len(pose), len(joints), 3), np.float32)
    limited = np.flatnonzero(np.isin(joints, LIMITED))
    if len(limited):
        rotvec = rotmat_to_rotvec(pose[:, joints[limited]])
        for index in np.flatnonzero(np.isin(joints[limited], ELBOWS)):
            local = pose[:, joints[limited[index]]]
            x, y, z = np.moveaxis(local[..., 0], -1, 0)
            twist = twist_about(local, FOREARM)
            rotvec[:, index] = np.stack([twist, -np.arctan2(z, x), np.arcsin(np.clip(y, -1.0, 1.0))], axis=-1)
        low, high = LIMITS_RAD[joints[limited], 0], LIMITS_RAD[joints[limited], 1]
        beyond[:, limited] = rotvec - np.clip(rotvec, low, high)
    return beyond


@dataclass(frozen=True)
class Normal:
    """The damped normal equations of a block, translation eliminated. hessian: (T, 3 A, 3 A); gradient: (T, 3 A);
    levers: (T, 3 A, K), weighted, from their means; weight: (T, K), confidence and Huber's; lever_mean: (T, 3 A);
    residual: (T, K, 3), from its mean; residual_mean: (T, 3)."""

    hessian: F32
    gradient: F32
    levers: F32
    weight: F32
    lever_mean: F32
    residual: F32
    residual_mean: F32


def normal_equations(problem: Block, state: State, damping: F32) -> Normal:
    """Gauss-Newton's equations for turns about world axes, axis by axis. damping: (T,)."""
    carriers, settings = problem.carriers, problem.settings
    frames, active = len(state.pose), len(carriers.joints)
    weight = problem.confidence * np.minimum(1.0, settings.outlier_m / np.maximum(state.distance, 1e-9))
    lever = _levers(carriers, problem.target_m - state.residual, state.carried, state.joints)
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    lever_mean = (lever @ weight[:, :, None])[..., 0] / total
    residual_mean = np.einsum("tk,tkc->tc", weight, state.residual) / total
    lever -= lever_mean[..., None]
    residual = state.residual - residual_mean[:, None]

    weighted = lever * weight[:, None]
    hessian = _crossed(weighted @ np.swapaxes(lever, 1, 2), active)
    gradient = moments(weighted, residual)
    limit = np.float32(settings.limit_m_per_rad**2)
    pull = (state.axes @ (problem.prior * state.away - limit * state.beyond)[..., None])[..., 0]
    gradient += np.swapaxes(pull, 1, 2).reshape(frames, -1)
    _add_pulls(hessian, state.axes, problem.prior + limit * (state.beyond != 0.0) + damping[:, None, None])
    return Normal(hessian, gradient, weighted, weight, lever_mean, residual, residual_mean)


def moments(levers: F32, vectors: F32) -> F32:
    """Sum over the points of lever x vector. levers: (T, 3 A, K); vectors: (T, K, 3) or (T, K, 3, N) -> (T, 3 A) or
    (T, 3 A, N), axis by axis."""
    frames, rows, points = levers.shape
    product = (levers @ vectors.reshape(frames, points, -1)).reshape(frames, rows, *vectors.shape[2:])
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
    """The block's pose after turns about world axes. turn: (T, 3 A), axis by axis -> (T, 24, 3, 3)."""
    joints = problem.carriers.joints
    turn_xyz = turn.reshape(len(turn), 3, len(joints))
    own_turn = (np.swapaxes(state.own, -1, -2) @ np.swapaxes(turn_xyz, 1, 2)[..., None])[..., 0]
    pose = state.pose.copy()
    pose[:, joints] = pose[:, joints] @ rotvec_to_rotmat(own_turn)
    return pose


def _propose(problem: Block, state: State, damping: F32) -> tuple[F32, F32]:
    """The damped Gauss-Newton step of each frame: new pose and translation. damping: (T,)."""
    normal = normal_equations(problem, state, damping)
    turn = np.linalg.solve(normal.hessian, normal.gradient[..., None])[..., 0]
    by_axis = (len(turn), 3, len(problem.carriers.joints))
    moved = np.cross(turn.reshape(by_axis), normal.lever_mean.reshape(by_axis), axis=1).sum(axis=2)
    return turned(problem, state, turn), state.translation + normal.residual_mean - moved


def _levers(carriers: _Carriers, points: F32, carried: F32, joints: F32) -> F32:
    """S of the module's text. points: (T, K, 3); carried: (T, P, 3); joints: (T, 24, 3) -> (T, 3 A, K), metres, axis by
    axis. Written out and not as one large product, which BLAS would share between threads that then wait for each other
    wherever the machine has other work to do."""
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
    """H of the module's text from C. product: (T, 3 A, 3 A), axis by axis -> the same shape."""
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


def _add_pulls(hessian: F32, axes: F32, weight: F32) -> None:
    """Add G diag(weight) G^T to the joints' own blocks, in place. axes: (T, A, 3, 3), G; weight: (T, A, 3)."""
    count = axes.shape[1]
    block = (axes * weight[:, :, None, :]) @ np.swapaxes(axes, -1, -2)
    for p in range(3):
        for q in range(3):
            # The diagonals of the (p, q) blocks, as a view with one stride.
            diagonal = hessian[:, p * count : (p + 1) * count, q * count : (q + 1) * count]
            np.einsum("tii->ti", diagonal)[...] += block[..., p, q]
