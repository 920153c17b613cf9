# SPDX-License-Identifier: Apache-2.0
"""Recordings of points without a layout: the points' own names or numbers, y up, in the file's unit."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.axes import UPRIGHT, require_axis
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import Hints, PointRecording

from ..data.recordings import clip_paths

MOST_FRAMES: Final = 4000
"""Largest number of frames of all clips together; more only take longer."""


def read_unlabelled(path: Path, hints: Hints) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Read the points of a clip, or of every clip of a folder one after the other.

    Args:
        path: A clip or a folder of clips.
        hints: Up axis and take, as for reading any file.

    Returns:
        Names of the points, and the points (T, K, 3), y up.

    Raises:
        InputError: A file contains no points, or another number of them than the first.
    """
    inner = clip_paths(path)
    clips: list[NDArray[np.float64]] = []
    names: tuple[str, ...] = ()
    for one in inner:
        recording = open_recording(one, Hints(as_named=True, take=hints.take))
        if not isinstance(recording, PointRecording):
            raise InputError(f"{one} holds rotations, not points. Give recordings of points.")
        count = recording.points.shape[1]
        if not names:
            names = recording.names or tuple(f"point_{index:02d}" for index in range(count))
        if count != len(names):
            raise InputError(
                f"{one} has {counted(count, 'point')}, {inner[0]} has {len(names)}. Give recordings of one layout."
            )
        clips.append(_upright(recording, hints))
    stride = max(1, -(-sum(map(len, clips)) // MOST_FRAMES))
    return names, np.concatenate([clip[::stride] for clip in clips]).astype(np.float32)


def _upright(recording: PointRecording, hints: Hints) -> NDArray[np.float64]:
    """Rotate to y up and keep frames without gaps."""
    points = recording.points[np.isfinite(recording.points).all(axis=(1, 2))]
    turn = UPRIGHT[require_axis(hints.up or recording.up or guess_up_axis(points))]
    return np.asarray(points @ turn.T, np.float64)


def guess_up_axis(points: NDArray[np.floating]) -> str:
    """Return the axis along which the lowest points keep one height, as feet on a floor do: (T, K, 3) to e.g. "-z"."""
    best, found = np.inf, "y"
    for axis, name in enumerate("xyz"):
        tall = float(np.median(np.ptp(points[..., axis], axis=1)))
        for sign in (1.0, -1.0):
            lowest = (sign * points[..., axis]).min(axis=1)
            cost = float(np.median(np.abs(lowest - np.median(lowest)))) / max(tall, 1e-9)
            if cost < best:
                best, found = cost, name if sign > 0 else f"-{name}"
    return found
