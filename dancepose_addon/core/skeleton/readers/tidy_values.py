# SPDX-License-Identifier: Apache-2.0
"""Values of JSON files and pickles in one form: lists of numbers, and of arrays of one shape, become arrays."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_DEPTH: Final = 8
MOST_NUMBER: Final = 1e300


def tidied(value: Any, depth: int = 0) -> Any:
    """Turn nested lists into arrays wherever they are regular.

    Args:
        value: Tables, lists, arrays, numbers and text, nested.
        depth: Of the value in its file.

    Returns:
        The same with arrays for lists of numbers (``None`` becomes NaN); other lists keep their entries.
    """
    if depth > MOST_DEPTH:
        return value
    if isinstance(value, dict):
        return {str(key): tidied(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return _tidied_list(value, depth)
    if isinstance(value, bool):
        return value
    return np.array(value) if isinstance(value, int | float) and abs(value) < MOST_NUMBER else value


def _tidied_list(value: list[Any], depth: int) -> Any:
    if not value or isinstance(value[0], str):
        return value
    if isinstance(value[0], np.ndarray):
        return _stacked(value)
    if isinstance(value[0], dict):
        return [tidied(item, depth + 1) for item in value]
    array = as_array(value)
    if array is not None:
        return array
    parts = [tidied(item, depth + 1) for item in value]
    return _stacked(parts) if isinstance(parts[0], np.ndarray) else parts


def _stacked(parts: list[Any]) -> Any:
    """Arrays of one shape as one array; others stay a list."""
    first = parts[0]
    if all(isinstance(part, np.ndarray) and part.shape == first.shape and part.dtype.kind in "biuf" for part in parts):
        return np.stack(parts)
    return parts


def as_array(value: Any) -> NDArray[np.float64] | None:
    """Convert nested lists of numbers.

    Args:
        value: Any.

    Returns:
        An array, NaN for ``None``; None where the lists are of different lengths or hold anything but numbers.
    """
    try:
        array = np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    return array if array.size else None
