# SPDX-License-Identifier: Apache-2.0
"""Progress of a study on the terminal: a bar for all frames, one per song in progress, and failures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from dancepose.study.run.driver import RunProgress

EVERY_S: Final = 2.0
LOG_EVERY_S: Final = 30.0
SONGS_SHOWN: Final = 6


@dataclass(frozen=True)
class RunDisplay:
    """Callbacks of a run.

    Attributes:
        on_message: Shows a sentence.
        on_progress: Shows the progress; may be called at any rate.
    """

    on_message: Callable[[str], None]
    on_progress: Callable[[RunProgress], None]


def time_text(seconds: float) -> str:
    """Format a duration for people: 42 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class FrameRate:
    """Frames per second since the first new frame of this run.

    Attributes:
        begun_s: When the first call was, seconds of the monotonic clock.
        before: Frames that were done then; -1 before the first call.
    """

    begun_s: float = 0.0
    before: int = -1

    def left_s(self, done: int, remaining: int) -> float | None:
        """Estimate the seconds for ``remaining`` frames; None while too few have been rendered.

        Args:
            done: Frames that are done.
            remaining: Frames that are left.
        """
        if self.before < 0:
            self.before, self.begun_s = done, time.monotonic()
        new = done - self.before
        return None if new < 2 else remaining * (time.monotonic() - self.begun_s) / new


@contextmanager
def run_display() -> Iterator[RunDisplay]:
    """Show bars on a terminal, or a line from time to time elsewhere; both on stderr."""
    console = Console(stderr=True)

    def on_message(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    if not console.is_terminal:
        yield RunDisplay(on_message, _line_writer(console))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console) as bars:
        yield RunDisplay(on_message, _bar_writer(bars))


def _bar_writer(bars: Progress) -> Callable[[RunProgress], None]:
    total = bars.add_task("all", total=1.0, left="")
    tasks: dict[str, TaskID] = {}
    rate, last = FrameRate(), -EVERY_S

    def on_progress(progress: RunProgress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY_S:
            return
        last = now
        songs = progress.frames()
        done, count = _sums(songs)
        bars.update(total, completed=done, total=max(count, 1), left=_left(rate.left_s(done, count - done)))
        ahead = 0
        for name, (have, frames) in songs.items():
            ahead += frames - have
            if have == frames:
                if name in tasks:
                    bars.remove_task(tasks.pop(name))
            elif name in tasks or len(tasks) < SONGS_SHOWN:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=frames, left="")
                bars.update(tasks[name], completed=have, left=_left(rate.left_s(done, ahead)))

    return on_progress


def _line_writer(console: Console) -> Callable[[RunProgress], None]:
    started, last = time.monotonic(), 0.0
    rate = FrameRate()

    def on_progress(progress: RunProgress) -> None:
        nonlocal last
        elapsed = time.monotonic() - started
        if elapsed - last < LOG_EVERY_S:
            return
        last = elapsed
        songs = progress.frames()
        done, count = _sums(songs)
        text = f"{time_text(elapsed)}: {done} of {count} frames{_left(rate.left_s(done, count - done))}"
        ahead, parts = 0, []
        for name, (have, frames) in songs.items():
            ahead += frames - have
            if 0 < have < frames:
                parts.append(f"{name} {have}/{frames}{_left(rate.left_s(done, ahead))}")
        print(f"{text}{'; ' if parts else ''}{'; '.join(parts[:SONGS_SHOWN])}", file=console.file, flush=True)

    return on_progress


def _sums(songs: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(done for done, _ in songs.values()), sum(count for _, count in songs.values())


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f", {time_text(seconds)} left"
