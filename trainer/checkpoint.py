# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: everything needed to resume or export a run. Tensors and plain values only; nothing is executed."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
import pickle
from typing import Any, Final
import zipfile

import torch
from torch import Tensor

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.bounded_files import brief
from dancepose_addon.core.printable_text import quoted

from .config import Config, config_from_table
from .training_errors import CheckpointError

FORMAT: Final = "dancepose-run-1"
CHECKPOINT_NAME: Final = "run.pt"


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a checkpoint.

    Attributes:
        config: Settings of the run.
        step: Number of steps done.
        generator: Weights of the generator.
        average: Moving average of these weights, or None.
        discriminator: Weights of the discriminator.
        state: State of optimisers, schedule and random numbers.
        markers: Marker table of each layout.
        body: Name and fingerprint of the body.
        summary: Summary of the training data.
    """

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
        """The averaged weights of the generator if there are any, else the present ones."""
        return self.generator if self.average is None else self.average


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Args:
        path: File to write.
        checkpoint: Contents.

    Raises:
        OutputError: The file cannot be written.
    """
    table = {
        "format": FORMAT,
        "config": checkpoint.config.to_table(),
        **{key: getattr(checkpoint, key) for key in _KEYS},
    }
    # torch replaces the reason of a failed write, such as a full disk, by another error.
    buffer = BytesIO()
    torch.save(table, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: The file, or the folder of a run.

    Returns:
        The contents; settings of earlier versions are migrated.

    Raises:
        CheckpointError: There is none, or it is damaged or of another format.
    """
    file = path / CHECKPOINT_NAME if path.is_dir() else path
    if not file.is_file():
        raise CheckpointError(f"{file} does not exist. Give a folder written by `dancepose train --out`.")
    _require_stored(file)
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
        raise CheckpointError(f"{file} is not a valid checkpoint ({brief(error)}). Train again.") from error


def _require_stored(file: Path) -> None:
    """Refuse an archive whose parts are compressed or damaged.

    torch writes no compressed parts, and a small one could fill the memory. It does not compare checksums.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            packed = [info.filename for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
            damaged = None if packed else archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return  # torch says what it is
    if damaged is not None:
        raise CheckpointError(
            f"{file} is damaged: the checksum of its part {quoted(damaged)} differs. Restore it, or train again."
        )
    if packed:
        raise CheckpointError(f"{file} is compressed, which no file of `dancepose train` is. Give the folder of a run.")


_KEYS: Final = ("step", "generator", "average", "discriminator", "state", "markers", "body", "summary")
