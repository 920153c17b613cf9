# SPDX-License-Identifier: Apache-2.0
"""Many comparisons at once: Holm's correction (Scandinavian Journal of Statistics 6, 1979) and ranges of ranks."""

import numpy as np

from .pair_tables import Floats


def holm(p: Floats) -> Floats:
    """Adjust p values by Holm's method.

    Args:
        p: (M,).

    Returns:
        Adjusted values, in the order of ``p``.
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1.0)
    return result


def rank_ranges(better: np.ndarray) -> list[tuple[int, int]]:
    """Return the ranks that each system may have.

    Args:
        better: Whether system i is significantly better than j, (systems, systems).

    Returns:
        (best, worst) rank of each system, from 1.
    """
    count = len(better)
    return [(1 + int(better[:, i].sum()), count - int(better[i].sum())) for i in range(count)]
