"""Expected failures of training and export.

DancePoseError
+-- TrainerError
    +-- ConfigError      a preset, an override or an input that no training could use
    +-- TrainingError    training went wrong (a loss that is not a number); the last good checkpoint stays
    +-- CheckpointError  a run's file is missing, damaged or of another configuration
"""

from dancepose_addon.core.errors import DancePoseError


class TrainerError(DancePoseError):
    """Base of the expected failures of training and export."""


class ConfigError(TrainerError):
    """A preset, an override or an input that no training could use."""


class TrainingError(TrainerError):
    """Training went wrong; the last good checkpoint stays."""


class CheckpointError(TrainerError):
    """A run's file is missing, damaged or of another configuration."""
