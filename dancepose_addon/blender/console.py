# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirection of the messages that Blender and its drivers print."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import sys
from typing import TextIO

from ..core.interruption import last_words_on


@contextmanager
def redirect_output(log: Path) -> Iterator[TextIO]:
    """Append everything written to file descriptors 1 and 2 to a log file.

    The descriptors are restored at the end, also after an error, so that tracebacks appear on the console.

    Args:
        log: File to append to.

    Yields:
        The real standard output.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    real = os.fdopen(os.dup(kept[0]), "w", encoding="utf-8", errors="replace")
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        with last_words_on(kept[1]):
            yield real
    finally:
        real.close()
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in enumerate(kept, start=1):
            os.dup2(saved, number)
            os.close(saved)
        os.close(target)
