# SPDX-License-Identifier: Apache-2.0
"""KeypointSequence: a recorded or generated skeleton motion, with everything that its file states."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32
from ..counting import counted
from ..errors import InputError
from ..frame_rates import require_frame_rate
from .layouts import Layout, require_count

HAND_POINTS = 42
"""Of both hands."""


@dataclass(frozen=True)
class AudioWindow:
    """The part of an audio file that belongs to a motion.

    Attributes:
        path: Of the audio file.
        start_s: Seconds into it.
        duration_s: Length, seconds.
    """

    path: Path
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class KeypointSequence:
    """A skeleton motion.

    Attributes:
        keypoints_m: (T, K, 3), metres, SMPL axes (y up), NaN where unseen.
        fps: True frames per second.
        layout: Of the points.
        confidence: (T, K) in [0, 1], or None where the file has none.
        audio: The music, or None.
        source: Where it came from.
        notes: What a user has to know about how the file was read, one sentence each.
        hands_m: (T, 42, 3), metres, points of both hands beside those of the layout, in the order of
            ``hand_points.HAND_NAMES``, NaN where unseen; None where there are none.
    """

    keypoints_m: F32
    fps: float
    layout: Layout
    confidence: F32 | None = None
    audio: AudioWindow | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    hands_m: F32 | None = None

    def __len__(self) -> int:
        return len(self.keypoints_m)

    @property
    def duration_s(self) -> float:
        """Length in seconds: frames over rate."""
        return len(self) / self.fps

    def between(self, start: int, end: int | None) -> "KeypointSequence":
        """Cut frames out, and the music with them.

        Args:
            start: First frame.
            end: One past the last, or None for the end.

        Returns:
            The part.

        Raises:
            InputError: The range selects nothing.
        """
        stop = len(self) if end is None else min(end, len(self))
        if not 0 <= start < stop:
            raise InputError(
                f"Frames {start}:{'' if end is None else end} select nothing: {self.source} has "
                f"{counted(len(self), 'frame')} "
                f"(0 to {len(self) - 1}). Choose a range inside it."
            )
        audio = self.audio
        if audio is not None:
            audio = replace(audio, start_s=audio.start_s + start / self.fps, duration_s=(stop - start) / self.fps)
        confidence = None if self.confidence is None else self.confidence[start:stop]
        notes = self.notes
        if stop - start < len(self):
            cut = (
                f"Frames {start} to {stop - 1} are used: body and floor are solved from these frames and may differ "
                "from those of the whole clip (--body-from gives the body of another motion file)."
            )
            notes = (*notes, cut)
        points = self.keypoints_m[start:stop]
        hands = None if self.hands_m is None else self.hands_m[start:stop]
        return replace(self, keypoints_m=points, confidence=confidence, audio=audio, notes=notes, hands_m=hands)


def validate(sequence: KeypointSequence) -> KeypointSequence:
    """Refuse what no fit could use.

    NaN means that a point was not seen: a fit fills such gaps. ``require_whole`` refuses them.

    Args:
        sequence: A motion, after its frames were chosen.

    Returns:
        The same motion; its frame rate is Python's number.

    Raises:
        LayoutError: The number of points is not the layout's.
        InputError: Points that are no array of numbers, no frames, no frame rate, infinite coordinates (the frames are
            named), or confidences of another shape.
    """
    points, confidence = sequence.keypoints_m, sequence.confidence
    kind = points.dtype if isinstance(points, np.ndarray) else type(points).__name__
    if not isinstance(kind, np.dtype) or kind.kind not in "fiu":
        raise InputError(f"{sequence.source} has points of type {kind}; expected a NumPy array of numbers.")
    shape = points.shape
    if len(shape) != 3 or shape[2] != 3:
        raise InputError(f"{sequence.source} has points of shape {shape}; expected (frames, points, 3).")
    if shape[0] == 0:
        raise InputError(f"{sequence.source} has zero frames. Check that the file was written completely.")
    require_count(sequence.layout, shape[1], sequence.source)
    rate = require_frame_rate(sequence.fps, sequence.source)
    if confidence is not None and np.shape(confidence) != shape[:2]:
        raise InputError(f"{sequence.source} has confidences of shape {np.shape(confidence)}; expected {shape[:2]}.")
    wanted = (shape[0], HAND_POINTS, 3)
    if sequence.hands_m is not None and sequence.hands_m.shape != wanted:
        raise InputError(f"{sequence.source} has points of hands of shape {sequence.hands_m.shape}; expected {wanted}.")
    infinite = np.isinf(sequence.keypoints_m).any(axis=(1, 2))
    if infinite.any():
        raise InputError(
            f"{sequence.source} has infinite points in {int(infinite.sum())} of {shape[0]} frames "
            f"({describe_frames(np.flatnonzero(infinite))}). Correct the file, or choose other frames with --frames."
        )
    return sequence if isinstance(sequence.fps, int | float) else replace(sequence, fps=rate)


def require_whole(sequence: KeypointSequence) -> KeypointSequence:
    """Refuse points that were not seen, where nothing fills the gaps.

    Args:
        sequence: A motion.

    Returns:
        The same motion.

    Raises:
        InputError: NaN coordinates (the frames are named).
    """
    unseen = np.isnan(sequence.keypoints_m).any(axis=(1, 2))
    if unseen.any():
        raise InputError(
            f"{sequence.source} has NaN points in {int(unseen.sum())} of {len(sequence)} frames "
            f"({describe_frames(np.flatnonzero(unseen))}). Fill or cut them."
        )
    return sequence


def describe_frames(frames: NDArray[np.intp], most: int = 6) -> str:
    """Write frame numbers as ranges, such as ``frames 3, 7-9``.

    Args:
        frames: Sorted numbers.
        most: Ranges that are named.

    Returns:
        The text.
    """
    starts = np.flatnonzero(np.diff(frames, prepend=frames[0] - 2) > 1)
    runs = np.split(frames, starts[1:])
    names = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:most]]
    return f"frame{'s' if len(frames) > 1 else ''} {', '.join(names)}{', ...' if len(runs) > most else ''}"
