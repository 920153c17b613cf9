# SPDX-License-Identifier: Apache-2.0
"""The length of music: whether it lasts as long as the clips, and which frame rate of a dance it suggests."""

from pathlib import Path
from typing import Final

from dancepose_addon.core.errors import InputError

DIFFERENCE_S: Final = 0.1
"""Differences of length below this are not reported."""
COMMON_FPS: Final = (12.5, 15.0, 20.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0, 100.0, 120.0)
SAME: Final = 0.02
"""Relative difference of lengths that counts as none."""
FAR: Final = 0.08
"""Relative difference from which on the declared rate is doubted."""


def require_music_until(path: Path, length_s: float, until_s: float, *, song: str) -> None:
    """Refuse music that ends before a clip: one clip that falls silent among others would be noticed by raters.

    Args:
        path: The music.
        length_s: Its length, seconds.
        until_s: Where the clip ends in it, seconds.
        song: Name of the song.

    Raises:
        InputError: The music is too short.
    """
    if until_s > length_s + DIFFERENCE_S:
        raise InputError(
            f"{path} ends after {length_s:.2f} s; song {song} needs it until {until_s:.2f} s. Give the whole music, "
            "show less of the dance (length_s, segments), or remove `audio` for silent clips."
        )


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
