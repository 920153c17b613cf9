"""A Blender that stays up for many jobs: started when it is first needed, and again after it died."""

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
from typing import IO, Final

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.messages import DoneReply, FailedReply, FrameReply, Reply, Request, from_line, to_line

from ..plan.jobs import Result
from .launching import blender_command

LOGGER: Final = logging.getLogger(__name__)
PATIENCE_S: Final = 5.0
LAST_WORDS: Final = 20

OnFrame = Callable[[int], None]


class BlenderWorker:
    """One Blender process, doing one job after the other. threads: processors that a render may use, 0 for all."""

    def __init__(self, *, logs: Path, blender: Path | None = None, threads: int = 0) -> None:
        self._logs, self._blender, self._threads = logs, blender, threads
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[Reply | None] = queue.Queue()
        self._said: list[str] = []
        self._count = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs, if one does."""
        return None if self._process is None else self._process.pid

    def run(self, job: str, request: Request, *, timeout_s: float, on_frame: OnFrame | None = None) -> Result:
        """Do one job. job: its id in the plan; request: what ``headless_study`` does. Never raises for what goes
        wrong in Blender: the Result says it.

        Raises:
            EngineError, MissingFileError: there is no Blender to start.
        """
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
                reply = lines.get(timeout=max(0.0, left))
            except queue.Empty:
                self.close(kill=True)
                return Result(job, False, "timeout", f"it took longer than {timeout_s:g} s", time.monotonic() - clock)
            if reply is None:
                return self._died(process, job, clock)
            if reply.id != number:
                continue
            if isinstance(reply, FrameReply):
                if on_frame is not None:
                    on_frame(reply.frame)
            elif isinstance(reply, DoneReply):
                detail = {"rendered": reply.rendered, "notices": list(reply.notices)}
                return Result(job, True, seconds=reply.seconds, digest=reply.digest, detail=detail)
            else:
                return Result(job, False, reply.kind, reply.message, round(time.monotonic() - clock, 3))

    def close(self, *, kill: bool = False) -> None:
        """End the process; at once with ``kill``."""
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
        self.close(kill=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"worker-{socket.gethostname()}-{os.getpid()}-{threading.get_ident() % 100000}.log"
        command = [*blender_command(self._blender), "study-worker", "--log", str(log)]
        # BLAS sums in another order with another number of threads, and a fit must not hang on who does it.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        if self._threads:
            command += ["--threads", str(self._threads)]
            # Mesa's software renderer, which draws Workbench where there is no GPU.
            environment["LP_NUM_THREADS"] = str(self._threads)
        # A session of its own: a Ctrl-C on the terminal is for the one who plans, who then ends this process.
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
        threading.Thread(target=_pass_on, args=(process.stdout, self._lines), daemon=True).start()
        threading.Thread(target=_keep, args=(process.stderr, self._said), daemon=True).start()
        return process

    def _died(self, process: "subprocess.Popen[str]", job: str, clock: float) -> Result:
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        code = process.poll()
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"left with exit code {code}"
        words = "; ".join(self._said[-3:])
        if self._process is process:  # else another thread has closed it
            self.close(kill=True)
        seconds = round(time.monotonic() - clock, 3)
        return Result(job, False, "crash", f"Blender {how}{f' ({words})' if words else ''}", seconds)


def _pass_on(stream: IO[str], lines: "queue.Queue[Reply | None]") -> None:
    with stream:
        for line in stream:
            try:
                message = from_line(line)
            except FormatError as error:
                LOGGER.warning("%s", error)
                continue
            if isinstance(message, FrameReply | DoneReply | FailedReply):
                lines.put(message)
    lines.put(None)


def _keep(stream: IO[str], said: list[str]) -> None:
    with stream:
        for line in stream:
            if line.strip():
                said.append(line.rstrip())
                del said[:-LAST_WORDS]
