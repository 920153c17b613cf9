# SPDX-License-Identifier: Apache-2.0
"""NTU RGB+D's .skeleton files: Kinect v2's joints of several persons, as text (Shahroudy et al. 2016)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ...counting import counted
from ...errors import FormatError, InputError
from ..recording import Finding, Head, Hints, PointRecording
from .motion_text import read_motion_text
from .numbers import LARGEST

FPS: Final = 30.0
JOINTS: Final = 25
MOST_FRAMES: Final = 100_000
MOST_BODIES: Final = 16


def recognises(head: Head) -> bool:
    """Tell the format by its suffix and a first line that is a number."""
    return head.path.suffix.lower() == ".skeleton" and head.text.split("\n", 1)[0].strip().isdecimal()


def open_file(path: Path, hints: Hints) -> PointRecording:
    """Read a .skeleton file; see ``readers.open_recording``."""
    lines = iter(read_motion_text(path, "a .skeleton file").splitlines())
    try:
        frames = _frames(lines)
    except (ValueError, StopIteration, IndexError) as error:
        reason = str(error)[:80] or "it ends early"
        raise FormatError(f"{path} is truncated or not a .skeleton file ({reason}). Fetch it again.") from error
    seen = Counter(body for frame in frames for body in frame)
    if not seen:
        raise InputError(f"{path} shows no person in any frame.")
    bodies = [body for body, _ in seen.most_common()]
    if hints.take >= len(bodies):
        raise InputError(
            f"{path} shows {counted(len(bodies), 'person')}; there is no number {hints.take}. Give --read take=0."
        )
    nothing = np.full((JOINTS, 3), np.nan)
    points = np.array([frame.get(bodies[hints.take], nothing) for frame in frames])
    findings: tuple[Finding, ...] = ()
    if len(bodies) > 1:
        why = f"the file shows {len(bodies)}, and --read take=N chooses another"
        findings = (Finding("person", f"number {hints.take}", hints.take_confidence, why, len(bodies)),)
    return PointRecording(
        points=points,
        form="NTU RGB+D skeleton",
        source=str(path),
        layout="kinect25",
        unit="m",
        up="y",
        fps=FPS,
        fps_why="NTU RGB+D has it",
        findings=findings,
    )


def _frames(lines: Iterator[str]) -> list[dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]:
    """For each frame the bodies by their number. Raises ValueError or StopIteration where the text ends early."""
    count = int(next(lines)[:12])
    if not 0 < count <= MOST_FRAMES:
        raise ValueError(f"{counted(count, 'frame')}")
    frames = []
    for _ in range(count):
        bodies = int(next(lines)[:12])
        if not 0 <= bodies <= MOST_BODIES:
            raise ValueError(f"{bodies} persons in a frame")
        frame = {}
        for _ in range(bodies):
            name = next(lines).split()[0][:40]
            joints = int(next(lines)[:12])
            if joints != JOINTS:
                raise ValueError(f"{joints} joints where Kinect v2 has {JOINTS}")
            places = np.array([[float(word) for word in next(lines).split()[:3]] for _ in range(JOINTS)])
            if places.shape != (JOINTS, 3):
                raise ValueError("a joint without three coordinates")
            places[~(np.abs(places) < LARGEST)] = np.nan
            number = 2
            while name in frame:  # two bodies of one number
                name, number = f"{name.split('#')[0]}#{number}", number + 1
            frame[name] = places
        frames.append(frame)
    return frames
