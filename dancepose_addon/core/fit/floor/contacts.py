# SPDX-License-Identifier: Apache-2.0
"""Floor height of a clip and foot contacts.

Recordings of inertial suits and of single cameras drift: standing feet rise or sink by decimetres over a clip. The
lowest point of a body supports it, and a supporting point does not move. The height of lowest points that do not move
therefore measures the drift, whether the body stands, kneels or lies.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, Flags
from ...body.model import JOINT_INDEX, BodyModel, skin
from ..intervals import runs_of

SOLE_POINTS: Final = 12
"""Vertices that represent the sole of each foot or toe region."""
SOLE_DEPTH_M: Final = 0.015
"""Vertices up to this height above a region's lowest vertex belong to its sole."""
FLOOR_PERCENTILE: Final = 20.0
"""Percentile of the soles' heights that initialises the floor: below most positions of a standing dancer's feet."""
NEAR_FLOOR_M: Final = 0.035
"""Largest height of a sole in contact; markers and recordings have errors of this size."""
STILL_M_S: Final = 0.3
"""Largest speed of a sole in contact; sliding starts at 0.5 m/s in Karunratanakul et al. 2023 (GMD)."""
LEAST_CONTACT_S: Final = 0.12
LONGEST_LIFT_S: Final = 0.06
"""Shorter contacts are feet passing the floor; shorter lifts are noise."""
SUPPORT_POINTS: Final = 80
"""Number of vertices among which the lowest is searched."""
SUPPORT_S: Final = 0.4
"""Standard deviation of the time window over which support heights are averaged."""
NOTED_DRIFT_M: Final = 0.05
"""Smaller drifts are ignored; they may come from the dancer rolling over the feet."""
SIDES: Final = ("left", "right")
PARTS: Final = ("ankle", "foot")


@dataclass(frozen=True)
class Soles:
    """Soles of both feet over a clip.

    Attributes:
        places_m: Mean position of each sole (left, right; heel, toes), (T, 2, 2, 3), metres.
        lowest_m: Height of the lowest vertex of each sole, (T, 2, 2), metres.
    """

    places_m: F32
    lowest_m: F32

    def lowered(self, by_m: F32) -> "Soles":
        """Return the soles relative to a higher floor.

        Args:
            by_m: Height of the floor, (T,), metres.
        """
        places = self.places_m.copy()
        places[..., 1] -= by_m[:, None, None]
        return Soles(places, self.lowest_m - by_m[:, None, None])


@dataclass(frozen=True)
class Ground:
    """Floor and contacts of a clip.

    Attributes:
        floor_m: Height of the floor, constant over the clip, metres.
        contact: Whether heel and toes of the left and the right foot are in contact, (T, 2, 2).
    """

    floor_m: float
    contact: Flags


@lru_cache(maxsize=8)
def sole_vertices(body: BodyModel) -> NDArray[np.intp]:
    """Return vertices under both feet, the lowest first, spread over the sole by farthest-point sampling.

    Returns:
        Vertex indices by side and part, (2, 2, SOLE_POINTS).
    """
    chosen = []
    for side in SIDES:
        for part in PARTS:
            moved = np.flatnonzero(body.weights[:, JOINT_INDEX[f"{side}_{part}"]] > 0.5)
            height = body.v_template_m[moved, 1]
            sole = moved[height < height.min() + SOLE_DEPTH_M]
            chosen.append(_spread(body.v_template_m, sole, int(moved[height.argmin()]), SOLE_POINTS))
    return np.array(chosen).reshape(2, 2, SOLE_POINTS)


def _spread(vertices_m: F32, candidates: NDArray[np.intp], first: int, count: int) -> list[int]:
    """Select vertices by farthest-point sampling (Gonzalez 1985)."""
    picked = [first]
    distance = np.linalg.norm(vertices_m[candidates] - vertices_m[first], axis=1)
    while len(picked) < count:
        picked.append(int(candidates[distance.argmax()]))
        distance = np.minimum(distance, np.linalg.norm(vertices_m[candidates] - vertices_m[picked[-1]], axis=1))
    return picked


def find_supports(
    body: BodyModel, pose_rotmat: F32, translation_m: F32, *, scale: float, betas: F32 | None = None
) -> F32:
    """Return the positions of the ``support_vertices``.

    Args:
        body: The body.
        pose_rotmat: Local rotations, (T, 24, 3, 3).
        translation_m: (T, 3), metres.
        scale: Scale of the body.
        betas: Shape, (B,); None for the mean shape.

    Returns:
        Positions, (T, SUPPORT_POINTS, 3), metres.
    """
    places = np.empty((len(pose_rotmat), SUPPORT_POINTS, 3), np.float32)

    def keep(first: int, vertices_m: F32) -> None:
        places[first : first + len(vertices_m)] = vertices_m

    skin(
        body,
        pose_rotmat,
        betas=betas,
        translation_m=translation_m,
        scale=scale,
        correctives=False,
        vertices=support_vertices(body),
        batch=256,
        each=keep,
    )
    return places


def find_soles(
    body: BodyModel, pose_rotmat: F32, translation_m: F32, *, scale: float, betas: F32 | None = None
) -> Soles:
    """Return the soles of a motion.

    Args:
        body: The body.
        pose_rotmat: Local rotations, (T, 24, 3, 3).
        translation_m: (T, 3), metres.
        scale: Scale of the body.
        betas: Shape, (B,); None for the mean shape.
    """
    return soles_of(find_supports(body, pose_rotmat, translation_m, scale=scale, betas=betas))


def soles_of(supports_m: F32) -> Soles:
    """Select the soles from the support points.

    Args:
        supports_m: (T, SUPPORT_POINTS, 3), metres.
    """
    soles = supports_m[:, : 4 * SOLE_POINTS].reshape(len(supports_m), 2, 2, SOLE_POINTS, 3)
    return Soles(soles.mean(axis=3), soles[..., 1].min(axis=3))


def support_drift(supports_m: F32, *, fps: float) -> F32 | None:
    """Estimate the height of the ground below the body over time.

    Args:
        supports_m: (T, SUPPORT_POINTS, 3), metres.
        fps: Frames per second.

    Returns:
        Heights, (T,), metres; None if the ground does not drift.
    """
    if len(supports_m) < 3:
        return None
    lowest = supports_m[..., 1].argmin(axis=1)
    height = supports_m[np.arange(len(supports_m)), lowest, 1]
    # The speed of the vertex that is lowest now, from the frame before to the frame after.
    frames = np.arange(1, len(supports_m) - 1)
    step = supports_m[frames + 1, lowest[1:-1]] - supports_m[frames - 1, lowest[1:-1]]
    still = np.zeros(len(supports_m), bool)
    still[1:-1] = np.linalg.norm(step, axis=1) * 0.5 * fps < STILL_M_S
    _fill_short(still, round(LEAST_CONTACT_S * fps) - 1, value=True)
    if not still.any():
        return None
    drift = _windowed_mean(height, still, SUPPORT_S * fps)
    return drift if float(np.ptp(np.percentile(drift, [5, 95]))) > NOTED_DRIFT_M else None


@lru_cache(maxsize=8)
def support_vertices(body: BodyModel) -> NDArray[np.intp]:
    """Return SUPPORT_POINTS vertices: those of the soles, then some spread over the whole body."""
    soles = sole_vertices(body).ravel()
    rest = np.arange(len(body.v_template_m))
    others = _spread(body.v_template_m, rest, int(body.v_template_m[:, 1].argmax()), SUPPORT_POINTS - len(soles))
    return np.concatenate([soles, others])


def _windowed_mean(values: F32, known: Flags, spread: float) -> F32:
    """Average the known values with a Gaussian window, and interpolate linearly where none is near.

    Args:
        values: (T,).
        known: Which values are known, (T,).
        spread: Standard deviation of the window, frames.

    Returns:
        (T,).
    """
    reach = int(np.ceil(3.0 * spread))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    total = np.convolve(np.where(known, values, 0.0), bell)[reach : reach + len(values)]
    weight = np.convolve(known.astype(np.float64), bell)[reach : reach + len(values)]
    near = weight > 0.2
    if not near.any():
        return np.full(len(values), values[known].mean(), np.float32)
    frames = np.arange(len(values))
    return np.interp(frames, frames[near], total[near] / weight[near]).astype(np.float32)


def ground(soles: Soles, *, fps: float) -> Ground:
    """Estimate the floor and the contacts with it.

    The initial floor is a low percentile of each frame's lowest sole vertex, which is on the floor or above it (a jump)
    while a dancer stands. Soles near it that do not move are in contact; the floor is the median of their heights. A
    clip without contacts keeps the initial floor.

    Args:
        soles: Soles of the clip.
        fps: Frames per second.
    """
    floor_m = float(np.percentile(soles.lowest_m.min(axis=(1, 2)), FLOOR_PERCENTILE))
    for _ in range(2):
        contact = find_contacts(soles, floor_m, fps=fps)
        if contact.any():
            standing = np.where(contact, soles.lowest_m, np.inf).min(axis=(1, 2))
            floor_m = float(np.median(standing[np.isfinite(standing)]))
    return Ground(floor_m, find_contacts(soles, floor_m, fps=fps))


def find_contacts(soles: Soles, floor_m: float, *, fps: float) -> Flags:
    """Find the soles that are near the floor and slow for long enough.

    Args:
        soles: Soles of the clip.
        floor_m: Height of the floor, metres.
        fps: Frames per second.

    Returns:
        Contacts, (T, 2, 2).
    """
    if len(soles.places_m) < 2:
        return soles.lowest_m - floor_m < NEAR_FLOOR_M
    steps = np.diff(soles.places_m, axis=0)
    steps = np.concatenate([steps[:1], 0.5 * (steps[1:] + steps[:-1]), steps[-1:]])
    speed = np.linalg.norm(steps, axis=-1) * fps
    contact = (soles.lowest_m - floor_m < NEAR_FLOOR_M) & (speed < STILL_M_S)
    for side in range(2):
        for part in range(2):
            flags = contact[:, side, part]
            _fill_short(flags, round(LONGEST_LIFT_S * fps), value=False)
            _fill_short(flags, round(LEAST_CONTACT_S * fps) - 1, value=True)
    return contact


def _fill_short(flags: Flags, most: int, *, value: bool) -> None:
    """Invert runs of ``value`` of at most ``most`` frames that are not at an end of the clip, in place."""
    for first, last in runs_of(flags == value):
        if last - first + 1 <= most and (value or (first > 0 and last < len(flags) - 1)):
            flags[first : last + 1] = not value


def contact_spans(ground_: Ground) -> dict[str, list[tuple[int, int]]]:
    """Return the runs of frames (first, last) in which heel or toes of each foot are in contact."""
    either = ground_.contact.any(axis=2)
    return {side: runs_of(either[:, index]) for index, side in enumerate(SIDES)}
