"""A run from its plan to its summary, whichever executor does the work."""

from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.errors import Cancelled

from ..media.ffmpeg import find_ffmpeg
from ..plan.jobs import read_jobs
from .driver import Driver, State, Summary
from .executors import Executor
from .executors.local import LocalExecutor
from .job_runner import Context
from .journal import Journal, held
from .launching import blender_command

STOPPED: Final = "Stopped. What is finished is kept: `dancepose study resume` goes on from there."


@dataclass(frozen=True)
class RunOptions:
    """executor: one of executors.NAMES; workers: at a time, 0 for one a processor; threads: of one worker, 0 for a
    fair share; address: of a Dask scheduler, else one is started here; slurm: parameters of submitit."""

    executor: str = "local"
    workers: int = 0
    threads: int = 0
    address: str | None = None
    slurm: dict[str, Any] | None = None


def run_plan(
    context: Context, options: RunOptions, *, tell: Callable[[str], None], show: Callable[[State], None]
) -> Summary:
    """Run the plan that lies in ``context.out``.

    Raises:
        MissingFileError, FormatError: there is no usable plan. EngineError: there is no Blender, or no ffmpeg.
        DancePoseError: another run works on the same folder. Cancelled: Ctrl-C; everything has been ended.
    """
    places = context.places
    with held(places.lock):
        study, _ = context.read_study()
        blender_command(context.blender)
        find_ffmpeg()
        executor = _executor(context, options)
        try:
            driver = Driver(
                read_jobs(places.plan),
                places=places,
                journal=Journal.open(places.journal),
                executor=executor,
                retries=study.run.retries,
                tell=tell,
                show=show,
            )
            return driver.run()
        except KeyboardInterrupt:
            raise Cancelled(STOPPED) from None
        finally:
            executor.close()


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _executor(context: Context, options: RunOptions) -> Executor:
    if options.executor == "slurm":
        from .executors.slurm import SlurmExecutor

        return SlurmExecutor(context, workers=options.workers or 8, parameters=options.slurm or {})
    workers = options.workers or processors()
    threads = options.threads or max(1, processors() // workers)
    context = Context(context.root, context.out, context.blender, threads)
    if options.executor == "dask":
        from .executors.dask import DaskExecutor

        return DaskExecutor(context, address=options.address, workers=workers)
    return LocalExecutor(context, workers=workers)


def default_out(study_file: Path, folder: str) -> Path:
    """Output folder of a study file."""
    return study_file.absolute().parent / folder
