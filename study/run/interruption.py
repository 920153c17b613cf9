"""Ctrl-C and SIGTERM end a run in the same orderly way."""

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import threading
from types import FrameType
from typing import Final, NoReturn

from dancepose_addon.core.errors import Cancelled

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class SignalReceived(KeyboardInterrupt):
    """Raised in the main thread when the process is asked to end.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class RunStopped(Cancelled):
    """A run was ended by a signal; everything it had started was ended as well.

    Attributes:
        exit_code: Exit code of the command: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, cause: KeyboardInterrupt) -> None:
        super().__init__(message)
        self.exit_code = exit_code_of(cause)


def exit_code_of(cause: KeyboardInterrupt) -> int:
    """Return the exit code for a signal, 128 + its number, as shells use it."""
    return 128 + (cause.number if isinstance(cause, SignalReceived) else signal.SIGINT)


@contextmanager
def raising_on_signals() -> Iterator[None]:
    """Raise ``SignalReceived`` on SIGINT and SIGTERM; outside the main thread, where that is impossible, do nothing."""

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        # Cleaning up takes up to two seconds and must not be interrupted again.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise SignalReceived(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
