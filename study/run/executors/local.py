"""Worker processes on this machine: each slot keeps one Blender and does one job after the other."""

import logging
import queue
import threading
import traceback

from ...plan.jobs import Job, Result
from ..job_runner import Context, Tasks
from . import Event, Frame

LOGGER = logging.getLogger(__name__)


class LocalExecutor:
    """workers: how many jobs are done at a time."""

    def __init__(self, context: Context, *, workers: int) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._events: queue.Queue[Event] = queue.Queue()
        self._free = workers
        self._closing = threading.Event()
        self._slots = [Tasks(context) for _ in range(workers)]
        self._threads = [threading.Thread(target=self._work, args=(slot,), daemon=True) for slot in self._slots]
        for thread in self._threads:
            thread.start()

    @property
    def pids(self) -> list[int]:
        """Of the Blenders that run."""
        return [pid for slot in self._slots if (pid := slot.worker.pid) is not None]

    def capacity(self) -> int:
        """Slots that are free."""
        return self._free

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        self._free -= len(jobs)
        for job in jobs:
            self._jobs.put(job)

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened since the last call."""
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=timeout_s))
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            pass
        self._free += sum(isinstance(event, Result) for event in events)
        return events

    def close(self) -> None:
        """End the Blenders; a frame in progress is lost."""
        self._closing.set()
        for slot in self._slots:
            self._jobs.put(None)
            slot.worker.close(kill=not self._jobs.empty())
        for thread in self._threads:
            thread.join(timeout=10.0)

    def _work(self, slot: Tasks) -> None:
        while not self._closing.is_set():
            job = self._jobs.get()
            if job is None:
                return
            self._events.put(do_job(slot, job, self._events))


def do_job(tasks: Tasks, job: Job, events: "queue.Queue[Event] | None" = None) -> Result:
    """Do a job; a bug becomes a result too, its traceback in the log, so that the other jobs go on."""

    def on_frame(done: int) -> None:
        if events is not None:
            events.put(Frame(job.id, done))

    try:
        return tasks.run(job, on_frame)
    except Exception as error:
        LOGGER.warning("%s failed:\n%s", job.id, traceback.format_exc())
        return Result(job.id, False, "bug", f"{type(error).__name__}: {error}")
