# SPDX-License-Identifier: Apache-2.0
"""Open any motion file: keypoints as a KeypointSequence, SMPL parameters as a BodyMotion."""

from dataclasses import replace
from pathlib import Path

from ..body.model import BodyModel
from ..body.motion import BodyMotion
from ..skeleton.readers import FrameRange, examine, require_plausible, sequence_of
from ..skeleton.recording import NO_HINTS, Hints, PoseRecording
from ..skeleton.sequence import KeypointSequence
from .theta import between, motion_of


def open_source(
    path: Path,
    *,
    body: BodyModel,
    layout: str | None = None,
    fps: float | None = None,
    frames: FrameRange | None = None,
    hints: Hints = NO_HINTS,
) -> KeypointSequence | BodyMotion:
    """Open a motion file.

    Args:
        path: Of the file.
        body: Whose motion rotations become.
        layout: As of ``readers.read``.
        fps: As of ``readers.read``.
        frames: As of ``readers.read``.
        hints: As of ``readers.read``.

    Returns:
        Keypoints, or the motion of ``body`` where the file has SMPL parameters.

    Raises:
        InputError: The file cannot be used; see ``readers.read``.
    """
    given = replace(hints, layout=layout or hints.layout, fps=fps if fps is not None else hints.fps)
    examination = examine(path, given)
    require_plausible(examination, given)
    if isinstance(examination.recording, PoseRecording):
        motion = motion_of(examination.recording, body, given)
        return motion if frames is None else between(motion, *frames)
    sequence = sequence_of(examination)
    return sequence if frames is None else sequence.between(*frames)
