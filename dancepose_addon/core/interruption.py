# SPDX-License-Identifier: Apache-2.0
"""Ending a program within two seconds of SIGINT, SIGTERM or SIGHUP, wherever it is.

Python runs a signal's handler in the main thread, and only between instructions: a long operation of NumPy or Blender
delays it. So a second thread, which the interpreter wakes at once through a pipe, gives the main thread time to put
its files in order, and then ends the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Final, NoReturn

from .atomic import remove_unfinished

SIGHUP: Final[int] = getattr(signal, "SIGHUP", 0)
"""A closed terminal; 0 where there is no such signal."""
SIGNALS: Final[tuple[int, ...]] = (signal.SIGINT, signal.SIGTERM, *([SIGHUP] if SIGHUP else []))
GRACE_S: Final = 1.4
"""Time for the main thread; with the start of the thread and the end of the process it stays below two seconds."""
PARENT: Final = "DANCEPOSE_PARENT"
"""Environment variable: number of the process without which this one has to end."""
WATCH_EVERY_S: Final = 0.25
STOPPED: Final = "Stopped. Files that were finished are kept."
_STANDARD_ERROR: Final = [2]
_ENTERED: Final[list["Interruption"]] = []


class SignalRaised(KeyboardInterrupt):
    """Raised in the main thread by SIGINT, SIGTERM or SIGHUP.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def signal_exit_code(number: int) -> int:
    """Return the exit code of a command that a signal ended: 130, 143 or 129."""
    return 128 + number


class Interruption:
    """Handles SIGINT, SIGTERM and SIGHUP while it is entered, in the main thread.

    SIGHUP stays ignored where it was, as ``nohup`` asks for.

    Attributes:
        number: The signal that was received, or 0.
        grace_s: Time for the main thread to end by itself after a signal.
        sentence: Printed where the main thread did not end in time.
    """

    def __init__(self, on_signal: Callable[[int], None], *, grace_s: float = GRACE_S, sentence: str = STOPPED) -> None:
        self.number = 0
        self.grace_s = grace_s
        self.sentence = sentence
        self._on_signal = on_signal
        self._handlers: dict[int, object] = {}
        self._wakeup_before = -1
        self._pipe: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._left = threading.Event()

    def __enter__(self) -> "Interruption":
        _ENTERED.append(self)
        if threading.current_thread() is not threading.main_thread():
            return self
        self._pipe = os.pipe()
        if os.name == "posix":  # Elsewhere pipes cannot be set so before Python 3.12, and it is not required.
            os.set_blocking(self._pipe[1], False)
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, self._handle) for number in _wanted()}
        self._thread = threading.Thread(target=self._watch, args=(self._pipe[0],), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        _ENTERED.remove(self)
        if self._pipe is None or self._thread is None:
            return
        self._left.set()
        for number, handler in self._handlers.items():
            # A handler that was set from C cannot be set again from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup_before)
        with suppress(OSError):
            os.write(self._pipe[1], b"\0")
        self._thread.join(timeout=1.0)
        for end in self._pipe:
            os.close(end)

    def handle_by(self, on_signal: Callable[[int], None]) -> None:
        """Do something else from now on when a signal is received.

        Args:
            on_signal: Called in the main thread with the number of the signal.
        """
        self._on_signal = on_signal

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number
        self._on_signal(number)

    def _watch(self, wakeup: int) -> None:
        """Wait for a signal, then for the main thread, and end the process where that takes too long."""
        while not self._left.is_set():
            try:
                received = os.read(wakeup, 16)
            except OSError:
                return
            number = next((byte for byte in received if byte in SIGNALS), 0)
            if not number:
                continue
            self.number = self.number or number
            if not self._left.wait(self.grace_s):
                end_now(self.number, self.sentence)


@contextmanager
def more_grace(grace_s: float) -> Iterator[None]:
    """Give the main thread more time after a signal, where it puts a state in safety.

    Args:
        grace_s: Time for the main thread to end by itself, seconds.
    """
    before = [(entered, entered.grace_s) for entered in _ENTERED]
    for entered, _ in before:
        entered.grace_s = grace_s
    try:
        yield
    finally:
        for entered, usual_s in before:
            entered.grace_s = usual_s


def _wanted() -> list[int]:
    """Signals to handle."""
    return [number for number in SIGNALS if number != SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def leave_now(code: int) -> NoReturn:
    """End this process without what Python does at its end, and leave no temporary file.

    Args:
        code: Its exit code.
    """
    remove_unfinished()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def end_now(number: int, sentence: str) -> None:
    """End this process without waiting for anything, and leave no temporary file.

    Args:
        number: The signal that asked for it.
        sentence: Printed to standard error.
    """
    remove_unfinished()
    with suppress(OSError):
        os.write(_STANDARD_ERROR[-1], f"dancepose: {sentence}\n".encode())
    os._exit(signal_exit_code(number))


@contextmanager
def last_words_on(descriptor: int) -> Iterator[None]:
    """Print the sentence of ``end_now`` to another file descriptor than 2, which is redirected meanwhile.

    Args:
        descriptor: Of the real standard error.
    """
    _STANDARD_ERROR.append(descriptor)
    try:
        yield
    finally:
        _STANDARD_ERROR.remove(descriptor)


def raise_in_main(number: int) -> None:
    """Handle a signal by an exception in the main thread; further ones are ignored while it is put in order."""
    ignore_signals()
    raise SignalRaised(number)


def ignore_signals() -> None:
    """Ignore SIGINT, SIGTERM and SIGHUP from now on."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def ending_with_parent(stop: Callable[[], None], *, grace_s: float = GRACE_S) -> Iterator[None]:
    """Stop this process when the one that started it is gone, however that ended.

    Only for a process whose parent asked for it by the environment variable ``DANCEPOSE_PARENT``.

    Args:
        stop: Asks the main thread to stop.
        grace_s: Time for the main thread before the process is ended.
    """
    parent = os.environ.pop(PARENT, "")  # Not for the processes that this one starts.
    left = threading.Event()

    def watch() -> None:
        while not left.wait(WATCH_EVERY_S):
            if os.getppid() != int(parent):
                stop()
                if not left.wait(grace_s):
                    end_now(signal.SIGTERM, "Stopped, because the process that started this one ended.")
                return

    if parent.isdecimal() and sys.platform != "win32" and os.getppid() == int(parent):
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        left.set()
