# SPDX-License-Identifier: Apache-2.0
"""A Slurm cluster, through submitit: jobs are submitted as arrays, each task of which does several in one Blender.

All nodes must see the folder of the study and this Python under the same paths. A task that Slurm requeues, or that
dies, is started again; finished frames are found and skipped.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
import os
import shutil
import subprocess
import time
from typing import Any, Final

from dancepose_addon.core.errors import DancePoseError, EngineError

from ...plan.jobs import Job, Result
from ...plan.planning import CHUNK_S
from ..job_runner import JobRunner, RunContext
from . import Event
from .local import do_job

TASK_S: Final = 600.0
"""Estimated work of one task of an array, seconds; starting it costs a small part of this."""
DEFAULTS: Final = {"timeout_min": 240, "cpus_per_task": 2, "mem_gb": 4, "name": "dancepose"}
GONE_AFTER_S: Final = 30.0
"""Time until the result of a task that Slurm no longer lists must have appeared on a slow file system, seconds."""
ASK_EVERY_S: Final = 5.0


@dataclass
class _SubmittedTask:
    """A task of an array that was submitted.

    Attributes:
        handle: The job of submitit.
        jobs: What it does.
        missed_s: When it was first not listed, seconds of the monotonic clock.
    """

    handle: Any
    jobs: list[Job]
    missed_s: float | None = None


class SlurmTask:
    """What a task of an array runs; pickled by submitit. A task that is requeued starts from the beginning."""

    def __init__(self, context: RunContext, jobs: list[Job]) -> None:
        self.context, self.jobs = context, jobs

    def __call__(self) -> list[Result]:
        """Do the jobs one after the other; return their results."""
        runner = JobRunner(self.context)
        try:
            return [do_job(runner, job) for job in self.jobs]
        finally:
            runner.close()

    def checkpoint(self) -> Any:
        """Return the same task, to be submitted again; submitit calls this before a time limit or at a preemption."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class SlurmExecutor:
    """Does jobs on a Slurm cluster.

    Args:
        context: Folders of the study and how Blender is started.
        workers: Number of tasks at a time.
        parameters: Parameters of submitit, such as slurm_partition or timeout_min.
        cluster: ``slurm``, or ``local`` for submitit's simulation of a cluster.

    Raises:
        EngineError: submitit is not installed, or there is no Slurm.
        DancePoseError: submitit refuses the parameters.
    """

    def __init__(
        self, context: RunContext, *, workers: int, parameters: dict[str, Any], cluster: str | None = None
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise EngineError(
                f"submitit is not installed ({error}). Install the extra `study-slurm` of dancepose."
            ) from error
        self._context = replace(context, root=context.root.absolute(), out=context.out.absolute())
        cluster = str(parameters.pop("cluster", cluster or "slurm"))
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise EngineError("There is no Slurm here (no sbatch on PATH). Run this on a login node.")
        self._executor = submitit.AutoExecutor(folder=self._context.paths.logs / "slurm" / "%j", cluster=cluster)
        options = {**DEFAULTS, **parameters}
        if cluster == "slurm":
            options["slurm_array_parallelism"] = workers
        try:
            self._executor.update_parameters(**options)
        except (TypeError, NameError, ValueError) as error:
            raise DancePoseError(f"submitit refuses these parameters: {error}") from error
        self._workers, self._cluster = workers, cluster
        self._tasks: list[_SubmittedTask] = []
        self._asked_s = -ASK_EVERY_S
        self._listed: set[str] = set()

    def capacity(self) -> int:
        """Return room for all ready jobs, which become one array, unless enough tasks are waiting already."""
        return 0 if len(self._tasks) >= 2 * self._workers else 1_000_000

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met, as one array."""
        batches = [SlurmTask(self._context, group) for group in split_into_groups(jobs, self._workers)]
        with self._executor.batch():
            handles = [self._executor.submit(batch) for batch in batches]
        self._tasks += [_SubmittedTask(handle, batch.jobs) for handle, batch in zip(handles, batches, strict=True)]

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened since the last call."""
        deadline = time.monotonic() + timeout_s
        while True:
            events: list[Event] = []
            for task in list(self._tasks):
                results = self._results(task)
                if results is not None:
                    self._tasks.remove(task)
                    events += results
            if events or time.monotonic() > deadline:
                return events
            time.sleep(0.2)

    def close(self) -> None:
        """Cancel all submitted tasks."""
        for task in self._tasks:
            task.handle.cancel()

    def _results(self, task: _SubmittedTask) -> list[Result] | None:
        """Return the results of a task that has ended, or None while it may still be running."""
        if task.handle.paths.result_pickle.exists():
            try:
                results: list[Result] = task.handle.result()
            except Exception as error:  # what the task raised is raised here
                return _lost(task, str(error).strip().splitlines()[-1] if str(error).strip() else repr(error))
            return results
        if self._is_listed(task):
            task.missed_s = None
            return None
        if task.missed_s is None:
            task.missed_s = time.monotonic()
        return _lost(task, "Slurm lost the task") if time.monotonic() - task.missed_s > GONE_AFTER_S else None

    def _is_listed(self, task: _SubmittedTask) -> bool:
        """Return whether Slurm still lists a task, by squeue: clusters without accounting have no sacct."""
        if self._cluster != "slurm":
            return not task.handle.done()
        if time.monotonic() - self._asked_s > ASK_EVERY_S:
            command = ["squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%F_%K %A"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            if done.returncode != 0:
                return True  # no answer from the controller, so nothing is known
            self._listed, self._asked_s = set(done.stdout.split()), time.monotonic()
        return str(task.handle.job_id) in self._listed


def split_into_groups(jobs: list[Job], workers: int) -> list[list[Job]]:
    """Divide jobs into groups, in order: one per worker, or more where a group would take too long."""
    per_task = max(1, int(TASK_S / CHUNK_S))
    groups = max(min(workers, len(jobs)), -(-len(jobs) // per_task))
    edges = [len(jobs) * n // groups for n in range(groups + 1)]
    return [jobs[first:stop] for first, stop in pairwise(edges)]


def _lost(task: _SubmittedTask, why: str) -> list[Result]:
    message = f"its task {task.handle.job_id} ended without a result ({why})"
    return [Result(job.id, False, "crash", message) for job in task.jobs]
