# SPDX-License-Identifier: GPL-3.0-or-later
"""Overhead of a study against plain Blender rendering, gain of a second worker, and frames per hour.

    python -m benchmarks.study_cost overhead [--frames N] [--rounds N] [--size PIXELS]
    python -m benchmarks.study_cost workers [--frames N] [--rounds N]
    python -m benchmarks.study_cost pace [--frames N]

overhead: renders the same frames with ``bpy.ops.render.render(animation=True)`` and with a study's worker, including
its checks and stamps, in alternating rounds within one process. Processor seconds of the best round count. The cost
of a chunk before its first frame is added, for a chunk of the size that a study chooses.
workers: one and two local workers on the same Workbench study of two clips in two chunks each, in alternating rounds;
the time is that of rendering alone, from the journal.
pace: frames per hour by two workers.
"""

import argparse
from dataclasses import dataclass
import os
from pathlib import Path
import resource
import shutil
import tempfile
import time
from typing import TextIO

from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import chunk_frames, frame_estimate_s
from dancepose.study.plan.study_file import load_study
from dancepose.study.run.journal import Journal
from dancepose_addon.core.messages import RenderRequest

from ._study import load_text, run_study, write_study

OVERHEAD_GOAL, WORKERS_GOAL = 0.05, 1.8
SIZES = ((512, 512), (1280, 720), (1920, 1080))


def main() -> int:
    """Print the figures; return 0 if the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("overhead", "workers", "pace"), nargs="?", default="overhead")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return {"overhead": measure_overhead, "workers": measure_workers, "pace": measure_pace}[arguments.what](
            Path(folder), arguments
        )


@dataclass
class _Best:
    """The fastest round: processor time and elapsed time, seconds."""

    processor_s: float = float("inf")
    clock_s: float = float("inf")

    def take(self, started: tuple[float, float]) -> None:
        now = _clocks()
        self.processor_s = min(self.processor_s, now[0] - started[0])
        self.clock_s = min(self.clock_s, now[1] - started[1])


def _clocks() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, time.perf_counter()


def measure_overhead(folder: Path, arguments: argparse.Namespace) -> int:
    """Compare a study's worker with plain Blender rendering."""
    from dancepose_addon.blender import console

    with console.redirect_output(folder / "log") as stream:
        worst = max(_overhead(folder, engine, arguments, stream) for engine in ("workbench", "cycles"))
        print(f"goal: at most {OVERHEAD_GOAL:.0%}; {load_text()}", file=stream, flush=True)
    # Blender may hang at exit while Python callbacks are registered.
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0 if worst <= OVERHEAD_GOAL else 1)


def _overhead(folder: Path, engine: str, arguments: argparse.Namespace, stream: TextIO) -> float:
    """Return the overhead of a study, as a share of plain Blender rendering."""
    import bpy

    from dancepose_addon.blender.narrowing import scene_of
    from dancepose_addon.blender.render import rendering
    from dancepose_addon.headless_study import build_clip

    job = _render_job(folder / engine, engine, arguments)
    built, blender, ours = _Best(), _Best(), _Best()
    for number in range(arguments.rounds):
        started = _clocks()
        key = build_clip(job, 0)
        built.take(started)
        scene = scene_of(bpy.context)
        if number == 0:
            rendering.render_still(scene, folder / "first.png")  # shaders and kernels are compiled once per process
        plain, stamped = folder / f"{engine}-plain", folder / f"{engine}-stamped"
        for path in (plain, stamped):
            shutil.rmtree(path, ignore_errors=True)
        started = _clocks()
        scene.frame_start, scene.frame_end = 0, arguments.frames - 1
        scene.render.use_file_extension = True
        scene.render.filepath = str(plain / "######")
        bpy.ops.render.render(animation=True, scene=scene.name)
        blender.take(started)
        scene.render.use_file_extension = False
        started = _clocks()
        rendering.render_frames(scene, folder=stamped, count=arguments.frames, key=key)
        ours.take(started)
    study = load_study(folder / engine / "study.toml")
    chunk_s = blender.processor_s / arguments.frames * chunk_frames(study)
    loop, start = ours.processor_s / blender.processor_s - 1.0, built.processor_s / chunk_s
    print(
        f"{engine:8s} {arguments.size}: Blender {1e3 * blender.processor_s / arguments.frames:.0f} ms of processor "
        f"time per frame, the study {1e3 * ours.processor_s / arguments.frames:.0f} ({loop:+.1%}; elapsed "
        f"{ours.clock_s / blender.clock_s - 1:+.1%}); building a clip {1e3 * built.processor_s:.0f} ms, "
        f"{start:.1%} of a chunk of {chunk_frames(study)} frames; together {loop + start:+.1%}",
        file=stream,
        flush=True,
    )
    return loop + start


def _render_job(folder: Path, engine: str, arguments: argparse.Namespace) -> RenderRequest:
    """Run a small study, and return the request of its render job."""
    from dancepose.study.plan.jobs import read_jobs
    from dancepose.study.run.job_runner import JobRunner, RunContext

    folder.mkdir()
    size = (arguments.size, arguments.size)
    file = write_study(folder, systems=1, engine=engine, size=size, length_s=arguments.frames / 25)
    study = load_study(file)
    assert not run_study(file, workers=1, threads=os.cpu_count() or 1).failed
    paths = StudyPaths(study.out)
    job = next(job for job in read_jobs(paths.plan) if job.kind == "render")
    request = JobRunner(RunContext(study.root, study.out)).request(job)
    assert isinstance(request, RenderRequest)
    return request


def measure_workers(folder: Path, arguments: argparse.Namespace) -> int:
    """Compare two local workers with one."""
    ways = {"one worker, all processors": (1, 0), "one worker, one processor": (1, 1), "two workers": (2, 1)}
    best = dict.fromkeys(ways, float("inf"))
    for number in range(arguments.rounds):
        for name, (workers, threads) in ways.items():
            target = folder / f"{number}-{workers}-{threads}"
            target.mkdir()
            size, chunk = (arguments.size, arguments.size), arguments.frames // 2
            file = write_study(target, size=size, length_s=arguments.frames / 25, chunk=chunk)
            assert not run_study(file, workers=workers, threads=threads or os.cpu_count() or 1).failed
            best[name] = min(best[name], _rendering_s(file))
            shutil.rmtree(target)
    frames = 2 * arguments.frames
    for name, seconds in best.items():
        print(f"{name:28s} {seconds:7.1f} s for {frames} frames, {3600 * frames / seconds:.0f} per hour")
    two = best["two workers"]
    ratios = [best[name] / two for name in ways]
    print(f"two workers against one: x {ratios[0]:.2f} (all processors), x {ratios[1]:.2f} (one processor)")
    print(f"goal: x {WORKERS_GOAL}; {load_text()}")
    return 0 if min(ratios[:2]) >= WORKERS_GOAL else 1


def _rendering_s(file: Path) -> float:
    """Return the seconds from the start of the first chunk to the end of the last."""
    journal = Journal.open(StudyPaths(load_study(file).out).journal)
    chunks = [entry for name, entry in journal.entries.items() if name.startswith("render:")]
    return float(max(e["at"] for e in chunks) - min(e["at"] - e["seconds"] for e in chunks))


def measure_pace(folder: Path, arguments: argparse.Namespace) -> int:
    """Measure the frames per hour of two workers."""
    for engine in ("workbench", "cycles"):
        for size in SIZES:
            target = folder / f"{engine}-{size[1]}"
            target.mkdir()
            file = write_study(target, engine=engine, size=size, length_s=arguments.frames / 25, chunk=arguments.frames)
            assert not run_study(file).failed
            seconds = _rendering_s(file) / (2 * arguments.frames)
            estimate = frame_estimate_s(load_study(file))
            print(
                f"{engine:8s} {size[0]}x{size[1]}: {seconds:.2f} s per frame (estimated {estimate:.2f}), "
                f"{3600 / seconds:.0f} frames per hour; {load_text()}",
                flush=True,
            )
            shutil.rmtree(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
