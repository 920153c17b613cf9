# SPDX-License-Identifier: Apache-2.0
"""Gauss-Newton steps of single frames, solved up the kinematic tree.

Two joints are coupled by the points that both of them move, so a joint's rows of the equations have entries at its
ancestors only, and at the translation. Eliminating joints from the leaves to the root fills in nothing else
(Featherstone 2005, Efficient factorization of the joint-space inertia matrix for branched kinematic trees): a third of
the work of a dense solve, on arrays whose last axis is the frames. Points that belong to two branches couple these:
then equations are solved densely.

A joint's path is the translation, the root and so on to the joint itself. Its front is the matrix over that path, of
which the last three rows are the joint's own.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ...arrays import F32, Indices
from ...body.frames_last import applied, frames_first, frames_last, product
from .normal_equations import moment_arms_of, moments, normal_equations, prior_pull, prior_weight, robust_weight
from .pose_problem import Block, Carriers, State

AXES: Final = 3
LEAST_WEIGHT: Final = 1e-9
"""Of all points of a frame together, as in ``normal_equations``."""


@dataclass(frozen=True)
class Level:
    """Solved joints of one depth.

    Attributes:
        joints: Indices among the solved joints, (N,).
        path: Solved joints from the root to each, (N, D + 1).
        above: Index of each one's parent in the level above, (N,).
        entries: Indices of C_ij in the flat table of products, (N (D + 1) 9,), for joint i and j on its path.
    """

    joints: Indices
    path: Indices
    above: Indices
    entries: Indices


@lru_cache(maxsize=8)
def levels_of(carriers: Carriers) -> tuple[Level, ...] | None:
    """Return the solved joints level by level, the root first; None if points couple branches."""
    parents, active = carriers.parents, len(carriers.joints)
    paths: list[list[int]] = []
    for joint, parent in enumerate(parents.tolist()):
        paths.append([*(paths[parent] if parent >= 0 else []), joint])
    related = np.zeros((active, active), bool)
    for joint, above in enumerate(paths):
        related[joint, above] = related[above, joint] = True
    moves = (carriers.below > 0.0).astype(np.float32)
    if (parents < 0).sum() != 1 or ((moves @ moves.T > 0.0) & ~related).any():
        return None
    levels: list[Level] = []
    for depth in range(max(map(len, paths))):
        joints = np.array([joint for joint in range(active) if len(paths[joint]) == depth + 1])
        path = np.array([paths[joint] for joint in joints])
        axes = np.arange(AXES) * active
        rows, columns = axes[None, None, :, None] + joints[:, None, None, None], axes + path[:, :, None, None]
        entries = (rows * (AXES * active) + columns).ravel()
        upper = [levels[-1].joints.tolist().index(parents[joint]) for joint in joints] if depth else [0] * len(joints)
        levels.append(Level(joints, path, np.array(upper), entries))
    return tuple(levels)


def step_of(
    problem: Block, state: State, damping: F32, stiffness: F32 | None = None, pull: F32 | None = None
) -> tuple[F32, F32]:
    """Return the damped Gauss-Newton step of each frame.

    Args:
        problem: The block.
        state: The block posed.
        damping: (T,).
        stiffness: Added to the diagonal at each joint, (T, A).
        pull: Added to the gradient, (T, 3 A), axis by axis.

    Returns:
        Rotation vectors axis by axis, (T, 3 A), radians, and shifts (T, 3), metres.
    """
    levels = levels_of(problem.carriers)
    if levels is None:
        return _dense_step(problem, state, damping, stiffness, pull)
    weight = robust_weight(problem, state)
    arms = moment_arms_of(problem.carriers, problem.target_m - state.residual, state.carried, state.joints)
    weighted = arms * weight[:, None]
    gradient = moments(weighted, state.residual)
    gradient += prior_pull(problem, state)
    if pull is not None:
        gradient += pull
    table: F32 = np.asarray(weighted @ np.swapaxes(arms, 1, 2), np.float32).reshape(len(arms), -1)
    active = len(problem.carriers.joints)
    arm_sum = frames_last(weighted.sum(axis=2)).reshape(AXES, active, -1)
    right = np.swapaxes(frames_last(gradient).reshape(AXES, active, -1), 0, 1)
    own = _priors(problem, state, damping, stiffness)
    # Of a frame without any point, only the prior is left: it stays where it is.
    all_weight = np.maximum(weight.sum(axis=1), LEAST_WEIGHT)
    total = np.broadcast_to(np.eye(AXES, dtype=np.float32)[..., None] * all_weight, (AXES, AXES, len(arms)))
    shift_right = np.einsum("tk,tkc->ct", weight, state.residual)
    turn, shift = _solved(levels, table, arm_sum, own, right, total, shift_right)
    return np.swapaxes(frames_first(turn), 1, 2).reshape(len(arms), -1), np.ascontiguousarray(shift.T)


def _dense_step(problem: Block, state: State, damping: F32, stiffness: F32 | None, pull: F32 | None) -> tuple[F32, F32]:
    normal = normal_equations(problem, state, damping)
    gradient = normal.gradient if pull is None else normal.gradient + pull
    if stiffness is not None:
        diagonal = np.einsum("tii->ti", normal.hessian)
        diagonal += np.tile(stiffness, (1, AXES))
    turn = np.linalg.solve(normal.hessian, gradient[..., None])[..., 0]
    by_axis = (len(turn), AXES, len(problem.carriers.joints))
    moved = np.cross(turn.reshape(by_axis), normal.moment_arm_mean.reshape(by_axis), axis=1).sum(axis=2)
    return turn, normal.residual_mean - moved


def _priors(problem: Block, state: State, damping: F32, stiffness: F32 | None) -> F32:
    """Return what prior, limits and damping add to each joint's own block, (A, 3, 3, T)."""
    axes = frames_last(state.axes)
    weight = frames_last(prior_weight(problem, state, damping))
    own = product(axes * weight[:, None], np.swapaxes(axes, 1, 2))
    if stiffness is not None:
        for axis in range(AXES):
            own[:, axis, axis] += stiffness.T
    return own


def _solved(
    levels: tuple[Level, ...], table: F32, arm_sum: F32, own: F32, right: F32, total: F32, shift_right: F32
) -> tuple[F32, F32]:
    """Eliminate joints from the leaves to the root, then solve back.

    Args:
        levels: The tree.
        table: C of ``normal_equations``, flat, (T, 9 A A).
        arm_sum: Weighted sums of moment arms, (3, A, T).
        own: (A, 3, 3, T).
        right: (A, 3, T).
        total: Block of the translation, (3, 3, T).
        shift_right: (3, T).

    Returns:
        Rotation vectors (A, 3, T), and shifts (3, T).
    """
    frames = len(table)
    empty = (len(levels[-1].joints), AXES * (len(levels) + 1))
    front, pulls = np.zeros((*empty, empty[1], frames), np.float32), np.zeros((*empty, frames), np.float32)
    kept = []
    for depth in range(len(levels) - 1, -1, -1):
        level, size = levels[depth], AXES * (depth + 1)
        row = _rows(level, table, arm_sum)
        row += front[:, size:]
        row[..., size:, :] += own[level.joints]
        inverse, beside = _inverse(row[..., size:, :]), row[..., :size, :]
        answer = applied(inverse, right[level.joints] + pulls[:, size:])
        across = inverse[:, :, 0, None] * beside[:, None, 0]
        for axis in (1, 2):
            across += inverse[:, :, axis, None] * beside[:, None, axis]
        rest, left = front[:, :size, :size], pulls[:, :size]
        for axis in range(AXES):
            rest -= beside[:, axis, :, None] * across[:, axis, None]
            left -= beside[:, axis] * answer[:, axis, None]
        kept.append((level, across, answer))
        if depth:
            upper = len(levels[depth - 1].joints)
            front, pulls = (
                np.zeros((upper, size, size, frames), np.float32),
                np.zeros((upper, size, frames), np.float32),
            )
            for index, parent in enumerate(level.above.tolist()):
                front[parent] += rest[index]
                pulls[parent] += left[index]
    shift = applied(_inverse((total + rest.sum(axis=0))[None]), (shift_right + left.sum(axis=0))[None])[0]
    turn = np.empty((right.shape[0], AXES, frames), np.float32)
    for level, across, answer in reversed(kept):
        turn[level.joints] = answer - (across[:, :, :AXES] * shift).sum(axis=2)
        above = turn[level.path[:, :-1]].reshape(len(level.joints), 1, -1, frames)
        turn[level.joints] -= (across[:, :, AXES:] * above).sum(axis=2)
    return turn, shift


def _rows(level: Level, table: F32, arm_sum: F32) -> F32:
    """Return the rows of a level's joints over their paths, (N, 3, 3 (D + 2), T), without priors."""
    count, length = level.path.shape
    crossed = frames_last(table.take(level.entries, axis=1)).reshape(count, length, AXES, AXES, -1)
    rows = np.zeros((count, AXES, length + 1, AXES, crossed.shape[-1]), np.float32)
    trace = crossed[:, :, 0, 0] + crossed[:, :, 1, 1] + crossed[:, :, 2, 2]
    rows[:, :, 1:] = -crossed.transpose(0, 3, 1, 2, 4)
    x, y, z = arm_sum[:, level.joints]
    for axis in range(AXES):
        rows[:, axis, 1:, axis] += trace
    rows[:, 0, 0, 1], rows[:, 0, 0, 2] = -z, y
    rows[:, 1, 0, 0], rows[:, 1, 0, 2] = z, -x
    rows[:, 2, 0, 0], rows[:, 2, 0, 1] = -y, x
    return rows.reshape(count, AXES, -1, crossed.shape[-1])


def _inverse(matrix: F32) -> F32:
    """Invert symmetric matrices (N, 3, 3, T) by cofactors."""
    a, b, c = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2]
    d, e, f = matrix[:, 1, 1], matrix[:, 1, 2], matrix[:, 2, 2]
    result = np.empty_like(matrix)
    result[:, 0, 0], result[:, 1, 1], result[:, 2, 2] = d * f - e * e, a * f - c * c, a * d - b * b
    result[:, 0, 1], result[:, 0, 2], result[:, 1, 2] = c * e - b * f, b * e - c * d, b * c - a * e
    determinant = a * result[:, 0, 0] + b * result[:, 0, 1] + c * result[:, 0, 2]
    result[:, 1, 0], result[:, 2, 0], result[:, 2, 1] = result[:, 0, 1], result[:, 0, 2], result[:, 1, 2]
    result /= determinant[:, None, None]
    return result
