# SPDX-License-Identifier: Apache-2.0
"""Plans and journals with one value changed: each is read, or refused in a sentence."""

from collections.abc import Callable, Iterator
import copy
import json
import os
from pathlib import Path
import random
from typing import Any

import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Result, file_hash, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report.cleaning import clean_study
from dancepose.study.report.status import read_status
from dancepose.study.report.study_report import write_report
from dancepose.study.run.driver import Driver
from dancepose.study.run.executors import Event
from dancepose.study.run.job_runner import RunContext
from dancepose.study.run.journal import Journal
from dancepose.study.run.running import RunOptions, run_plan
from dancepose_addon.core.errors import DancePoseError, EngineError, FormatError

JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 10**12, 1e300, float("nan"), "", "x", "../..", "/etc/passwd", "a/b", "\x00", [], ["x"], {},
    {"a": 1},
)  # fmt: skip
CHANGES = 120


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside JSON values."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from places_in(entry, (*path, key))


def changed(lines: list[Any], chance: random.Random) -> list[Any]:
    """Return lines of which one value is replaced, removed or repeated."""
    lines = copy.deepcopy(lines)
    *above, last = chance.choice(list(places_in(lines)))
    holder: Any = lines
    for key in above:
        holder = holder[key]
    kind = chance.random()
    if kind < 0.8:
        holder[last] = chance.choice(JUNK)
    elif kind < 0.9 or isinstance(holder, dict):
        del holder[last]
    else:
        holder.insert(last, holder[last])
    return lines


class Idle:
    """An executor whose jobs all succeed and make nothing."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def capacity(self) -> int:
        return 4

    def submit(self, jobs: list[Any]) -> None:
        self.events += [Result(job.id, True, digest=job.key) for job in jobs]

    def wait(self, _timeout_s: float) -> list[Event]:
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        pass


@pytest.fixture
def paths(make_study) -> StudyPaths:
    """A planned study of which everything was done once."""
    study = load_study(make_study(time="segments = [[0.0, 0.5], [0.5, 1.0]]"))
    made = StudyPaths(study.out)
    make_plan(study, made, find_ffmpeg())
    journal = Journal.open(made.journal)
    for job in read_jobs(made.plan):
        journal.record(job, Result(job.id, True, "", "", 1.5, job.key, {"rendered": 4, "files": {"clips/x.mp4": "0"}}))
    return made


def use(paths: StudyPaths, root: Path) -> None:
    """Do with a study what its commands do, but for the jobs themselves."""
    read_status(paths)
    write_report(root, paths)
    journal = Journal.open(paths.journal)
    driver = Driver(
        list(read_jobs(paths.plan)),
        paths=paths,
        journal=journal,
        executor=Idle(),
        retries=0,
        on_message=lambda _text: None,
        on_progress=lambda _progress: None,
    )
    driver.run()
    clean_study(root, paths)


def check(paths: StudyPaths, file: Path, change: Callable[[list[Any]], list[Any]]) -> str:
    """Change a file of JSON lines and use the study; return what was said, "" where all went well."""
    root, before = paths.out.parent, {path: path.read_bytes() for path in (paths.plan, paths.journal)}
    lines = [json.loads(line) for line in before[file].decode().splitlines() if line]
    file.write_text("".join(json.dumps(line) + "\n" for line in change(lines)))
    outside = sorted(path for path in root.rglob("*") if paths.out not in path.parents)
    try:
        use(paths, root)
        said = ""
    except DancePoseError as error:
        said = str(error)
    assert sorted(path for path in root.rglob("*") if paths.out not in path.parents) == outside
    for path, data in before.items():
        path.write_bytes(data)
    return said


@pytest.mark.parametrize("seed", range(3))
def test_edited_plans_are_used_or_refused(paths: StudyPaths, seed: int) -> None:
    chance = random.Random(seed)
    said = [check(paths, paths.plan, lambda lines: changed(lines, chance)) for _ in range(CHANGES)]
    assert 0 < sum(map(bool, said)) < CHANGES


def test_edited_journals_are_used(paths: StudyPaths) -> None:
    chance = random.Random(4)
    assert {check(paths, paths.journal, lambda lines: changed(lines, chance)) for _ in range(CHANGES)} == {""}


@pytest.mark.parametrize("data", [b"\xff\n", b"[" * 100_000 + b"\n", b'["a"]\n', b"null\n", b"\x00" * 5000])
def test_lines_that_are_no_jobs(paths: StudyPaths, data: bytes) -> None:
    whole = paths.plan.read_bytes()
    paths.plan.write_bytes(whole + data)
    with pytest.raises(FormatError, match=r"line \d+, is damaged"):
        list(read_jobs(paths.plan))
    paths.plan.write_bytes(data + whole)
    with pytest.raises(FormatError, match=r"is damaged|is not a plan"):
        list(read_jobs(paths.plan))
    paths.journal.write_bytes(data + paths.journal.read_bytes() + data)
    assert len(Journal.open(paths.journal).entries) > 0


@pytest.mark.parametrize("edit", ["unknown", "later", "circle", "twice"])
def test_jobs_that_could_never_begin_are_refused(paths: StudyPaths, edit: str) -> None:
    head, *lines = paths.plan.read_text().splitlines()
    jobs = [json.loads(line) for line in lines]
    number = next(n for n, job in enumerate(jobs) if job[1] == "render")
    if edit == "twice":
        jobs.append(jobs[number])
    else:
        jobs[number][3] = [{"unknown": "fit:missing/s1", "later": jobs[-1][0], "circle": jobs[number][0]}[edit]]
    paths.plan.write_text("\n".join([head, *map(json.dumps, jobs)]) + "\n")
    with pytest.raises(FormatError, match="The plan is damaged: the job 'render:"):
        run_plan(RunContext(paths.out.parent, paths.out), RunOptions(workers=1), on_message=print, on_progress=print)


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
@pytest.mark.parametrize("keeps_hash", [True, False])
def test_a_program_that_was_written_into_a_plan_is_not_started(paths: StudyPaths, *, keeps_hash: bool) -> None:
    """With the hash of the true ffmpeg, or with its own."""
    root = paths.out.parent
    script = root / "ffmpeg"
    script.write_text(f"#!/bin/sh\ntouch {root / 'started'}\n")
    script.chmod(0o755)
    head, *jobs = paths.plan.read_text().splitlines()
    table = json.loads(head)
    table["ffmpeg"]["program"] = str(script)
    if not keeps_hash:
        table["ffmpeg"]["digest"] = file_hash(script)
    paths.plan.write_text("\n".join([json.dumps(table), *jobs]) + "\n")
    paths.journal.unlink()
    said = "is not the ffmpeg that" if keeps_hash else "was planned with ffmpeg"
    with pytest.raises(EngineError, match=said):
        run_plan(RunContext(root, paths.out), RunOptions(workers=1), on_message=print, on_progress=lambda _state: None)
    assert not (root / "started").exists()
