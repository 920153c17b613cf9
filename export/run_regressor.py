# SPDX-License-Identifier: Apache-2.0
"""The networks of a run as regressors, in torch, without a file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch

from dancepose.trainer.body.layout_batch import build_layout_batch
from dancepose.trainer.checkpoint import Checkpoint
from dancepose.trainer.model.generator import build_generator
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.regressor import RegressorInfo

from .folding import fold
from .verification import TorchRegressor


@dataclass(frozen=True)
class RunRegressor:
    """A ``core.fit.regressor.PoseRegressor`` with the weights as trained.

    Attributes:
        info: Metadata.
        reference: The network in torch.
        provider: Always ``torch``.
    """

    info: RegressorInfo
    reference: TorchRegressor
    provider: str = "torch"

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict local rotations: (T, K, 3), metres, to (T, 24, 3, 3)."""
        return self.reference(keypoints_m)


def regressors_of(checkpoint: Checkpoint, body: BodyModel) -> list[RunRegressor]:
    """Return a regressor for each layout of a run."""
    config = checkpoint.config
    tables = checkpoint.marker_sets
    layout_batch = build_layout_batch(body, tables, torch.eye(3).repeat(1, 24, 1, 1))
    generator = build_generator(config, layout_batch)
    checkpoint.load_weights(generator, checkpoint.best)
    folded = fold(generator.eval())
    return [
        RunRegressor(
            RegressorInfo(table.layout, table, body.fingerprint, "", "", "", config.name),
            TorchRegressor(folded.only(index), layout_batch.only(index), config.model, config.data.normalise),
        )
        for index, table in enumerate(tables)
    ]
