# SPDX-License-Identifier: Apache-2.0
"""Workers of a Dask scheduler: an existing one, by its address, or a small cluster that is started here.

If a worker dies, Dask gives its jobs to another one; finished frames are found and skipped. All workers must see the
folder of the study under the same path.
"""

from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from importlib import import_module
import logging
import queue
import threading
from typing import Any, Final

from dancepose_addon.core.errors import DancePoseError, EngineError

from ...plan.jobs import Job, Result
from ..job_runner import JobRunner, RunContext
from . import Event
from .local import do_job

START_S: Final = 60.0
PER_WORKER: Final = 2
"""Jobs submitted per worker: two, so that no worker idles between jobs; no more, so that the order is kept."""

_here = threading.local()


class DaskExecutor:
    """Does jobs on the workers of a Dask scheduler.

    Args:
        context: Folders of the study and how Blender is started.
        address: Address of a scheduler; None starts ``workers`` processes here.
        workers: Number of processes to start.

    Raises:
        EngineError: Dask is not installed.
        DancePoseError: There is no scheduler at ``address``.
    """

    def __init__(self, context: RunContext, *, address: str | None, workers: int) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise EngineError(
                f"Dask is not installed ({error}). Install the extra `study-dask` of dancepose."
            ) from error
        # Workers log when they join and leave, which is of no use here.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        self._context = replace(context, root=context.root.absolute(), out=context.out.absolute())
        self._stamp = self._context.paths.plan.stat().st_mtime_ns
        self._cluster: Any = None
        if address is None:
            self._cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.ERROR,
            )
        try:
            self._client = distributed.Client(self._cluster or address, timeout=START_S, set_as_default=False)
        except (OSError, FutureTimeout) as error:
            raise DancePoseError(
                f"There is no Dask scheduler at {address} ({error}). Start one, or leave out --address."
            ) from error
        self._ended: queue.Queue[Any] = queue.Queue()
        self._jobs: dict[Any, Job] = {}

    def capacity(self) -> int:
        """Return room for a few jobs per worker."""
        workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        return max(0, PER_WORKER * max(1, workers) - len(self._jobs))

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        for job in jobs:
            future = self._client.submit(_do_job, self._context, self._stamp, job, pure=False)
            self._jobs[future] = job
            future.add_done_callback(self._ended.put)

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened since the last call."""
        ended = []
        try:
            ended.append(self._ended.get(timeout=timeout_s))
            while True:
                ended.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        events: list[Event] = []
        for future in ended:
            job = self._jobs.pop(future)
            if future.status == "finished":
                events.append(future.result())
            else:
                events.append(Result(job.id, False, "crash", f"Dask lost the job ({future.exception()!r})"))
        return events

    def close(self) -> None:
        """Cancel everything; workers that were started here end, others keep their Blender for the next run."""
        for future in self._jobs:
            future.cancel(force=True)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _do_job(context: RunContext, stamp: int, job: Job) -> Result:
    """Do a job in a Dask worker, whose Blender process is kept from job to job."""
    kept = getattr(_here, "kept", None)
    if kept is None or kept[:2] != (context, stamp):
        if kept is not None:
            kept[2].close()
        kept = (context, stamp, JobRunner(context))
        _here.kept = kept
    return do_job(kept[2], job)
