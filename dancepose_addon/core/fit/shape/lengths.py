# SPDX-License-Identifier: Apache-2.0
"""Lengths of a clip that no pose changes, and the body that has them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, F64
from ...body.model import PARENTS, BodyModel
from ...skeleton.markers import MarkerSet
from ..medians import known_median
from .beta_bounds import solve_bounded

LENGTH_M: Final = 1e-4
"""Smallest standard error of a length, however little the points move."""
LENGTH_NOISE: Final = 1.8
"""Standard error of a median bone length = LENGTH_NOISE * sigma / sqrt(n): sqrt(2) for two noisy ends times
sqrt(pi / 2) for the median against the mean."""
LEAST_LENGTH_M: Final = 0.01
"""Pairs of points closer than this on the body are not used."""
LENGTH_FRAMES: Final = 1000
"""Number of frames from which medians are computed."""
SCALE_SPREAD: Final = 0.1
"""Standard deviation of the log scale of people, beyond the betas."""
HUBER: Final = 1.5
"""Huber's threshold in standard deviations."""
LENGTH_STEPS: Final = 12
SETTLED: Final = 1e-9
"""The steps end when no unknown changes by more."""


@dataclass(frozen=True)
class Lengths:
    """Lengths of a clip and of the body.

    Attributes:
        median: (E,), metres, of the clip.
        spread: (E,), metres, how sure noise lets them be.
        trust: (E,) in (0, 1], the lower confidence of the two points.
        bone: (E, 3), metres, between the points on the mean body.
        dirs: (E, 3, B), metres, how that moves with the betas.
    """

    median: F64
    spread: F64
    trust: F64
    bone: F64
    dirs: F64


def measured_lengths(
    markers: MarkerSet, body: BodyModel, points_m: F32, confidence: F32, noise_m: float
) -> Lengths | None:
    """Return medians over the clip of the lengths that no pose changes, corrected for noise.

    Points that coincide in the clip or on the body are left out, since their distance does not depend on body size.

    Returns:
        The lengths; None if there are none.
    """
    base, dirs = _rest_point_table(markers, body)
    first, second = rigid_pairs(markers)
    some = slice(None, None, max(1, len(points_m) // LENGTH_FRAMES))
    points_m, confidence = points_m[some], confidence[some]
    apart = points_m[:, first] - points_m[:, second]
    length = np.sqrt(np.einsum("tec,tec->te", apart, apart))
    trust = np.minimum(confidence[:, first], confidence[:, second])
    length[trust <= 0.0] = np.nan
    on_body = np.linalg.norm(base[first] - base[second], axis=1) > LEAST_LENGTH_M
    usable = on_body & ~np.isnan(length).all(axis=0)
    usable[usable] = known_median(length[:, usable]) > LEAST_LENGTH_M
    if not usable.any():
        return None
    first, second, length, trust = first[usable], second[usable], length[:, usable], trust[:, usable]
    median = known_median(length).astype(np.float64)
    # Noise across a bone lengthens it: the squared length grows by 2 sigma^2 per end.
    median = np.sqrt(np.maximum(median**2 - 4.0 * noise_m**2, 0.1 * median**2))
    # Standard error of the median; the correction for noise is approximate.
    frames = np.sqrt(np.maximum((~np.isnan(length)).sum(axis=0), 1))
    spread = LENGTH_M + LENGTH_NOISE * noise_m / frames + noise_m**2 / median
    seen = np.where(trust > 0.0, trust, np.nan).astype(np.float64)
    return Lengths(median, spread, np.nanmean(seen, axis=0), base[first] - base[second], dirs[first] - dirs[second])


def solve_lengths(found: Lengths, spread: F64, *, bound: float) -> tuple[F64, F64]:
    """Gauss-Newton for (s, s beta) from lengths.

    Args:
        found: the lengths.
        spread: (E,), metres, the standard deviation of each.
        bound: greatest size of a beta.

    Returns:
        (1 + B,), the unknowns, and (E,), what is left of each length, metres.
    """
    count = found.dirs.shape[-1]
    columns = np.concatenate([found.bone[..., None], found.dirs], axis=-1)
    unknown = np.zeros(1 + count)
    unknown[0] = np.median(found.median / np.linalg.norm(found.bone, axis=1))
    for _ in range(LENGTH_STEPS):
        vector = columns @ unknown
        size = np.maximum(np.linalg.norm(vector, axis=1), LENGTH_M)
        jacobian = np.einsum("ec,ecn->en", vector / size[:, None], columns)
        left = found.median - size
        weight = np.minimum(1.0, HUBER * spread / np.maximum(np.abs(left), 1e-12)) / spread**2
        # Priors: log s is 0 within SCALE_SPREAD, a beta is 0 within 1.
        prior = np.concatenate([[SCALE_SPREAD**-2], np.ones(count)]) / unknown[0] ** 2
        normal = (jacobian.T * weight) @ jacobian + np.diag(prior)
        gradient = (jacobian.T * weight) @ (left + jacobian @ unknown)
        gradient[0] += prior[0] * unknown[0] * (1.0 - np.log(unknown[0]))
        before, unknown = unknown, solve_bounded(normal, gradient, count, bound=bound)
        if np.abs(unknown - before).max() < SETTLED:
            break
    left = found.median - np.linalg.norm(columns @ unknown, axis=1)
    return unknown, left


def rigid_pairs(markers: MarkerSet) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find pairs of points that keep their distance in every pose.

    These are points with a common bone that carries both of them entirely. A joint's centre is carried by its own bone
    and by its parent's.

    Args:
        markers: Attachment of the points.

    Returns:
        First and second point of each pair.
    """
    carried = markers.weights > 0.999
    on_joint = np.linalg.norm(markers.offsets_m, axis=1) < 1e-4
    for point, joint in zip(*np.nonzero(carried), strict=True):
        if on_joint[point] and PARENTS[joint] >= 0:
            carried[point, PARENTS[joint]] = True
    together = (carried.astype(int) @ carried.T.astype(int)) > 0
    first, second = np.nonzero(np.triu(together, 1))
    return first, second


def _rest_point_table(markers: MarkerSet, body: BodyModel) -> tuple[F64, F64]:
    """Return the points on the T-pose body, (K, 3), and their derivatives by the betas, (K, 3, B)."""
    base = markers.rest_points(body.rest_joints())
    moved = [markers.rest_points(body.rest_joints(unit)) - base for unit in np.eye(body.beta_count, dtype=np.float32)]
    return base.astype(np.float64), np.stack(moved, axis=-1).astype(np.float64)
