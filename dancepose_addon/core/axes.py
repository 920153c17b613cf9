# SPDX-License-Identifier: Apache-2.0
"""The only place where axes and units are converted. Inside: metres, y up, the body faces +z, its left is +x."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError
from .printable_text import quoted

METRES_PER: Final = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "ft": 0.3048}

# Columns are where the file's x, y and z point to in SMPL's axes.
TO_SMPL: Final = {
    "y_up": np.eye(3, dtype=np.float32),
    # AMASS, Blender and most engines: z up, the body faces -y, its left is +x.
    "z_up": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float32),
}


def to_smpl(points: NDArray[np.floating], *, axes: str, unit: str) -> NDArray[np.float32]:
    """Convert points from a file's axes and unit.

    Args:
        points: (..., 3), in the file's axes and unit.
        axes: Name of the axes, a key of ``TO_SMPL``.
        unit: Name of the unit, a key of ``METRES_PER``.

    Returns:
        (..., 3), metres, SMPL axes.
    """
    turn = (TO_SMPL[axes] * METRES_PER[unit]).astype(np.float64)
    with np.errstate(invalid="ignore"):  # Infinite points become NaN here, and `validate` names them.
        return (points @ turn.T).astype(np.float32)


def from_smpl(points_m: NDArray[np.floating], *, axes: str, unit: str) -> NDArray[np.float32]:
    """Convert points to a file's axes and unit.

    Args:
        points_m: (..., 3), metres, SMPL axes.
        axes: Name of the axes, a key of ``TO_SMPL``.
        unit: Name of the unit, a key of ``METRES_PER``.

    Returns:
        (..., 3), in the file's axes and unit.
    """
    turn = (TO_SMPL[axes] / METRES_PER[unit]).astype(np.float64)
    return (points_m @ turn).astype(np.float32)


def turn_root(rotmat: NDArray[np.floating], *, axes: str, inward: bool) -> NDArray[np.floating]:
    """Convert the orientation of a root between a file's axes and SMPL's.

    Args:
        rotmat: (..., 3, 3).
        axes: Name of the axes, a key of ``TO_SMPL``.
        inward: Whether from the file to SMPL.

    Returns:
        (..., 3, 3).
    """
    turn = TO_SMPL[axes].astype(rotmat.dtype)
    return turn @ rotmat if inward else turn.T @ rotmat


UPRIGHT: Final = {
    "y": TO_SMPL["y_up"],
    "z": TO_SMPL["z_up"],
    # Cameras: y down, z away from the lens; a person who faces the lens faces +z afterwards.
    "-y": np.diag([1.0, -1.0, -1.0]).astype(np.float32),
    "-z": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float32),
    "x": np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32),
    "-x": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], dtype=np.float32),
}
"""Rotations that turn an axis of the file up, to +y. Columns as in TO_SMPL."""
AXIS_NAMES: Final = ("x", "y", "z")


def require_axis(name: str) -> str:
    """Refuse a name that is not an axis.

    Args:
        name: Such as ``z`` or ``-y``.

    Returns:
        The name.

    Raises:
        OptionError: It is not an axis.
    """
    if name not in UPRIGHT:
        raise OptionError(f"There is no axis {quoted(name)}; up is one of {', '.join(UPRIGHT)}.")
    return name


def axis_name(direction: NDArray[np.floating]) -> str:
    """Return the axis that is nearest to a direction (3,), such as ``-y``."""
    axis = int(np.argmax(np.abs(direction)))
    return ("-" if direction[axis] < 0 else "") + AXIS_NAMES[axis]


def axis_vector(name: str) -> NDArray[np.float64]:
    """Return the unit vector (3,) of an axis that ``axis_name`` returned."""
    vector = np.zeros(3)
    vector[AXIS_NAMES.index(name.removeprefix("-"))] = -1.0 if name.startswith("-") else 1.0
    return vector


def turn_points(points: NDArray[np.floating], turn: NDArray[np.floating], metres: float) -> NDArray[np.float32]:
    """Convert points by a rotation and a unit.

    Args:
        points: (..., 3), in the file's axes and unit.
        turn: (3, 3), from the file's axes to SMPL's.
        metres: Per unit.

    Returns:
        (..., 3), metres, SMPL axes.
    """
    matrix = np.asarray(turn, np.float64) * metres
    with np.errstate(invalid="ignore", over="ignore"):
        return (points @ matrix.T).astype(np.float32)
