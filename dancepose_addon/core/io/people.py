# SPDX-License-Identifier: Apache-2.0
"""Several persons of one recording: how many there are, and one floor for all of them."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import InputError
from ..fit.pipeline import FitResult
from ..skeleton.readers import Examination, examine
from ..skeleton.recording import NO_HINTS, Hints

PERSON: Final = "person"
"""Topic of the finding by which a reader says that a file holds several persons."""
MOST_PERSONS: Final = 16


def count_persons(path: Path, hints: Hints = NO_HINTS) -> int:
    """Count the persons that a recording shows together.

    Args:
        path: Motion file or folder.
        hints: What the user says; a take that is asked for is one person.

    Returns:
        At least 1.

    Raises:
        InputError: The file cannot be used, or shows more persons than can be animated.
    """
    if not hints.everyone:
        return 1
    count = persons_in(examine(path, hints))
    if count > MOST_PERSONS:
        raise InputError(
            f"{path} shows {count} persons; at most {MOST_PERSONS} are animated together. Give --read take=N for one."
        )
    return count


def persons_in(examination: Examination) -> int:
    """Return the number of persons that a file shows together, at least 1."""
    return max((finding.count for finding in examination.findings if finding.topic == PERSON), default=1)


def person_path(path: Path, number: int, count: int) -> Path:
    """Return the file of one of several persons: ``duet.npz`` becomes ``duet-1.npz`` and ``duet-2.npz``."""
    return path if count == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def on_one_floor(fits: list[FitResult]) -> list[FitResult]:
    """Put persons who were fitted one by one on one floor, so that who is lifted stays above it.

    The floor is that of the person whose own floor is the lowest. Places across the floor are the recording's already.

    Args:
        fits: Of the persons of one recording.

    Returns:
        The same with all of them at their heights above that floor.
    """
    floors = [float(fit.report.get("floor_m") or 0.0) for fit in fits]
    return [_raised(fit, floor - min(floors)) for fit, floor in zip(fits, floors, strict=True)]


def _raised(fit: FitResult, by_m: float) -> FitResult:
    if by_m < 1e-6:
        return fit
    up = np.array([0.0, by_m, 0.0], np.float32)
    motion = replace(fit.motion, translation_m=fit.motion.translation_m + up)
    report = {**fit.report, "floor_m": float(fit.report["floor_m"]) - by_m, "raised_m": round(by_m, 5)}
    return replace(fit, motion=motion, keypoints_m=fit.keypoints_m + up, report=report)
