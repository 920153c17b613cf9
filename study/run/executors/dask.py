"""Workers of a Dask scheduler: one that is named by its address, or a small cluster that is started here.

Where a worker dies, Dask gives its jobs to another; finished frames are found and passed over. All workers see the
study's folder under the same path.
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
from ..job_runner import Context, Tasks
from . import Event
from .local import do_job

START_S: Final = 60.0
PER_WORKER: Final = 2
"""Jobs in hand for each worker, so that none waits for the next; no more, so that the order stays."""

_here = threading.local()


class DaskExecutor:
    """address: of a scheduler; without one, ``workers`` processes are started here."""

    def __init__(self, context: Context, *, address: str | None, workers: int) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise EngineError(
                f"Dask is not installed ({error}). Install the extra `study-dask` (pip install -e '.[study-dask]')."
            ) from error
        # Its workers tell of their coming and going at every start, which is not news here.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        self._context = replace(context, root=context.root.absolute(), out=context.out.absolute())
        self._stamp = self._context.places.plan.stat().st_mtime_ns
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
                f"There is no Dask scheduler at {address} ({error}). Start one, or give none."
            ) from error
        self._ended: queue.Queue[Any] = queue.Queue()
        self._jobs: dict[Any, Job] = {}

    def capacity(self) -> int:
        """A few jobs for each worker."""
        workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        return max(0, PER_WORKER * max(1, workers) - len(self._jobs))

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        for job in jobs:
            future = self._client.submit(_do_job, self._context, self._stamp, job, pure=False)
            self._jobs[future] = job
            future.add_done_callback(self._ended.put)

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened since the last call."""
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
                events.append(Result(job.id, False, "crash", f"Dask lost it ({future.exception()!r})"))
        return events

    def close(self) -> None:
        """Let go of everything; workers that were started here end, others keep their Blender for the next run."""
        for future in self._jobs:
            future.cancel(force=True)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _do_job(context: Context, stamp: int, job: Job) -> Result:
    """Run in a Dask worker: its Blender stays up from job to job."""
    kept = getattr(_here, "kept", None)
    if kept is None or kept[:2] != (context, stamp):
        if kept is not None:
            kept[2].close()
        kept = (context, stamp, Tasks(context))
        _here.kept = kept
    return do_job(kept[2], job)
