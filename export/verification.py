# SPDX-License-Identifier: Apache-2.0
"""Verify that the written file computes the same as torch on every available device."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from dancepose.trainer.body.layout_batch import LayoutBatch
from dancepose.trainer.config import ModelConfig
from dancepose.trainer.data.recordings import clip_names
from dancepose.trainer.model.generator import predict
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_regressor

from .folding import FoldedRegressor

TOLERANCE: Final = 1e-4
"""Largest allowed difference of an entry of a rotation matrix from torch with the same stored weights."""
MOST_FRAMES: Final = 500
"""Number of frames of a clip that are compared, from its start."""
SMALLEST_DIVISOR_M: Final = 1e-6
DEVICES: Final = ("cuda", "cpu", "numpy")


@dataclass(frozen=True)
class TorchRegressor:
    """The reference: the network in torch, in double precision, for one layout.

    ``core.fit.normalise`` is repeated in torch; a test compares the two.

    Attributes:
        network: The weights.
        layout_batch: The layout.
        model: Architecture.
        kind: Normalisation.
    """

    network: FoldedRegressor
    layout_batch: LayoutBatch
    model: ModelConfig
    kind: str

    def __call__(self, keypoints_m: F32) -> F32:
        """Predict local rotations: (T, K, 3), metres, to (T, 24, 3, 3)."""
        layout_batch, network = self.layout_batch.double(), copy.deepcopy(self.network).double()
        points = layout_batch.pad(torch.from_numpy(keypoints_m).double())
        centred = layout_batch.centred(points)
        divisor = (
            centred.abs().max()
            if self.kind == "max"
            else layout_batch.size_factor[0] * layout_batch.edge_sum(points).mean()
        )
        with torch.no_grad():
            rotations = predict(network, centred / divisor.clamp_min(SMALLEST_DIVISOR_M), layout_batch, self.model)
        return np.ascontiguousarray(rotations.local_rotmat.numpy(), np.float32)


def verify(
    path: Path, clips: list[KeypointSequence], exact: TorchRegressor, stored: TorchRegressor
) -> tuple[dict[str, object], list[PoseRegressor]]:
    """Compare the file with torch, clip by clip.

    Args:
        path: The file.
        clips: Clips of the layout.
        exact: Reference with the weights as trained.
        stored: Reference with the weights rounded as in the file.

    Returns:
        JSON values, and the regressors that could be opened.

    Raises:
        RegressorError: A device differs from ``stored`` by more than TOLERANCE.
    """
    regressors: list[PoseRegressor] = []
    for device in DEVICES:
        try:
            regressor = open_regressor(path, layout=exact.layout_batch.layouts[0].name, device=device)
        except RegressorError:
            if device == "numpy":
                raise
            continue
        if regressor.provider not in [other.provider for other in regressors]:
            regressors.append(regressor)
    rows = []
    for clip, name in zip(clips, clip_names(clips), strict=True):
        points = np.ascontiguousarray(clip.keypoints_m[:MOST_FRAMES])
        as_trained, as_stored = exact(points), stored(points)
        results = {regressor.provider: regressor(points) for regressor in regressors}
        rows.append(
            {
                "clip": name,
                "frames": len(points),
                "from_torch_stored_weights": {name: _difference(r, as_stored) for name, r in results.items()},
                "from_torch_exact_weights": {name: _difference(r, as_trained) for name, r in results.items()},
            }
        )
    worst = {
        key: {r.provider: max(row[key][r.provider] for row in rows) for r in regressors}  # type: ignore[index]
        for key in ("from_torch_stored_weights", "from_torch_exact_weights")
    }
    for provider, difference in worst["from_torch_stored_weights"].items():
        if not difference <= TOLERANCE:
            raise RegressorError(
                f"The graph on {provider} differs from torch by {difference:.2g}; at most {TOLERANCE:g} is allowed. "
                "No file was written."
            )
    return {"max_abs_difference": worst, "tolerance": TOLERANCE, "clips": rows}, regressors


def _difference(first: F32, second: F32) -> float:
    return float(np.abs(first - second).max())
