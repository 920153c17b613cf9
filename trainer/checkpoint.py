# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: everything needed to resume or export a run. Tensors and plain values only; nothing is executed."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
import pickle
from typing import Any, Final
import zipfile

import torch
from torch import Tensor, nn

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.bounded_files import brief
from dancepose_addon.core.errors import FormatError, LayoutError
from dancepose_addon.core.printable_text import quoted
from dancepose_addon.core.skeleton.markers import MarkerSet

from .checkpoint_contents import require_contents, require_fit
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
        source: The file that it was read from, for messages.
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
    source: str = "The run"

    @property
    def best(self) -> str:
        """The key of ``best_weights``."""
        return "generator" if self.average is None else "average"

    @property
    def best_weights(self) -> dict[str, Tensor]:
        """The averaged weights of the generator if there are any, else the present ones."""
        return self.generator if self.average is None else self.average

    @property
    def marker_sets(self) -> list[MarkerSet]:
        """The marker tables, in the order of the layouts."""
        return [MarkerSet.from_json(table, "the run's markers") for table in self.markers]

    def load_weights(self, network: nn.Module, part: str) -> None:
        """Load weights into a network.

        Args:
            network: The network.
            part: ``generator``, ``average`` or ``discriminator``.

        Raises:
            CheckpointError: They do not fit.
        """
        weights = getattr(self, part)
        self.require_fit(network.state_dict(), part)
        network.load_state_dict(weights)

    def require_fit(self, expected: dict[str, Tensor], part: str) -> None:
        """Check that weights fit a network.

        Args:
            expected: Weights of the network.
            part: ``generator``, ``average`` or ``discriminator``.

        Raises:
            CheckpointError: They do not fit.
        """
        try:
            require_fit(expected, getattr(self, part), part)
        except ValueError as error:
            raise invalid(self.source, error) from error


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
    except (
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        AssertionError,
        OverflowError,
        EOFError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise invalid(str(file), error) from error
    if not isinstance(table, dict) or "format" not in table:
        raise invalid(str(file), ValueError("it is no table with a format"))
    if table["format"] != FORMAT:
        raise CheckpointError(f"{file} has format {quoted(table['format'])}; expected {FORMAT!r}. Train again.")
    return _checked(table, str(file))


def invalid(source: str, reason: Exception) -> CheckpointError:
    """Return the error of a damaged checkpoint.

    Args:
        source: The file.
        reason: What is wrong with it.

    Returns:
        The error to raise.
    """
    return CheckpointError(f"{source} is not a valid checkpoint ({brief(reason)}). Train again.")


def _checked(table: dict[str, Any], source: str) -> Checkpoint:
    """Return the contents of a file if all of them can be used."""
    missing = [key for key in ("config", *_KEYS) if key not in table]
    if missing:
        raise invalid(source, ValueError(f"it has no {', '.join(missing)}"))
    if not isinstance(table["config"], dict) or not all(isinstance(key, str) for key in table["config"]):
        raise invalid(source, ValueError("config is not a table"))
    config = config_from_table(table["config"], source)
    try:
        require_contents(table)
        if (table["average"] is None) != (not config.optim.ema_decay):
            raise ValueError(f"average does not agree with optim.ema_decay, {config.optim.ema_decay}")  # noqa: TRY301
    except (ValueError, FormatError, LayoutError) as error:
        raise invalid(source, error) from error
    return Checkpoint(config=config, **{key: table[key] for key in _KEYS}, source=source)


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
