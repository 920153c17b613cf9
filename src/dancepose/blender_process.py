# SPDX-License-Identifier: Apache-2.0
"""Runs the headless renderer in a Blender process, which can be stopped and whose crash cannot end the caller."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import logging
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import IO, Final, NoReturn

from dancepose.study.run.launching import blender_command
from dancepose_addon.core.errors import Cancelled, DancePoseError, EngineError, FormatError, OptionError
from dancepose_addon.core.interruption import PARENT
from dancepose_addon.core.messages import NoticeMessage, ProgressMessage, from_line
from dancepose_addon.core.progress import Progress, silent

LOGGER: Final = logging.getLogger(__name__)

FAILURE_PREFIX: Final = "dancepose: "
USAGE_PREFIX: Final = "render.py: error: "
EXPECTED_FAILURES: Final = (1, 130, 143)
USAGE: Final = 2
PATIENCE_S: Final = 1.0
"""Time that a Blender that was asked to stop may take; it ends itself after 0.7 s."""
KEPT_LINES: Final = 400
HARMLESS: Final = re.compile(r"EGL_BAD_MATCH|EGL Error|^Info: |^\s*$")
"""What Blender and Mesa print on stderr although nothing is wrong."""


class ArgumentError(OptionError):
    """The renderer refused an argument."""


def run_headless(
    arguments: list[str],
    *,
    blender: Path | None = None,
    progress: Progress = silent,
    on_notice: Callable[[str], None] | None = None,
) -> None:
    """Run the headless renderer to its end.

    Args:
        arguments: Arguments of ``render.py``.
        blender: A Blender program, or None for the bpy wheel or a Blender on PATH.
        progress: Called with the fraction done and the current step.
        on_notice: Called with each sentence that the user has to know.

    Raises:
        ArgumentError: The renderer refused an argument.
        DancePoseError: The renderer failed in an expected way; the message is its message.
        Cancelled: The user pressed Ctrl-C.
        EngineError: There is no Blender, or it crashed; its last output is in the message.
    """
    command = [*blender_command(blender), *arguments, "--progress", "json"]
    LOGGER.info("running %s", " ".join(command))
    output: deque[str] = deque(maxlen=KEPT_LINES)
    last_fraction = 0.0

    def follow(fraction: float, step: str) -> None:
        nonlocal last_fraction
        last_fraction = fraction
        progress(fraction, step)

    # A separate session, so that a Ctrl-C on the terminal reaches the process once: from here.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, PARENT: str(os.getpid())},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        reader = threading.Thread(target=_keep_lines, args=(process.stderr, output), daemon=True)
        reader.start()
        try:
            with _terminated_is_interrupted():
                for line in process.stdout:
                    _handle_line(line, follow, on_notice)
                status = process.wait()
        except BaseException as error:
            _stop(process)
            if isinstance(error, KeyboardInterrupt):
                raise Cancelled("Stopped. Finished frames are kept: run the same command again to resume.") from None
            raise
        reader.join(timeout=5)
    if status == 0 and last_fraction < 1.0:
        raise EngineError(f"{command[0]} ended without a result. Give a Blender 4.2 or later with --blender.")
    if status != 0:
        _raise_failure(status, [line for line in output if not HARMLESS.search(line)])


def _handle_line(line: str, progress: Progress, on_notice: Callable[[str], None] | None) -> None:
    """Pass on progress and notices; everything else that Blender prints goes to the log."""
    try:
        message = from_line(line)
    except FormatError as error:
        LOGGER.warning("%s", error)
        return
    if isinstance(message, NoticeMessage) and on_notice is not None:
        on_notice(message.notice)
    elif isinstance(message, ProgressMessage):
        progress(message.fraction, message.message)
    elif message is None:
        LOGGER.debug("blender: %s", line.rstrip())


def _keep_lines(stream: IO[str], output: deque[str]) -> None:
    for line in stream:
        output.append(line.rstrip())
        LOGGER.debug("blender: %s", line.rstrip())


def _stop(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":  # No other signal reaches a process without a console there.
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=PATIENCE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that no Blender continues after its parent was asked to end."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise_failure(status: int, output: list[str]) -> NoReturn:
    for line in reversed(output):
        if status in (*EXPECTED_FAILURES, USAGE) and line.startswith(FAILURE_PREFIX):
            kind = OptionError if status == USAGE else DancePoseError
            raise kind(line.removeprefix(FAILURE_PREFIX))
        if status == USAGE and line.startswith(USAGE_PREFIX):
            raise ArgumentError(line.removeprefix(USAGE_PREFIX))
    tail = "\n".join(output[-30:])
    how = f"was ended by signal {-status}" if status < 0 else f"ended with exit code {status}"
    raise EngineError(f"Blender {how}. Its last output was:\n{tail}")
