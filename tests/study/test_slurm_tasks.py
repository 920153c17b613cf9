# SPDX-License-Identifier: Apache-2.0
"""What is made of the tasks that Slurm runs: results, tasks that vanish, and queries. Slurm's answers are played."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dancepose.study.plan.jobs import Job, Result
from dancepose.study.run.executors import slurm
from dancepose.study.run.executors.slurm import SlurmExecutor, SlurmTask, _SubmittedTask

JOBS = [Job(f"j{n}", "render", "k") for n in range(3)]


class Handle:
    """A job of submitit."""

    def __init__(self, folder: Path, job_id: str) -> None:
        self.job_id = job_id
        self.paths = SimpleNamespace(result_pickle=folder / f"{job_id}.pkl")
        self.answer: object = None
        self.cancelled = self.ended = False

    def finish(self, answer: object) -> None:
        self.answer = answer
        self.paths.result_pickle.touch()

    def result(self) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def done(self) -> bool:
        return self.ended

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(slurm, "time", made)
    return made


def executor(cluster: str, *tasks: _SubmittedTask, workers: int = 2) -> SlurmExecutor:
    """Without submitit."""
    made = object.__new__(SlurmExecutor)
    made._workers, made._cluster, made._tasks = workers, cluster, list(tasks)
    made._asked_s, made._listed = -slurm.ASK_EVERY_S, set()
    return made


def test_results_are_returned_once(tmp_path: Path, clock: Clock) -> None:
    tasks = [_SubmittedTask(Handle(tmp_path, f"7_{n}"), [job]) for n, job in enumerate(JOBS)]
    made = executor("local", *tasks)
    results = [Result(job.id, True) for job in JOBS]
    began_s = clock.now_s
    assert made.wait(1.0) == []
    assert 1.0 <= clock.now_s - began_s < 1.5
    tasks[0].handle.finish([results[0]])
    tasks[2].handle.finish([results[2]])
    assert made.wait(1.0) == [results[0], results[2]]
    assert [task.handle.job_id for task in made._tasks] == ["7_1"]
    made.close()
    assert [task.handle.cancelled for task in tasks] == [False, True, False]


@pytest.mark.parametrize(
    ("error", "why"), [(RuntimeError("first\nlast\n"), "last"), (RuntimeError(" "), "RuntimeError(' ')")]
)
def test_a_task_that_raised_is_lost_with_its_last_line(tmp_path: Path, error: Exception, why: str) -> None:
    task = _SubmittedTask(Handle(tmp_path, "7_0"), JOBS[:2])
    task.handle.finish(error)
    message = f"its task 7_0 ended without a result ({why})"
    assert executor("slurm", task).wait(0.0) == [Result(job.id, False, "crash", message) for job in JOBS[:2]]


def test_a_task_that_is_gone_has_half_a_minute_for_its_result(tmp_path: Path, clock: Clock) -> None:
    task = _SubmittedTask(Handle(tmp_path, "7_0"), JOBS[:1])
    made = executor("local", task)
    task.handle.ended = True
    assert made._results(task) is None
    clock.now_s += 29.0
    assert made._results(task) is None
    task.handle.ended = False  # it is listed again: it was requeued
    assert made._results(task) is None
    task.handle.ended = True
    assert made._results(task) is None
    clock.now_s += 30.0
    assert made._results(task) is None
    clock.now_s += 1.0
    assert made._results(task) == [
        Result("j0", False, "crash", "its task 7_0 ended without a result (Slurm lost the task)")
    ]


def test_slurm_is_asked_every_five_seconds(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["7_0 11\n7_1 12", "7_1 12", None]
    asked: list[list[str]] = []

    def answered(command: list[str], **_options: object) -> SimpleNamespace:
        asked.append(command)
        answer = answers.pop(0)
        return SimpleNamespace(returncode=int(answer is None), stdout=answer or "")

    monkeypatch.setattr(slurm.subprocess, "run", answered)
    tasks = [_SubmittedTask(Handle(tmp_path, job_id), JOBS[:1]) for job_id in ("7_0", "12", "7_3")]
    made = executor("slurm", *tasks)
    assert [made._is_listed(task) for task in tasks] == [True, True, False]
    clock.now_s += 5.0
    assert made._is_listed(tasks[0])
    assert len(asked) == 1
    clock.now_s += 0.5
    assert [made._is_listed(task) for task in tasks] == [False, True, False]
    assert len(asked) == 2
    clock.now_s += 6.0
    assert made._is_listed(tasks[2])  # no answer: nothing is known
    assert asked[0][0] == "squeue"
    assert "-r" in asked[0]


def test_capacity_is_all_or_nothing(tmp_path: Path) -> None:
    tasks = [_SubmittedTask(Handle(tmp_path, str(n)), JOBS) for n in range(4)]
    assert executor("slurm", *tasks[:3]).capacity() >= 100_000
    assert executor("slurm", *tasks).capacity() == 0


@pytest.mark.parametrize("fails", [False, True])
def test_a_task_ends_its_runner(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    class Runner:
        closed = False

        def __init__(self, context: object) -> None:
            made.append(self)
            self.context = context

        def close(self) -> None:
            self.closed = True

    def did(runner: Runner, job: Job) -> Result:
        assert not runner.closed
        if fails:
            raise KeyboardInterrupt
        return Result(job.id, True)

    made: list[Runner] = []
    monkeypatch.setattr(slurm, "JobRunner", Runner)
    monkeypatch.setattr(slurm, "do_job", did)
    task = SlurmTask("context", JOBS)  # type: ignore[arg-type]
    if fails:
        with pytest.raises(KeyboardInterrupt):
            task()
    else:
        assert task() == [Result(job.id, True) for job in JOBS]
    assert [(runner.context, runner.closed) for runner in made] == [("context", True)]
