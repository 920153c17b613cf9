# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training with ``torchrun``: each process draws a part of every batch, and gradients are averaged.

Batch normalisation uses each process's own part. Its running statistics are averaged, so that all processes hold the
same network after every step.
"""

from dataclasses import dataclass
import os
import sys

import torch
from torch import Tensor, distributed, nn

from .training_errors import ConfigError


@dataclass(frozen=True)
class Ranks:
    """This process among several.

    Attributes:
        rank: Index of this process.
        world: Number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    def average_gradients(self, model: nn.Module, flags: tuple[bool, ...] = ()) -> tuple[bool, ...]:
        """Replace each gradient by its mean over the processes.

        Args:
            model: The network.
            flags: Flags of this process.

        Returns:
            Each flag, true if it is true in any process, so that all processes stop in the same step.
        """
        if self.world == 1:
            return flags
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        raised = gradients[0].new_tensor([float(flag) for flag in flags])
        _average([*gradients, raised], self.world)
        return tuple(bool(value > 0) for value in raised)

    def average_statistics(self, model: nn.Module) -> None:
        """Replace the running statistics by their means over the processes."""
        if self.world > 1:
            _average([buffer for buffer in model.buffers() if buffer.is_floating_point()], self.world)

    def share(self, count: int, what: str) -> int:
        """Return this process's part of a number.

        Args:
            count: The number.
            what: Its name, for the message.

        Returns:
            The part.

        Raises:
            ConfigError: The processes cannot share it equally.
        """
        if count % self.world:
            raise ConfigError(
                f"{what} is {count}, which {self.world} processes cannot share equally. Choose a multiple of "
                f"{self.world}."
            )
        return count // self.world


def _average(tensors: list[Tensor], world: int) -> None:
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= world
    start = 0
    for tensor in tensors:
        tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def join_ranks(device: torch.device) -> Ranks:
    """Join the other processes if ``torchrun`` started this one (it sets WORLD_SIZE and RANK)."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def leave_ranks(ranks: Ranks) -> None:
    """End this process, if it is one of several, once all have arrived here. Call it last.

    The process group is not destroyed: Gloo's threads occasionally outlive that and abort the process after all work is
    done, which ``torchrun`` then reports as a failure.
    """
    if ranks.world > 1:
        distributed.barrier()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
