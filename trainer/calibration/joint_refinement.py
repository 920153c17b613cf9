# SPDX-License-Identifier: Apache-2.0
"""Refine a marker table together with the poses and bodies of the fit itself.

``calibrate`` has its own priors for poses and shapes. The fit that uses its table has others, so the positions are a
few millimetres off for it. Here positions and weights of all points, the body of every clip and the pose of every
sampled frame are unknowns of one least-squares problem, the fit's own. (Loper, Mahmood and Black 2014, MoSh, state the
same problem and alternate, which hardly converges: see ``core.fit.shape.bundle_adjustment``.) Each frame's pose is
eliminated first, then each clip's body; a small system for the table remains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
import torch

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_COUNT, MIRRORED_JOINTS, PARENTS, BodyModel, forward_kinematics
from dancepose_addon.core.fit.clip_shape import solve_sample
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.pose.pose_problem import turned
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.shape.bundle_adjustment import (
    SHARES,
    Reduced,
    Sample,
    Solved,
    cost_of,
    posed,
    reduced_equations,
)
from dancepose_addon.core.fit.shape.from_lengths import ShapeModel
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.markers import MarkerSet
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .unknowns import Skin

ROUNDS: Final = 8
DAMPING_M: Final = 0.05
LESS_DAMPING: Final = 0.3
MORE_DAMPING: Final = 10.0
START_SPREAD: Final = 0.02
"""Weight of a point's displacement from its start: the residual of a frame that costs as much, per displacement.

A larger body with points farther inside is nearly as good as a smaller one with points farther outside, and nothing
else would keep the points on the skin.
"""
SHARE_SPREAD_M: Final = 0.003
"""The same for a weight that moves from one bone to another."""
MAIN_SHARE: Final = 0.2
"""A point with at least this weight on a bone may also get weight on the bone's neighbours."""
SAME_PLACE_M: Final = 0.001
"""Points that mirror each other this closely are solved together and stay mirror images."""
SKIN_M: Final = (-0.001, 0.02)
"""Range of the distance outside the skin of the mean body, metres, as in ``calibrate``."""
ROUNDING_M: Final = 2e-4
HALVINGS: Final = 16
FLIP: Final = np.array([-1.0, 1.0, 1.0])
MIRRORED: Final = np.array(MIRRORED_JOINTS)


@dataclass(frozen=True)
class Point:
    """A point, or its mirror image.

    Attributes:
        index: Index of the point.
        mirror: Whether sides are swapped.
    """

    index: int
    mirror: bool


@dataclass(frozen=True)
class _Freedom:
    """Free parameters of a table.

    Attributes:
        points: (W,), points whose weights may change.
        joints: (W,), the bones of these weights.
        basis: (3 K + W, F), change of all positions and these weights per free parameter.
        moves_share: (F,), whether a free parameter changes weights.
    """

    points: NDArray[np.intp]
    joints: NDArray[np.intp]
    basis: F64
    moves_share: NDArray[np.bool_]


@dataclass(frozen=True)
class _Clip:
    """The equations of a clip.

    Attributes:
        reduced: Equations with the poses eliminated.
        inverse: (B, B), inverse of the block of its body.
        crossed: (B, P), block of the body and the table.
        gradient: (B,), of the body.
    """

    reduced: Reduced
    inverse: F64
    crossed: F64
    gradient: F64

    def body_change(self, table_change: F64) -> F64:
        """Return the change of the clip's body that follows from a change of the table."""
        return self.inverse @ (self.gradient - self.crossed @ table_change)


def polish(
    markers: MarkerSet,
    clips: Sequence[KeypointSequence],
    body: BodyModel,
    regressor: PoseRegressor,
    *,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> MarkerSet:
    """Refine a marker table on clips.

    Args:
        markers: Table to start from; the result is held close to it.
        clips: Clips of its layout.
        body: The mean body.
        regressor: Regressor of the layout.
        rounds: Number of Gauss-Newton steps.
        progress: Called with the fraction done and a message.

    Returns:
        The refined table.
    """
    samples, solved = [], []
    for index, clip in enumerate(clips):
        progress(0.5 * index / len(clips), f"Posing {clip.source}")
        sample, shape, pose = solve_sample(clip, regressor=regressor, body=body, markers=markers)
        model = ShapeModel(markers, body)
        samples.append(sample)
        solved.append(posed(model, model.vector(shape), pose, sample))
    return solve_table(
        markers, body, samples, solved, rounds=rounds, progress=lambda done, said: progress(0.5 + done / 2, said)
    )


def solve_table(
    start: MarkerSet,
    body: BodyModel,
    samples: Sequence[Sample],
    solved: Sequence[Solved],
    *,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> MarkerSet:
    """Take damped Gauss-Newton steps for the table, all bodies and all poses.

    Args:
        start: Table to start from.
        body: The mean body.
        samples: Sampled frames of each clip.
        solved: The samples posed with ``start``.
        rounds: Number of steps.
        progress: Called with the fraction done and a message.

    Returns:
        The refined table.
    """
    freedom, markers = _freedom(start, body), start
    frames, damping = sum(len(sample.target_m) for sample in samples), DAMPING_M**2
    cost = sum(cost_of(ShapeModel(start, body), one) for one in solved)
    for number in range(rounds):
        progress(number / rounds, f"Round {number + 1} of {rounds}")
        change, equations = _step(markers, start, body, solved, freedom, frames, damping)
        for share in SHARES:
            tried = near_skin(_changed(markers, body, freedom, share * change), start, body)
            again = [
                _posed_again(tried, body, sample, one, clip, change, share)
                for sample, one, clip in zip(samples, solved, equations, strict=True)
            ]
            total = sum(cost_of(ShapeModel(tried, body), one) for one in again) + frames * _held(tried, start, body)
            if total < cost:
                markers, solved, cost, damping = tried, again, total, damping * LESS_DAMPING
                break
        else:
            damping *= MORE_DAMPING
    return markers


def residual_mm(
    markers: MarkerSet, clips: Sequence[KeypointSequence], body: BodyModel, regressor: PoseRegressor
) -> float:
    """Return the mean error of the fit with a table, over frames, millimetres."""
    left = [fit(clip, regressor=regressor, body=body, markers=markers).report["final_error_mm"] for clip in clips]
    return float(np.average(left, weights=[len(clip) for clip in clips]))


def near_skin(markers: MarkerSet, start: MarkerSet, body: BodyModel) -> MarkerSet:
    """Keep points on the skin that started on it, or at most SKIN_M outside it, within ROUNDING_M.

    A point that left this range is moved back towards its start as far as necessary. Weights are kept.

    Args:
        markers: Table to correct.
        start: Table it started from.
        body: The mean body.

    Returns:
        The corrected table.
    """
    skin, joints = Skin(body), body.rest_joints()
    first, last = start.rest_points(joints), markers.rest_points(joints)

    def away(places: F32) -> F32:
        return np.asarray(skin.distance(torch.from_numpy(np.ascontiguousarray(places, np.float32))).numpy())

    start_m = away(first)
    least, most = np.minimum(SKIN_M[0], start_m), np.maximum(SKIN_M[1], start_m)
    bound = (start_m >= SKIN_M[0] - ROUNDING_M) & (start_m <= SKIN_M[1] + ROUNDING_M)
    low, high = np.zeros(len(first)), np.ones(len(first))

    def within(places: F32) -> NDArray[np.bool_]:
        off = away(places)
        return (off >= least) & (off <= most)

    inside = within(last)
    for _ in range(HALVINGS):
        part = (low + high) / 2.0
        fits = within((first + part[:, None] * (last - first)).astype(np.float32))
        low, high = np.where(fits, part, low), np.where(fits, high, part)
    places = np.where((bound & ~inside)[:, None], first + low[:, None] * (last - first), last)
    offsets = places - markers.weights @ joints
    return replace(markers, offsets_m=offsets.astype(np.float32))


def mirror_groups(markers: MarkerSet, body: BodyModel) -> list[list[Point]]:
    """Pair points with their mirror images; a point in the middle is its own, one without a counterpart is alone."""
    rest = markers.rest_points(body.rest_joints())
    groups, done = [], set()
    for point, place in enumerate(rest):
        apart = np.linalg.norm(rest - place * FLIP, axis=1)
        other = int(np.argmin(apart))
        if point in done:
            continue
        same = apart[other] < SAME_PLACE_M
        groups.append([Point(point, mirror=False)] + ([Point(other, mirror=True)] if same else []))
        done |= {point, other} if same else {point}
    return groups


def _freedom(markers: MarkerSet, body: BodyModel) -> _Freedom:
    groups, count = mirror_groups(markers, body), markers.layout.count
    bones = {group[0].index: _bones(markers.weights[group[0].index], group) for group in groups}
    for group in groups:
        for other in group[1:]:
            bones.setdefault(other.index, np.sort(MIRRORED[bones[group[0].index]]))
    points = np.concatenate([np.full(len(bones[point]), point) for point in range(count)])
    joints = np.concatenate([bones[point] for point in range(count)])
    row = {pair: 3 * count + index for index, pair in enumerate(zip(points.tolist(), joints.tolist(), strict=True))}
    columns, moves_share = [], []

    def add(entries: Sequence[tuple[int, float]], *, share: bool) -> None:
        column = np.zeros(3 * count + len(points))
        for index, value in entries:
            column[index] += value
        columns.append(column)
        moves_share.append(share)

    for group in groups:
        point, middle = group[0].index, len(group) > 1 and group[1].index == group[0].index
        for axis in range(1 if middle else 0, 3):
            add([(3 * one.index + axis, FLIP[axis] if one.mirror else 1.0) for one in group[: 1 if middle else 2]],
                share=False)  # fmt: skip
        main = int(markers.weights[point].argmax())
        for joint in bones[point]:
            if joint != main and not (middle and MIRRORED[joint] < joint):
                add([entry for one in group for entry in _goes(row, one, int(joint), main)], share=True)
    return _Freedom(points, joints, np.stack(columns, axis=1), np.array(moves_share))


def _goes(row: dict[tuple[int, int], int], one: Point, joint: int, main: int) -> list[tuple[int, float]]:
    """Return the entries of a weight that moves from the main bone to another."""
    to, away = (int(MIRRORED[joint]), int(MIRRORED[main])) if one.mirror else (joint, main)
    return [(row[one.index, to], 1.0), (row[one.index, away], -1.0)]


def _bones(weights: F32, group: Sequence[Point]) -> NDArray[np.intp]:
    """Return the bones that a point may be attached to: its own, and neighbours of those that carry much of it."""
    near = np.zeros(JOINT_COUNT, bool)
    for joint in np.flatnonzero(weights >= MAIN_SHARE):
        near[[child for child in range(JOINT_COUNT) if PARENTS[child] == joint]] = True
        near[max(0, PARENTS[joint])] = True
    near[[0, *(joint for joint in range(1, JOINT_COUNT) if joint not in PARENTS)]] = False
    near |= weights > 0.0
    if len(group) > 1 and group[1].index == group[0].index:
        near |= near[MIRRORED]
    return np.flatnonzero(near)


def _changed(markers: MarkerSet, body: BodyModel, freedom: _Freedom, change: F64) -> MarkerSet:
    """Apply a change (3 K + W,) to a table; weights are kept from 0 to 1, and positions do not depend on them."""
    mean, count = body.rest_joints().astype(np.float64), markers.layout.count
    places = markers.rest_points(body.rest_joints()) + change[: 3 * count].reshape(count, 3)
    weights = markers.weights.astype(np.float64)
    weights[freedom.points, freedom.joints] += change[3 * count :]
    weights = np.maximum(weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return replace(markers, weights=weights.astype(np.float32), offsets_m=(places - weights @ mean).astype(np.float32))


def _held(markers: MarkerSet, start: MarkerSet, body: BodyModel) -> float:
    """Return the cost per frame of the table's distance from its start, squared metres."""
    places = [table.rest_points(body.rest_joints()) for table in (markers, start)]
    moved = float(np.square(places[0] - places[1]).sum())
    return START_SPREAD**2 * moved + SHARE_SPREAD_M**2 * float(np.square(markers.weights - start.weights).sum())


def _step(
    markers: MarkerSet,
    start: MarkerSet,
    body: BodyModel,
    solved: Sequence[Solved],
    freedom: _Freedom,
    frames: int,
    damping: float,
) -> tuple[F64, list[_Clip]]:
    """Return the change of the table, (3 K + W,), and each clip's equations."""
    places = 3 * markers.layout.count
    hold = frames * np.concatenate([
        np.full(places, START_SPREAD**2), np.full(len(freedom.points), SHARE_SPREAD_M**2)
    ])  # fmt: skip
    way = (markers.rest_points(body.rest_joints()) - start.rest_points(body.rest_joints())).ravel()
    share = markers.weights[freedom.points, freedom.joints].astype(np.float64)
    away = np.concatenate([way, share - start.weights[freedom.points, freedom.joints]])
    hessian, gradient, clips = np.diag(hold), -hold * away, []
    for one in solved:
        clip, own_hessian, own_gradient = _clip_equations(markers, body, one, freedom, damping)
        hessian, gradient = hessian + own_hessian, gradient + own_gradient
        clips.append(clip)
    inner, slope = freedom.basis.T @ hessian @ freedom.basis, freedom.basis.T @ gradient
    free, change = np.ones(len(slope), bool), np.zeros(places + len(share))
    for _ in range(len(slope)):
        step = np.zeros(len(slope))
        step[free] = np.linalg.solve(inner[np.ix_(free, free)], slope[free])
        change = freedom.basis @ step
        # A bone that carries nothing of a point cannot carry less.
        below = np.concatenate([np.zeros(places, bool), (share <= 0.0) & (change[places:] < 0.0)])
        stuck = freedom.moves_share & free & ((freedom.basis > 0.0) & below[:, None]).any(axis=0)
        if not stuck.any():
            break
        free &= ~stuck
    return change, clips


def _clip_equations(
    markers: MarkerSet, body: BodyModel, solved: Solved, freedom: _Freedom, damping: float
) -> tuple[_Clip, F64, F64]:
    """Return a clip's equations, and its part of the table's Hessian (P, P) and gradient (P,), its body eliminated."""
    free = body.beta_count + 1
    columns = ShapeModel(markers, body, adapt=True).columns(solved.state.pose)
    columns[..., free:] *= np.float32(solved.shape.scale)
    reduced = reduced_equations(solved, np.concatenate([columns, _share_columns(solved, freedom)], axis=-1), damping)
    ridge = ShapeModel(markers, body).ridge(len(columns))
    own = reduced.hessian[:free, :free] + np.diag(ridge)
    clip = _Clip(
        reduced, np.linalg.inv(own), reduced.hessian[:free, free:], reduced.gradient[:free] - ridge * solved.vector
    )
    known = clip.crossed.T @ clip.inverse
    return clip, reduced.hessian[free:, free:] - known @ clip.crossed, reduced.gradient[free:] - known @ clip.gradient


def _share_columns(solved: Solved, freedom: _Freedom) -> F32:
    """Return the derivatives of the points by their weights, (S, K, 3, W): towards where the bone alone puts them."""
    rest, state = solved.problem.rest_joints_m, solved.state
    rotmat, joints = forward_kinematics(rest, state.pose, state.translation)
    local = solved.shape.sized_markers().rest_points(rest)[freedom.points] - rest[freedom.joints]
    carried = (rotmat[:, freedom.joints] @ local[..., None])[..., 0] + joints[:, freedom.joints]
    points = solved.problem.target_m - state.residual
    columns = np.zeros((*points.shape, len(freedom.points)), np.float32)
    columns[:, freedom.points, :, np.arange(len(freedom.points))] = np.swapaxes(
        carried - points[:, freedom.points], 0, 1
    )
    return columns


def _posed_again(
    markers: MarkerSet, body: BodyModel, sample: Sample, solved: Solved, clip: _Clip, change: F64, share: float
) -> Solved:
    own = clip.body_change(change)
    turns = np.float32(share) * clip.reduced.turns(np.concatenate([own, change]))
    pose = turned(solved.problem, solved.state, turns)
    return posed(ShapeModel(markers, body), solved.vector + share * own, pose, sample)
