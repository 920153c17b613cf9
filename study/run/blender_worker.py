# SPDX-License-Identifier: Apache-2.0
"""A process that does one job after the other: started when first needed, and again after a crash.

It is a Blender, or the fast engine's worker, which takes the same requests.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
import logging
import os
from pathlib import Path
import queue
import socket
import subprocess
import threading
import time
from typing import IO, Any, Final

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.interruption import PARENT
from dancepose_addon.core.messages import (
    PREFIX,
    DoneReply,
    FailedReply,
    FrameReply,
    Message,
    Request,
    from_line,
    to_line,
)

from ..plan.jobs import Result
from .launching import blender_command, fast_command

LOGGER: Final = logging.getLogger(__name__)
PATIENCE_S: Final = 5.0
"""Time that an idle Blender gets to end by itself, seconds."""
KEPT_LINES: Final = 20
"""Lines of stderr that are kept for the message about a crash."""

OnFrame = Callable[[int], None]


class BlenderWorker:
    """One Blender process.

    Args:
        logs: Folder of its output.
        blender: A Blender program; None for the bpy wheel.
        threads: Processors that a render may use; 0 for all.
        without_blender: Whether the process is the fast engine's worker, which needs no Blender.
    """

    def __init__(
        self, *, logs: Path, blender: Path | None = None, threads: int = 0, without_blender: bool = False
    ) -> None:
        self._logs, self._blender, self._threads = logs, blender, threads
        self._without_blender = without_blender
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        self._count = 0
        self._closed = False

    def run(self, job: str, request: Request, *, timeout_s: float, on_frame: OnFrame | None = None) -> Result:
        """Do one job. Failures inside Blender are in the result, not raised.

        Args:
            job: Id of the job in the plan.
            request: What to do.
            timeout_s: Time limit, seconds; the process is killed after it.
            on_frame: Called with the number of frames that are done.

        Raises:
            EngineError: There is no Blender.
            MissingFileError: The Blender program does not exist.
        """
        if self._closed:
            return Result(job, False, "crash", "the run was stopped")
        process, lines = self._start(), self._lines
        assert process.stdin is not None
        self._count += 1
        clock, number = time.monotonic(), self._count
        try:
            process.stdin.write(to_line(replace(request, id=number)) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):  # it died, or another thread closes it
            return self._died(process, job, clock)
        while True:
            left = timeout_s - (time.monotonic() - clock)
            try:
                line = lines.get(timeout=max(0.0, left))
            except queue.Empty:
                self._end(kill=True)
                return Result(job, False, "timeout", f"it took longer than {timeout_s:g} s", time.monotonic() - clock)
            if line is None:
                return self._died(process, job, clock)
            result = _result_of(job, number, _read(line), time.monotonic() - clock, on_frame)
            if result is not None:
                return result

    def close(self, *, kill: bool = False) -> None:
        """End the process, at once with ``kill``, and accept no further jobs."""
        self._closed = True
        self._end(kill=kill)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> "subprocess.Popen[str]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end(kill=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"worker-{socket.gethostname()}-{os.getpid()}-{threading.get_ident() % 100000}.log"
        command = fast_command() if self._without_blender else [*blender_command(self._blender), "study-worker"]
        command += ["--log", str(log)]
        # BLAS adds in another order with another number of threads, and a fit must not depend on the worker.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        environment[PARENT] = str(os.getpid())
        if self._threads:
            command += ["--threads", str(self._threads)]
            # The software renderer of Mesa, which draws Workbench where there is no GPU.
            environment["LP_NUM_THREADS"] = str(self._threads)
        # In its own session, so that Ctrl-C on the terminal reaches only the driver, which then ends this process.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
        self._process, self._lines, self._said = process, queue.Queue(), []
        LOGGER.info("Blender %d runs %s", process.pid, " ".join(command))
        threading.Thread(target=_queue_messages, args=(process.stdout, self._lines), daemon=True).start()
        threading.Thread(target=_keep_lines, args=(process.stderr, self._said), daemon=True).start()
        if self._closed:  # the run was stopped in the meantime
            process.kill()
        return process

    @property
    def _title(self) -> str:
        return "The fast engine" if self._without_blender else "Blender"

    def _died(self, process: "subprocess.Popen[str]", job: str, clock: float) -> Result:
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        code = process.poll()
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        words = "; ".join(self._said[-3:])
        if self._process is process:  # otherwise another thread has closed it
            self._end(kill=True)
        seconds = round(time.monotonic() - clock, 3)
        return Result(job, False, "crash", f"{self._title} {how}{f' ({words})' if words else ''}", seconds)


def _read(line: str) -> Message | None:
    try:
        return from_line(line)
    except FormatError as error:
        return FailedReply(id=0, kind="bug", message=str(error))


def _result_of(job: str, number: int, reply: Message | None, seconds: float, on_frame: OnFrame | None) -> Result | None:
    """Return the result in a reply to request ``number``; None while the job continues."""
    if isinstance(reply, FailedReply) and reply.id in (0, number):
        return Result(job, False, reply.kind, reply.message, round(seconds, 3))
    if isinstance(reply, FrameReply) and reply.id == number and on_frame is not None:
        on_frame(reply.frame)
    elif isinstance(reply, DoneReply) and reply.id == number:
        detail: dict[str, Any] = {"rendered": reply.rendered}
        if reply.notices:
            detail["notices"] = list(reply.notices)
        return Result(job, True, seconds=reply.seconds, digest=reply.digest, detail=detail)
    return None


def _queue_messages(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            if line.startswith(PREFIX):
                lines.put(line)
    lines.put(None)


def _keep_lines(stream: IO[str], said: list[str]) -> None:
    with stream:
        for line in stream:
            if line.strip():
                said.append(line.rstrip())
                del said[:-KEPT_LINES]
