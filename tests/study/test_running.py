# SPDX-License-Identifier: Apache-2.0
"""Workers, their share of the processors, and how long a Dask worker keeps its Blender process."""

from importlib import import_module
from pathlib import Path

import pytest

from dancepose.study.plan.jobs import Job, Result
from dancepose.study.run import running
from dancepose.study.run.executors import dask
from dancepose.study.run.job_runner import RunContext
from dancepose.study.run.running import RunOptions


@pytest.mark.parametrize(
    ("processors", "workers", "threads", "expected"),
    [
        (8, 0, 0, (8, 1)),  # one worker for each processor
        (8, 2, 0, (2, 4)),  # equal shares
        (8, 3, 0, (3, 2)),  # two processors are left over
        (2, 5, 0, (5, 1)),  # at least one
        (8, 2, 3, (2, 3)),  # as requested
    ],
)
def test_processors_are_shared(
    monkeypatch: pytest.MonkeyPatch, processors: int, workers: int, threads: int, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(running, "processor_count", lambda: processors)
    monkeypatch.setattr(running, "LocalExecutor", lambda context, *, workers: (workers, context.threads))
    context = RunContext(Path(), Path())
    assert running._executor(context, RunOptions(workers=workers, threads=threads)) == expected


def test_a_dask_worker_keeps_its_runner_until_the_plan_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runner:
        def __init__(self, context: RunContext) -> None:
            self.context, self.done, self.closed = context, [], False
            made.append(self)

        def run(self, job: Job, _on_frame: object) -> Result:
            self.done.append(job.id)
            return Result(job.id, True)

        def close(self) -> None:
            self.closed = True

    made: list[Runner] = []
    monkeypatch.setattr(dask, "JobRunner", Runner)
    monkeypatch.setattr(dask, "_here", type("Here", (), {})())
    first, other = RunContext(Path("a"), Path("out")), RunContext(Path("b"), Path("out"))
    for context, stamp, name in ((first, 1, "j0"), (first, 1, "j1"), (first, 2, "j2"), (other, 2, "j3")):
        assert dask._do_job(context, stamp, Job(name, "probe", "k")) == Result(name, True)
    assert [runner.done for runner in made] == [["j0", "j1"], ["j2"], ["j3"]]
    assert [runner.context for runner in made] == [first, first, other]
    assert [runner.closed for runner in made] == [True, True, False]


def test_dask_and_slurm_get_their_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[RunContext, dict[str, object]]] = []
    slurm = import_module("dancepose.study.run.executors.slurm")
    for module, name in ((dask, "DaskExecutor"), (slurm, "SlurmExecutor")):
        monkeypatch.setattr(module, name, lambda context, **options: made.append((context, options)))
    monkeypatch.setattr(running, "processor_count", lambda: 6)
    context = RunContext(Path(), Path(), threads=1)
    running._executor(context, RunOptions("dask", workers=2, address="there"))
    running._executor(context, RunOptions("slurm", workers=0))
    running._executor(context, RunOptions("slurm", workers=3, slurm={"partition": "fast"}))
    assert made == [
        (RunContext(Path(), Path(), threads=3), {"address": "there", "workers": 2}),
        (context, {"workers": 8, "parameters": {}}),
        (context, {"workers": 3, "parameters": {"partition": "fast"}}),
    ]
