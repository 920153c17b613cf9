"""Running a plan: every job when its needs are met, what is finished passed over, failures tried again and told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
import heapq
from pathlib import Path
import time
from typing import Final

from ..plan.jobs import TOLERANT, Job, Result
from ..plan.paths import Places
from .executors import Executor, Frame
from .journal import Journal

POLL_S: Final = 0.5
HEALINGS: Final = 2
"""How often a clip's damaged frames are rendered again before it counts as failed."""

WAITING, READY, RUNNING, DONE, FAILED = range(5)


@dataclass(frozen=True)
class Summary:
    """What a run came to. done: jobs done in this run; skipped: those done before; failed: why, in sentences by job;
    blocked: jobs that hang on those."""

    done: int
    skipped: int
    failed: dict[str, str]
    blocked: int
    seconds: float


@dataclass
class State:
    """How far a run is; a display reads it. Frames count as done when their chunk is, or as they are told."""

    jobs: dict[str, Job]
    status: dict[str, int]
    partial: dict[str, int] = field(default_factory=dict)
    frame_seconds: list[tuple[float, int]] = field(default_factory=list)

    def frames(self) -> dict[str, tuple[int, int]]:
        """Frames (done, all) of each song."""
        totals: dict[str, tuple[int, int]] = {}
        for name, job in self.jobs.items():
            if job.kind == "render":
                done, count = totals.get(job.song, (0, 0))
                have = job.frames if self.status[name] == DONE else self.partial.get(name, 0)
                totals[job.song] = (done + have, count + job.frames)
        return totals


class Driver:
    """Runs the jobs of one plan. tell: called with a sentence on every failure; show: called now and then."""

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        places: Places,
        journal: Journal,
        executor: Executor,
        retries: int,
        tell: Callable[[str], None],
        show: Callable[[State], None],
    ) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._order = {name: n for n, name in enumerate(self._jobs)}
        self._state = State(self._jobs, dict.fromkeys(self._jobs, WAITING))
        self._places, self._journal, self._executor = places, journal, executor
        self._retries, self._tell, self._show = retries, tell, show
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
        """Do everything that can be done."""
        clock = time.monotonic()
        for name in self._names:
            if self._open[name] == 0 and self._state.status[name] == WAITING:
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
                if isinstance(event, Frame):
                    self._state.partial[event.job] = event.done
                else:
                    running -= 1
                    self._take(event)
            self._show(self._state)
        failed = {name: result.message for name, result in self._failed.items() if name not in self._blocked}
        return Summary(**self._counts, failed=failed, blocked=len(self._blocked), seconds=time.monotonic() - clock)

    def _dispatch(self, number: int) -> Job:
        job = self._jobs[self._names[number]]
        self._state.status[job.id] = RUNNING
        if job.kind in TOLERANT:
            return replace(job, what={**job.what, "systems": self._systems_of(job)})
        return job

    def _systems_of(self, job: Job) -> list[str]:
        """Systems whose clips are there, of those that a tolerant job needs."""
        return [str(self._jobs[need].what["system"]) for need in job.needs if self._state.status[need] == DONE]

    def _consider(self, first: str) -> None:
        """All needs of a job have ended: pass over it, begin it, or give it up; and then those that hang on it."""
        waiting = [first]
        while waiting:
            name = waiting.pop()
            job = self._jobs[name]
            reason = self._hindrance(job)
            if reason is not None:
                self._blocked.add(name)
                self._give_up(Result(name, False, reason[0], reason[1]))
            elif self._is_finished(job):
                self._state.status[name] = DONE
                self._counts["skipped"] += 1
            else:
                self._state.status[name] = READY
                heapq.heappush(self._ready, self._order[name])
                continue
            waiting += self._release(name)

    def _hindrance(self, job: Job) -> tuple[str, str] | None:
        """Kind and sentence of why a job cannot be done."""
        failed = [need for need in job.needs if self._state.status[need] == FAILED]
        if not failed:
            return None
        kinds = {self._failed[need].kind for need in failed}
        if job.kind in TOLERANT:
            # Without a clip whose input is bad the others go on; one that merely crashed may still come, and would
            # then move the camera of them all.
            if kinds <= {"input"} and len(failed) < len(job.needs) - (job.kind == "compare"):
                return None
            if job.kind == "compare" and kinds <= {"input"}:
                return "input", "fewer than two clips are there to be compared"
        return ("input" if kinds <= {"input"} else "waits"), f"waits for {failed[0]}: {self._failed[failed[0]].message}"

    def _is_finished(self, job: Job) -> bool:
        entry = self._journal.finished(job)
        if entry is None or job.id in self._forced or any(need in self._changed for need in job.needs):
            return False
        if job.kind in TOLERANT and entry.get("detail", {}).get("systems") != self._systems_of(job):
            return False
        return all(path.exists() for path in results_of(job, self._places))

    def _release(self, name: str) -> list[str]:
        """Jobs that hang on a job that has ended, and on nothing else any more."""
        free = []
        for user in self._users.get(name, ()):
            self._open[user] -= 1
            if self._open[user] == 0 and self._state.status[user] == WAITING:
                free.append(user)
        return free

    def _take(self, result: Result) -> None:
        job = self._jobs[result.job]
        if job.kind in TOLERANT:
            result = replace(result, detail={**result.detail, "systems": self._systems_of(job)})
        if result.kind == "frames" and self._heal(job, result):
            return
        before = self._journal.entries.get(job.id, {}).get("digest")
        self._state.partial.pop(job.id, None)
        if not result.ok:
            self._attempts[job.id] = self._attempts.get(job.id, 0) + 1
            if result.kind != "input" and self._attempts[job.id] <= self._retries:
                self._tell(f"{job.id} failed and is tried again: {result.message}")
                self._state.status[job.id] = READY
                heapq.heappush(self._ready, self._order[job.id])
                return
            self._journal.record(job, result)
            self._tell(f"{job.id} failed: {result.message}")
            self._give_up(result)
        else:
            self._journal.record(job, result)
            self._state.status[job.id] = DONE
            self._counts["done"] += 1
            if result.digest != before:
                self._changed.add(job.id)
            if job.kind == "render" and result.detail.get("rendered"):
                self._state.frame_seconds.append((result.seconds, int(result.detail["rendered"])))
        for user in self._release(job.id):
            self._consider(user)

    def _give_up(self, result: Result) -> None:
        self._failed[result.job] = result
        self._state.status[result.job] = FAILED

    def _heal(self, job: Job, result: Result) -> bool:
        """Render a clip's missing frames again, and then encode it; False where that has been tried often enough."""
        self._attempts[job.id] = self._attempts.get(job.id, 0) + 1
        if self._attempts[job.id] > HEALINGS:
            return False
        bad = set(result.detail["bad"])
        chunks = [self._jobs[need] for need in job.needs if self._jobs[need].kind == "render"]
        again = [c for c in chunks if not bad.isdisjoint(range(c.what["first"], c.what["first"] + c.what["count"]))]
        if not again:
            return False
        self._tell(f"{job.id}: {result.message}; they are rendered again")
        self._state.status[job.id] = WAITING
        self._forced.add(job.id)
        for chunk in again:
            self._open[job.id] += 1
            self._forced.add(chunk.id)
            self._state.status[chunk.id] = READY
            heapq.heappush(self._ready, self._order[chunk.id])
        return True


def results_of(job: Job, places: Places) -> list[Path]:
    """Files that a finished job has left, but for its frames, which their clip's encoding looks after."""
    what = job.what
    match job.kind:
        case "probe":
            return [places.engine]
        case "fit":
            return [places.motion(what["system"], what["song"]), places.fit_report(what["system"], what["song"])]
        case "shot":
            return [places.shot(what["song"])]
        case "audio":
            return [places.audio(what["song"], what["segment"])]
        case "encode":
            return [places.clip(what["system"], what["song"], what["segment"])]
        case _:
            return []
