# SPDX-License-Identifier: Apache-2.0
"""Whether a fit ended where a person can be."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .stages import FitState

MOST_M: Final = 0.15
"""Mean distance between a body and its points that no person and no layout explains."""


def require_close(fitted: FitState, errors_m: NDArray[np.floating], source: str) -> None:
    """Refuse a fit that is no person's, so that it is neither written nor shown.

    Args:
        fitted: The result.
        errors_m: (T, K), metres, NaN where a point was not seen.
        source: The motion, for messages.

    Raises:
        InputError: The body is not finite, or ends too far from the points.
    """
    if not (np.isfinite(fitted.pose).all() and np.isfinite(fitted.translation).all()):
        raise InputError(f"{source}: the fit ended in numbers that are not finite, so nothing was written. {ADVICE}")
    known = errors_m[np.isfinite(errors_m)]
    mean = float(known.mean()) if known.size else 0.0
    if mean > MOST_M:
        raise InputError(
            f"{source}: the fitted body is {1000.0 * mean:.0f} mm away from the points on average, which no person is, "
            f"so nothing was written. {ADVICE}"
        )


ADVICE: Final = "`dancepose inspect` shows how the file was understood; --layout and --read correct it."
