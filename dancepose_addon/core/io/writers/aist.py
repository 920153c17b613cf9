# SPDX-License-Identifier: Apache-2.0
"""AIST++-style pickle: smpl_poses, smpl_trans, smpl_scaling, y up, centimetres, 60 frames a second."""

from pathlib import Path
import pickle
from typing import Final

import numpy as np

from ...atomic import replacing
from ...body.motion import BodyMotion
from ...body.rotation import rotmat_to_rotvec
from ..frame_rate import resample_motion

FPS: Final = 60.0
PROTOCOL: Final = 2
"""Which every Python reads, as the data set's own files have it."""


def write_aist(motion: BodyMotion, path: Path) -> None:
    """Write a motion at 60 frames a second, which loaders of AIST++ assume.

    vertices = scaling * SMPL(poses) + trans, in centimetres.

    Args:
        motion: To write.
        path: Of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    at_rate = resample_motion(motion, FPS)
    table = {
        "smpl_poses": rotmat_to_rotvec(at_rate.pose_rotmat).reshape(len(at_rate), 72).astype(np.float32),
        "smpl_trans": (at_rate.translation_m * 100.0).astype(np.float32),
        "smpl_scaling": np.array([100.0 * at_rate.scale], np.float32),
        "smpl_loss": 0.0,
    }
    with replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(table, PROTOCOL))
