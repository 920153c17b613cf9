# SPDX-License-Identifier: Apache-2.0
"""A process that serves the requests of a study, one after another (``core.messages``).

It reads one request per line from stdin, each with everything it needs, so that any machine may serve it, and writes
replies to a stream. The process ends when stdin does, and so with its parent.
"""

from dataclasses import replace
import os
from pathlib import Path
import queue
import sys
import threading
import time
import traceback
from typing import Final, NoReturn, TextIO

from .atomic import replacing
from .errors import DancePoseError
from .messages import (
    DoneReply,
    FailedReply,
    FitRequest,
    FrameReply,
    ProbeRequest,
    RenderRequest,
    Reply,
    Request,
    error_kind,
    from_line,
    to_line,
)

FRAME_KEY_FILE: Final = "key.txt"
"""File in a clip's folder of frames that holds the key of the frames."""


class RequestServer:
    """Base of the study workers: replies to requests, and turns failures into replies.

    Args:
        stream: Where replies are written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def done(self, request: Request) -> DoneReply:
        """Do what a request asks for; a subclass defines how."""
        raise NotImplementedError

    def forget(self) -> None:
        """Discard what is kept between requests, after one failed."""

    def run(self) -> NoReturn:
        """Serve requests until stdin ends."""
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_listen, args=(lines,), daemon=True).start()
        while True:
            message = from_line(lines.get())
            if isinstance(message, ProbeRequest | FitRequest | RenderRequest):
                self.serve(message)

    def serve(self, request: Request) -> None:
        """Serve one request and reply; no failure ends the process."""
        clock = time.perf_counter()
        try:
            done = self.done(request)
        except DancePoseError as error:
            kind = error_kind(error)
            if kind == "expected":
                self._log_and_forget()
            self._reply(FailedReply(id=request.id, kind=kind, message=str(error)))
        except Exception as error:  # a bug in one clip must not stop the others; its traceback is in the log
            self._log_and_forget()
            self._reply(FailedReply(id=request.id, kind="bug", message=f"{type(error).__name__}: {error}"))
        else:
            self._reply(replace(done, seconds=round(time.perf_counter() - clock, 3)))

    def report_frames(self, request: RenderRequest, parent: int, done: int) -> None:
        """Report the frames of a request that are done, and end the process if its parent has ended."""
        if os.getppid() != parent:
            os._exit(0)
        self._reply(FrameReply(id=request.id, frame=done))

    def _log_and_forget(self) -> None:
        traceback.print_exc()
        sys.stderr.flush()
        self.forget()

    def _reply(self, reply: Reply) -> None:
        self._stream.write(to_line(reply) + "\n")
        self._stream.flush()


def _listen(lines: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        if line.strip():
            lines.put(line)
    # The parent has ended. A frame in progress has a temporary name, so nothing is half written.
    os._exit(0)


def note_frame_key(folder: Path, key: str) -> None:
    """Write the key of a clip's frames beside them.

    Raises:
        OutputError: It cannot be written.
    """
    note = folder / FRAME_KEY_FILE
    if not note.is_file() or note.read_text(encoding="ascii") != key:
        with replacing(note) as temporary:
            temporary.write_text(key, encoding="ascii")
