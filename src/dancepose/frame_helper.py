# SPDX-License-Identifier: Apache-2.0
"""Draws frames of a film for another process (``python -P -m dancepose.frame_helper MEMORY COUNT HEIGHT WIDTH 4``).

The other process, ``shared_drawing.py``, writes a pickled ``(FilmRequest, CameraPath)`` and then lines with the first
frame and the number of frames of a block. The answers are a line with the film's fingerprint, and then a line for each
block, whose pictures are in the shared memory of the given file descriptor. The process ends with its input.
"""

from collections.abc import Sequence
import math
import mmap
import pickle
import sys

import numpy as np

from dancepose.film_frames import FilmFrames


def main(argv: Sequence[str]) -> None:
    """Draw blocks of frames until the input ends.

    Args:
        argv: Descriptor of the shared memory, and the shape of the pictures in it.
    """
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # The stream of answers holds nothing else.
    memory, *shape = map(int, argv)
    pictures = np.frombuffer(mmap.mmap(memory, math.prod(shape)), np.uint8).reshape(shape)
    try:
        request, camera = pickle.load(requests)
    except EOFError:
        return
    film = FilmFrames(request, camera)
    try:
        replies.write(f"{film.fingerprint()}\n".encode())
        replies.flush()
        for line in requests:
            first, count = map(int, line.split())
            for place, pixels in enumerate(film.draw(range(first, first + count))):
                pictures[place] = pixels
            replies.write(b"drawn\n")
            replies.flush()
    except BrokenPipeError:
        sys.stdout = None  # The other process has ended; nothing is left to flush.


if __name__ == "__main__":
    main(sys.argv[1:])
