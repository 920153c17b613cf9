# SPDX-License-Identifier: Apache-2.0
"""AMASS-style .npz for other people's loaders: SMPL, SMPL+H or SMPL-X poses, z up, placed for SMPL's own body.

``BodyMotion.save`` keeps a motion for our own use, with the size of its body. Here the translation is SMPL's: added to
the pelvis of SMPL's mean body it gives the pelvis's place. Fingers that the motion does not hold are relaxed, jaw and
eyes neutral.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...atomic import replacing
from ...axes import from_smpl, turn_root
from ...body.joint_tree import TREES
from ...body.model import BodyModel
from ...body.motion import BodyMotion
from ...body.rotation import rotmat_to_rotvec
from ...errors import InputError
from ..theta import SMPL_PELVIS_M, pelvis_places

BETAS: Final = 16
DMPLS: Final = 8


def write_amass(motion: BodyMotion, body: BodyModel, path: Path, *, model: str = "smplh") -> None:
    """Write poses (T, 3 J), trans, betas, dmpls, gender, mocap_framerate as AMASS has them.

    Args:
        motion: To write.
        body: That moves.
        path: Of the file.
        model: ``smpl``, ``smplh`` or ``smplx``: how many joints the poses have.

    Raises:
        InputError: There is no such model.
        OutputError: The file cannot be written.
    """
    if model not in TREES:
        raise InputError(f"There are no poses of {model!r}; choose one of {', '.join(TREES)}.")
    pose = motion.pose_in(TREES[model]).copy()
    pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=False)
    poses = rotmat_to_rotvec(pose).astype(np.float32)
    trans = from_smpl(pelvis_places(motion, body), axes="z_up", unit="m") - np.array(SMPL_PELVIS_M, np.float32)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            poses=poses.reshape(len(motion), -1),
            trans=trans.astype(np.float32),
            # Betas of our body mean nothing on SMPL's.
            betas=np.zeros(BETAS, np.float32),
            dmpls=np.zeros((len(motion), DMPLS), np.float32),
            gender="neutral",
            surface_model_type=model,
            mocap_framerate=np.float64(motion.fps),
            mocap_frame_rate=np.float64(motion.fps),
        )
