# SPDX-License-Identifier: Apache-2.0
"""The Dask executor over a scheduler that answers here: room, events, and the end."""

from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dancepose.study.plan.jobs import Job, Result
from dancepose.study.run.executors import dask
from dancepose.study.run.job_runner import RunContext
from dancepose_addon.core.errors import DancePoseError, EngineError


class Future:
    """A job at the scheduler."""

    def __init__(self, job: Job) -> None:
        self.job, self.status, self.cancelled = job, "pending", False

    def add_done_callback(self, call: Any) -> None:
        self.call = call

    def end(self, status: str) -> None:
        self.status = status
        self.call(self)

    def result(self) -> Result:
        return Result(self.job.id, True)

    def exception(self) -> Exception:
        return RuntimeError("killed")

    def cancel(self, *, force: bool) -> None:
        self.cancelled = force


class Scheduler:
    """Replaces ``distributed``: keeps what it was asked for."""

    def __init__(self, workers: int, error: Exception | None = None) -> None:
        self.workers, self.error, self.closed = workers, error, list[str]()
        self.asked: dict[str, Any] = {}
        self.clients: dict[str, Any] = {}
        self.futures: list[Future] = []

    def LocalCluster(self, **options: Any) -> Any:
        self.asked = options
        return SimpleNamespace(close=lambda: self.closed.append("cluster"))

    def Client(self, address: Any, **options: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.clients = options | {"address": address}
        return self

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        assert n_workers == -1  # all of them
        return {"workers": dict.fromkeys(range(self.workers))}

    def submit(self, _call: Any, context: RunContext, _stamp: int, job: Job, *, pure: bool) -> Future:
        assert not pure  # two jobs with the same parameters are both done
        assert context.out.is_absolute()
        self.futures.append(Future(job))
        return self.futures[-1]

    def close(self) -> None:
        self.closed.append("client")


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    context = RunContext(tmp_path, tmp_path / "out")
    context.paths.plan.parent.mkdir(parents=True)
    context.paths.plan.write_text("")
    return context


def executor(
    monkeypatch: pytest.MonkeyPatch, context: RunContext, scheduler: Scheduler, *, address: str | None = "there"
) -> dask.DaskExecutor:
    monkeypatch.setattr(dask, "import_module", lambda _name: scheduler)
    return dask.DaskExecutor(context, address=address, workers=3)


def jobs(count: int) -> list[Job]:
    return [Job(f"j{number}", "fit", "key") for number in range(count)]


@pytest.mark.parametrize(("workers", "room"), [(0, 1), (1, 1), (4, 4)])
def test_room_is_a_few_jobs_a_worker(
    monkeypatch: pytest.MonkeyPatch, context: RunContext, workers: int, room: int
) -> None:
    made = executor(monkeypatch, context, Scheduler(workers))
    assert made.capacity() == dask.PER_WORKER * room
    assert 1 < dask.PER_WORKER < 4
    made.submit(jobs(dask.PER_WORKER * room - 1))
    assert made.capacity() == 1
    made.submit(jobs(3))
    assert made.capacity() == 0


def test_events_of_jobs_that_ended(monkeypatch: pytest.MonkeyPatch, context: RunContext) -> None:
    scheduler = Scheduler(2)
    made = executor(monkeypatch, context, scheduler)
    made.submit(jobs(3))
    assert made.wait(0.0) == []
    scheduler.futures[1].end("finished")
    scheduler.futures[0].end("error")
    first, second = made.wait(0.01)
    assert first == Result("j1", True)
    assert (second.job, second.ok, second.kind) == ("j0", False, "crash")
    assert "Dask lost the job" in second.message
    made.close()
    assert [future.cancelled for future in scheduler.futures] == [False, False, True]
    assert scheduler.closed == ["client"]


def test_workers_are_started_here_without_an_address(monkeypatch: pytest.MonkeyPatch, context: RunContext) -> None:
    scheduler = Scheduler(3)
    made = executor(monkeypatch, context, scheduler, address=None)
    # Each worker is a process with one thread, since Blender has one scene; Dask does not limit its memory.
    expected = {"n_workers": 3, "threads_per_worker": 1, "processes": True, "memory_limit": 0}
    assert scheduler.asked.items() >= expected.items()
    assert scheduler.clients["set_as_default"] is False
    made.close()
    assert scheduler.closed == ["client", "cluster"]


@pytest.mark.parametrize("error", [OSError("refused"), FutureTimeout("late")])
def test_without_a_scheduler(monkeypatch: pytest.MonkeyPatch, context: RunContext, error: Exception) -> None:
    with pytest.raises(DancePoseError, match="There is no Dask scheduler at there"):
        executor(monkeypatch, context, Scheduler(0, error))


def test_without_dask(monkeypatch: pytest.MonkeyPatch, context: RunContext) -> None:
    def missing(_name: str) -> None:
        raise ImportError("no module")

    monkeypatch.setattr(dask, "import_module", missing)
    with pytest.raises(EngineError, match="Install the extra `study-dask`"):
        dask.DaskExecutor(context, address=None, workers=1)
