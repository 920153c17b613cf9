# SPDX-License-Identifier: Apache-2.0
"""Workers on this machine: each keeps one Blender process and does one job after the other."""

import logging
import queue
import threading
import time
import traceback
from typing import Final

from ...plan.jobs import Job, Result
from ..job_runner import JobRunner, RunContext
from . import Event, FrameEvent

LOGGER = logging.getLogger(__name__)
STOPPING_S: Final = 1.5
"""Time that all workers together get to clean up after they were stopped; a run ends within two seconds."""


class LocalExecutor:
    """Does jobs on this machine.

    Args:
        context: Folders of the study and how Blender is started.
        workers: Number of jobs at a time.
    """

    def __init__(self, context: RunContext, *, workers: int) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._events: queue.Queue[Event] = queue.Queue()
        self._workers = self._free = workers
        self._closing = threading.Event()
        self._runners = [JobRunner(context) for _ in range(workers)]
        self._threads = [threading.Thread(target=self._work, args=(each,), daemon=True) for each in self._runners]
        for thread in self._threads:
            thread.start()

    def capacity(self) -> int:
        """Return the number of workers that are free."""
        return self._free

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs whose needs are met."""
        self._free -= len(jobs)
        for job in jobs:
            self._jobs.put(job)

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened since the last call."""
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
        """End the Blender processes; a frame in progress is lost."""
        self._closing.set()
        busy = self._free < self._workers
        for _ in self._runners:
            self._jobs.put(None)
        for runner in self._runners:
            if busy:
                runner.stop()
            else:
                runner.close()
        deadline = time.monotonic() + STOPPING_S
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _work(self, runner: JobRunner) -> None:
        while not self._closing.is_set():
            job = self._jobs.get()
            if job is None or self._closing.is_set():
                return
            self._events.put(do_job(runner, job, self._events))


def do_job(runner: JobRunner, job: Job, events: "queue.Queue[Event] | None" = None) -> Result:
    """Do a job. A bug becomes a result too, its traceback is logged, and the other jobs continue."""

    def on_frame(done: int) -> None:
        if events is not None:
            events.put(FrameEvent(job.id, done))

    try:
        return runner.run(job, on_frame)
    except Exception as error:
        LOGGER.warning("%s failed:\n%s", job.id, traceback.format_exc())
        return Result(job.id, False, "bug", f"{type(error).__name__}: {error}")
