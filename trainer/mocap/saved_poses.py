# SPDX-License-Identifier: Apache-2.0
"""Files of ``dancepose poses``, checked array by array: training would fail on them later, or learn from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from dancepose_addon.core.body.model import JOINT_COUNT
from dancepose_addon.core.body.motion import NPZ_LIMITS
from dancepose_addon.core.bounded_files import brief, open_npz
from dancepose_addon.core.errors import FormatError

KEYS: Final = ("prior_poses", "clip", "clip_names", "mirrored", "notes", "smpl")
MOST_RAD: Final = 100.0
"""Of a component of a rotation vector: far more than a turn, and few enough for float32 to tell angles apart."""


def read_saved_poses(path: Path) -> Mapping[str, Any]:
    """Read the arrays of a file of poses.

    Args:
        path: The .npz file.

    Returns:
        Arrays by key: prior_poses (N, 24, 3), radians; clip (N,), index of each pose's clip; clip_names (C,);
        mirrored (N,); notes, one sentence each; smpl (C,) or empty.

    Raises:
        FormatError: An array is missing, of another type or shape, or has values out of range.
    """
    try:
        arrays = open_npz(path, limits=NPZ_LIMITS, wanted=KEYS)
        trouble = _trouble({key: np.asarray(arrays[key]) for key in KEYS})
    except (FormatError, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        trouble = brief(error)
    if trouble:
        raise FormatError(f"{path} is not a file of saved poses ({trouble}). Make one with `dancepose poses`.")
    return arrays


def _trouble(arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Return what is wrong, a clause, or ""."""
    poses, names = arrays["prior_poses"], arrays["clip_names"]
    count, clips = len(poses) if poses.ndim else 0, names.size
    smpl = arrays["smpl"]
    shapes = {
        "prior_poses": ("f", (count, JOINT_COUNT, 3)),
        "clip": ("iu", (count,)),
        "mirrored": ("b", (count,)),
        "clip_names": ("U", (clips,)),
        "notes": ("U" if arrays["notes"].size else "Uf", (arrays["notes"].size,)),
        "smpl": ("b" if smpl.size else "bf", (clips if smpl.size else 0,)),
    }
    for key, (kinds, shape) in shapes.items():
        array = arrays[key]
        if array.dtype.kind not in kinds or array.shape != shape:
            return f"{key} has {array.dtype} values of shape {array.shape}, expected shape {shape}"
    if not count or not clips:
        return "it has no poses"
    if not (np.abs(poses) <= MOST_RAD).all():  # also where they are NaN
        return f"prior_poses has values that are not finite or beyond {MOST_RAD:g} radians"
    if not 0 <= int(arrays["clip"].min()) <= int(arrays["clip"].max()) < clips:
        return f"clip has numbers outside 0 to {clips - 1}"
    return ""
