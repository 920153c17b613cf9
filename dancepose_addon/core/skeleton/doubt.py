# SPDX-License-Identifier: Apache-2.0
"""Where a reading is too doubtful to continue without the user."""

from typing import Final

import numpy as np

from ..arrays import F64
from ..errors import DoubtError
from .anatomy import sample
from .recording import Finding, Hints
from .rigid_distances import rigid_share

STOPS_BELOW: Final = 0.5
"""A conclusion of less confidence stops, unless the user says it or accepts the doubt."""
NO_PERSON: Final = "no person"
"""In a finding's reason: the points have the proportions of no person."""
MOST_DEGREES: Final = 360.5
ADVICE: Final = {
    "layout": "--layout NAME",
    "order of the points": "--layout NAME, or describe them: `dancepose layout template`",
    "unit": "--read unit=m (cm, mm, inch, ft)",
    "up axis": "--read up=y (z, x, -y, ...)",
    "sides": "--read mirror=none (axes, names)",
    "values": "--read values=positions (rotations)",
    "rate": "--fps",
    "rotations": "--read mirror=none",
}
NEEDED: Final = {"depth": "3D points are", "persons": "the rows of one are"}
"""What a file should have instead, by topic."""
ACCEPT: Final = "--accept-doubt"


def require_sure(findings: tuple[Finding, ...], points: F64 | None, source: str, hints: Hints) -> None:
    """Stop where a conclusion is no more than a guess.

    Args:
        findings: About a file.
        points: (T, K, 3) as the file has them, or None for rotations.
        source: The file, for messages.
        hints: Whether the user accepts doubts.

    Raises:
        DoubtError: A conclusion is less than half sure; the message says how to continue.
    """
    if hints.accept_doubt:
        return
    guesses = [finding for finding in findings if 0.0 < finding.confidence < STOPS_BELOW]
    if not guesses:
        return
    for finding in guesses:
        if finding.topic in NEEDED:
            raise DoubtError(
                f"{source}: {finding.why}, and {NEEDED[finding.topic]} needed. If they are, continue with {ACCEPT}."
            )
    worst = next((finding for finding in guesses if NO_PERSON in finding.why), guesses[0])
    if NO_PERSON in worst.why:
        kind = ""
        if points is not None and looks_like_angles(points):
            kind = " They look like angles (rotations in degrees or radians), which are not read without a skeleton."
        advice = f"Say what they are with {ADVICE['order of the points']}"
        if hints.layout is not None:
            advice = f"Check that --layout {hints.layout} is theirs, or describe them: `dancepose layout template`"
        raise DoubtError(f"{source}: {worst.why}.{kind} {advice}; or continue all the same with {ACCEPT}.")
    advice = ADVICE.get(worst.topic, "--read KEY=VALUE")
    raise DoubtError(
        f"{source}: {worst.topic} {worst.value} is only a guess ({worst.confidence:.0%}), since {worst.why}. Say it "
        f"with {advice}; or continue anyway with {ACCEPT}."
    )


def looks_like_angles(points: F64) -> bool:
    """Whether numbers are angles and not positions: bounded, and no distance between them holds.

    Args:
        points: (T, K, 3).

    Returns:
        True where they look like Euler angles.
    """
    few = sample(points)
    few = few[:, np.isfinite(few).all(axis=(0, 2))]
    if len(few) < 3 or few.shape[1] < 4:
        return False
    largest = float(np.abs(few).max())
    moving = few[:, np.ptp(few, axis=0).max(axis=-1) > 1e-6 * max(largest, 1e-9)]
    return largest < MOST_DEGREES and moving.shape[1] >= 4 and rigid_share(moving) < 0.5
