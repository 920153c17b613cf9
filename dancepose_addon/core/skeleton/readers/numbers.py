# SPDX-License-Identifier: Apache-2.0
"""Numbers from files, checked."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError
from ...frame_rates import require_frame_rate

RATE_KEYS: Final = ("fps", "mocap_framerate", "mocap_frame_rate", "framerate", "frame_rate", "frameRate")
LARGEST: Final = 1e9
"""A coordinate beyond it is damage, in whatever unit."""


def as_numbers(value: Any, source: str) -> NDArray[np.float64]:
    """Convert an array of real numbers to doubles; infinite and absurdly large ones become NaN, as unseen points.

    Args:
        value: From a file.
        source: The file, for messages.

    Returns:
        The numbers.

    Raises:
        FormatError: It is no such array.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        kind = str(value.dtype) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise FormatError(f"{source} holds {kind} where numbers are expected (docs/formats.md lists what is read).")
    numbers = value.astype(np.float64)
    with np.errstate(invalid="ignore"):
        wild = ~(np.abs(numbers) < LARGEST)
    if wild.any():
        numbers[wild] = np.nan
    return numbers


def stored_rate(arrays: Mapping[str, Any], source: str) -> float | None:
    """Find the frame rate that a file states.

    Args:
        arrays: The file's content by name.
        source: The file, for messages.

    Returns:
        Frames per second, or None.

    Raises:
        FormatError: The rate is no number.
        InputError: It is not usable.
    """
    for key in RATE_KEYS:
        if key in arrays:
            return usable_rate(arrays[key], source)
    return None


def usable_rate(stored: Any, source: str) -> float:
    """Check a rate.

    Args:
        stored: From a file.
        source: The file, for messages.

    Returns:
        Frames per second.

    Raises:
        FormatError: The rate is no number.
        InputError: It is not usable.
    """
    try:
        rate = float(np.asarray(stored, np.float64).reshape(()))
    except (TypeError, ValueError):
        raise FormatError(
            f"{source} has a frame rate of {' '.join(str(stored).split()):.60}; expected one number. Give --fps."
        ) from None
    return require_frame_rate(rate, source)


def text_of(value: Any) -> str:
    """Convert text as files hold it.

    Args:
        value: A string, bytes, or an array of one of either.

    Returns:
        The text; empty for anything else.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin1")
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "US" or value.size != 1:
        return ""
    # NumPy makes strings of code points without looking at them, and damaged ones are beyond Unicode.
    raw = value.tobytes()
    text = raw.decode("latin1" if value.dtype.kind == "S" else "utf-32-le", errors="replace")
    return text.rstrip("\x00")


def describe(arrays: Mapping[str, Any]) -> str:
    """Describe what a file holds, for a message.

    Args:
        arrays: The file's content by name.

    Returns:
        Names with shapes.
    """
    parts = [
        f"{str(name)[:40]} {value.shape}"
        if isinstance(value, np.ndarray)
        else f"{str(name)[:40]} ({type(value).__name__})"
        for name, value in list(arrays.items())[:12]
    ]
    return ", ".join(parts) or "nothing"
