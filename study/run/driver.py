# SPDX-License-Identifier: Apache-2.0
"""Runs a plan: each job when its needs are met; finished jobs are skipped, failures are retried and reported."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
import heapq
import time
from typing import Final

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.printable_text import quoted

from ..plan.jobs import ENGINE_JOB, PLAN_AGAIN, TOLERANT, Job, Result
from ..plan.paths import StudyPaths
from .executors import Executor, FrameEvent
from .job_results import FRAME_KEY, changed_result, fingerprints, required_results
from .journal import Journal

POLL_S: Final = 0.5
REPAIRS: Final = 2
"""How often a clip's damaged frames are rendered again before the clip counts as failed."""

WAITING, READY, RUNNING, DONE, FAILED = range(5)


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        done: Number of jobs done in this run.
        skipped: Number of jobs that were done before.
        failed: Why jobs failed, as sentences by id.
        blocked: Number of jobs that depend on those.
        seconds: Duration, seconds.
    """

    done: int
    skipped: int
    failed: dict[str, str]
    blocked: int
    seconds: float


@dataclass
class RunProgress:
    """Progress of a run, for a display.

    Attributes:
        jobs: All jobs, by id.
        status: WAITING, READY, RUNNING, DONE or FAILED, by id.
        partial: Frames that are done of render jobs that run, by id.
        frame_seconds: (seconds, frames) of each finished render job.
    """

    jobs: dict[str, Job]
    status: dict[str, int]
    partial: dict[str, int] = field(default_factory=dict)
    frame_seconds: list[tuple[float, int]] = field(default_factory=list)

    def frames(self) -> dict[str, tuple[int, int]]:
        """Return the frames (done, total) of each song."""
        totals: dict[str, tuple[int, int]] = {}
        for name, job in self.jobs.items():
            if job.kind == "render":
                done, count = totals.get(job.song, (0, 0))
                have = job.frames if self.status[name] == DONE else self.partial.get(name, 0)
                totals[job.song] = (done + have, count + job.frames)
        return totals


def _in_order(jobs: Iterable[Job]) -> dict[str, Job]:
    """Return jobs by id; a job that waits for a later or unknown one would never begin."""
    found: dict[str, Job] = {}
    for job in jobs:
        missing = [need for need in job.needs if need not in found]
        if missing or job.id in found:
            why = f"needs {quoted(missing[0])}, which no line before it makes" if missing else "is there twice"
            raise FormatError(f"The plan is damaged: the job {quoted(job.id)} {why}. {PLAN_AGAIN}")
        found[job.id] = job
    return found


class Driver:
    """Runs the jobs of one plan.

    Args:
        jobs: The jobs, each after those that it needs.
        paths: Files of the study.
        journal: Results of earlier runs; new ones are added.
        executor: Does the jobs.
        retries: How often a job that crashed is tried again.
        on_message: Called with a sentence on every failure.
        on_progress: Called about twice per second.

    Raises:
        FormatError: A job needs one that does not come before it, or has the id of another.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        paths: StudyPaths,
        journal: Journal,
        executor: Executor,
        retries: int,
        on_message: Callable[[str], None],
        on_progress: Callable[[RunProgress], None],
    ) -> None:
        self._jobs = _in_order(jobs)
        self._order = {name: n for n, name in enumerate(self._jobs)}
        self._progress = RunProgress(self._jobs, dict.fromkeys(self._jobs, WAITING))
        self._paths, self._journal, self._executor = paths, journal, executor
        self._retries, self._on_message, self._on_progress = retries, on_message, on_progress
        self._users: dict[str, list[str]] = {}
        self._open: dict[str, int] = {}
        for name, job in self._jobs.items():
            self._open[name] = len(job.needs)
            for need in job.needs:
                self._users.setdefault(need, []).append(name)
        self._ready: list[int] = []
        self._names = list(self._jobs)
        self._changed: set[str] = set()
        self._forced: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._failed: dict[str, Result] = {}
        self._blocked: set[str] = set()
        self._counts = {"done": 0, "skipped": 0}

    def run(self) -> Summary:
        """Do everything that can be done; return what was done."""
        clock = time.monotonic()
        for name in self._names:
            if self._open[name] == 0 and self._progress.status[name] == WAITING:
                self._consider(name)
        running = 0
        while self._ready or running:
            batch: list[Job] = []
            while self._ready and len(batch) < self._executor.capacity():
                batch.append(self._dispatch(heapq.heappop(self._ready)))
            if batch:
                self._executor.submit(batch)
                running += len(batch)
            for event in self._executor.wait(POLL_S):
                if isinstance(event, FrameEvent):
                    self._progress.partial[event.job] = event.done
                else:
                    running -= 1
                    self._take(event)
            self._on_progress(self._progress)
        failed = {name: result.message for name, result in self._failed.items() if name not in self._blocked}
        return Summary(**self._counts, failed=failed, blocked=len(self._blocked), seconds=time.monotonic() - clock)

    def _dispatch(self, number: int) -> Job:
        job = self._jobs[self._names[number]]
        self._progress.status[job.id] = RUNNING
        if job.kind in TOLERANT:
            return replace(job, what={**job.what, "systems": self._systems_of(job)})
        if job.kind == "encode":
            return replace(job, what={**job.what, "frame_key": self._frame_key_of(job)})
        return job

    def _frame_key_of(self, job: Job) -> str:
        """Return the key of the frames that a clip's render jobs made, or "" where they are several or not known."""
        entries = [self._journal.finished(self._jobs[need]) for need in job.needs if self._jobs[need].kind == "render"]
        keys = {str(entry.get("digest", "")) if entry else "" for entry in entries}
        return keys.pop() if len(keys) == 1 else ""

    def _systems_of(self, job: Job) -> list[str]:
        """Return the systems whose inputs are done, of those that a tolerant job needs."""
        needs = [need for need in job.needs if need != ENGINE_JOB and self._progress.status[need] == DONE]
        return [str(self._jobs[need].what["system"]) for need in needs]

    def _consider(self, first: str) -> None:
        """Skip, queue or give up a job whose needs have all ended, and then the jobs that depend on it."""
        waiting = [first]
        while waiting:
            name = waiting.pop()
            job = self._jobs[name]
            reason = self._blocker(job)
            if reason is not None:
                self._blocked.add(name)
                self._give_up(Result(name, False, reason[0], reason[1]))
            elif self._is_finished(job):
                self._progress.status[name] = DONE
                self._counts["skipped"] += 1
            else:
                self._progress.status[name] = READY
                heapq.heappush(self._ready, self._order[name])
                continue
            waiting += self._release(name)

    def _blocker(self, job: Job) -> tuple[str, str] | None:
        """Return the kind of failure and the sentence why a job cannot be done, or None."""
        failed = [need for need in job.needs if self._progress.status[need] == FAILED]
        if not failed:
            return None
        kinds = {self._failed[need].kind for need in failed}
        if ENGINE_JOB in failed:  # no clip can do without the engine and the character
            return (
                "input" if kinds <= {"input"} else "waits"
            ), f"waits for {ENGINE_JOB}: {self._failed[ENGINE_JOB].message}"
        if job.kind in TOLERANT:
            # The others continue without a clip whose input is bad. One that crashed may still succeed in a later run,
            # and would then move the camera of all.
            clips = len(job.needs) - (ENGINE_JOB in job.needs)
            if kinds <= {"input"} and len(failed) < clips - (job.kind == "compare"):
                return None
            if job.kind == "compare" and kinds <= {"input"}:
                return "input", "there are fewer than two clips to compare"
        return ("input" if kinds <= {"input"} else "waits"), f"waits for {failed[0]}: {self._failed[failed[0]].message}"

    def _is_finished(self, job: Job) -> bool:
        entry = self._journal.finished(job)
        if entry is None or job.id in self._forced or any(need in self._changed for need in job.needs):
            return False
        if job.kind in TOLERANT and entry.get("detail", {}).get("systems") != self._systems_of(job):
            return False
        detail = entry.get("detail", {})
        changed = changed_result(detail, self._paths)
        if changed is not None:
            self._on_message(f"{changed} is not the file that this study made; it is made again")
            return False
        names = [self._paths.out / name for name in detail.get("files", {})]
        return all(path.exists() for path in (*required_results(job, self._paths), *names))

    def _release(self, name: str) -> list[str]:
        """Return the jobs that waited for this one only."""
        free = []
        for user in self._users.get(name, ()):
            self._open[user] -= 1
            if self._open[user] == 0 and self._progress.status[user] == WAITING:
                free.append(user)
        return free

    def _take(self, result: Result) -> None:
        job = self._jobs[result.job]
        if job.kind in TOLERANT:
            result = replace(result, detail={**result.detail, "systems": self._systems_of(job)})
        if result.kind == "frames" and self._repair(job, result):
            return
        if result.ok:
            made = fingerprints(job, result.detail, self._paths)
            result = replace(result, detail={**result.detail, "files": made} if made else result.detail)
        before = self._journal.entries.get(job.id, {}).get("digest")
        self._progress.partial.pop(job.id, None)
        if not result.ok:
            self._attempts[job.id] = self._attempts.get(job.id, 0) + 1
            if result.kind != "input" and self._attempts[job.id] <= self._retries:
                self._on_message(f"{job.id} failed and is retried: {result.message}")
                self._progress.status[job.id] = READY
                heapq.heappush(self._ready, self._order[job.id])
                return
            self._journal.record(job, result)
            self._on_message(f"{job.id} failed: {result.message}")
            self._give_up(result)
        else:
            self._journal.record(job, result)
            self._progress.status[job.id] = DONE
            self._counts["done"] += 1
            if result.digest != before:
                self._changed.add(job.id)
            if job.kind == "render" and result.detail.get("rendered"):
                self._progress.frame_seconds.append((result.seconds, int(result.detail["rendered"])))
        for user in self._release(job.id):
            self._consider(user)

    def _give_up(self, result: Result) -> None:
        self._failed[result.job] = result
        self._progress.status[result.job] = FAILED

    def _repair(self, job: Job, result: Result) -> bool:
        """Render a clip's bad frames again, then encode it; return False once that has been tried REPAIRS times."""
        self._attempts[job.id] = self._attempts.get(job.id, 0) + 1
        if self._attempts[job.id] > REPAIRS:
            return False
        bad = set(result.detail["bad"])
        chunks = [self._jobs[need] for need in job.needs if self._jobs[need].kind == "render"]
        again = [c for c in chunks if not bad.isdisjoint(range(c.what["first"], c.what["first"] + c.what["count"]))]
        if not again:
            return False
        self._on_message(f"{job.id}: {result.message}; rendering them again")
        self._progress.status[job.id] = WAITING
        self._forced.add(job.id)
        for chunk in again:
            self._open[job.id] += 1
            self._forced.add(chunk.id)
            self._progress.status[chunk.id] = READY
            heapq.heappush(self._ready, self._order[chunk.id])
        return True

    def remove_leftovers(self) -> None:
        """Remove the temporary files of jobs that were running when the run was stopped."""
        for name, job in self._jobs.items():
            if self._progress.status[name] != RUNNING:
                continue
            targets = required_results(job, self._paths)
            if job.kind in ("render", "encode"):
                clip = (job.what["system"], job.song, job.what["segment"])
                folder = self._paths.frames(*clip)
                targets += [folder / FRAME_KEY, folder / "*.png", self._paths.clip(*clip, ".webm")]
                targets += [self._paths.sheet(*clip), self._paths.thumbnail(*clip), self._paths.stills(*clip) / "*.png"]
            if job.kind == "compare":
                paths = [self._paths.comparison(job.song, job.what["segment"], "*", labels=on) for on in (True, False)]
                targets += [path.with_suffix(suffix) for path in paths for suffix in (".mp4", ".png")]
            for target in targets:
                for leftover in target.parent.glob(f".{target.stem}.*.part{target.suffix}"):
                    with suppress(OSError):
                        leftover.unlink()
