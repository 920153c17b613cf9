# SPDX-License-Identifier: Apache-2.0
"""From scene-linear light to displayed colours, close to what the Cycles scenes use.

Those are shown by Blender's AgX with the look "Medium High Contrast" and an exposure of 0.25 stops. The transform here
has AgX's form (a matrix, one curve on the logarithm of each channel, a matrix); its numbers are a least-squares fit to
65,536 colours that Blender 4.5 converted. The mean error is 0.003 of the displayed range, on greys at most 0.006.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F64

LOG_RANGE: Final = (-12.0, 7.0)
"""Base-2 logarithms between which the curve is fitted."""
INSET: Final = np.array(
    [
        [1.0 - 0.33098577 - 0.10269483, 0.33098577, 0.10269483],
        [0.12213194, 1.0 - 0.12213194 - 0.12967994, 0.12967994],
        [0.09747427, 0.19946157, 1.0 - 0.09747427 - 0.19946157],
    ]
)
OUTSET: Final = np.array(
    [
        [1.0 + 0.7087002 + 0.15755252, -0.7087002, -0.15755252],
        [-0.23356035, 1.0 + 0.23356035 + 0.07034228, -0.07034228],
        [-0.1917319, -0.30289319, 1.0 + 0.1917319 + 0.30289319],
    ]
)
CURVE: Final = (
    -7.42663546, 12.1359208, -6.29264198, 3.13276357, -2.66998298, 2.7320507, -2.3023839, 1.65729194, -1.12680441,
    0.78216572, -0.3669004, 0.13410719, 0.02068667,
)  # fmt: skip
"""Chebyshev coefficients of the displayed linear light's logarithm."""


def displayed(linear: NDArray[np.floating]) -> F64:
    """Convert scene-linear colours to displayed ones.

    Args:
        linear: (..., 3), Rec. 709 primaries.

    Returns:
        (..., 3), sRGB in [0, 1].
    """
    low, high = LOG_RANGE
    logarithm = np.log2(np.maximum(np.asarray(linear, np.float64) @ INSET.T, 1e-10))
    place = np.clip((logarithm - low) / (high - low), 0.0, 1.0) * 2.0 - 1.0
    shown = np.maximum(np.exp2(np.polynomial.Chebyshev(CURVE)(place)) @ OUTSET.T, 0.0)
    encoded = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * np.maximum(shown, 1e-9) ** (1.0 / 2.4) - 0.055)
    return np.asarray(np.clip(encoded, 0.0, 1.0))


def display_glsl() -> str:
    """Return the GLSL function ``vec3 displayed(vec3 linear)``."""
    low, high = LOG_RANGE
    inset, outset = (", ".join(f"{value:.8f}" for value in matrix.T.ravel()) for matrix in (INSET, OUTSET))
    lines = [
        "vec3 displayed(vec3 linear) {",
        f"    vec3 t = log2(max(mat3({inset}) * linear, vec3(1e-10)));",
        f"    t = clamp((t - {low:.1f}) * {2.0 / (high - low):.8f} - 1.0, -1.0, 1.0);",
        "    vec3 b1 = vec3(0.0), b2 = vec3(0.0), b0;",
    ]
    # Clenshaw's recurrence.
    for coefficient in CURVE[:0:-1]:
        lines += [f"    b0 = {coefficient:.8f} + 2.0 * t * b1 - b2; b2 = b1; b1 = b0;"]
    lines += [
        f"    vec3 shown = max(mat3({outset}) * exp2({CURVE[0]:.8f} + t * b1 - b2), vec3(0.0));",
        "    vec3 curved = 1.055 * pow(max(shown, vec3(1e-9)), vec3(1.0 / 2.4)) - 0.055;",
        "    return clamp(mix(curved, 12.92 * shown, lessThanEqual(shown, vec3(0.0031308))), 0.0, 1.0);",
        "}",
    ]
    return "\n".join(lines)
