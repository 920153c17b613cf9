# SPDX-License-Identifier: Apache-2.0
"""Betas and scale of a clip, and the positions of the layout's points on the body.

With known rotations of some frames, every point is linear in the betas and in its own position on the body (Loper et
al. 2015, equations 2 to 5 and 10; for positions Loper, Mahmood and Black 2014, MoSh). One small least-squares problem
over sampled frames therefore gives them all at once. The scale s enters as the unknowns s, s beta and s offset.

Before any rotation is known, lengths determine the body: the distance of two points attached to one bone is the same in
every pose.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...arrays import F32, F64
from ...body.model import JOINT_COUNT, PARENTS, BodyModel, forward_kinematics
from ...skeleton.markers import MarkerSet
from .beta_bounds import BETA_BOUND, solve_bounded
from .lengths import measured_lengths, solve_lengths

BETA_SPREAD_M: Final = (0.0005, 0.02)
"""Least and greatest residual, metres, that costs as much as one unit of a beta (one standard deviation of people)."""
START_BETA_SPREAD_M: Final = 0.005
"""Initial value before the residual is known."""
PLACE_SPREAD: Final = 0.1
"""Residual that costs as much as a point's shift on the body, as a share of that shift."""
MOST_SHIFT_M: Final = 0.04
"""Largest shift of a point on the body; beyond it would be another point."""
SESSION_SHIFT_M: Final = 0.02
"""Largest shift of a marker from the layout's table in a fit with default settings. Markers are attached by hand in
each recording session, and dancers differ."""
OWN_M: Final = 0.0005
"""Lengths that one body meets within this, root mean square, are those of this body's own joints."""
OWN_BETA_BOUND: Final = 5.0
"""Bound of the betas if the points are this body's own joints: an unusual person, but measured."""
LEAST_FREEDOM: Final = 8
"""Smallest number of lengths beyond the unknowns for which their agreement is significant."""
WHOLE_TRUST: Final = 0.99
"""Points with less mean confidence are only near the joint."""
MODEL_ERROR_M: Final = (0.01, 0.02)
"""Least and greatest standard deviation of a length between points that are not this body's own joints."""
MODEL_ROUNDS: Final = 3
NOTICED_LENGTH_M: Final = 0.005
NOTICED_POINTS_M: Final = 0.02
"""Residuals above which the fit reports that its body does not follow the points."""
MEDIAN_OF_NORMAL: Final = 0.6745
OUTLIER_M: Final = 0.05
ROUNDS: Final = 3


@dataclass(frozen=True)
class Shape:
    """The body of a clip.

    Attributes:
        betas: (B,).
        scale: Scale about SMPL's origin.
        markers: Markers of the mean-size body, with adapted offsets or not.
        residual_m: Root mean square over sampled frames and points, or over lengths if these gave the body, metres.
        lengths: Whether lengths gave the body.
        own_joints: Whether the points are this body's own joints, so that their distances are its bone lengths.
    """

    betas: F32
    scale: float
    markers: MarkerSet
    residual_m: float = float("nan")
    lengths: bool = False
    own_joints: bool = False

    def notice(self) -> str | None:
        """Describe what this body cannot follow of the points, in one or two sentences; None if nothing."""
        parts = []
        left_mm = self.residual_m * 1000.0
        if self.lengths and not self.own_joints and self.residual_m > NOTICED_LENGTH_M:
            parts.append(
                f"The skeleton's bone lengths are not this body's: after betas and scale were solved they differ by "
                f"{left_mm:.0f} mm (root mean square), so the body cannot meet all points."
            )
        elif not self.lengths and self.residual_m > NOTICED_POINTS_M:
            parts.append(f"The body is {left_mm:.0f} mm (root mean square) from the points its shape was solved from.")
        held = np.flatnonzero(np.abs(self.betas) > 0.999 * BETA_BOUND)
        if len(held) and not self.own_joints:
            names = ", ".join(str(index) for index in held)
            parts.append(
                f"The proportions are outside the range of people: {'betas' if len(held) > 1 else 'beta'} {names} "
                f"{'are' if len(held) > 1 else 'is'} held at +-{BETA_BOUND:g}."
            )
        return " ".join(parts) or None

    def rest_joints(self, body: BodyModel) -> F32:
        """Return the rest joints in true size, (24, 3), metres."""
        return np.float32(self.scale) * body.rest_joints(self.betas)

    def sized_markers(self) -> MarkerSet:
        """Return the markers on the body in true size."""
        return self.markers.scaled(self.scale)


def shape_from_lengths(
    markers: MarkerSet, body: BodyModel, points_m: F32, confidence: F32, *, noise_m: float, betas: F32 | None = None
) -> Shape:
    """Solve the most likely betas and scale from the clip's lengths between points that are attached to one bone.

    Where the points are this body's own joints, one body has all the lengths and they are as sure as noise lets them
    be. Other skeletons have their joint centres centimetres elsewhere: then each length has a model error, and a length
    that no person has counts less (Huber's loss).

    Args:
        markers: attachment of the layout's points.
        body: the body to shape.
        points_m: (T, K, 3), metres.
        confidence: (T, K) in [0, 1], 0 where a point was not seen.
        noise_m: standard deviation of a coordinate, metres.
        betas: (B,) where they are known and only the scale is wanted.

    Returns:
        The shape; the mean body in the mean size where the layout has no such lengths.
    """
    found = measured_lengths(markers, body, points_m, confidence, noise_m)
    if found is None:
        return Shape(np.zeros(body.beta_count, np.float32) if betas is None else betas, 1.0, markers)
    if betas is not None:
        found = replace(found, bone=found.bone + found.dirs @ betas, dirs=found.dirs[..., :0])
    unknown, left = solve_lengths(found, found.spread, bound=OWN_BETA_BOUND)
    freedom = len(found.median) - len(unknown)
    own = freedom >= LEAST_FREEDOM and float(np.sqrt((left**2).mean())) < OWN_M + float(np.median(found.spread))
    own = own and bool((found.trust > WHOLE_TRUST).all()) and betas is None
    if not own:
        error_m = MODEL_ERROR_M[1]
        for _ in range(MODEL_ROUNDS):
            spread = np.hypot(found.spread, error_m) / np.sqrt(found.trust)
            unknown, left = solve_lengths(found, spread, bound=BETA_BOUND)
            error_m = float(np.clip(np.median(np.abs(left)) / MEDIAN_OF_NORMAL, *MODEL_ERROR_M))
    solved = unknown[1:] / unknown[0] if betas is None else betas
    return Shape(
        np.asarray(solved, np.float32),
        float(unknown[0]),
        markers,
        float(np.sqrt((left**2).mean())),
        lengths=True,
        own_joints=own,
    )


@dataclass(frozen=True)
class ShapeModel:
    """The unknowns of a clip's body as a vector in which every posed point is linear.

    The vector holds s, then s beta if the betas are free, then s times the shift of each point if points may shift.

    Attributes:
        markers: Markers before any shift.
        body: The body model.
        betas: Known betas, (B,), or None.
        adapt: Whether points may shift on the body.
        most_shift_m: Largest shift of a point, metres.
        beta_spread_m: Residual that costs as much as one unit of a beta, metres.
    """

    markers: MarkerSet
    body: BodyModel
    betas: F32 | None = None
    adapt: bool = False
    most_shift_m: float = MOST_SHIFT_M
    beta_spread_m: float = START_BETA_SPREAD_M

    @property
    def free_betas(self) -> int:
        """Return the number of unknown betas."""
        return self.body.beta_count if self.betas is None else 0

    @property
    def count(self) -> int:
        """Return the number of unknowns, N."""
        return 1 + self.free_betas + (3 * self.markers.layout.count if self.adapt else 0)

    def columns(self, pose_rotmat: F32) -> F32:
        """Return the derivatives of the points by the unknowns.

        Args:
            pose_rotmat: (S, 24, 3, 3).

        Returns:
            (S, K, 3, N).
        """
        table, places = self.body_columns(pose_rotmat), self.places(pose_rotmat)
        if places is None:
            return table
        frames, points = places.shape[:2]
        columns = np.zeros((frames, points, 3, points, 3), np.float32)
        columns[:, np.arange(points), :, np.arange(points)] = np.swapaxes(places, 0, 1)
        return np.concatenate([table, columns.reshape(frames, points, 3, -1)], axis=-1)

    def body_columns(self, pose_rotmat: F32) -> F32:
        """Return the derivatives of the points by scale and betas.

        Args:
            pose_rotmat: (S, 24, 3, 3).

        Returns:
            (S, K, 3, 1 + B).
        """
        known = np.zeros(self.body.beta_count, np.float32) if self.betas is None else self.betas
        rest = [self.body.rest_joints(known)]
        rest += [self.body.rest_joints(unit) for unit in np.eye(self.free_betas, dtype=np.float32)]
        table = _posed_on_bodies(self.markers, np.stack(rest), pose_rotmat)
        table[..., 1:] -= table[..., :1]
        return table

    def places(self, pose_rotmat: F32) -> F32 | None:
        """Return the derivatives of each point by its own place on the body, (S, K, 3, 3); None if places are fixed."""
        if not self.adapt:
            return None
        global_rotmat, _ = forward_kinematics(self.body.rest_joints(), pose_rotmat)
        frames = len(pose_rotmat)
        return (self.markers.weights @ global_rotmat.reshape(frames, JOINT_COUNT, 9)).reshape(frames, -1, 3, 3)

    def ridge(self, frames: int) -> F64:
        """Return the weight of each unknown for a number of frames, (N,), squared metres."""
        ridge = np.full(self.count, PLACE_SPREAD**2 * frames)
        ridge[0] = 0.0
        ridge[1 : 1 + self.free_betas] = self.beta_spread_m**2 * frames
        return ridge

    def vector(self, shape: Shape) -> F64:
        """Return the unknowns of a shape, (N,)."""
        parts = [np.ones(1)]
        if self.free_betas:
            parts.append(shape.betas.astype(np.float64))
        if self.adapt:
            parts.append((shape.markers.offsets_m - self.markers.offsets_m).astype(np.float64).ravel())
        return shape.scale * np.concatenate(parts)

    def shape(self, vector: F64, residual_m: float = float("nan")) -> Shape:
        """Return the shape of a vector of unknowns; shifts are limited to ``most_shift_m``."""
        scale, free = float(vector[0]), self.free_betas
        betas = (vector[1 : 1 + free] / scale).astype(np.float32) if self.betas is None else self.betas
        markers = self.markers
        if self.adapt:
            shift = (vector[1 + free :] / scale).reshape(-1, 3)
            length = np.linalg.norm(shift, axis=1, keepdims=True)
            shift = shift * np.minimum(1.0, self.most_shift_m / np.maximum(length, 1e-9))
            markers = replace(markers, offsets_m=(markers.offsets_m + shift).astype(np.float32))
        return Shape(betas, scale, markers, residual_m)


def solve_shape(  # noqa: PLR0913 (the arrays of one problem)
    markers: MarkerSet,
    body: BodyModel,
    pose_rotmat: F32,
    target_m: F32,
    confidence: F32,
    *,
    betas: F32 | None = None,
    adapt: bool = False,
    most_shift_m: float = MOST_SHIFT_M,
    beta_spread_m: float = START_BETA_SPREAD_M,
) -> Shape:
    """Solve the body that, in given rotations, is nearest to the points.

    Args:
        markers: Markers before any shift.
        body: The body model.
        pose_rotmat: (S, 24, 3, 3).
        target_m: Keypoints, (S, K, 3), metres.
        confidence: (S, K).
        betas: Known betas, (B,), if only scale and shifts are unknown.
        adapt: Whether points may shift on the body, by at most ``most_shift_m``.
        most_shift_m: Largest shift, metres.
        beta_spread_m: Residual that costs as much as one unit of a beta, metres.
    """
    known = None if betas is None else np.asarray(betas, np.float32)
    model = ShapeModel(markers, body, known, adapt, most_shift_m, beta_spread_m)
    ridge = model.ridge(len(target_m))
    table, places = model.body_columns(pose_rotmat), model.places(pose_rotmat)
    return model.shape(*_robust_solution(table, places, target_m, confidence, ridge, model.free_betas))


def _posed_on_bodies(markers: MarkerSet, rest_joints_m: F32, pose_rotmat: F32) -> F32:
    """Pose the keypoints of several bodies in one motion.

    Args:
        markers: Attachment of the points.
        rest_joints_m: Rest joints of the bodies, (N, 24, 3), metres.
        pose_rotmat: (S, 24, 3, 3).

    Returns:
        (S, K, 3, N), metres.
    """
    rotmat, _ = forward_kinematics(rest_joints_m[0], pose_rotmat)
    rest = np.moveaxis(rest_joints_m, 0, -1)
    places = np.einsum("kj,jcn->kcn", markers.weights, rest) + markers.offsets_m[..., None]
    at = np.empty((len(pose_rotmat), JOINT_COUNT, 3, rest.shape[-1]), np.float32)
    at[:, 0] = rest[0]
    for joint in range(1, JOINT_COUNT):
        above = PARENTS[joint]
        at[:, joint] = at[:, above] + rotmat[:, above] @ (rest[joint] - rest[above])
    result = np.zeros((len(pose_rotmat), len(places), 3, rest.shape[-1]), np.float32)
    for point, joint in zip(*np.nonzero(markers.weights), strict=True):
        carried = rotmat[:, joint] @ (places[point] - rest[joint]) + at[:, joint]
        result[:, point] += markers.weights[point, joint] * carried
    return result


def _robust_solution(
    table: F32, places: F32 | None, target_m: F32, confidence: F32, ridge: F64, beta_count: int
) -> tuple[F64, float]:
    """Solve least squares with Huber's weights and bounded betas, with translations eliminated.

    Args:
        table: Derivatives by scale and betas, (S, K, 3, N).
        places: Derivatives of each point by its own place, (S, K, 3, 3), or None.
        target_m: (S, K, 3), metres.
        confidence: (S, K).
        ridge: (N + 3 K,), or (N,).
        beta_count: Number of betas among the unknowns, after the first.

    Returns:
        The unknowns, (N + 3 K,) or (N,), and the root mean square residual, metres.
    """
    count, weight = table.shape[-1], confidence
    for round_ in range(ROUNDS):
        total = np.maximum(weight.sum(axis=1), 1e-9)
        share = weight / total[:, None]
        rows = table - np.einsum("sk,skcn->scn", share, table)[:, None]
        aim = target_m - np.einsum("sk,skc->sc", share, target_m)[:, None]
        weighted = rows * weight[..., None, None]
        flat = weighted.reshape(-1, count).astype(np.float64)
        normal, right = flat.T @ rows.reshape(-1, count).astype(np.float64), flat.T @ aim.reshape(-1)
        if places is not None:
            normal = bordered(normal, weighted, places, weight, total)
            pull = np.swapaxes(places, -1, -2) @ (aim * weight[..., None])[..., None]
            right = np.concatenate([right, pull.sum(axis=0, dtype=np.float64).reshape(-1)])
        solution = solve_bounded(normal + np.diag(ridge + 1e-12), right, beta_count)
        short = solution.astype(np.float32)
        reached = table @ short[:count]
        if places is not None:
            reached += (places @ short[count:].reshape(-1, 3, 1))[..., 0]
        apart = target_m - reached
        apart -= np.einsum("sk,skc->sc", share, apart)[:, None]
        distance = np.linalg.norm(apart, axis=-1)
        if round_ < ROUNDS - 1:
            weight = (confidence * np.minimum(1.0, OUTLIER_M / np.maximum(distance, 1e-9))).astype(np.float32)
    seen = confidence > 0
    return solution, float(np.sqrt((distance[seen] ** 2).mean())) if seen.any() else float("nan")


def bordered(hessian: F64, weighted: F32, places: F32, weight: F32, total: F32) -> F64:
    """Add the rows and columns of the points' places to a Hessian.

    Args:
        hessian: Of the other unknowns, (N, N).
        weighted: Their columns about the weighted mean, times the weight, (S, K, 3, N).
        places: (S, K, 3, 3).
        weight: (S, K).
        total: Its sum, (S,).
    """
    count, points = len(hessian), places.shape[1]
    by_point = np.moveaxis(places, 1, 0).reshape(points, -1, 3).astype(np.float64)
    across = np.swapaxes(np.moveaxis(weighted, 1, 0).reshape(points, -1, count).astype(np.float64), 1, 2) @ by_point
    spread = np.repeat(weight.T, 3, axis=1)[..., None] * by_point
    own = np.swapaxes(spread, 1, 2) @ by_point
    shared = np.moveaxis(spread.reshape(points, -1, 3, 3), 0, 2) / np.sqrt(total)[:, None, None, None]
    rows = shared.reshape(-1, 3 * points)
    result = np.empty((count + 3 * points, count + 3 * points))
    result[:count, :count] = hessian
    result[:count, count:] = np.moveaxis(across, 0, 1).reshape(count, -1)
    result[count:, :count] = result[:count, count:].T
    result[count:, count:] = -(rows.T @ rows)
    for point in range(points):
        here = slice(count + 3 * point, count + 3 * (point + 1))
        result[here, here] += own[point]
    return result
