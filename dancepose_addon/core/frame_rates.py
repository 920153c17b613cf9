# SPDX-License-Identifier: Apache-2.0
"""Frame rates that a motion can have."""

import math
from typing import Final

from .errors import InputError
from .printable_text import shown_name

SLOWEST_HZ: Final = 0.01
"""A frame in 100 seconds; anything slower is a time in another unit, and would make a clip of years."""
FASTEST_HZ: Final = 1e5


def require_frame_rate(fps: float, source: str = "") -> float:
    """Return a frame rate that can be used.

    Args:
        fps: Frames per second.
        source: What has it, for the message.

    Raises:
        InputError: It is below 0.01 or above 100,000, or not finite.
    """
    if not (math.isfinite(fps) and SLOWEST_HZ <= fps <= FASTEST_HZ):
        where = f"{shown_name(source)}: the" if source else "The"
        raise InputError(
            f"{where} frame rate {fps:g} is not usable; give a number of frames a second from {SLOWEST_HZ:g} to "
            f"{FASTEST_HZ:,.0f} with --fps."
        )
    return float(fps)
