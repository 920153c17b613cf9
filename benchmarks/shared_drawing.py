# SPDX-License-Identifier: Apache-2.0
"""Time of a film by the fast engine with one and more processes: ``python -m benchmarks.shared_drawing [FRAMES]``.

One run draws the same frames of the bundled waltz at 512 x 512 pixels with every number of processes, twice in turn;
the faster time counts. Encoding is left out. The pictures have to be equal.
"""

import hashlib
import os
from pathlib import Path
import sys
import time
from typing import Final

from dancepose.film_request import FilmRequest, dancer_of
from dancepose.shared_drawing import MOST_HELPERS, shared_frames
from dancepose_addon.fitting import fit_file

WALTZ: Final = Path(__file__).parents[1] / "examples" / "waltz"
SIZE: Final = (512, 512)
FPS: Final = 25.0
ROUNDS: Final = 2


def main(frames: int) -> None:
    """Measure and print."""
    request = FilmRequest((dancer_of(fit_file(WALTZ)),), frames / FPS, SIZE, FPS)
    counts = range(min(MOST_HELPERS, (os.cpu_count() or 1) - 1) + 1)
    best: dict[int, float] = {}
    pictures: set[str] = set()
    for _ in range(ROUNDS):
        for helpers in counts:
            clock, digest = time.perf_counter(), hashlib.blake2b()
            with shared_frames(request, helpers=helpers) as (renderer, drawn):
                for pixels in drawn:
                    digest.update(pixels.data)
            best[helpers] = min(best.get(helpers, float("inf")), time.perf_counter() - clock)
            pictures.add(digest.hexdigest())
    print(f"{frames} frames of {SIZE[0]} x {SIZE[1]} pixels, {renderer}")
    print("| processes | seconds | share of one |\n|---|---|---|")
    for helpers, seconds in best.items():
        print(f"| {helpers + 1} | {seconds:.1f} | {seconds / best[0]:.2f} |")
    print("The pictures are equal." if len(pictures) == 1 else "THE PICTURES DIFFER.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
