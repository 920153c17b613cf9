# SPDX-License-Identifier: Apache-2.0
"""Checks that chunks and executors do not change pixels.

    python -m benchmarks.study_determinism [--frames N] [--size PIXELS]

One worker renders whole clips; then two workers render 2 and 7 chunks per clip, as local processes and by Dask. Frames
are compared file by file, for Workbench and for Cycles on the processor.
"""

import argparse
from pathlib import Path
import tempfile

from ._study import frame_hashes, run_study, write_study

WAYS = (("local", 2), ("local", 7), ("dask", 2), ("dask", 7))


def main() -> int:
    """Print the differences; return 0 if there are none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=35, help="frames per clip; there are two clips")
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for engine in ("workbench", "cycles"):
            whole = _render(Path(folder) / f"{engine}-whole", engine, arguments, "local", 1)
            for executor, chunks in WAYS:
                found = _render(Path(folder) / f"{engine}-{executor}-{chunks}", engine, arguments, executor, chunks)
                wrong = sorted(name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name))
                differing += len(wrong)
                print(
                    f"{engine:8s} {executor:6s} {chunks} chunks: {len(found)} frames, {len(wrong)} differ from whole"
                    f"{': ' + ', '.join(wrong[:3]) if wrong else ''}"
                )
            print(f"{engine:8s} whole: {len(whole)} frames, {len(set(whole.values()))} different pictures")
    return 1 if differing else 0


def _render(folder: Path, engine: str, arguments: argparse.Namespace, executor: str, chunks: int) -> dict[str, str]:
    folder.mkdir()
    size = (arguments.size, arguments.size)
    chunk = -(-arguments.frames // chunks)
    file = write_study(folder, engine=engine, size=size, length_s=arguments.frames / 25, chunk=chunk)
    summary = run_study(file, executor=executor, workers=1 if chunks == 1 else 2, threads=2 if chunks == 1 else 1)
    assert not summary.failed, summary.failed
    return frame_hashes(file)


if __name__ == "__main__":
    raise SystemExit(main())
