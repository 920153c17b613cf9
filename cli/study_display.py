"""What a user sees while a study runs: a bar for all frames, one for each song in work, and what failed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from dancepose.study.run.driver import State

EVERY_S: Final = 2.0
LOG_EVERY_S: Final = 30.0
SONGS_SHOWN: Final = 6


@dataclass(frozen=True)
class RunDisplay:
    """tell: called with a sentence; show: with how far the run is, as often as one likes."""

    tell: Callable[[str], None]
    show: Callable[[State], None]


def time_text(seconds: float) -> str:
    """A time as one says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class Pace:
    """Frames a second since the first new frame of this run."""

    begun_s: float = 0.0
    before: int = -1

    def left_s(self, done: int, remaining: int) -> float | None:
        """Seconds for ``remaining`` frames, or None while too few have been seen. done: frames done so far."""
        if self.before < 0:
            self.before, self.begun_s = done, time.monotonic()
        new = done - self.before
        return None if new < 2 else remaining * (time.monotonic() - self.begun_s) / new


@contextmanager
def run_display() -> Iterator[RunDisplay]:
    """Bars on a terminal, a line now and then elsewhere; both on stderr."""
    console = Console(stderr=True)

    def tell(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    if not console.is_terminal:
        yield RunDisplay(tell, _line_writer(console))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console) as bars:
        yield RunDisplay(tell, _bar_writer(bars))


def _bar_writer(bars: Progress) -> Callable[[State], None]:
    total = bars.add_task("all", total=1.0, left="")
    tasks: dict[str, TaskID] = {}
    pace, last = Pace(), -EVERY_S

    def show(state: State) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY_S:
            return
        last = now
        songs = state.frames()
        done, count = _sums(songs)
        bars.update(total, completed=done, total=max(count, 1), left=_left(pace.left_s(done, count - done)))
        ahead = 0
        for name, (have, frames) in songs.items():
            ahead += frames - have
            if have == frames:
                if name in tasks:
                    bars.remove_task(tasks.pop(name))
            elif name in tasks or len(tasks) < SONGS_SHOWN:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=frames, left="")
                bars.update(tasks[name], completed=have, left=_left(pace.left_s(done, ahead)))

    return show


def _line_writer(console: Console) -> Callable[[State], None]:
    started, last = time.monotonic(), 0.0
    pace = Pace()

    def show(state: State) -> None:
        nonlocal last
        elapsed = time.monotonic() - started
        if elapsed - last < LOG_EVERY_S:
            return
        last = elapsed
        songs = state.frames()
        done, count = _sums(songs)
        text = f"{time_text(elapsed)}: {done} of {count} frames{_left(pace.left_s(done, count - done))}"
        ahead, parts = 0, []
        for name, (have, frames) in songs.items():
            ahead += frames - have
            if 0 < have < frames:
                parts.append(f"{name} {have}/{frames}{_left(pace.left_s(done, ahead))}")
        print(f"{text}{'; ' if parts else ''}{'; '.join(parts[:SONGS_SHOWN])}", file=console.file, flush=True)

    return show


def _sums(songs: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(done for done, _ in songs.values()), sum(count for _, count in songs.values())


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f", {time_text(seconds)} left"
