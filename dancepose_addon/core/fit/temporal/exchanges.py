# SPDX-License-Identifier: Apache-2.0
"""Mirrored points that are exchanged for a stretch of a clip, such as a left ankle that is recorded as the right one.

Two kinds are found. Points of one bone (two points of the head) are exchanged where they point against the shoulders,
which no neck allows; a recording that was interpolated takes some frames for it, in which the two points pass through
each other, and these frames show nothing. Any mirrored points are exchanged where both jump to the other's path and
back within LONGEST_EXCHANGE_S.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...arrays import F32, Flags
from ...counting import counted
from ...skeleton.layout import Layout
from ...skeleton.sequence import KeypointSequence
from ..intervals import runs_of

AGAINST_COSINE: Final = float(np.cos(np.radians(100.0)))
"""Of the angle between a pair of the head and the shoulders: beyond it the pair is exchanged."""
FACING_COSINE: Final = 0.5
PAIR_LENGTH: Final = 0.3
"""Next to an exchange, frames count as passing until the pair lies within 60 degrees of the shoulders and its length
within this share of its median."""
LONGEST_PASSING_S: Final = 1.2
LONGEST_EXCHANGE_S: Final = 0.5
"""Exchanges of points that jump are repaired up to this length; after longer ones it is open which part is right."""
JUMP_M: Final = 0.12
"""Each of two points that are exchanged jumps at least this far."""
NEARER: Final = 0.35
"""Share of that jump that is left where the two are exchanged back."""
SIDES: Final = 0.4
"""Share of the pairs that jump at a frame from which on all have."""
LEAST_FPS: Final = 10.0
"""Below this rate jumps cannot be distinguished from motion."""


@dataclass(frozen=True)
class Exchange:
    """A stretch in which mirrored points are exchanged.

    Attributes:
        points: the pair, left and right as the layout names them.
        first: first frame.
        last: last frame, included.
        repaired: whether the points were exchanged back.
    """

    points: tuple[int, int]
    first: int
    last: int
    repaired: bool


@dataclass(frozen=True)
class Exchanged:
    """Points after the repair.

    Attributes:
        points_m: (T, K, 3), metres.
        confidence: (T, K) in [0, 1], exchanged like the points.
        passing: (T, K), frames in which two points pass through each other.
        found: the exchanges.
    """

    points_m: F32
    confidence: F32
    passing: Flags
    found: tuple[Exchange, ...]


def repair_exchanges(points_m: F32, confidence: F32, layout: Layout, *, fps: float) -> Exchanged:
    """Exchange mirrored points back.

    Args:
        points_m: (T, K, 3), metres; NaN where a point was not seen.
        confidence: (T, K) in [0, 1].
        layout: names the pairs and the shoulders.
        fps: frames per second.

    Returns:
        The points, and what was done.
    """
    state = Exchanged(points_m, confidence, np.zeros(points_m.shape[:2], bool), ())
    if len(points_m) < 3 or fps < LEAST_FPS:
        return state
    for pair in _head_pairs(layout):
        state = _repair_head(state, pair, layout, fps)
    return _repair_jumps(state, layout, fps)


def without_exchanges(sequence: KeypointSequence) -> KeypointSequence:
    """Exchange mirrored points back and leave out the frames in which they pass through each other.

    Args:
        sequence: a clip without missing points.

    Returns:
        The clip with as many frames or fewer.
    """
    confidence = np.ones(sequence.keypoints_m.shape[:2], np.float32)
    whole = repair_exchanges(sequence.keypoints_m, confidence, sequence.layout, fps=sequence.fps)
    return replace(sequence, keypoints_m=whole.points_m[~whole.passing.any(axis=1)])


def _pairs(layout: Layout) -> list[tuple[int, int]]:
    """Points with their mirror images, each pair once; a mirror image that two points share is left out."""
    return [
        (point, other)
        for point, other in enumerate(layout.mirrored)
        if point < other and layout.mirrored[other] == point
    ]


def _head_pairs(layout: Layout) -> list[tuple[int, int]]:
    """Pairs of points above the trunk that one bone carries, none of which is a point of the trunk."""
    trunk = {*layout.left, *layout.right}
    return [
        (a, b)
        for a, b in _pairs(layout)
        if layout.joints[a] == layout.joints[b] and a in layout.top and b in layout.top and not trunk & {a, b}
    ]


def _repair_head(state: Exchanged, pair: tuple[int, int], layout: Layout, fps: float) -> Exchanged:
    """Exchange a pair of the head back where it points against the shoulders."""
    points, (a, b) = state.points_m, pair
    across = points[:, list(layout.left)].mean(axis=1) - points[:, list(layout.right)].mean(axis=1)
    # The sign by which the pair runs from the body's right to its left.
    left = a if a in _left_side(layout) else b
    own = points[:, left] - points[:, b if left == a else a]
    length = np.linalg.norm(own, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.einsum("tc,tc->t", own, across) / (length * np.linalg.norm(across, axis=1))
    known = np.isfinite(cosine)
    against = known & (cosine < AGAINST_COSINE)
    if not against.any() or against.sum() > 0.9 * known.sum():
        return state
    usual = np.nanmedian(length)
    clear = known & (np.abs(cosine) > FACING_COSINE) & (np.abs(length - usual) < PAIR_LENGTH * usual)
    passing = _around_changes(against, clear, round(LONGEST_PASSING_S * fps))
    moved, flags, sure = points.copy(), state.passing.copy(), state.confidence.copy()
    moved[against, a], moved[against, b] = points[against, b], points[against, a]
    sure[against, a], sure[against, b] = state.confidence[against, b], state.confidence[against, a]
    flags[:, [a, b]] |= passing[:, None]
    found = tuple(Exchange(pair, first, last, True) for first, last in runs_of(against))
    return Exchanged(moved, sure, flags, (*state.found, *found))


def _left_side(layout: Layout) -> set[int]:
    """Points on the body's left, by the names of the layout."""
    return {index for index, name in enumerate(layout.keypoints) if "left" in name.lower()}


def _around_changes(flags: Flags, clear: Flags, longest: int) -> Flags:
    """Frames next to a change of ``flags`` that are not ``clear`` yet, on both sides. All (T,)."""
    passing = np.zeros_like(flags)
    for change in np.flatnonzero(np.diff(flags.astype(np.int8))):
        before = range(change, max(-1, change - longest), -1)
        for frames in (before, range(change + 1, min(len(flags), change + longest))):
            for frame in frames:
                if clear[frame]:
                    break
                passing[frame] = True
    return passing


def _repair_jumps(state: Exchanged, layout: Layout, fps: float) -> Exchanged:
    """Exchange any pair back whose points jump to each other's paths and back."""
    pairs = _pairs(layout)
    if not pairs:
        return state
    jumps = np.stack([_jumps(state.points_m[:, list(pair)]) for pair in pairs], axis=1)
    if not jumps.any():
        return state
    # Where many pairs jump the sides are exchanged, and points too close to each other to jump are exchanged with them.
    jumps |= (jumps.mean(axis=1) > SIDES)[:, None]
    flags = np.concatenate([np.zeros((1, len(pairs)), bool), np.cumsum(jumps, axis=0) % 2 == 1])
    flags ^= flags.mean(axis=0) > 0.5  # what is rarer is the exchange
    points, sure, found = state.points_m.copy(), state.confidence.copy(), list(state.found)
    for (a, b), other in zip(pairs, flags.T, strict=True):
        for first, last in runs_of(other):
            # After a single jump it is open which side of it is right.
            bounded = first > 0 and last < len(other) - 1
            short = bounded and last - first + 1 <= LONGEST_EXCHANGE_S * fps
            found.append(Exchange((a, b), first, last, short))
            if short:
                frames = slice(first, last + 1)
                points[frames, [a, b]] = points[frames, [b, a]]
                sure[frames, [a, b]] = sure[frames, [b, a]]
    return Exchanged(points, sure, state.passing, tuple(found))


def _jumps(path_m: F32) -> Flags:
    """Whether two points jump to each other's paths from one frame to the next. path_m: (T, 2, 3) -> (T - 1,)."""
    keep = np.linalg.norm(path_m[1:] - path_m[:-1], axis=-1)
    swap = np.linalg.norm(path_m[1:, ::-1] - path_m[:-1], axis=-1)
    with np.errstate(invalid="ignore"):
        jumps: Flags = (keep.min(axis=1) > JUMP_M) & (swap.sum(axis=1) < NEARER * keep.sum(axis=1))
    return jumps


def describe_exchanges(found: tuple[Exchange, ...], layout: Layout) -> list[str]:
    """Say which points were exchanged, one sentence for those repaired and one for those not."""
    sentences = []
    for repaired in (True, False):
        those = [exchange for exchange in found if exchange.repaired == repaired]
        if not those:
            continue
        pairs = list(dict.fromkeys(exchange.points for exchange in those))
        names = "; ".join(f"{layout.keypoints[a]} and {layout.keypoints[b]}" for a, b in pairs[:4])
        names += f"; {len(pairs) - 4} more pairs" if len(pairs) > 4 else ""
        frames = sum(exchange.last - exchange.first + 1 for exchange in those)
        where = (
            f"{len(those)} stretch{'es' if len(those) > 1 else ''}, {counted(frames, 'frame')}, the first at "
            f"{those[0].first}"
        )
        if repaired:
            sentences.append(
                f"Left and right points were exchanged in the recording and are exchanged back: {names} ({where})."
            )
        else:
            sentences.append(
                f"Left and right points may be exchanged in the recording: {names} ({where}). They were left as they "
                "are, since it is open which part is right."
            )
    return sentences
