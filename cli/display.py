# SPDX-License-Identifier: Apache-2.0
"""Progress on the terminal, and the list of results at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from dancepose_addon.core import progress
from dancepose_addon.core.printable_text import escaped, printable

LOG_EVERY_S: Final = 15.0
"""Without a terminal at most one line is written in this time, so that logs stay short."""


@dataclass(frozen=True)
class Display:
    """Callbacks that show what happens.

    Attributes:
        progress: Called by long work with the fraction done and the current step.
        notice: Called with a sentence that the user has to know.
    """

    progress: progress.Progress
    notice: Callable[[str], None]


@contextmanager
def progress_bar() -> Iterator[Display]:
    """Show progress on stderr: a bar on a terminal, otherwise a line every ``LOG_EVERY_S`` seconds."""
    console = Console(stderr=True)

    def notice(text: str) -> None:
        console.print(f"Note: {printable(text)}", highlight=False, markup=False, soft_wrap=True)

    if console.is_terminal:
        step = TextColumn("{task.description}", markup=False)  # a name may look like markup
        columns = (BarColumn(bar_width=30), TaskProgressColumn(), TimeElapsedColumn(), step)
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("Starting", total=1.0)

            def show(fraction: float, message: str) -> None:
                bar.update(task, completed=fraction, description=escaped(message))

            yield Display(show, notice)
    else:
        yield Display(_line_writer(console), notice)


@contextmanager
def no_display() -> Iterator[Display]:
    """Show nothing, for the processes of distributed training that are not the first."""
    yield Display(progress.silent, lambda _text: None)


def _line_writer(console: Console) -> progress.Progress:
    started, last = time.monotonic(), -LOG_EVERY_S

    def write(fraction: float, message: str) -> None:
        nonlocal last
        elapsed = time.monotonic() - started
        if fraction >= 1.0 or elapsed - last >= LOG_EVERY_S:
            last = elapsed
            print(f"{fraction:4.0%}  {elapsed:5.0f} s  {escaped(message)}", file=console.file, flush=True)

    return write


def list_results(results: dict[str, Path | None]) -> None:
    """Print title, path and size of each result that exists; values of None are skipped."""
    rows = [(escaped(title), path) for title, path in results.items() if path is not None and path.exists()]
    width = max((len(title) for title, _ in rows), default=0)
    for title, path in rows:
        size = path.stat().st_size
        text = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
        print(f"{title:<{width}}  {escaped(str(path))}  ({text})")


def show_table(title: str, rows: list[tuple[str, str]]) -> None:
    """Print names and values under a title, in two columns."""
    print(escaped(title))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"  {escaped(name):<{width}}  {escaped(value)}")
