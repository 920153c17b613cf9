# SPDX-License-Identifier: Apache-2.0
"""Draws frames of a film for another process (``python -P -m dancepose.frame_helper``).

The other process, ``shared_drawing.py``, writes a pickled ``(FilmRequest, CameraPath)`` and then lines with the first
frame and the number of frames of a block. The answer is a line with the OpenGL renderer, and then the pixels of each
frame. The process ends with its input.
"""

import pickle
import sys

import numpy as np

from dancepose.film_frames import FilmFrames


def main() -> None:
    """Draw blocks of frames until the input ends."""
    requests, pictures = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # The stream of pictures holds nothing else.
    try:
        request, camera = pickle.load(requests)
    except EOFError:
        return
    film = FilmFrames(request, camera)
    try:
        pictures.write(f"{film.renderer}\n".encode())
        pictures.flush()
        for line in requests:
            first, count = map(int, line.split())
            for pixels in film.draw(range(first, first + count)):
                pictures.write(np.ascontiguousarray(pixels).data)
                pictures.flush()
    except BrokenPipeError:
        sys.stdout = None  # The other process has ended; nothing is left to flush.


if __name__ == "__main__":
    main()
