# SPDX-License-Identifier: Apache-2.0
"""What a fit sees: key-points without holes, with a confidence for each, and how noisy they are.

A point that is missing (NaN, or of low confidence) or jumps away and back does not count in the fit; the regressor,
which needs every point, is given a smooth bridge over the hole in its place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32, Flags
from ...errors import InputError
from ...skeleton.layout import Layout
from ...skeleton.sequence import KeypointSequence, describe_frames
from ..intervals import runs_of
from ..medians import known_median
from .exchanges import Exchange, repair_exchanges
from .unseen import place_unseen

LEAST_CONFIDENCE: Final = 0.2
"""Below it a point counts as missing."""
LONGEST_BLIND_S: Final = 1.0
"""Frames without any point can be bridged for this long; longer ones are refused."""
JUMP_M: Final = 0.2
"""A point that is this far off the line through where it was just before and after was not measured there: hands that
reverse at 5 m/s within three frames stay below it."""
RIGID_M: Final = 0.002
"""Bones whose lengths are kept within this were measured, however fast they moved."""
DENSE_FPS: Final = 15.0
"""Below this rate neighbouring frames do not distinguish a fast move from a jump, nor motion from noise."""
CENTRE_M: Final = 0.4
"""A clip's centre is at most this far from the middle of shoulders and hips."""
STRETCH: Final = 0.25
"""An edge of the skeleton that is longer or shorter by JUMP_M and this share of its usual length is torn."""
JUMP_LENGTH_S: Final = 0.1
"""Jumps of this length are found; longer ones are taken for motion."""
SLOPE_FRAMES: Final = 4
"""From the frames seen among so many on either side of a hole the bridge takes its direction."""
NEAREST_SEEN: Final = 2
EXACT_M: Final = 0.001
"""With less noise the direction is that of the two nearest frames (`benchmarks.lost_frames`). With noise of 20 mm four
frames are better."""
DIFFERENCE_NOISE: Final = {6: 924.0**0.5, 4: 70.0**0.5}
"""Order of a difference in time: what it makes of white noise of standard deviation 1. The weights of the fourth are 1,
-4, 6, -4, 1; the sixth leaves nothing even of a body that spins, whose fourth differences are millimetres."""
MEDIAN_OF_NORMAL: Final = 0.6745


@dataclass(frozen=True)
class Gap:
    """A stretch in which a point was not seen.

    Attributes:
        point: its index.
        first: first frame.
        last: last frame, included.
        why: ``missing``, ``zero``, ``exchange`` or ``jump``.
    """

    point: int
    first: int
    last: int
    why: str


@dataclass(frozen=True)
class Prepared:
    """Key-points as a fit sees them.

    Attributes:
        points_m: (T, K, 3), metres, without holes.
        confidence: (T, K), 0 where a point was not seen.
        gaps: stretches in which points were not seen.
        noise_m: estimated standard deviation of each coordinate's white noise, metres.
        exchanges: stretches in which mirrored points were exchanged.
    """

    points_m: F32
    confidence: F32
    gaps: tuple[Gap, ...]
    noise_m: float
    exchanges: tuple[Exchange, ...] = ()

    @property
    def seen(self) -> Flags:
        """(T, K), whether a point was seen."""
        return self.confidence > 0.0


def prepare(sequence: KeypointSequence) -> Prepared:
    """Find what cannot be believed, repair or bridge it.

    Args:
        sequence: the clip; NaN and exact zeros are points that were not seen.

    Returns:
        The points without holes.

    Raises:
        InputError: frames without any point, for longer than LONGEST_BLIND_S; the frames are named.
    """
    layout, points = sequence.layout, sequence.keypoints_m
    confidence = np.ones(points.shape[:2], np.float32) if sequence.confidence is None else sequence.confidence
    seen = np.isfinite(points).all(axis=2) & (confidence >= LEAST_CONFIDENCE)
    zeros = zero_points(points, seen, layout)
    seen &= ~zeros
    _require_points(seen, sequence)
    points = points if seen.all() else np.where(seen[..., None], points, np.float32(np.nan))
    whole = repair_exchanges(points, confidence, layout, fps=sequence.fps)
    points, confidence = whole.points_m, whole.confidence
    missing = ~np.isfinite(points).all(axis=2)
    passing = whole.passing & ~missing
    seen = ~(missing | passing)
    dense = sequence.fps >= DENSE_FPS
    jumps = _jumps(points, seen, sequence.fps) if dense else np.zeros_like(seen)
    jumps &= ~_at_bone_length(points, layout)
    jumps |= _torn_off(points, seen & ~jumps, layout)
    gaps = (
        *_gaps(missing & ~zeros, "missing"),
        *_gaps(missing & zeros, "zero"),
        *_gaps(passing, "exchange"),
        *_gaps(jumps, "jump"),
    )
    seen = seen & ~jumps
    noise_m = estimate_noise(points, seen, layout.edges) if dense else 0.0
    nearest = NEAREST_SEEN if dense and noise_m < EXACT_M else SLOPE_FRAMES
    filled = points if seen.all() else _bridge(points, seen, layout, nearest)
    kept = np.where(seen, np.clip(confidence, 0.0, 1.0), 0.0).astype(np.float32)
    return Prepared(filled, kept, gaps, noise_m, whole.found)


def zero_points(points_m: F32, seen: Flags, layout: Layout) -> Flags:
    """Find points at exactly (0, 0, 0), which is how many programs write a point that was not seen.

    A clip that is centred on one point has that point at zero in all frames: it is kept where it lies within the trunk.

    Args:
        points_m: (T, K, 3), metres.
        seen: (T, K).
        layout: names the points of the trunk.

    Returns:
        (T, K).
    """
    zero = seen & (points_m == 0.0).all(axis=2)
    if not zero.any() or zero.all():
        return np.zeros_like(zero)
    always = np.flatnonzero((zero | ~seen).all(axis=0))
    if len(always) == 1:
        trunk = [point for point in (*layout.left, *layout.right) if point != always[0]]
        middle = np.where((seen & ~zero)[:, trunk, None], points_m[:, trunk], np.nan)
        known = np.isfinite(middle).all(axis=2).any(axis=1)
        if known.any() and np.median(np.linalg.norm(np.nanmean(middle[known], axis=1), axis=1)) < CENTRE_M:
            zero[:, always] = False
    return zero


def estimate_noise(points_m: F32, seen: Flags, edges: tuple[tuple[int, int], ...] = ()) -> float:
    """Estimate the standard deviation of each coordinate's white noise from differences in time.

    The differences are of the highest order that so many frames in a row allow; their median over all points leaves
    sharp moves out. A body that moves fast throughout has large differences too, but its bones keep their lengths, and
    noise changes these: with edges, noise is at most what their lengths show.

    Args:
        points_m: (T, K, 3), metres.
        seen: (T, K).
        edges: pairs of points, most of which are ends of one bone.

    Returns:
        Metres.
    """
    found = _white_noise(points_m, seen)
    if not found or not edges:
        return found
    first, second = (np.array(ends) for ends in zip(*edges, strict=True))
    length = np.linalg.norm(points_m[:, first].astype(np.float64) - points_m[:, second], axis=2)[..., None]
    # A length changes by the noise of both ends along it.
    return min(found, _white_noise(length, seen[:, first] & seen[:, second]) / 2.0**0.5)


def _white_noise(curves: NDArray[np.floating], seen: Flags) -> float:
    """Standard deviation of the curves' white noise. curves: (T, N, C); seen: (T, N)."""
    for order, gain in DIFFERENCE_NOISE.items():
        if len(curves) <= order:
            continue
        whole = np.all([seen[shift : len(seen) - order + shift] for shift in range(order + 1)], axis=0)
        if whole.any():
            difference = np.diff(curves, n=order, axis=0)[whole]
            return float(np.median(np.abs(difference)) / (MEDIAN_OF_NORMAL * gain))
    return 0.0


def _require_points(seen: Flags, sequence: KeypointSequence) -> None:
    blind = ~seen.any(axis=1)
    longest = max((last - first + 1 for first, last in runs_of(blind)), default=0)
    if blind.all() or longest > LONGEST_BLIND_S * sequence.fps:
        raise InputError(
            f"{sequence.source} has only NaN or unseen points in {int(blind.sum())} of {len(seen)} frames "
            f"({describe_frames(np.flatnonzero(blind))}); up to {LONGEST_BLIND_S:g} s can be bridged. Cut them off, or "
            "choose other frames with --frames."
        )


def _jumps(points_m: F32, seen: Flags, fps: float) -> Flags:
    """Points that leave their path and come back at once: (T, K)."""
    jumped = np.zeros_like(seen)
    if len(points_m) < 3:
        return jumped
    # Second differences are cheap and find every suspect; only points that have some are looked at closely.
    middle = points_m[1:-1] - 0.5 * (points_m[:-2] + points_m[2:])
    bend = np.nan_to_num(np.einsum("tkc,tkc->tk", middle, middle), nan=np.inf)
    for point in np.flatnonzero((bend > (0.5 * JUMP_M) ** 2).any(axis=0)):
        frames = np.flatnonzero(seen[:, point])
        for _ in range(max(1, round(JUMP_LENGTH_S * fps))):
            if len(frames) < 3:
                break
            off = _off_path(points_m[frames, point], frames)
            around = np.pad(off, 1)
            high = off > JUMP_M + 3.0 * float(np.median(off))
            out = high & (off >= around[:-2]) & (off >= around[2:])
            if not out.any():
                break
            jumped[frames[out], point] = True
            frames = frames[~out]
    return jumped


def _at_bone_length(points_m: F32, layout: Layout) -> Flags:
    """Find points at their usual distance from all their neighbours on the skeleton, within RIGID_M.

    A body whose bones keep their lengths exactly may turn or jump from one frame to the next, as where a recording is
    cut. An outlier does not keep them.

    Args:
        points_m: (T, K, 3), metres; NaN where a point was not seen.
        layout: Names the edges.

    Returns:
        (T, K).
    """
    if not layout.edges:
        return np.zeros(points_m.shape[:2], bool)
    first, second = (np.array(ends) for ends in zip(*layout.edges, strict=True))
    length = np.linalg.norm(points_m[:, first] - points_m[:, second], axis=2)
    known = np.isfinite(length).any(axis=0)
    usual = np.full(len(first), np.nan)
    usual[known] = known_median(length[:, known])
    ends = np.zeros((len(first), layout.count), np.uint8)
    ends[np.arange(len(first)), first] = ends[np.arange(len(first)), second] = 1
    changed = (~(np.abs(length - usual) < RIGID_M)).astype(np.uint8)
    return ends.any(axis=0) & (changed @ ends == 0)


def _off_path(path_m: F32, frames: NDArray[np.intp]) -> F32:
    """Return the distance of each position from the straight line between its neighbours; 0 at the ends.

    Args:
        path_m: (N, 3), metres.
        frames: Their frames, (N,).

    Returns:
        (N,), metres.
    """
    share = ((frames[1:-1] - frames[:-2]) / (frames[2:] - frames[:-2])).astype(np.float32)[:, None]
    off = np.zeros(len(path_m), np.float32)
    off[1:-1] = np.linalg.norm(path_m[1:-1] - (1.0 - share) * path_m[:-2] - share * path_m[2:], axis=1)
    return off


def _torn_off(points_m: F32, seen: Flags, layout: Layout) -> Flags:
    """Find points that are away from all their neighbours on the skeleton, (T, K)."""
    first, second = (np.array(ends) for ends in zip(*layout.edges, strict=True))
    length = np.linalg.norm(points_m[:, first] - points_m[:, second], axis=2)
    length[~(seen[:, first] & seen[:, second])] = np.nan
    usual = known_median(length)
    wrong = np.abs(length - usual) > JUMP_M + STRETCH * usual
    torn = np.zeros_like(seen)
    for frame in np.flatnonzero(wrong.any(axis=1)):
        left = wrong[frame].copy()
        while left.any():
            # The point with most wrong edges is off; of two with as many, the one with fewer right ones.
            count = np.bincount(first[left], minlength=layout.count) + np.bincount(second[left], minlength=layout.count)
            edges = np.bincount(first, minlength=layout.count) + np.bincount(second, minlength=layout.count)
            point = int(np.argmax(count - 0.01 * edges))
            torn[frame, point] = True
            left &= (first != point) & (second != point)
    return torn


def _gaps(flags: Flags, why: str) -> list[Gap]:
    return [
        Gap(int(point), first, last, why)
        for point in np.flatnonzero(flags.any(axis=0))
        for first, last in runs_of(flags[:, point])
    ]


def _bridge(points_m: F32, seen: Flags, layout: Layout, nearest: int) -> F32:
    """Cubic bridges (Hermite's) over holes, level at the clip's ends.

    From the middle of the skeleton outwards, each point is bridged as it is seen from the neighbour before it, so that
    bones keep about their lengths. Points that are never seen hang or stand naturally (``place_unseen``).

    Args:
        points_m: (T, K, 3), metres.
        seen: (T, K).
        layout: Names the edges.
        nearest: Seen frames on either side that give a bridge its direction.

    Returns:
        (T, K, 3), metres.
    """
    filled = np.where(seen[..., None], points_m, 0.0).astype(np.float32)
    never = set(np.flatnonzero(~seen.any(axis=0)).tolist())
    for point, before in _outwards(layout):
        if point in never or seen[:, point].all():
            continue
        base = filled[:, before] if before is not None and before not in never else np.zeros_like(filled[:, point])
        path = filled[:, point] - base
        for first, last in runs_of(~seen[:, point]):
            filled[first : last + 1, point] = base[first : last + 1] + _hermite(
                path, seen[:, point], first, last, nearest
            )
    if never:
        place_unseen(filled, sorted(never), layout)
    return filled


def _outwards(layout: Layout) -> list[tuple[int, int | None]]:
    """Every point with the neighbour nearer to the middle, the point with most edges; breadth first."""
    neighbours: dict[int, list[int]] = {point: [] for point in range(layout.count)}
    for first, second in layout.edges:
        neighbours[first].append(second)
        neighbours[second].append(first)
    order: list[tuple[int, int | None]] = [(max(neighbours, key=lambda point: len(neighbours[point])), None)]
    found = {order[0][0]}
    for point, _ in order:
        for other in neighbours[point]:
            if other not in found:
                found.add(other)
                order.append((other, point))
    return order + [(point, None) for point in range(layout.count) if point not in found]


def _hermite(path_m: F32, seen: Flags, first: int, last: int, nearest: int) -> F32:
    """path_m: (T, 3), metres -> (last - first + 1, 3)."""
    before, after = first - 1, last + 1
    if before < 0 or after >= len(path_m):
        return np.broadcast_to(path_m[max(before, 0) if after >= len(path_m) else after], (last - first + 1, 3))
    span = after - before
    share = ((np.arange(first, last + 1) - before) / span).astype(np.float32)[:, None]
    slope_in = _slope(path_m, seen, range(before, max(-1, before - SLOPE_FRAMES), -1), nearest)
    slope_out = _slope(path_m, seen, range(after, min(len(path_m), after + SLOPE_FRAMES)), nearest)
    square, cube = share**2, share**3
    return (
        (2 * cube - 3 * square + 1) * path_m[before]
        + (cube - 2 * square + share) * span * slope_in
        + (3 * square - 2 * cube) * path_m[after]
        + (cube - square) * span * slope_out
    ).astype(np.float32)


def _slope(path_m: F32, seen: Flags, frames: range, nearest: int) -> F32:
    """Metres per frame at an edge of a hole, a straight line through what is seen next to it."""
    near = np.array([frame for frame in frames if seen[frame]][:nearest])
    if len(near) < 2:
        return np.zeros(3, np.float32)
    time = near - near.mean()
    return (time @ path_m[near] / (time @ time)).astype(np.float32)
