# SPDX-License-Identifier: Apache-2.0
"""A dance's frame rate held against the length of its music."""

from typing import Final

COMMON_FPS: Final = (12.5, 15.0, 20.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0, 100.0, 120.0)
SAME: Final = 0.02
"""Relative difference of lengths that counts as none."""
FAR: Final = 0.08
"""Relative difference from which on the declared rate is doubted."""


def likely_rate(fps: float, dance_s: float, music_s: float) -> float | None:
    """Find another common rate at which a dance would last as long as its music.

    Args:
        fps: Frames a second, as declared.
        dance_s: Length of the dance at that rate, seconds.
        music_s: Length of the music, seconds.

    Returns:
        The rate, or None where the declared one fits or no common one does.
    """
    if not (fps > 0 and dance_s > 0 and music_s > 0) or abs(dance_s / music_s - 1.0) < FAR:
        return None
    needed = fps * dance_s / music_s
    nearest = min(COMMON_FPS, key=lambda rate: abs(rate / needed - 1.0))
    return nearest if abs(nearest / needed - 1.0) < SAME else None
