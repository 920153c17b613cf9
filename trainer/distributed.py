"""Training in several processes, as ``torchrun`` starts them: each draws a part of every batch, gradients are averaged.

Batch normalisation sees each process's own part; its running statistics are averaged, so that all processes hold the
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
    """rank: of this process, of ``world``."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def average_gradients(self, model: nn.Module, flags: tuple[bool, ...] = ()) -> tuple[bool, ...]:
        """Put the mean over the processes in place of each gradient; returns each flag as true where it is true
        anywhere, so that all processes stop in the same step."""
        if self.world == 1:
            return flags
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        raised = gradients[0].new_tensor([float(flag) for flag in flags])
        _average([*gradients, raised], self.world)
        return tuple(bool(value > 0) for value in raised)

    def average_statistics(self, model: nn.Module) -> None:
        """The same for the running statistics."""
        if self.world > 1:
            _average([buffer for buffer in model.buffers() if buffer.is_floating_point()], self.world)

    def share(self, count: int, what: str) -> int:
        """This process's part of a number. Raises ConfigError where the processes cannot share it equally."""
        if count % self.world:
            raise ConfigError(f"{what} is {count}, which {self.world} processes cannot share equally.")
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
    """Join the other processes, where ``torchrun`` started this one (it sets WORLD_SIZE and RANK); else be alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def leave_ranks(ranks: Ranks) -> None:
    """End this process, where it is one of several, once all have come here. Call it last.

    Nothing is torn down: Gloo's threads outlive that now and then, and end the process with an abort after all is done,
    which ``torchrun`` then takes for a failure of the run.
    """
    if ranks.world > 1:
        distributed.barrier()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
