"""Measures of a motion, as the field defines them."""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def per_point_error_m(first_m: F32, second_m: F32) -> F32:
    """Distance point by point, metres. first_m, second_m: (T, K, 3) -> (T, K). Its mean is MPJPE without alignment
    (Ionescu et al. 2014, Human3.6M)."""
    return np.linalg.norm(first_m - second_m, axis=-1)
