# SPDX-License-Identifier: Apache-2.0
"""Frame rates that a motion can have."""

import math
from typing import Final

import numpy as np

from .errors import InputError
from .printable_text import quoted, shown_name

SLOWEST_HZ: Final = 0.01
"""A frame in 100 seconds; anything slower is a time in another unit, and would make a clip of years."""
FASTEST_HZ: Final = 1e5


def require_frame_rate(fps: float, source: str = "") -> float:
    """Return a frame rate that can be used.

    Args:
        fps: Frames per second; also a number of NumPy.
        source: What has it, for the message.

    Returns:
        The same as Python's number, which reports can hold.

    Raises:
        InputError: It is no number, below 0.01 or above 100,000, or not finite.
    """
    given: object = fps
    where = f"{shown_name(source)}: the" if source else "The"
    if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating):
        raise InputError(f"{where} frame rate is {quoted(fps)}; expected a number of frames a second.")
    try:
        rate = float(fps)
    except OverflowError:
        rate = math.inf
    if not (math.isfinite(rate) and SLOWEST_HZ <= rate <= FASTEST_HZ):
        raise InputError(
            f"{where} frame rate {rate:g} is not usable; give a number of frames a second from {SLOWEST_HZ:g} to "
            f"{FASTEST_HZ:,.0f} with --fps."
        )
    return rate
