# SPDX-License-Identifier: Apache-2.0
"""Many comparisons at once: Holm's correction, rank ranges and equivalence tests.

Sources: S. Holm, Scandinavian Journal of Statistics 6 (1979); D. J. Schuirmann, Journal of Pharmacokinetics and
Biopharmaceutics 15 (1987).
"""

import numpy as np
from scipy.stats import t as student

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


def two_sided_p(estimate: Floats, error: Floats, freedom: int) -> Floats:
    """Return two-sided p values of t tests against 0."""
    return 2.0 * student.sf(np.abs(estimate) / error, freedom)


def equivalence_p(estimate: Floats, error: Floats, freedom: int, margin: float) -> Floats:
    """Return p values of two one-sided tests: small where the value lies within the margin.

    Args:
        estimate: (M,).
        error: Standard errors, (M,).
        freedom: Degrees of freedom of t.
        margin: Half-width of what counts as equal, in the unit of the estimate.
    """
    above = student.sf((estimate + margin) / error, freedom)
    below = student.sf((margin - estimate) / error, freedom)
    return np.maximum(above, below)


def rank_ranges(better: np.ndarray) -> list[tuple[int, int]]:
    """Return the ranks that each system may have.

    Args:
        better: Whether system i is significantly better than j, (systems, systems).

    Returns:
        (best, worst) rank of each system, from 1.
    """
    count = len(better)
    return [(1 + int(better[:, i].sum()), count - int(better[i].sum())) for i in range(count)]
