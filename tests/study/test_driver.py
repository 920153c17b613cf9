# SPDX-License-Identifier: Apache-2.0
"""Running a plan, by an executor that only pretends: what is done, passed over, retried, given up and repaired."""

from collections.abc import Callable
from dataclasses import replace
import os
from pathlib import Path

import pytest

from dancepose.study.plan.jobs import Job, Result
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.run.driver import Driver, Summary
from dancepose.study.run.executors import Event
from dancepose.study.run.job_results import required_results
from dancepose.study.run.journal import Journal, locked_study
from dancepose_addon.core.errors import FormatError

Answer = Callable[[Job, int], Result]


class Pretender:
    """answer: the result of a job's n-th try; whatever succeeds leaves its files."""

    def __init__(self, paths: StudyPaths, answer: Answer) -> None:
        self.paths, self.answer = paths, answer
        self.tries: dict[str, int] = {}
        self.seen: list[Job] = []
        self.events: list[Event] = []

    def capacity(self) -> int:
        return 1

    def submit(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.seen.append(job)
            self.tries[job.id] = self.tries.get(job.id, 0) + 1
            result = self.answer(job, self.tries[job.id])
            if result.ok:
                for path in required_results(job, self.paths):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
            self.events.append(result)

    def wait(self, _timeout_s: float) -> list[Event]:
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        pass


def fine(job: Job, _number: int) -> Result:
    return Result(job.id, True, digest=job.key)


def study_jobs(*, key: str = "k") -> list[Job]:
    """Two systems, one song, two chunks a clip."""
    jobs = [Job("engine", "probe", "e")]
    for system in ("a", "b"):
        jobs.append(Job(f"fit:{system}", "fit", key, (), {"system": system, "song": "s"}))
    jobs.append(Job("camera", "camera", key, ("fit:a", "fit:b"), {"song": "s"}))
    jobs.append(Job("audio", "audio", "w", (), {"song": "s", "segment": ""}))
    for system in ("a", "b"):
        where = {"system": system, "song": "s", "segment": ""}
        chunks = [
            Job(
                f"r:{system}:{n}",
                "render",
                key,
                ("engine", "camera", f"fit:{system}"),
                {**where, "first": n, "count": 5},
            )
            for n in (0, 5)
        ]
        needs = (*(chunk.id for chunk in chunks), "audio")
        jobs += [*chunks, Job(f"encode:{system}", "encode", key, needs, where)]
    jobs.append(Job("compare", "compare", key, ("encode:a", "encode:b"), {"song": "s", "segment": ""}))
    return jobs


@pytest.fixture
def go(tmp_path: Path):
    """``go(answer)``: a run over the journal of the runs before it."""
    paths = StudyPaths(tmp_path)

    def run(
        answer: Answer = fine, jobs: list[Job] | None = None, retries: int = 2, said: list[str] | None = None
    ) -> tuple[Summary, Pretender]:
        pretender = Pretender(paths, answer)
        driver = Driver(
            study_jobs() if jobs is None else jobs,
            paths=paths,
            journal=Journal.open(paths.journal),
            executor=pretender,
            retries=retries,
            on_message=[].append if said is None else said.append,
            on_progress=lambda _state: None,
        )
        return driver.run(), pretender

    return run


def failing(names: dict[str, str], times: int = 99) -> Answer:
    """Jobs by name fail with a kind, the first ``times`` times."""

    def answer(job: Job, number: int) -> Result:
        if job.id in names and number <= times:
            return Result(job.id, False, names[job.id], "it broke")
        return fine(job, number)

    return answer


def test_all_is_done_once_and_then_never_again(go) -> None:
    summary, pretender = go()
    assert (summary.done, summary.skipped, summary.failed) == (12, 0, {})
    assert set(pretender.tries.values()) == {1}
    order = [job.id for job in pretender.seen]
    for job in pretender.seen:
        assert all(order.index(need) < order.index(job.id) for need in job.needs)
    summary, pretender = go()
    assert (summary.done, summary.skipped, pretender.seen) == (0, 12, [])


@pytest.mark.parametrize("kind", ["crash", "timeout", "bug", "engine", "output"])
def test_what_may_pass_is_tried_three_times(go, kind: str) -> None:
    summary, pretender = go(failing({"r:a:5": kind}, times=2))
    assert summary.failed == {}
    assert pretender.tries["r:a:5"] == 3
    (summary, pretender) = go(failing({"r:a:5": kind}), [replace(job, key="new") for job in study_jobs()])
    assert summary.failed == {"r:a:5": "it broke"}
    assert pretender.tries["r:a:5"] == 3
    assert pretender.tries["encode:b"] == 1
    assert "encode:a" not in pretender.tries
    assert summary.blocked == 2


def test_bad_input_is_not_tried_again_and_the_others_go_on_without_it(go) -> None:
    summary, pretender = go(failing({"fit:a": "input"}))
    assert pretender.tries["fit:a"] == 1
    assert summary.failed == {"fit:a": "it broke"}
    assert [job.what["systems"] for job in pretender.seen if job.id == "camera"] == [["b"]]
    assert pretender.tries["encode:b"] == 1
    assert not [name for name in pretender.tries if name.startswith("r:a")]
    assert "compare" not in pretender.tries


def test_a_camera_waits_for_a_fit_that_only_crashed(go) -> None:
    summary, pretender = go(failing({"fit:a": "crash"}))
    assert "camera" not in pretender.tries
    assert summary.failed == {"fit:a": "it broke"}
    summary, pretender = go()
    assert summary.failed == {}
    assert pretender.tries["encode:b"] == 1


def test_what_is_mended_later_moves_the_camera_of_all(go) -> None:
    go(failing({"fit:a": "input"}))
    summary, pretender = go()
    assert [job.what["systems"] for job in pretender.seen if job.id == "camera"] == [["a", "b"]]
    assert summary.failed == {}
    assert "fit:b" not in pretender.tries


def test_what_comes_out_the_same_changes_nothing_after_it(go) -> None:
    go()
    jobs = [replace(job, key="new") if job.id == "fit:a" else job for job in study_jobs()]
    _, pretender = go(lambda job, _: Result(job.id, True, digest="k"), jobs)
    assert [job.id for job in pretender.seen] == ["fit:a"]
    _, pretender = go(
        lambda job, _: Result(job.id, True, digest="other"), [jobs[0], replace(jobs[1], key="newer"), *jobs[2:]]
    )
    assert {"fit:a", "camera", "r:a:0", "r:b:5", "encode:b", "compare"} <= set(pretender.tries)
    assert "fit:b" not in pretender.tries


def test_damaged_frames_are_rendered_again_before_their_clip_is_encoded(go) -> None:
    def answer(job: Job, number: int) -> Result:
        if job.id == "encode:a" and number == 1:
            return Result(job.id, False, "frames", "1 of 10", detail={"bad": [7]})
        return fine(job, number)

    summary, pretender = go(answer)
    assert summary.failed == {}
    assert pretender.tries["r:a:5"] == 2
    assert pretender.tries["r:a:0"] == 1
    assert pretender.tries["encode:a"] == 2
    assert [job.id for job in pretender.seen].index("compare") > 0


def test_frames_that_stay_damaged_fail_their_clip_alone(go) -> None:
    def answer(job: Job, number: int) -> Result:
        if job.id == "encode:a":
            return Result(job.id, False, "frames", "1 of 10", detail={"bad": [7]})
        return fine(job, number)

    summary, pretender = go(answer)
    assert summary.failed == {"encode:a": "1 of 10"}
    assert pretender.tries["encode:a"] == 3
    assert pretender.tries["encode:b"] == 1


def test_a_result_that_was_removed_is_made_again(go, tmp_path: Path) -> None:
    go()
    StudyPaths(tmp_path).clip("a", "s", "").unlink()
    _, pretender = go()
    assert [job.id for job in pretender.seen] == ["encode:a"]


@pytest.mark.parametrize("kind", ["clip", "sheet", "thumbnail"])
def test_a_result_that_was_replaced_is_made_again(go, tmp_path: Path, kind: str) -> None:
    """Damaged, or another clip under its name: it is named, and nothing else is made again."""
    paths = StudyPaths(tmp_path)

    def with_pictures(job: Job, _number: int) -> Result:
        if job.kind != "encode":
            return fine(job, 1)
        made = [paths.sheet(job.what["system"], "s", ""), paths.thumbnail(job.what["system"], "s", "")]
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a picture")
        return replace(fine(job, 1), detail={"pictures": [path.relative_to(tmp_path).as_posix() for path in made]})

    go(with_pictures)
    changed = getattr(paths, kind)("a", "s", "")
    changed.write_bytes(b"another")
    said: list[str] = []
    _, pretender = go(with_pictures, said=said)
    assert [job.id for job in pretender.seen] == ["encode:a"]
    assert said == [f"{changed} is not the file that this study made; it is made again"]
    _, pretender = go(with_pictures)
    assert pretender.seen == []


def test_a_journal_that_was_cut_short_loses_its_last_line_alone(go, tmp_path: Path) -> None:
    go()
    journal = StudyPaths(tmp_path).journal
    lines = [line for line in journal.read_bytes().splitlines() if line]
    journal.write_bytes(journal.read_bytes().rstrip()[: -len(lines[-1]) // 2])
    _, pretender = go()
    assert [job.id for job in pretender.seen] == ["compare"]
    _, pretender = go()
    assert pretender.seen == []


def test_a_journal_that_was_filled_up_is_refused(tmp_path: Path) -> None:
    """A sparse file of 50 GB took minutes to read."""
    path = tmp_path / "journal.jsonl"
    path.touch()
    os.truncate(path, 50 << 30)
    with pytest.raises(FormatError, match=r"has 51200 MiB; at most 1024 are read \(limit\)"):
        Journal.open(path)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    from dancepose_addon.core.errors import DancePoseError

    lock = tmp_path / "lock"
    with locked_study(lock), pytest.raises(DancePoseError, match="Another run"), locked_study(lock):
        pass
    with locked_study(tmp_path / "lock"):
        pass
