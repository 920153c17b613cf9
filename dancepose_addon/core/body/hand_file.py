# SPDX-License-Identifier: Apache-2.0
"""Fingers of the default body, in a small file beside it: where their joints are and which vertices they move.

    key                         shape, type         what it holds
    format                      () str              "dancepose-hands-1"
    vertex_count                () int32            of the body that the file belongs to
    vertices                    (N,) uint16         vertices that a finger moves
    weight_joints               (N, 4) uint8        joints of SMPL+H's tree that move them
    weight_values               (N, 4) uint16       their weights, multiples of 1/65535; rows sum to 65535
    J_rows, J_columns, J_values (K,)                entries of the 30 rows of J_regressor for the fingers

The body file itself has SMPL's 24 joints, so that regressors trained on it stay valid.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..bounded_files import NpzLimits, open_npz
from ..errors import BodyFileError, FormatError
from .joint_tree import BODY_JOINTS, SMPLH_TREE
from .model import BodyModel

FORMAT: Final = "dancepose-hands-1"
HANDS_FILE: Final = "hands.npz"
KEYS: Final = (
    "format", "vertex_count", "vertices", "weight_joints", "weight_values", "J_rows", "J_columns", "J_values",
)  # fmt: skip
LIMITS: Final = NpzLimits(arrays=16, expansion=12, small_bytes=8 << 20)


def with_fingers(body: BodyModel, path: Path) -> BodyModel:
    """Add fingers to a body of 24 joints.

    Args:
        body: Body that the file belongs to.
        path: The file.

    Returns:
        The same body, whose ``full`` has SMPL+H's 52 joints; ``body`` itself where there is no such file.

    Raises:
        BodyFileError: The file is damaged or belongs to another body.
    """
    if not path.is_file():
        return body
    try:
        arrays = open_npz(path, limits=LIMITS, wanted=KEYS)
        return replace(body, detailed=_detailed(body, arrays))
    except (FormatError, OSError, KeyError, ValueError, IndexError) as error:
        raise BodyFileError(f"{path} does not hold the fingers of {body.name} ({error}). Install it again.") from error


def _detailed(body: BodyModel, arrays: Mapping[str, Any]) -> BodyModel:
    count = len(body.v_template_m)
    if str(arrays["format"]) != FORMAT or int(arrays["vertex_count"]) != count:
        raise ValueError(f"format {arrays['format']} of {arrays['vertex_count']} vertices")
    weights = np.zeros((count, len(SMPLH_TREE)), np.float32)
    weights[:, :BODY_JOINTS] = body.weights[:, :BODY_JOINTS]
    moved = arrays["vertices"].astype(np.intp)
    weights[moved] = 0.0
    scaled = arrays["weight_values"].astype(np.float32) / np.float32(65535.0)
    for column in range(scaled.shape[1]):  # unused places hold joint 0 with weight 0
        weights[moved, arrays["weight_joints"][:, column]] += scaled[:, column]
    weights /= weights.sum(axis=1, keepdims=True)
    regressor = np.zeros((len(SMPLH_TREE), count), np.float32)
    regressor[:BODY_JOINTS] = body.joint_regressor[:BODY_JOINTS]
    rows = arrays["J_rows"].astype(np.intp)
    regressor[BODY_JOINTS + rows, arrays["J_columns"].astype(np.intp)] = arrays["J_values"]
    posedirs = None if body.posedirs is None else body.posedirs[:, :, : 9 * (BODY_JOINTS - 1)]
    return replace(body, joint_regressor=regressor, weights=weights, posedirs=posedirs, tree=SMPLH_TREE)
