"""BodyMotion: a body's motion as SMPL parameters, and its file."""

from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any
import zipfile

import numpy as np

from ..arrays import F32
from ..atomic import replacing
from ..axes import from_smpl, to_smpl, turn_root
from ..errors import FormatError, MissingFileError
from .rotation import rotmat_to_rotvec, rotvec_to_rotmat


@dataclass(frozen=True)
class BodyMotion:
    """The motion of one body.

    pose_rotmat: (T, 24, 3, 3), local to the parent; translation_m: (T, 3), metres, SMPL's trans; betas: (B,), one
    set for the clip; scale: the body's size about SMPL's origin, before the translation; fps: frames a second;
    provenance: what it was made from and how, as JSON values.
    """

    pose_rotmat: F32
    translation_m: F32
    betas: F32
    scale: float
    fps: float
    provenance: dict[str, Any] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.pose_rotmat)

    def save(self, path: Path, *, rest_pelvis_m: F32) -> None:
        """Write an AMASS-style .npz: poses (T, 72), trans, betas, gender, mocap_framerate, z up as in AMASS.

        AMASS turns the body about SMPL's origin by turning the root, so the translation takes up what the pelvis
        (rest_pelvis_m: (3,), metres, of the scaled body) moves by. Extra keys: scale, provenance (JSON).

        Raises:
            OutputError: the file cannot be written.
        """
        pose, trans = self.pose_rotmat.copy(), self.translation_m
        pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=False)
        trans = from_smpl(trans + rest_pelvis_m, axes="z_up", unit="m") - rest_pelvis_m
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                poses=rotmat_to_rotvec(pose).reshape(len(self), 72),
                trans=trans,
                betas=self.betas,
                gender="neutral",
                surface_model_type="smpl",
                mocap_framerate=self.fps,
                scale=np.float32(self.scale),
                rest_pelvis=np.asarray(rest_pelvis_m, np.float32),
                provenance=json.dumps(self.provenance, sort_keys=True),
            )

    @classmethod
    def load(cls, path: Path) -> "BodyMotion":
        """Read what ``save`` wrote.

        Raises:
            MissingFileError: no such file. FormatError: it is not a motion of this form.
        """
        if not path.is_file():
            raise MissingFileError(f"{path} does not exist. Give the .npz that `dancepose fit` wrote.")
        try:
            # Opened here because NumPy leaves its own file open where the archive is broken.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                poses = np.asarray(arrays["poses"], np.float32).reshape(-1, 24, 3)
                pelvis = np.asarray(arrays["rest_pelvis"], np.float32)
                trans = to_smpl(arrays["trans"] + pelvis, axes="z_up", unit="m") - pelvis
                pose = rotvec_to_rotmat(poses)
                pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=True)
                return cls(
                    pose,
                    trans,
                    np.asarray(arrays["betas"], np.float32),
                    float(arrays["scale"]),
                    float(arrays["mocap_framerate"]),
                    json.loads(str(arrays["provenance"])),
                )
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise FormatError(f"{path} is not a DancePose motion ({error}). Make one with `dancepose fit`.") from error
