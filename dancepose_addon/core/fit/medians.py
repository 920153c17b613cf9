# SPDX-License-Identifier: Apache-2.0
"""Medians of what is known."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def known_median(values: Array) -> Array:
    """Return the median of each column without its NaN, as ``numpy.nanmedian`` does, in a fraction of its time.

    Args:
        values: (T, N).

    Returns:
        (N,); NaN where a column has NaN only.
    """
    known = ~np.isnan(values)
    if known.all():
        return np.asarray(np.median(values, axis=0))
    count, columns = known.sum(axis=0), np.arange(values.shape[1])
    ordered = np.sort(values, axis=0)  # NaN comes last.
    middle = 0.5 * (ordered[np.maximum(count - 1, 0) // 2, columns] + ordered[count // 2, columns])
    return np.asarray(np.where(count > 0, middle, np.nan), values.dtype)
