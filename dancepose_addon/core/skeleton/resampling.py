# SPDX-License-Identifier: Apache-2.0
"""Another frame rate, by time: what happened at a second still happens at that second.

Positions are interpolated by a windowed sinc, which keeps what the lower of the two rates can carry and removes the
rest (so that no tremor turns into a slow sway, Nyquist 1928); rotations along the shortest way (Shoemake 1985, slerp).
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64
from ..body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ..errors import InputError
from .sequence import KeypointSequence

CROSSINGS: Final = 16
"""Zeros of the sinc on either side: the filter's length."""
KAISER_BETA: Final = 8.0
"""Side lobes of the window: some 80 dB down."""
PASSED: Final = 0.92
"""Of the lower rate's band: the rest is the filter's slope."""
FASTEST: Final = 1000.0
MOST_FRAMES: Final = 1_000_000
"""Of the result, unless the clip itself has more: eleven hours at 25 frames per second."""
MOST_SLOWER: Final = 1000.0
"""Ratio of the rates: the filter's length grows with it."""


def output_times(count: int, fps: float, to_fps: float) -> F64:
    """Times of the new frames, in frames of the old: from the first to the last that the old ones reach. -> (N,)."""
    if not (np.isfinite(to_fps) and 0.0 < to_fps <= FASTEST):
        raise InputError(f"A frame rate of {to_fps:g} cannot be made; choose one above 0 and up to {FASTEST:g}.")
    if fps > MOST_SLOWER * to_fps:
        raise InputError(f"{fps:g} frames per second cannot become {to_fps:g}: less than a thousandth. Choose more.")
    number = int(np.floor((count - 1) * to_fps / fps + 1e-6)) + 1
    if number > max(count, MOST_FRAMES):
        raise InputError(
            f"{count} frames at {fps:g} per second would become {number} at {to_fps:g}; at most {MOST_FRAMES} are made "
            "(limit). Check the frame rate of the file (--fps), or choose a lower one."
        )
    return np.minimum(np.arange(number) * (fps / to_fps), count - 1)


def resample_points(points: F64, fps: float, to_fps: float) -> F64:
    """Resample positions in time.

    Args:
        points: (T, ...), NaN where unseen.
        fps: Frames a second of the points.
        to_fps: Frames a second that are wanted.

    Returns:
        (N, ...), NaN where the nearest frame was.
    """
    times = output_times(len(points), fps, to_fps)
    flat = np.asarray(points, np.float64).reshape(len(points), -1)
    unseen = ~np.isfinite(flat)
    filled = fill_gaps(flat) if unseen.any() else flat
    band = min(1.0, PASSED * to_fps / fps) if to_fps < fps else 1.0
    reach = int(np.ceil(CROSSINGS / band))
    padded = _continued(filled, reach)
    first = np.floor(times).astype(np.intp)
    result = np.zeros((len(times), flat.shape[1]))
    total = np.zeros(len(times))
    for step in range(-reach + 1, reach + 1):
        away = times - (first + step)
        weight = band * np.sinc(band * away) * _kaiser(away / reach)
        result += weight[:, None] * padded[first + step + reach]
        total += weight
    result /= total[:, None]
    result[unseen[np.round(times).astype(np.intp)]] = np.nan
    return result.reshape(len(times), *points.shape[1:])


def _kaiser(position: F64) -> F64:
    """Kaiser's window. position: (N,), in [-1, 1] inside."""
    inside = np.clip(1.0 - position * position, 0.0, None)
    return np.where(np.abs(position) <= 1.0, np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA), 0.0)


def _continued(values: F64, reach: int) -> F64:
    """``reach`` more rows before and after, by point reflection at the ends. values: (T, C)."""
    last = len(values) - 1
    if last == 0:
        return np.repeat(values, 2 * reach + 1, axis=0)
    index = np.arange(-reach, len(values) + reach)
    # Far beyond the ends of a short clip it runs to and fro; each turn at an end adds what the clip has travelled.
    turns, within = np.divmod(index, 2 * last)
    forward = within <= last
    base = np.where(forward[:, None], values[np.where(forward, within, 0)], 0.0)
    back = 2.0 * values[last] - values[np.where(forward, 0, 2 * last - within)]
    return np.where(forward[:, None], base, back) + 2.0 * turns[:, None] * (values[last] - values[0])


def fill_gaps(flat: F64) -> F64:
    """NaN replaced by straight lines between what is seen, and by the nearest beyond it. flat: (T, C)."""
    filled = flat.copy()
    frames = np.arange(len(flat))
    for column in np.flatnonzero(~np.isfinite(flat).all(axis=0)):
        seen = np.isfinite(flat[:, column])
        filled[:, column] = np.interp(frames, frames[seen], flat[seen, column]) if seen.any() else 0.0
    return filled


def resample_rotations(rotmat: NDArray[np.floating], fps: float, to_fps: float) -> NDArray[np.floating]:
    """Resample rotations along the shortest path.

    Args:
        rotmat: (T, ..., 3, 3).
        fps: Frames a second of the rotations.
        to_fps: Frames a second that are wanted.

    Returns:
        (N, ..., 3, 3).
    """
    times = output_times(len(rotmat), fps, to_fps)
    first = np.minimum(np.floor(times).astype(np.intp), max(len(rotmat) - 2, 0))
    share = (times - first).astype(rotmat.dtype).reshape(-1, *([1] * (rotmat.ndim - 2)))
    start, end = rotmat[first], rotmat[np.minimum(first + 1, len(rotmat) - 1)]
    step = rotmat_to_rotvec(np.swapaxes(start, -1, -2) @ end)
    return start @ rotvec_to_rotmat(step * share)


def resample(sequence: KeypointSequence, to_fps: float) -> KeypointSequence:
    """Resample a motion; its music stays the same.

    Args:
        sequence: The motion.
        to_fps: Frames a second that are wanted.

    Returns:
        The motion at that rate.

    Raises:
        InputError: The rate cannot be made.
    """
    if abs(to_fps / sequence.fps - 1.0) < 1e-6:
        return sequence
    points = resample_points(sequence.keypoints_m.astype(np.float64), sequence.fps, to_fps)
    confidence = sequence.confidence
    if confidence is not None:
        times = output_times(len(sequence), sequence.fps, to_fps)
        below = np.floor(times).astype(np.intp)
        above = np.minimum(below + 1, len(sequence) - 1)
        share = (times - below)[:, None]
        confidence = ((1.0 - share) * confidence[below] + share * confidence[above]).astype(np.float32)
        confidence[~np.isfinite(points).all(axis=-1)] = 0.0
    hands = sequence.hands_m
    if hands is not None:
        hands = resample_points(hands.astype(np.float64), sequence.fps, to_fps).astype(np.float32)
    return replace(
        sequence, keypoints_m=points.astype(np.float32), confidence=confidence, fps=float(to_fps), hands_m=hands
    )
