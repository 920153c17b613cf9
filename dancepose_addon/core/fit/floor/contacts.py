"""The floor of a clip, and when feet stand on it.

Recordings of inertial suits and of single cameras drift: feet that stand rise or fall by decimetres over a clip. What
carries a body is its lowest point, and what carries it keeps still, so the height of lowest points that keep still
tells the drift, whichever part of the body stands, kneels or lies.
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
"""Vertices of each foot and toe region that stand for its sole, spread over it."""
SOLE_DEPTH_M: Final = 0.015
"""How far above a region's lowest vertex its sole reaches."""
FLOOR_PERCENTILE: Final = 20.0
"""Of the soles' height over the clip, for a first guess: below most of what a standing dancer's feet do."""
NEAR_FLOOR_M: Final = 0.035
"""A sole that stands is not higher: markers and recordings are off by that much."""
STILL_M_S: Final = 0.3
"""A sole that stands is not faster; below the 0.5 m/s that is counted as sliding (Karunratanakul et al. 2023, GMD)."""
LEAST_CONTACT_S: Final = 0.12
LONGEST_LIFT_S: Final = 0.06
"""Shorter contacts are feet passing by; shorter lifts are noise."""
SUPPORT_POINTS: Final = 80
"""Vertices all over the body among which the lowest is looked for."""
SUPPORT_S: Final = 0.4
"""Standard deviation of the window in time over which supports are averaged."""
NOTED_DRIFT_M: Final = 0.05
"""A drift below this is left alone: it may be the way a dancer rolls over the feet."""
SIDES: Final = ("left", "right")
PARTS: Final = ("ankle", "foot")


@dataclass(frozen=True)
class Soles:
    """Feet over a clip. places_m: (T, 2, 2, 3), the middle of each foot's (left, right) heel and toe sole; lowest_m:
    (T, 2, 2), the lowest vertex of each."""

    places_m: F32
    lowest_m: F32

    def lowered(self, by_m: F32) -> "Soles":
        """The same, seen from a floor that is higher by so much. by_m: (T,), metres."""
        places = self.places_m.copy()
        places[..., 1] -= by_m[:, None, None]
        return Soles(places, self.lowest_m - by_m[:, None, None])


@dataclass(frozen=True)
class Ground:
    """floor_m: height of the floor, constant over the clip; contact: (T, 2, 2), whether heel and toes of the left and
    the right foot stand."""

    floor_m: float
    contact: Flags


@lru_cache(maxsize=8)
def sole_vertices(body: BodyModel) -> NDArray[np.intp]:
    """Vertices under both feet: (2, 2, SOLE_POINTS), by side and part; spread over the sole (farthest-point sampling),
    beginning with the lowest."""
    chosen = []
    for side in SIDES:
        for part in PARTS:
            moved = np.flatnonzero(body.weights[:, JOINT_INDEX[f"{side}_{part}"]] > 0.5)
            height = body.v_template_m[moved, 1]
            sole = moved[height < height.min() + SOLE_DEPTH_M]
            chosen.append(_spread(body.v_template_m, sole, int(moved[height.argmin()]), SOLE_POINTS))
    return np.array(chosen).reshape(2, 2, SOLE_POINTS)


def _spread(vertices_m: F32, candidates: NDArray[np.intp], first: int, count: int) -> list[int]:
    """Farthest-point sampling (Gonzalez 1985)."""
    picked = [first]
    distance = np.linalg.norm(vertices_m[candidates] - vertices_m[first], axis=1)
    while len(picked) < count:
        picked.append(int(candidates[distance.argmax()]))
        distance = np.minimum(distance, np.linalg.norm(vertices_m[candidates] - vertices_m[picked[-1]], axis=1))
    return picked


def find_supports(
    body: BodyModel, pose_rotmat: F32, translation_m: F32, *, scale: float, betas: F32 | None = None
) -> F32:
    """Where the ``support_vertices`` are, metres. pose_rotmat: (T, 24, 3, 3); translation_m: (T, 3), metres ->
    (T, SUPPORT_POINTS, 3)."""
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
    """Where the soles are. pose_rotmat: (T, 24, 3, 3); translation_m: (T, 3), metres."""
    return soles_of(find_supports(body, pose_rotmat, translation_m, scale=scale, betas=betas))


def soles_of(supports_m: F32) -> Soles:
    """The soles among the supports. supports_m: (T, SUPPORT_POINTS, 3), metres."""
    soles = supports_m[:, : 4 * SOLE_POINTS].reshape(len(supports_m), 2, 2, SOLE_POINTS, 3)
    return Soles(soles.mean(axis=3), soles[..., 1].min(axis=3))


def support_drift(supports_m: F32, *, fps: float) -> F32 | None:
    """How high the ground under the body lies from frame to frame, or None where it does not drift.

    supports_m: (T, SUPPORT_POINTS, 3), metres -> (T,), metres.
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
    """SUPPORT_POINTS vertices: first those of the soles, then some that are spread over the whole body."""
    soles = sole_vertices(body).ravel()
    rest = np.arange(len(body.v_template_m))
    others = _spread(body.v_template_m, rest, int(body.v_template_m[:, 1].argmax()), SUPPORT_POINTS - len(soles))
    return np.concatenate([soles, others])


def _windowed_mean(values: F32, known: Flags, spread: float) -> F32:
    """Mean of the known values, weighted by a bell in time; straight lines where none is near. values: (T,)."""
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
    """The floor, and the contacts with it.

    A first floor is a low percentile of each frame's lowest sole vertex: on the floor or above it (a jump) as long as a
    dancer stands. Soles that are near it and still are standing; the floor is their median height. A clip without any
    contact keeps the first floor.
    """
    floor_m = float(np.percentile(soles.lowest_m.min(axis=(1, 2)), FLOOR_PERCENTILE))
    for _ in range(2):
        contact = find_contacts(soles, floor_m, fps=fps)
        if contact.any():
            standing = np.where(contact, soles.lowest_m, np.inf).min(axis=(1, 2))
            floor_m = float(np.median(standing[np.isfinite(standing)]))
    return Ground(floor_m, find_contacts(soles, floor_m, fps=fps))


def find_contacts(soles: Soles, floor_m: float, *, fps: float) -> Flags:
    """Which soles stand: near the floor, slow along it, for long enough. -> (T, 2, 2)."""
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
    """Turn stretches of ``value`` that are at most so long, and not at an end, into the other, in place."""
    for first, last in runs_of(flags == value):
        if last - first + 1 <= most and (value or (first > 0 and last < len(flags) - 1)):
            flags[first : last + 1] = not value


def contact_spans(ground_: Ground) -> dict[str, list[tuple[int, int]]]:
    """For each foot the stretches, first and last frame, in which heel or toes stand."""
    either = ground_.contact.any(axis=2)
    return {side: runs_of(either[:, index]) for index, side in enumerate(SIDES)}
