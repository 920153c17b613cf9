# SPDX-License-Identifier: Apache-2.0
"""Gauss-Newton equations of a block of frames.

Each joint i rotates everything below it by a small rotation w_i about its centre, in world axes. A point k attached to
bones j with weights w_kj moves by w_i x S_ik, with the moment arm S_ik = sum over j below i of w_kj (x_kj - p_i), where
x_kj is the point as carried by bone j alone and p_i the joint's centre. Since (a x b).(c x d) needs products of moment
arms only, the normal equations follow from one table C_ij = sum over k of S_ik S_jk^T, without an explicit Jacobian:
H_ij = tr(C_ij) I - C_ij^T. Translation is eliminated beforehand: moment arms and residuals are taken from their means.
"""

from dataclasses import dataclass

import numpy as np

from ...arrays import F32
from .pose_problem import Block, Carriers, State


@dataclass(frozen=True)
class NormalEquations:
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


def normal_equations(problem: Block, state: State, damping: F32) -> NormalEquations:
    """Build the Gauss-Newton equations for rotations about world axes, axis by axis.

    Args:
        problem: The block.
        state: The block posed.
        damping: (T,).
    """
    carriers = problem.carriers
    active = len(carriers.joints)
    weight = robust_weight(problem, state)
    moment_arm = moment_arms_of(carriers, problem.target_m - state.residual, state.carried, state.joints)
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    moment_arm_mean = (moment_arm @ weight[:, :, None])[..., 0] / total
    residual_mean = np.einsum("tk,tkc->tc", weight, state.residual) / total
    moment_arm -= moment_arm_mean[..., None]
    residual = state.residual - residual_mean[:, None]

    weighted: F32 = moment_arm * weight[:, None]
    hessian = crossed(weighted @ np.swapaxes(moment_arm, 1, 2), active)
    gradient = moments(weighted, residual)
    gradient += prior_pull(problem, state)
    add_prior(hessian, state.axes, prior_weight(problem, state, damping))
    return NormalEquations(hessian, gradient, weighted, weight, moment_arm_mean, residual, residual_mean)


def robust_weight(problem: Block, state: State) -> F32:
    """Return the confidence of each point times Huber's weight, (T, K)."""
    return problem.confidence * np.minimum(1.0, problem.settings.outlier_m / np.maximum(state.distance, 1e-9))


def prior_weight(problem: Block, state: State, damping: F32) -> F32:
    """Return the weight of prior, limits and damping (T,) about each joint's axes, (T, A, 3)."""
    limit = np.float32(problem.settings.limit_m_per_rad**2)
    return problem.prior + limit * (state.limit_violation != 0.0) + damping[:, None, None]


def prior_pull(problem: Block, state: State) -> F32:
    """Return the gradient of prior and limits, (T, 3 A), axis by axis."""
    limit = np.float32(problem.settings.limit_m_per_rad**2)
    pull = (state.axes @ (problem.prior * state.prior_residual - limit * state.limit_violation)[..., None])[..., 0]
    return np.swapaxes(pull, 1, 2).reshape(len(pull), -1)


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


def moment_arms_of(carriers: Carriers, points: F32, carried: F32, joints: F32) -> F32:
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
    part = np.swapaxes(carried, 1, 2) @ carriers.parts
    whole = np.concatenate([np.swapaxes(points, 1, 2), part, np.zeros((frames, 3, 1), np.float32)], axis=2)
    reach = whole.take(carriers.sources, axis=2).reshape(frames, 3, active, count)
    reach -= np.swapaxes(joints[:, carriers.joints], 1, 2)[..., None] * carriers.below
    return reach.reshape(frames, 3 * active, count)


def crossed(product: F32, active: int) -> F32:
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


def add_prior(hessian: F32, axes: F32, weight: F32) -> None:
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
