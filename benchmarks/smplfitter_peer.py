"""smplfitter (PyPI, MIT) on the same body and clips, for comparison with the fit.

It reads SMPL's own pickle, so the default body is written in that form into a temporary folder. It is made for meshes:
given joints only, its vertices get almost no weight; given the true vertices too, it knows the surface of the answer.
"""

from pathlib import Path
import pickle
import tempfile
from typing import Any

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import PARENTS, BodyModel
from dancepose_addon.core.body.rotation import rotvec_to_rotmat

VERTEX_STEP = 8
"""Every n-th vertex is used: all of them would be slow."""
NO_WEIGHT = 1e-6
BATCH = 200


class SmplfitterPeer:
    """A fitter for one body.

    Args:
        body: The body.

    Raises:
        ImportError: smplfitter is not installed.
    """

    def __init__(self, body: BodyModel) -> None:
        from smplfitter.np import BodyFitter, BodyModel as PeerModel

        self._vertices = np.arange(0, len(body.v_template_m), VERTEX_STEP)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
            path.write_bytes(pickle.dumps(_smpl_table(body)))
            # Zeros stand for "no template of children", which it asks for.
            np.save(Path(folder) / "kid_template.npy", np.zeros_like(body.v_template_m))
            self._model = PeerModel("smpl", "neutral", model_root=folder, vertex_subset=self._vertices)
        self._fitter = BodyFitter(self._model)

    def fit(self, joints_m: F32, vertices_m: F32 | None = None) -> tuple[F32, F32, F32]:
        """Fit joints.

        Args:
            joints_m: (T, 24, 3), metres.
            vertices_m: (T, V, 3), true vertices, metres, or None.

        Returns:
            pose_rotmat (T, 24, 3, 3), betas (T, B) and translation_m (T, 3).
        """
        poses, betas, places = [], [], []
        for first in range(0, len(joints_m), BATCH):
            joints = joints_m[first : first + BATCH]
            if vertices_m is None:
                rest = self._model.v_template - self._model.J_template[0]
                shown = (rest[None] + joints[:, :1]).astype(np.float32)
                weights = np.full(shown.shape[:2], NO_WEIGHT, np.float32)
            else:
                shown = vertices_m[first : first + BATCH][:, self._vertices]
                weights = np.ones(shown.shape[:2], np.float32)
            found = self._fitter.fit(
                shown,
                joints,
                vertex_weights=weights,
                joint_weights=np.ones(joints.shape[:2], np.float32),
                num_iter=3,
                beta_regularizer=0.1,
                share_beta=True,
                requested_keys=["pose_rotvecs", "shape_betas", "trans"],
            )
            poses.append(rotvec_to_rotmat(found["pose_rotvecs"].reshape(-1, 24, 3).astype(np.float32)))
            betas.append(found["shape_betas"])
            places.append(found["trans"])
        return np.concatenate(poses), np.concatenate(betas), np.concatenate(places).astype(np.float32)


def _smpl_table(body: BodyModel) -> dict[str, Any]:
    import scipy.sparse

    parents = np.array(PARENTS, np.int64)
    posedirs = body.posedirs if body.posedirs is not None else np.zeros((*body.v_template_m.shape, 207), np.float32)
    return {
        "v_template": body.v_template_m.astype(np.float64),
        "f": body.faces.astype(np.uint32),
        "shapedirs": body.shapedirs.astype(np.float64),
        "posedirs": posedirs.astype(np.float64),
        "J_regressor": scipy.sparse.csc_matrix(body.joint_regressor.astype(np.float64)),
        "weights": body.weights.astype(np.float64),
        "kintree_table": np.stack([parents, np.arange(24)]),
    }
