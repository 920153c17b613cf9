"""What a fit sees: key-points without holes, with a confidence for each, and how noisy they are.

A point that is missing (NaN, or of low confidence) or jumps away and back does not count in the fit; the regressor,
which needs every point, is given a smooth bridge over the hole in its place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..skeleton.layout import Layout
from ..skeleton.sequence import Sequence, describe_frames

F32 = NDArray[np.float32]
Flags = NDArray[np.bool_]

LEAST_CONFIDENCE: Final = 0.2
"""Below it a point counts as missing."""
LONGEST_BLIND_S: Final = 1.0
"""Frames without any point can be bridged for this long; longer ones are refused."""
JUMP_M: Final = 0.15
"""A point that is this far from where the frames around it have it, and back at once, was not measured there."""
JUMP_WINDOW_S: Final = 0.085
"""Half of the stretch that a point is compared with: longer jumps are taken for motion."""
FOURTH_DIFFERENCE_NOISE: Final = 70.0**0.5
"""Fourth differences leave next to nothing of motion, and this times the standard deviation of white noise: their
weights are 1, -4, 6, -4, 1."""
MEDIAN_OF_NORMAL: Final = 0.6745


@dataclass(frozen=True)
class Gap:
    """A stretch in which a point was not seen. point: its index; first, last: frames, both included; why: ``missing``
    or ``jump``."""

    point: int
    first: int
    last: int
    why: str


@dataclass(frozen=True)
class Prepared:
    """points_m: (T, K, 3), metres, no holes; confidence: (T, K), 0 where a point was not seen; gaps: those stretches;
    noise_m: estimated standard deviation of each coordinate's white noise, metres."""

    points_m: F32
    confidence: F32
    gaps: tuple[Gap, ...]
    noise_m: float

    @property
    def seen(self) -> Flags:
        """(T, K), whether a point was seen."""
        return self.confidence > 0.0


def prepare(sequence: Sequence) -> Prepared:
    """Find what cannot be believed, and bridge it.

    Raises:
        InputError: frames without any point, for longer than LONGEST_BLIND_S; the frames are named.
    """
    points = sequence.keypoints_m
    confidence = np.ones(points.shape[:2], np.float32) if sequence.confidence is None else sequence.confidence
    seen = np.isfinite(points).all(axis=2) & (confidence >= LEAST_CONFIDENCE)
    _require_points(seen, sequence)
    jumps = _jumps(points, seen, sequence.fps)
    gaps = (*_gaps(~seen, "missing"), *_gaps(jumps, "jump"))
    seen = seen & ~jumps
    filled = points if seen.all() else _bridge(points, seen, sequence.layout)
    kept = np.where(seen, np.clip(confidence, 0.0, 1.0), 0.0).astype(np.float32)
    return Prepared(filled, kept, gaps, estimate_noise(filled, seen))


def estimate_noise(points_m: F32, seen: Flags) -> float:
    """Standard deviation of each coordinate's white noise, metres, from fourth differences in time (median over all, so
    that sharp moves do not count as noise). points_m: (T, K, 3), metres."""
    if len(points_m) < 5:
        return 0.0
    difference = np.diff(points_m, n=4, axis=0)
    whole = seen[4:] & seen[3:-1] & seen[2:-2] & seen[1:-3] & seen[:-4]
    if not whole.any():
        return 0.0
    return float(np.median(np.abs(difference[whole])) / (MEDIAN_OF_NORMAL * FOURTH_DIFFERENCE_NOISE))


def _require_points(seen: Flags, sequence: Sequence) -> None:
    blind = ~seen.any(axis=1)
    longest = max((last - first + 1 for first, last in runs_of(blind)), default=0)
    if blind.all() or longest > LONGEST_BLIND_S * sequence.fps:
        raise InputError(
            f"{sequence.source} has only NaN or unseen points in {int(blind.sum())} of {len(seen)} frames "
            f"({describe_frames(np.flatnonzero(blind))}); up to {LONGEST_BLIND_S:g} s can be bridged. Cut them off, or "
            "choose other frames with --frames."
        )


def _jumps(points_m: F32, seen: Flags, fps: float) -> Flags:
    """Points that leave their path and come back: (T, K)."""
    jumped = np.zeros_like(seen)
    if len(points_m) < 3:
        return jumped
    # Second differences are cheap and find every suspect; only those are held against the median around them.
    bend = np.zeros(seen.shape, np.float32)
    middle = points_m[1:-1] - 0.5 * (points_m[:-2] + points_m[2:])
    bend[1:-1] = np.sqrt(np.einsum("tkc,tkc->tk", middle, middle))
    bend[0], bend[-1] = bend[1], bend[-2]
    suspects = np.nonzero(np.nan_to_num(bend, nan=np.inf) > 0.5 * JUMP_M)
    half = max(2, round(JUMP_WINDOW_S * fps))
    for frame, point in zip(*suspects, strict=True):
        near = slice(max(0, frame - half), frame + half + 1)
        around = points_m[near, point][seen[near, point]]
        if seen[frame, point] and len(around) > 2:
            off = np.linalg.norm(around - np.median(around, axis=0), axis=1)
            here = np.linalg.norm(points_m[frame, point] - np.median(around, axis=0))
            jumped[frame, point] = here > JUMP_M + 4.0 * float(np.median(off))
    return jumped


def _gaps(flags: Flags, why: str) -> list[Gap]:
    return [
        Gap(int(point), first, last, why)
        for point in np.flatnonzero(flags.any(axis=0))
        for first, last in runs_of(flags[:, point])
    ]


def runs_of(flags: Flags) -> list[tuple[int, int]]:
    """Stretches of true values as (first, last), both included. flags: (T,)."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _bridge(points_m: F32, seen: Flags, layout: Layout) -> F32:
    """Cubic bridges (Hermite's) over holes, level at the clip's ends. Points never seen lie amid their neighbours."""
    filled = np.where(seen[..., None], points_m, 0.0).astype(np.float32)
    never = np.flatnonzero(~seen.any(axis=0))
    for point in np.flatnonzero(~seen.all(axis=0) & seen.any(axis=0)):
        for first, last in runs_of(~seen[:, point]):
            filled[first : last + 1, point] = _hermite(filled[:, point], seen[:, point], first, last)
    for point in never:
        around = [b if a == point else a for a, b in layout.edges if point in (a, b)]
        known = [k for k in around if k not in never] or [k for k in range(layout.count) if k not in never]
        filled[:, point] = filled[:, known].mean(axis=1)
    return filled


def _hermite(path_m: F32, seen: Flags, first: int, last: int) -> F32:
    """path_m: (T, 3), metres -> (last - first + 1, 3)."""
    before, after = first - 1, last + 1
    if before < 0 or after >= len(path_m):
        return np.broadcast_to(path_m[max(before, 0) if after >= len(path_m) else after], (last - first + 1, 3))
    span = after - before
    share = ((np.arange(first, last + 1) - before) / span).astype(np.float32)[:, None]
    slope_in = path_m[before] - path_m[before - 1] if before > 0 and seen[before - 1] else np.zeros(3, np.float32)
    slope_out = path_m[after + 1] - path_m[after] if after + 1 < len(path_m) and seen[after + 1] else 0.0 * slope_in
    square, cube = share**2, share**3
    return (
        (2 * cube - 3 * square + 1) * path_m[before]
        + (cube - 2 * square + share) * span * slope_in
        + (3 * square - 2 * cube) * path_m[after]
        + (cube - square) * span * slope_out
    ).astype(np.float32)
