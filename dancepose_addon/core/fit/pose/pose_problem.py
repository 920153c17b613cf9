# SPDX-License-Identifier: Apache-2.0
"""A block of frames to fit: its points, its cost, and the prior and limits of its joints.

The prior is on the rotation between the two poses about the joint's own axes, each in units of the regressor's standard
deviation about that axis (``joint_limits.py``): the points determine the flexion of a knee, the prior its twist.
Rotations beyond the joint limits are penalised.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, Flags
from ...body.frames_last import (
    antisymmetric,
    applied,
    applied_inverse,
    cross,
    frames_first,
    frames_last,
    kinematics,
    product,
    rotation_of,
    rotvec_of,
    square_of,
    trace_of,
)
from ...body.model import JOINT_COUNT, PARENTS, TREE_LEVELS
from ...skeleton.markers import MarkerSet
from .analytic_ik import seen_joints
from .joint_limits import ELBOWS, LIMITED, LIMITS_RAD, MARKER_HOLD, SPREAD_RAD, twist_about

REFINE_STEPS: Final = 1
"""Steps of every frame after the coarser levels; more reduce the residual by half a millimetre."""
WHOLE: Final = 0.999999
IS_LIMITED: Final = np.isin(np.arange(JOINT_COUNT), LIMITED)
IS_ELBOW: Final = np.isin(np.arange(JOINT_COUNT), ELBOWS)
LEAST_COSINE: Final = 0.1
"""Smallest cosine of half the angle to the prior: near a half turn the axis is undefined."""
FOREARM: Final = np.array([1.0, 0.0, 0.0], np.float32)
"""Direction of a left forearm in the T-pose, about which pronation is measured at both elbows."""
DETERMINING: Final = 3
"""Markers on one bone that determine its rotation."""
LEAST_SHARE: Final = 0.5
"""Share of a bone in a marker from which the marker counts as on it."""
CACHED: Final = 128
"""Frames whose arrays stay in the cache."""
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


@dataclass(frozen=True, eq=False)
class Carriers:
    """Points as P pairs (point, bone); a key for caches.

    Attributes:
        bone: (P,).
        local_m: Position relative to the bone's joint, (P, 3), metres.
        sums: Weight of each pair in its point, (P, K).
        joints: Joints that are solved, (A,).
        below: Share of each point that a joint carries, (A, K).
        parts: Weight of each pair in the N pairs (joint, point) where that share is between 0 and 1, (P, N).
        sources: For each joint and point, (A K,), what moves with the joint: the point's index where that share is 1,
            K + n for the n-th of ``parts``, and K + N for nothing.
        elbows: Indices of the elbows within ``joints``.
        parents: Index within ``joints`` of the nearest joint above, or -1, (A,).
    """

    bone: NDArray[np.intp]
    local_m: F32
    sums: F32
    joints: NDArray[np.intp]
    below: F32
    parts: F32
    sources: NDArray[np.intp]
    elbows: NDArray[np.intp]
    parents: NDArray[np.intp]


def build_carriers(markers: MarkerSet, rest_joints_m: F32) -> Carriers:
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
    count, shares = len(rest_points), len(partly[0])
    sources = np.where(below >= WHOLE, np.arange(count), count + shares)
    sources[partly] = count + np.arange(shares)
    return Carriers(
        bone=bone,
        local_m=(rest_points[point] - rest_joints_m[bone]).astype(np.float32),
        sums=sums,
        joints=joints,
        below=below,
        parts=carried.T[:, partly[0]] * sums[:, partly[1]],
        sources=sources.ravel(),
        elbows=np.flatnonzero(np.isin(joints, ELBOWS)),
        parents=np.array([_nearest_above(joint, joints.tolist()) for joint in joints.tolist()], np.intp),
    )


def _nearest_above(joint: int, solved: list[int]) -> int:
    """Return the index within ``solved`` of a joint's nearest ancestor there, or -1."""
    above = PARENTS[joint]
    while above >= 0 and above not in solved:
        above = PARENTS[above]
    return solved.index(above) if above >= 0 else -1


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

    carriers: Carriers
    rest_joints_m: F32
    reference: F32
    target_m: F32
    confidence: F32
    prior: F32
    settings: RefineSettings

    def part(self, frames: slice) -> "Block":
        """Return the problem of some of the frames."""
        return replace(
            self,
            reference=self.reference[frames],
            target_m=self.target_m[frames],
            confidence=self.confidence[frames],
        )


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

    def part(self, frames: slice) -> "State":
        """Return some of the frames."""
        return State(**{part.name: getattr(self, part.name)[frames] for part in fields(State)})

    def merged(self, other: "State", flags: Flags) -> "State":
        """Return this state with the frames flagged, (T,), taken from another one."""
        parts = {}
        for part in fields(State):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            parts[part.name] = np.where(flags.reshape(-1, *[1] * (mine.ndim - 1)), theirs, mine)
        return State(**parts)


def block_of(
    markers: MarkerSet, rest_joints_m: F32, reference: F32, target_m: F32, confidence: F32, settings: RefineSettings
) -> Block:
    """Build the problem of some frames on a body in true size; arguments as of ``refine``."""
    carriers = build_carriers(markers, rest_joints_m)
    hold = np.ones(JOINT_COUNT, np.float32) if seen_joints(markers).any_bone else _hold_of(markers)
    prior = np.square(settings.noise_m * hold[:, None] / SPREAD_RAD)[carriers.joints].astype(np.float32)
    return Block(carriers, rest_joints_m, reference, target_m, confidence, prior, settings)


def _hold_of(markers: MarkerSet) -> F32:
    """Strength of the prior where all points are markers: as usual at joints with enough markers, (24,)."""
    count = (markers.weights > LEAST_SHARE).sum(axis=0)
    return np.where(count < DETERMINING, MARKER_HOLD, np.float32(1.0))


def evaluate(problem: Block, pose: F32, translation: F32) -> State:
    """Pose a block and compute its cost.

    Args:
        problem: The block.
        pose: Local rotations, (T, 24, 3, 3).
        translation: (T, 3), metres.
    """
    if len(pose) <= CACHED:
        return _evaluated(problem, pose, translation)
    parts = []
    for first in range(0, len(pose), CACHED):
        block = slice(first, first + CACHED)
        parts.append(_evaluated(problem.part(block), pose[block], translation[block]))
    names = [part.name for part in fields(State)]
    return State(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _evaluated(problem: Block, pose: F32, translation: F32) -> State:
    """Do the work of ``evaluate``, with frames as the last axis of all arrays."""
    carriers, settings = problem.carriers, problem.settings
    local = frames_last(pose)
    turned, place = kinematics(problem.rest_joints_m[..., None], local, TREE_LEVELS)
    place += translation.T
    carried = applied(turned[carriers.bone], carriers.local_m[..., None])
    carried += place[carriers.bone]
    posed = (carriers.sums.T @ carried.reshape(len(carried), -1)).reshape(-1, 3, len(pose))
    residual = frames_last(problem.target_m) - posed
    distance = np.sqrt(square_of(residual))

    solved, own = local[carriers.joints], turned[carriers.joints]
    difference = product(np.swapaxes(solved, 1, 2), frames_last(problem.reference[:, carriers.joints]))
    prior_residual = antisymmetric(difference)
    # Scale to 2 sin(angle / 2), which increases up to a half turn; the sine itself decreases beyond a quarter turn.
    prior_residual /= np.sqrt(np.maximum((1.0 + trace_of(difference)) / 4.0, LEAST_COSINE**2))[:, None]
    axes = own.copy()
    for index in carriers.elbows:
        axes[index] = elbow_axes(turned, carriers.joints[index])
        prior_residual[index] = applied_inverse(axes[index], applied(own[index], prior_residual[index]))
    limit_violation = _beyond_limits(solved, carriers.joints)
    residual, distance = frames_first(residual), frames_first(distance)
    cost = points_cost(problem, distance)
    cost += (problem.prior.reshape(-1) @ np.square(prior_residual).reshape(-1, len(pose))).astype(np.float32)
    cost += np.float32(settings.limit_m_per_rad**2) * np.square(limit_violation).sum(axis=(0, 1))
    return State(
        pose,
        translation,
        frames_first(own),
        frames_first(axes),
        frames_first(place),
        frames_first(carried),
        residual,
        distance,
        frames_first(prior_residual),
        frames_first(limit_violation),
        cost,
    )


def shifted(problem: Block, state: State, offset_m: F32) -> State:
    """Move a posed block and compute its cost again.

    Args:
        problem: The block.
        state: The block posed.
        offset_m: (T, 3), metres.
    """
    residual = state.residual - offset_m[:, None]
    distance = np.sqrt(np.einsum("tkc,tkc->tk", residual, residual))
    change = points_cost(problem, distance) - points_cost(problem, state.distance)
    return replace(
        state,
        translation=state.translation + offset_m,
        joints=state.joints + offset_m[:, None],
        carried=state.carried + offset_m[:, None],
        residual=residual,
        distance=distance,
        cost=state.cost + change,
    )


def points_cost(problem: Block, distance_m: F32) -> F32:
    """Return twice Huber's loss of the points of each frame: d^2 inside, 2 c d - c^2 outside.

    Args:
        problem: The block.
        distance_m: (T, K), metres.

    Returns:
        (T,).
    """
    inside = np.minimum(distance_m, problem.settings.outlier_m)
    return np.asarray((problem.confidence * (inside * (2.0 * distance_m - inside))).sum(axis=1), np.float32)


def elbow_axes(global_rotmat: F32, elbow: int) -> F32:
    """Return the world axes in which the prior residual of an elbow is expressed, as columns.

    They are the forearm and the upper arm's hinge, which forearm twist leaves unchanged. Other joints have their own
    axes.

    Args:
        global_rotmat: Global rotations, (24, 3, 3, T).
        elbow: Index of the elbow.

    Returns:
        (3, 3, T).
    """
    along, hinge = global_rotmat[elbow, :, 0], global_rotmat[PARENTS[elbow], :, 1]
    hinge = hinge - (hinge * along).sum(axis=0) * along
    hinge /= np.maximum(np.sqrt(square_of(hinge)), 1e-6)
    return np.stack([along, hinge, cross(along, hinge)], axis=1)


def limit_violation_of(pose: F32, joints: NDArray[np.intp]) -> F32:
    """Return how far joints exceed their limits.

    Limits apply to rotation vectors, except at the elbow: to forearm twist, hinge angle and lateral bend.

    Args:
        pose: Local rotations, (T, 24, 3, 3).
        joints: The solved joints, (A,).

    Returns:
        (T, A, 3), radians.
    """
    return frames_first(_beyond_limits(frames_last(pose[:, joints]), joints))


def _beyond_limits(local: F32, joints: NDArray[np.intp]) -> F32:
    """Return what ``limit_violation_of`` does, with frames last: (A, 3, 3, T) -> (A, 3, T)."""
    limit_violation = np.zeros((len(joints), 3, local.shape[-1]), np.float32)
    limited = np.flatnonzero(IS_LIMITED[joints])
    if len(limited):
        rotvec = rotvec_of(local[limited])
        for index in np.flatnonzero(IS_ELBOW[joints[limited]]):
            elbow = local[limited[index]]
            x, y, z = elbow[:, 0]
            twist = twist_about(np.moveaxis(elbow, -1, 0), FOREARM)
            rotvec[index] = np.stack([twist, -np.arctan2(z, x), np.arcsin(np.clip(y, -1.0, 1.0))])
        low, high = LIMITS_RAD[joints[limited], 0, :, None], LIMITS_RAD[joints[limited], 1, :, None]
        limit_violation[limited] = rotvec - np.clip(rotvec, low, high)
    return limit_violation


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
    turn_xyz = frames_last(turn).reshape(3, len(joints), len(turn)).swapaxes(0, 1)  # also without any joint
    own_turn = applied_inverse(frames_last(state.global_rotmat), turn_xyz)
    pose = state.pose.copy()
    pose[:, joints] = frames_first(product(frames_last(pose[:, joints]), rotation_of(own_turn)))
    return pose
