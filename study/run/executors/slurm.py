"""A Slurm cluster, through submitit: ready jobs go out as arrays, each task of an array does several in one Blender.

All nodes see the study's folder and this Python under the same paths. A task that Slurm requeues, or that dies, is
begun again; finished frames are found and passed over.
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
from ..job_runner import Context, Tasks
from . import Event
from .local import do_job

TASK_S: Final = 600.0
"""Estimated work of one task of an array: starting it costs a small part of this."""
DEFAULTS: Final = {"timeout_min": 240, "cpus_per_task": 2, "mem_gb": 4, "name": "dancepose"}
GONE_AFTER_S: Final = 30.0
"""How long a task that Slurm no longer lists may take to leave its result behind on a slow file system."""
ASK_EVERY_S: Final = 5.0


@dataclass
class _Task:
    """A task of an array that is out. missed_s: when it was first found gone."""

    handle: Any
    jobs: list[Job]
    missed_s: float | None = None


class Batch:
    """What a task of an array runs; pickled by submitit. A task that is requeued is run anew from the beginning."""

    def __init__(self, context: Context, jobs: list[Job]) -> None:
        self.context, self.jobs = context, jobs

    def __call__(self) -> list[Result]:
        """Do the jobs one after the other."""
        tasks = Tasks(self.context)
        try:
            return [do_job(tasks, job) for job in self.jobs]
        finally:
            tasks.close()

    def checkpoint(self) -> Any:
        """Called by submitit before a task's time is up or when it is preempted: the same again."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class SlurmExecutor:
    """workers: tasks that run at a time; parameters: of submitit, such as slurm_partition or timeout_min; cluster:
    "slurm", or "local" for submitit's own stand-in."""

    def __init__(
        self, context: Context, *, workers: int, parameters: dict[str, Any], cluster: str | None = None
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise EngineError(
                f"submitit is not installed ({error}). Install the extra it is in: pip install -e '.[study-slurm]'."
            ) from error
        self._context = replace(context, root=context.root.absolute(), out=context.out.absolute())
        cluster = str(parameters.pop("cluster", cluster or "slurm"))
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise EngineError("There is no Slurm here (no sbatch on PATH). Run this on a node that submits jobs.")
        self._executor = submitit.AutoExecutor(folder=self._context.places.logs / "slurm" / "%j", cluster=cluster)
        options = {**DEFAULTS, **parameters}
        if cluster == "slurm":
            options["slurm_array_parallelism"] = workers
        try:
            self._executor.update_parameters(**options)
        except (TypeError, NameError, ValueError) as error:
            raise DancePoseError(f"submitit does not take these parameters: {error}") from error
        self._workers, self._cluster = workers, cluster
        self._tasks: list[_Task] = []
        self._asked_s = -ASK_EVERY_S
        self._listed: set[str] = set()

    def capacity(self) -> int:
        """All that is ready goes out as one array, while no other waits to be begun."""
        return 0 if len(self._tasks) >= 2 * self._workers else 1_000_000

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met, as one array."""
        batches = [Batch(self._context, group) for group in share_out(jobs, self._workers)]
        with self._executor.batch():
            handles = [self._executor.submit(batch) for batch in batches]
        self._tasks += [_Task(handle, batch.jobs) for handle, batch in zip(handles, batches, strict=True)]

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened since the last call."""
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
        """Cancel what is out."""
        for task in self._tasks:
            task.handle.cancel()

    def _results(self, task: _Task) -> list[Result] | None:
        """Of a task that has ended, or None while it may still go on."""
        if task.handle.paths.result_pickle.exists():
            try:
                results: list[Result] = task.handle.result()
                return results
            except Exception as error:  # whatever was raised there comes out here
                return _lost(task, str(error).strip().splitlines()[-1] if str(error).strip() else repr(error))
        if self._is_listed(task):
            task.missed_s = None
            return None
        if task.missed_s is None:
            task.missed_s = time.monotonic()
        return _lost(task, "Slurm lost it") if time.monotonic() - task.missed_s > GONE_AFTER_S else None

    def _is_listed(self, task: _Task) -> bool:
        """Whether Slurm still has a task; squeue is asked, since clusters without accounting have no sacct."""
        if self._cluster != "slurm":
            return not task.handle.done()
        if time.monotonic() - self._asked_s > ASK_EVERY_S:
            command = ["squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%F_%K %A"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            if done.returncode != 0:
                return True  # a controller that does not answer says nothing about its jobs
            self._listed, self._asked_s = set(done.stdout.split()), time.monotonic()
        return str(task.handle.job_id) in self._listed


def share_out(jobs: list[Job], workers: int) -> list[list[Job]]:
    """Groups of jobs, in order: as many as there are workers, or more where they would take too long."""
    per_task = max(1, int(TASK_S / CHUNK_S))
    groups = max(min(workers, len(jobs)), -(-len(jobs) // per_task))
    edges = [len(jobs) * n // groups for n in range(groups + 1)]
    return [jobs[first:stop] for first, stop in pairwise(edges)]


def _lost(task: _Task, why: str) -> list[Result]:
    message = f"its task {task.handle.job_id} ended without a result ({why})"
    return [Result(job.id, False, "crash", message) for job in task.jobs]
