"""Runs ``render.py`` in a Blender of its own: a process can be stopped, and a crash of Blender stays in it."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
import json
import logging
from pathlib import Path
import re
import signal
import subprocess
import threading
from types import FrameType
from typing import IO, Final, NoReturn

import typer

from dancepose.study.run.launching import blender_command
from dancepose_addon.core.errors import Cancelled, DancePoseError, EngineError

from .display import Display

log = logging.getLogger(__name__)

PROGRESS_PREFIX: Final = "@dancepose "
FAILURE_PREFIX: Final = "dancepose: "
USAGE_PREFIX: Final = "render.py: error: "
EXPECTED_FAILURE: Final = 1
USAGE: Final = 2
PATIENCE_S: Final = 20.0
"""How long a Blender that was asked to stop may take to put its files in order."""
KEPT_LINES: Final = 400
HARMLESS: Final = re.compile(r"EGL_BAD_MATCH|EGL Error|^Info: |^\s*$")
"""What Blender and Mesa say on stderr without anything being wrong."""


def run_headless(arguments: list[str], *, blender: Path | None, display: Display) -> None:
    """Run ``render.py`` with ``arguments`` to its end, and show its progress and notices.

    Raises:
        DancePoseError: what the worker said went wrong. Cancelled: the user pressed Ctrl-C, which is passed on.
        EngineError: Blender crashed; what it said last is in the message.
        typer.BadParameter: the worker refused an argument.
    """
    command = [*blender_command(blender), *arguments, "--progress", "json"]
    log.info("running %s", " ".join(command))
    said: deque[str] = deque(maxlen=KEPT_LINES)
    # A session of its own, so that a terminal's Ctrl-C reaches the worker once: through us.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        reader = threading.Thread(target=_keep_lines, args=(worker.stderr, said), daemon=True)
        reader.start()
        try:
            with _terminated_is_interrupted():
                for line in worker.stdout:
                    _take_line(line, display)
                status = worker.wait()
        except BaseException as error:
            _stop(worker)
            if isinstance(error, KeyboardInterrupt):
                raise Cancelled("Stopped. Finished frames are kept: the same command goes on from them.") from None
            raise
        reader.join(timeout=5)
    if status != 0:
        _raise_failure(status, [line for line in said if not HARMLESS.search(line)])


def _take_line(line: str, display: Display) -> None:
    """Progress and notices are shown; everything else that Blender prints goes to the log."""
    if not line.startswith(PROGRESS_PREFIX):
        log.debug("blender: %s", line.rstrip())
        return
    try:
        table = json.loads(line.removeprefix(PROGRESS_PREFIX))
        if "notice" in table:
            display.notice(str(table["notice"]))
        else:
            display.progress(float(table["fraction"]), str(table["message"]))
    except (ValueError, KeyError, TypeError):
        log.warning("not a progress line: %s", line.rstrip())


def _keep_lines(stream: IO[str], said: deque[str]) -> None:
    for line in stream:
        said.append(line.rstrip())
        log.debug("blender: %s", line.rstrip())


def _stop(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGINT)
    try:
        worker.wait(timeout=PATIENCE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        worker.kill()


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that no Blender goes on after its parent was asked to end."""

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


def _raise_failure(status: int, said: list[str]) -> NoReturn:
    for line in reversed(said):
        if status == EXPECTED_FAILURE and line.startswith(FAILURE_PREFIX):
            raise DancePoseError(line.removeprefix(FAILURE_PREFIX))
        if status == USAGE and line.startswith(USAGE_PREFIX):
            raise typer.BadParameter(line.removeprefix(USAGE_PREFIX))
    tail = "\n".join(said[-30:])
    how = f"was ended by signal {-status}" if status < 0 else f"left with exit code {status}"
    raise EngineError(f"Blender {how}. It said last:\n{tail}")
