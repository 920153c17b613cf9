# SPDX-License-Identifier: Apache-2.0
"""Where jobs are done: on this machine, on a Slurm cluster, or by Dask workers."""

from dataclasses import dataclass
from typing import Final, Protocol

from ...plan.jobs import Job, Result

EXECUTORS: Final = ("local", "slurm", "dask")


@dataclass(frozen=True)
class FrameEvent:
    """Progress of a render job.

    Attributes:
        job: Id of the job.
        done: Frames of it that are done.
    """

    job: str
    done: int


Event = Result | FrameEvent


class Executor(Protocol):
    """Does jobs, in any order, as soon as it can."""

    def capacity(self) -> int:
        """Return how many more jobs it would take now."""
        ...

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened since the last call; wait up to ``timeout_s`` for something to happen."""
        ...

    def close(self) -> None:
        """End everything at once; finished frames stay."""
        ...
