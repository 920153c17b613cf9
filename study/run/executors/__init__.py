"""Where jobs are done: in processes of this machine, on a Slurm cluster, or by Dask workers."""

from dataclasses import dataclass
from typing import Final, Protocol

from ...plan.jobs import Job, Result

NAMES: Final = ("local", "slurm", "dask")


@dataclass(frozen=True)
class Frame:
    """A job has come this far. done: frames of it."""

    job: str
    done: int


Event = Result | Frame


class Executor(Protocol):
    """Does jobs, in any order, as soon as it can."""

    def capacity(self) -> int:
        """How many more jobs it would take now."""
        ...

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened since the last call; waits for something to happen, but no longer than ``timeout_s``."""
        ...

    def close(self) -> None:
        """End everything at once; finished frames stay."""
        ...
