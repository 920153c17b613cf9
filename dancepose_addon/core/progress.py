# SPDX-License-Identifier: Apache-2.0
"""How long work reports its progress."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, str], None]
"""Called with (fraction done in [0, 1], short message). To cancel, the callee raises ``errors.Cancelled``."""


def silent(fraction: float, message: str) -> None:
    """Report nothing: the Progress of callers who do not ask."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Nest a part of the work.

    Args:
        progress: Of the whole.
        start: Fraction of the whole at which the part begins.
        end: Fraction of the whole at which it ends.

    Returns:
        A Progress whose 0 to 1 becomes ``start`` to ``end``.
    """

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * fraction, message)

    return report
