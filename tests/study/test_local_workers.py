# SPDX-License-Identifier: Apache-2.0
"""Workers on this machine: capacity, events, failures, and their end; the runners are played."""

import logging
from pathlib import Path
import threading
import time
from typing import Any

import pytest

from dancepose.study.plan.jobs import Job, Result
from dancepose.study.run.executors import FrameEvent, local
from dancepose.study.run.executors.local import LocalExecutor
from dancepose.study.run.job_runner import RunContext

CONTEXT = RunContext(Path(), Path())
JOBS = [Job(f"j{n}", "render", "k") for n in range(3)]


class Runner:
    """Does a job when it is allowed to."""

    made: list["Runner"]
    allowed: threading.Event
    begun: threading.Event

    def __init__(self, context: RunContext) -> None:
        self.ends: list[str] = []
        assert context is CONTEXT
        self.made.append(self)

    def run(self, job: Job, on_frame: Any) -> Result:
        self.begun.set()
        assert self.allowed.wait(10.0)
        if job.id == "bug":
            raise ZeroDivisionError("by zero")
        on_frame(3)
        return Result(job.id, True)

    def close(self) -> None:
        self.ends.append("closed")

    def stop(self) -> None:
        self.ends.append("stopped")


@pytest.fixture
def runners(monkeypatch: pytest.MonkeyPatch) -> list[Runner]:
    Runner.made, Runner.allowed, Runner.begun = [], threading.Event(), threading.Event()
    monkeypatch.setattr(local, "JobRunner", Runner)
    return Runner.made


def all_events(executor: LocalExecutor, results: int) -> list[Any]:
    events: list[Any] = []
    deadline = time.monotonic() + 10.0
    while sum(isinstance(event, Result) for event in events) < results and time.monotonic() < deadline:
        events += executor.wait(0.1)
    return events


def test_jobs_are_done_by_as_many_workers_as_there_are(runners: list[Runner]) -> None:
    executor = LocalExecutor(CONTEXT, workers=2)
    assert len(runners) == 2
    assert executor.capacity() == 2
    executor.submit(JOBS[:2])
    assert executor.capacity() == 0
    began_s = time.monotonic()
    assert executor.wait(0.2) == []
    assert time.monotonic() - began_s >= 0.2
    Runner.allowed.set()
    events = all_events(executor, 2)
    assert sorted(event.job for event in events if isinstance(event, Result)) == ["j0", "j1"]
    assert sorted((event.job, event.done) for event in events if isinstance(event, FrameEvent)) == [
        ("j0", 3),
        ("j1", 3),
    ]
    assert executor.capacity() == 2
    executor.close()
    assert [runner.ends for runner in runners] == [["closed"], ["closed"]]
    assert all(thread.daemon and not thread.is_alive() for thread in executor._threads)


def test_a_bug_is_a_result_and_is_logged(runners: list[Runner], caplog: pytest.LogCaptureFixture) -> None:
    executor = LocalExecutor(CONTEXT, workers=1)
    Runner.allowed.set()
    with caplog.at_level(logging.WARNING):
        executor.submit([Job("bug", "render", "k"), JOBS[0]])
        events = all_events(executor, 2)
    assert events[0] == Result("bug", False, "bug", "ZeroDivisionError: by zero")
    assert events[-1] == Result("j0", True)
    assert "Traceback" in caplog.text
    executor.close()
    assert runners[0].ends == ["closed"]


def test_busy_workers_are_stopped_and_do_nothing_more(runners: list[Runner], monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in progress delays the end by 1.5 s in all; jobs that wait are not begun."""
    monkeypatch.setattr(local, "STOPPING_S", 0.2)
    executor = LocalExecutor(CONTEXT, workers=1)
    executor.submit(JOBS)
    assert executor.capacity() == -2
    assert Runner.begun.wait(10.0)
    began_s = time.monotonic()
    executor.close()
    assert 0.2 <= time.monotonic() - began_s < 1.5
    assert runners[0].ends == ["stopped"]
    Runner.allowed.set()
    executor._threads[0].join(5.0)
    assert not executor._threads[0].is_alive()
    done = [event for event in executor.wait(0.1) if isinstance(event, Result)]
    assert [event.job for event in done] == ["j0"]


def test_workers_get_less_time_to_stop_than_a_command() -> None:
    """A run ends within two seconds."""
    assert 1.0 < local.STOPPING_S < 2.0
