# SPDX-License-Identifier: Apache-2.0
"""Every reader against damaged files: no traceback, nothing over two seconds, no memory beyond twenty times the file.

    python -m tests.support.fuzzing [--count 10000] [--only READER ...]

Seeds are the samples of ``tests.support.samples``, and a reader's inputs are shared among its seeds; damage is
``tests.support.mutations``'. Each input is read to its end:
taken apart, understood, turned into a Sequence or a BodyMotion. A refusal (DancePoseError) is right, as is a motion.
Every seed runs in a separate process, with its address space limited and a timer for each input; memory is what
tracemalloc sees, NumPy's arrays included. Files under 52 kB may use a megabyte.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
import json
from pathlib import Path
import resource
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
import time
import traceback
import tracemalloc
from types import FrameType
from typing import Final
import warnings

import numpy as np
import numpy.ma

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.io.theta import motion_of
from dancepose_addon.core.skeleton.layout_file import read_layout
from dancepose_addon.core.skeleton.readers import HEAD_BYTES, READERS, examine, sequence_of
from dancepose_addon.core.skeleton.recording import Head, Hints, PoseRecording

from .field_samples import field_makers
from .lab_samples import amc_texts
from .mutations import mutate
from .samples import cut, makers, waltz
from .tool_samples import tool_makers

COUNT: Final = 10_000
FRAMES: Final = 40
SLOWEST_S: Final = 2.0
TIMES_THE_SIZE: Final = 20
LEAST_BYTES: Final = 1 << 20
ADDRESS_SPACE: Final = 4 << 30
LAYOUT: Final = "layout"
AMC, ASF, FRAME_FILE = "AMC", "ASF", "frame"
"""Seeds that need another file beside them."""
EXAMPLES_KEPT: Final = 3
LONGEST_RUN_S: Final = 6 * 3600
"""For one seed, on a machine that does other work besides."""


class TooSlow(BaseException):
    """The timer rang."""


@dataclass
class Outcome:
    """counts by kind: read, refused, traceback, slow, memory; the slowest and the hungriest; examples of failures."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    hungriest: float = 0.0
    examples: list[str] = field(default_factory=list)


def read_to_the_end(path: Path) -> None:
    """What a user's command would do with the file, up to the fit."""
    if path.suffix == ".toml":
        read_layout(path)
        return
    hints = Hints(fps=25.0, accept_doubt=True)
    examination = examine(path, hints)
    if isinstance(examination.recording, PoseRecording):
        motion_of(examination.recording, load_body(), hints)
    else:
        sequence_of(examination)


def ring(_number: int, _frame: FrameType | None) -> None:
    """The timer's handler."""
    raise TooSlow


def try_one(path: Path, data: bytes, outcome: Outcome, target: Path | None = None) -> None:
    """Read one damaged file, or what it belongs to, and count what became of it."""
    path.write_bytes(data)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    signal.setitimer(signal.ITIMER_REAL, SLOWEST_S * 30)
    begun = time.process_time()  # of this process, whatever else the machine does
    try:
        read_to_the_end(target or path)
        kind = "read"
    except DancePoseError as error:
        kind = "refused" if "\n" not in str(error) else "traceback"
        if kind == "traceback" and len(outcome.examples) < EXAMPLES_KEPT:
            outcome.examples.append(f"not one line: {str(error)!r:.300}")
    except (Exception, TooSlow) as error:
        kind = "traceback"
        if len(outcome.examples) < EXAMPLES_KEPT:
            last = "".join(traceback.format_exception(error)[-3:])
            outcome.examples.append(f"{type(error).__name__}: {str(error)[:200]}\n{last}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    seconds = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    share = (peak - before) / max(len(data) * TIMES_THE_SIZE, LEAST_BYTES)
    outcome.counts[kind] += 1
    outcome.counts["slow"] += seconds > SLOWEST_S
    outcome.counts["memory"] += share > 1.0
    if share > 1.0 and len(outcome.examples) < EXAMPLES_KEPT:
        outcome.examples.append(f"memory: {(peak - before) / 1e6:.1f} MB for {len(data)} bytes")
    outcome.slowest_s = max(outcome.slowest_s, seconds)
    outcome.hungriest = max(outcome.hungriest, share)


def fuzz(name: str, count: int, *, seed: int = 0) -> Outcome:
    """``count`` damaged copies of one sample, read in this process."""
    file, data = sample(name)
    outcome, random = Outcome(), np.random.default_rng([seed, *name.encode()])
    previous = signal.signal(signal.SIGALRM, ring)
    warnings.simplefilter("ignore")
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / file
            path.write_bytes(data)
            target = target_of(name, path)
            read_to_the_end(target)  # what is loaded once is not the file's doing
            tracemalloc.start()
            for _ in range(count):
                try_one(path, mutate(data, random), outcome, target)
    finally:
        tracemalloc.stop()
        signal.signal(signal.SIGALRM, previous)
    return outcome


def sample(name: str) -> tuple[str, bytes]:
    """A seed: its file's name and its bytes."""
    if name == LAYOUT:
        return "mine.toml", layout_text().encode()
    if name == AMC:
        return "07_02.amc", amc_texts(cut(waltz(), FRAMES))[1].encode()
    if name == ASF:
        return "07.asf", amc_texts(cut(waltz(), FRAMES))[0].encode()
    if name == FRAME_FILE:
        people = json.loads(tool_makers(2)["JSON OpenPose"][1]())
        return "clip_000000_keypoints.json", json.dumps(people[0]).encode()
    file, make = all_makers(FRAMES)[name]
    return file, make()


def all_makers(frames: int) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """The samples of the older formats and of today's tools."""
    return {**makers(frames), **tool_makers(frames), **field_makers(frames)}


def target_of(name: str, path: Path) -> Path:
    """What is read when a seed's file is at ``path``: the file, its folder, or the motion that it belongs to."""
    if name == AMC:
        path.with_name("07.asf").write_bytes(sample(ASF)[1])
    if name == ASF:
        path.with_name("07_02.amc").write_bytes(sample(AMC)[1])
        return path.with_name("07_02.amc")
    if name == FRAME_FILE:
        path.with_name("clip_000001_keypoints.json").write_bytes(sample(FRAME_FILE)[1])
        return path.parent
    return path


def layout_text() -> str:
    """A layout of a user's own."""
    from dancepose_addon.core.skeleton.layout_file import table_of, write_layout
    from dancepose_addon.core.skeleton.layouts import get_layout
    from dancepose_addon.core.skeleton.markers import layout_with, markers_for

    with TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        write_layout(path, table_of(layout_with(markers_for(get_layout("md23")))))
        return path.read_text(encoding="utf-8")


def seeds_by_reader() -> dict[str, list[str]]:
    """The names of the samples that each reader takes, and of the layout file."""
    found: dict[str, list[str]] = {reader.name: [] for reader in READERS}
    for name, (file, make) in all_makers(2).items():
        head = Head(Path(file), make()[:HEAD_BYTES])
        found[next(reader.name for reader in READERS if reader.recognises(head))].append(name)
    return {**found, "amc": [AMC, ASF], "frames": [FRAME_FILE], LAYOUT: [LAYOUT]}


def fuzz_reader(seeds: list[str], count: int, *, here: bool = False) -> Outcome:
    """``count`` inputs for a reader, shared among its seeds; each seed in a separate process, unless ``here``."""
    together = Outcome()
    for index, name in enumerate(seeds):
        share = count // len(seeds) + (index < count % len(seeds))
        outcome = fuzz(name, share) if here else in_a_process(name, share)
        together.counts += outcome.counts
        together.slowest_s = max(together.slowest_s, outcome.slowest_s)
        together.hungriest = max(together.hungriest, outcome.hungriest)
        together.examples += [f"{name}: {example}" for example in outcome.examples]
    return together


def in_a_process(name: str, count: int) -> Outcome:
    """``fuzz`` in a limited process; a crash is an outcome too."""
    command = [sys.executable, "-m", "tests.support.fuzzing", "--count", str(count), "--child", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_RUN_S, check=False)
    if done.returncode:
        said = f"the process ended with {done.returncode}: {done.stderr[-600:]}"
        return Outcome(Counter(traceback=1), examples=[said])
    table = json.loads(done.stdout.splitlines()[-1])
    return Outcome(Counter(table.pop("counts")), **table)


def main() -> None:
    """Print the table; leave with 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--here", action="store_true", help="in this process: quicker for few inputs")
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        print(json.dumps(vars(fuzz(arguments.child, arguments.count))))
        return
    failed = False
    print("| reader | seeds | inputs | read | refused | traceback | over 2 s | over 20 times | slowest | most memory |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for reader, seeds in seeds_by_reader().items():
        if arguments.only and reader not in arguments.only:
            continue
        outcome = fuzz_reader(seeds, arguments.count, here=arguments.here)
        counts = outcome.counts
        failed |= bool(counts["traceback"] + counts["slow"] + counts["memory"])
        print(
            f"| {reader} | {', '.join(seeds)} | {counts['read'] + counts['refused'] + counts['traceback']} "
            f"| {counts['read']} | {counts['refused']} | {counts['traceback']} | {counts['slow']} | {counts['memory']} "
            f"| {outcome.slowest_s:.2f} s | {TIMES_THE_SIZE * outcome.hungriest:.1f} times |",
            flush=True,
        )
        for example in outcome.examples:
            print(example, file=sys.stderr, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
