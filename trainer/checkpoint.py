"""A run's file: everything needed to go on, or to export. Tensors and plain values only; nothing in it is executed."""

from dataclasses import dataclass
from pathlib import Path
import pickle
from typing import Any, Final
import zipfile

import torch
from torch import Tensor

from dancepose_addon.core.atomic import replacing

from .config import Config, config_from_table
from .training_errors import CheckpointError

FORMAT: Final = "dancepose-run-1"
CHECKPOINT_NAME: Final = "run.pt"


@dataclass(frozen=True)
class Checkpoint:
    """config: of the run; step: steps done; weights: of generator, averaged generator and discriminator; state:
    optimisers, schedule and random numbers; markers, of each layout, and body: what P_3d was; summary: of the data."""

    config: Config
    step: int
    generator: dict[str, Tensor]
    average: dict[str, Tensor] | None
    discriminator: dict[str, Tensor]
    state: dict[str, Any]
    markers: list[dict[str, Any]]
    body: dict[str, str]
    summary: dict[str, Any]

    @property
    def best_weights(self) -> dict[str, Tensor]:
        """The averaged generator where there is one."""
        return self.generator if self.average is None else self.average


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically. Raises OutputError where the file cannot be written."""
    table = {
        "format": FORMAT,
        "config": checkpoint.config.to_table(),
        **{key: getattr(checkpoint, key) for key in _KEYS},
    }
    with replacing(path) as temporary:
        torch.save(table, temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a run's file, or that of a run's folder.

    Raises:
        CheckpointError: there is none, or it is damaged or of another format.
    """
    file = path / CHECKPOINT_NAME if path.is_dir() else path
    if not file.is_file():
        raise CheckpointError(f"{file} does not exist. Give the folder that `dancepose train --out` wrote.")
    try:
        table = torch.load(file, map_location="cpu", weights_only=True)
        if table["format"] != FORMAT:
            raise CheckpointError(f"{file} has format {table['format']!r}; expected {FORMAT!r}. Train again.")
        return Checkpoint(config=config_from_table(table["config"], str(file)), **{key: table[key] for key in _KEYS})
    except (
        RuntimeError,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(f"{file} is not a run's file ({str(error)[:200]}). Train again.") from error


_KEYS: Final = ("step", "generator", "average", "discriminator", "state", "markers", "body", "summary")
