"""How long work tells its caller where it is."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, str], None]
"""Called with (fraction done in [0, 1], short message). To cancel, the callee raises ``errors.Cancelled``."""


def silent(fraction: float, message: str) -> None:
    """The Progress that shows nothing."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """A Progress whose 0..1 becomes ``start``..``end`` of ``progress``: for nesting."""

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * fraction, message)

    return report
