# SPDX-License-Identifier: Apache-2.0
"""Expected failures of training and export.

DancePoseError
+-- TrainerError
    +-- ConfigError      a preset, an override or an input that cannot be used for training
    +-- TrainingError    training diverged (a loss is not finite); the last good checkpoint is kept
    +-- CheckpointError  a checkpoint is missing, damaged or of another configuration
"""

from dancepose_addon.core.errors import DancePoseError


class TrainerError(DancePoseError):
    """Base of the expected failures of training and export."""


class ConfigError(TrainerError):
    """A preset, an override or an input that cannot be used for training."""


class TrainingError(TrainerError):
    """Training diverged; the last good checkpoint is kept."""


class CheckpointError(TrainerError):
    """A checkpoint is missing, damaged or of another configuration."""
