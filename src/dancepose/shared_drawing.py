# SPDX-License-Identifier: Apache-2.0
"""Shares the frames of a film between processes where OpenGL draws on the CPU.

Most of a frame's work in Mesa's llvmpipe is done by one thread, so that a second core is used by a second process only.
Each process takes the first block of frames that no other has taken. A picture does not depend on the others, so the
film is the same however many processes draw it. Where a helper fails, or computes other vertices because its BLAS has
another number of threads, this process draws its blocks.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import logging
import math
import mmap
import os
import pickle
import subprocess
import sys
import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose.raster.film_poses import BLOCK_FRAMES
from dancepose.raster.gl_context import is_software

from .film_frames import FilmFrames
from .film_request import FilmRequest

LOGGER: Final = logging.getLogger(__name__)
BLOCK_BYTES: Final = 64 * 1024 * 1024
MOST_HELPERS: Final = 3
FRAMES_PER_PROCESS: Final = 30
"""A helper takes about as long to start as ten frames take."""
WAIT_S: Final = 0.1
PATIENCE_S: Final = 2.0


@contextmanager
def shared_frames(
    request: FilmRequest, *, helpers: int | None = None
) -> Iterator[tuple[str, Iterator[NDArray[np.uint8]]]]:
    """Draw the frames of a film, in several processes where that is faster.

    Args:
        request: What to render.
        helpers: Number of further processes; None to choose.

    Yields:
        The name of the OpenGL renderer, and an iterator of the pictures, (H, W, 4) each.
    """
    film = FilmFrames(request)
    count = helper_count(request.count, film.renderer) if helpers is None else helpers
    job = pickle.dumps((request, film.camera), pickle.HIGHEST_PROTOCOL) if count else b""
    fingerprint = film.fingerprint() if count else ""
    board = _Board(request, ahead=count + 2)
    started: list[_Helper] = []
    try:
        with suppress(OSError):  # No process can be started: this one draws everything.
            started.extend(_Helper(board, job, fingerprint) for _ in range(count))
        yield film.renderer, board.pictures(film)
    finally:
        board.close()
        for helper in started:
            helper.end()


def helper_count(frames: int, renderer: str) -> int:
    """Return how many further processes draw a film of so many frames with an OpenGL renderer."""
    if sys.platform != "linux" or not sys.executable or not is_software(renderer):
        return 0
    return max(0, min(MOST_HELPERS, len(os.sched_getaffinity(0)) - 1, frames // FRAMES_PER_PROCESS - 1))


class _Board:
    """Which blocks of frames are taken, drawn and passed on.

    Args:
        request: The film.
        ahead: Number of blocks, from the film's position, that may be taken.
    """

    def __init__(self, request: FilmRequest, *, ahead: int) -> None:
        width, height = request.whole_size
        size = max(1, min(BLOCK_FRAMES, BLOCK_BYTES // (4 * width * height)))
        self.blocks = [range(first, min(first + size, request.count)) for first in range(0, request.count, size)]
        self.picture_shape = (height, width, 4)
        self._open = list(reversed(range(len(self.blocks))))
        self._drawn: dict[int, list[NDArray[np.uint8]]] = {}
        self._ahead, self._next, self._closed = ahead, 0, False
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """Wait for the first block that is not taken, near the film's position; return None where none is left."""
        with self._changed:
            while not self._closed and self._open:
                if self._open[-1] < self._next + self._ahead:
                    return self._open.pop()
                self._changed.wait(WAIT_S)
            return None

    def put(self, block: int, pictures: list[NDArray[np.uint8]]) -> None:
        """Accept a block that was drawn."""
        with self._changed:
            self._drawn[block] = pictures
            self._changed.notify_all()

    def put_back(self, block: int) -> None:
        """Let another process draw a block that was taken."""
        with self._changed:
            self._open.append(block)
            self._open.sort(reverse=True)
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing more be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def pictures(self, film: FilmFrames) -> Iterator[NDArray[np.uint8]]:
        """Yield all pictures in order; draw those of which no helper has the block."""
        for block in range(len(self.blocks)):
            yield from self._block(block, film)
            with self._changed:
                self._next = block + 1
                self._changed.notify_all()

    def _block(self, block: int, film: FilmFrames) -> Iterator[NDArray[np.uint8]]:
        while True:
            with self._changed:
                if block in self._drawn:
                    drawn = self._drawn.pop(block)
                    break
                mine = self._open.pop() if self._open and self._open[-1] < block + self._ahead else None
                if mine is None:
                    self._changed.wait(WAIT_S)
            if mine == block:
                yield from film.draw(self.blocks[block])
                return
            if mine is not None:
                self.put(mine, list(film.draw(self.blocks[mine])))
        yield from drawn


class _Helper:
    """A process that draws blocks, and the thread that hands them out to it.

    Pictures come in shared memory. A pipe would be read in small pieces, each of which had to wait for the lock of the
    interpreter, which OpenGL's calls hold.

    Args:
        board: Where blocks are taken and drawn ones are put.
        job: What the film is made from, pickled.
        fingerprint: Of the film as this process draws it.

    Raises:
        OSError: No process or no memory can be had.
    """

    def __init__(self, board: _Board, job: bytes, fingerprint: str) -> None:
        self._board, self._job, self._fingerprint = board, job, fingerprint
        shape = (len(board.blocks[0]), *board.picture_shape)
        memory = os.memfd_create("pictures")
        try:
            os.ftruncate(memory, math.prod(shape))
            self._pictures = np.frombuffer(mmap.mmap(memory, math.prod(shape)), np.uint8).reshape(shape)
            # In its own session, so that Ctrl-C does not reach it; it ends with the pipes.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dancepose.frame_helper", str(memory), *map(str, shape)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LP_NUM_THREADS": "0"},
                pass_fds=(memory,),
                start_new_session=True,
            )
        finally:
            os.close(memory)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the process and the thread."""
        self._process.kill()
        self._process.wait()
        self._thread.join(PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                assert pipe is not None
                pipe.close()

    def _serve(self) -> None:
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        block = None
        try:
            requests.write(self._job)
            requests.flush()
            if replies.readline() != f"{self._fingerprint}\n".encode():
                LOGGER.info("a process that helps to draw computes other vertices, and is not used")
                return
            while (block := self._board.take()) is not None:
                frames = self._board.blocks[block]
                requests.write(f"{frames.start} {len(frames)}\n".encode())
                requests.flush()
                if replies.readline() != b"drawn\n":
                    break
                self._board.put(block, list(self._pictures[: len(frames)].copy()))
                block = None
        except (OSError, ValueError) as error:
            LOGGER.info("a process that helps to draw cannot be reached: %s", error)
        finally:
            if block is not None:
                self._board.put_back(block)
