# SPDX-License-Identifier: Apache-2.0
"""A run, from its plan to its summary, with any executor."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import os
from typing import Any, Final

from dancepose_addon.core.errors import Cancelled

from ..plan.ffmpeg_program import FfmpegProgram, require_same
from ..plan.jobs import read_jobs
from ..plan.study_folder import require_separate_folder
from .driver import Driver, RunProgress, Summary
from .executors import Executor
from .executors.local import LocalExecutor
from .job_runner import RunContext
from .journal import Journal, locked_study
from .launching import blender_command

STOPPED: Final = "Stopped. Finished work is kept; `dancepose study resume` continues from there."


@dataclass(frozen=True)
class RunOptions:
    """How a plan is run.

    Attributes:
        executor: One of ``executors.EXECUTORS``.
        workers: Jobs at a time; 0 for one per processor.
        threads: Processors of one worker; 0 for an equal share.
        address: Address of a Dask scheduler; None starts one.
        slurm: Parameters of submitit.
    """

    executor: str = "local"
    workers: int = 0
    threads: int = 0
    address: str | None = None
    slurm: dict[str, Any] | None = None


def run_plan(
    context: RunContext,
    options: RunOptions,
    *,
    on_message: Callable[[str], None],
    on_progress: Callable[[RunProgress], None],
) -> Summary:
    """Run the plan in ``context.out``.

    Args:
        context: The study's folders and how Blender is started.
        options: How the plan is run.
        on_message: Called with a sentence on every failure.
        on_progress: Called about twice per second.

    Returns:
        What was done.

    Raises:
        MissingFileError: There is no plan.
        FormatError: The plan is of another version, or damaged.
        EngineError: There is no Blender, or the ffmpeg of the plan is not there.
        DancePoseError: Another run is working on the same folder.
        Cancelled: KeyboardInterrupt, by Ctrl-C or SIGTERM; everything that was started has ended.
    """
    paths = context.paths
    with locked_study(paths.lock):
        study, head = context.read_study()
        require_separate_folder(study)
        blender_command(context.blender)
        require_same(FfmpegProgram(**head["ffmpeg"]))
        driver: Driver | None = None
        executor: Executor | None = None
        try:
            executor = _executor(context, options)
            driver = Driver(
                read_jobs(paths.plan),
                paths=paths,
                journal=Journal.open(paths.journal),
                executor=executor,
                retries=study.run.retries,
                on_message=on_message,
                on_progress=on_progress,
            )
            try:
                return driver.run()
            finally:
                executor.close()
        except KeyboardInterrupt:
            if executor is not None:
                executor.close()  # once more, for a signal that arrived while it was closing
            if driver is not None:
                driver.remove_leftovers()
            raise Cancelled(STOPPED) from None


def processor_count() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _executor(context: RunContext, options: RunOptions) -> Executor:
    if options.executor == "slurm":
        from .executors.slurm import SlurmExecutor

        return SlurmExecutor(context, workers=options.workers or 8, parameters=options.slurm or {})
    workers = options.workers or processor_count()
    threads = options.threads or max(1, processor_count() // workers)
    context = replace(context, threads=threads)
    if options.executor == "dask":
        from .executors.dask import DaskExecutor

        return DaskExecutor(context, address=options.address, workers=workers)
    return LocalExecutor(context, workers=workers)
