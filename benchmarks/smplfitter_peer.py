# SPDX-License-Identifier: Apache-2.0
"""smplfitter (PyPI, MIT) on the same body and the same clips, in its best configuration for joints.

It reads SMPL's own pickle, so the default body is written in that form into a temporary folder. It fits meshes: given
joints, it gets the vertices of the body posed by minimal rotations, then once more of a body with the betas that it
found, and a small regulariser.
"""

from pathlib import Path
import pickle
import tempfile
from typing import Any

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import PARENTS, BodyModel, skin
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.pose.analytic_ik import seen_joints, swing
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers

VERTEX_STEP = 8
"""Every so many vertices are given to it: it is slow with all of them."""
ROUNDS = 2
JOINT_WEIGHT = 1.0


class SmplfitterPeer:
    """A fitter for one body. Raises ImportError where smplfitter is not installed.

    Attributes:
        backend: ``numba``, its fastest on processors, or ``NumPy`` where numba is not installed.
    """

    def __init__(self, body: BodyModel) -> None:
        try:
            from smplfitter.nb import BodyFitter, BodyModel as PeerModel

            self.backend = "numba"
        except ImportError:
            from smplfitter.np import BodyFitter, BodyModel as PeerModel

            self.backend = "NumPy"

        self._body = body
        # The vertices from which joints are regressed are needed whole.
        regressed = np.flatnonzero((body.joint_regressor != 0.0).any(axis=0))
        self._vertices = np.union1d(np.arange(0, len(body.v_template_m), VERTEX_STEP), regressed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
            path.write_bytes(pickle.dumps(_smpl_table(body)))
            # Zeros mean "no template of children", which it expects.
            np.save(Path(folder) / "kid_template.npy", np.zeros_like(body.v_template_m))
            self._model = PeerModel(
                "smpl",
                "neutral",
                model_root=folder,
                vertex_subset=self._vertices,
                joint_regressor_post_lbs=body.joint_regressor[:, self._vertices],
            )
        self._fitter = BodyFitter(self._model)
        self.fit(np.repeat(body.rest_joints()[None], 2, axis=0))  # Compiles, which is not part of a fit.

    def fit(self, joints_m: F32) -> tuple[F32, F32, F32]:
        """Fit a clip.

        Args:
            joints_m: (T, 24, 3), metres.

        Returns:
            pose_rotmat (T, 24, 3, 3), betas (B,), translation_m (T, 3).
        """
        betas = np.zeros(self._body.beta_count, np.float32)
        for _ in range(ROUNDS):
            pose, place = minimal_rotations(self._body.rest_joints(betas), joints_m)
            surface = skin(self._body, pose, betas=betas, translation_m=place, vertices=self._vertices)
            assert surface is not None
            pose, betas, place = self._to_mesh(joints_m, surface)
        return pose, betas, place

    def _to_mesh(self, joints_m: F32, surface_m: F32) -> tuple[F32, F32, F32]:
        found = self._fitter.fit(
            surface_m,
            joints_m,
            vertex_weights=np.ones(surface_m.shape[:2], np.float32),
            joint_weights=np.full(joints_m.shape[:2], JOINT_WEIGHT, np.float32),
            num_iter=3,
            beta_regularizer=0.01,
            share_beta=True,
            requested_keys=["pose_rotvecs", "shape_betas", "trans"],
        )
        pose = rotvec_to_rotmat(found["pose_rotvecs"].reshape(-1, 24, 3).astype(np.float32))
        betas = np.asarray(found["shape_betas"], np.float32)
        return pose, np.median(betas, axis=0) if betas.ndim > 1 else betas, found["trans"].astype(np.float32)


def minimal_rotations(rest_joints_m: F32, joints_m: F32) -> tuple[F32, F32]:
    """The baseline without learning: minimal rotations down the tree, of a body whose T-pose is known.

    Args:
        rest_joints_m: (24, 3), metres.
        joints_m: (T, 24, 3), metres.

    Returns:
        pose_rotmat (T, 24, 3, 3), translation_m (T, 3).
    """
    start = np.broadcast_to(np.eye(3, dtype=np.float32), (len(joints_m), 24, 3, 3)).copy()
    usable = np.ones(joints_m.shape[:2], bool)
    return swing(rest_joints_m, start, joints_m[:, 0], joints_m, seen_joints(joint_markers(SMPL24)), usable)


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
