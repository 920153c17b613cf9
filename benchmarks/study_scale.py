# SPDX-License-Identifier: Apache-2.0
"""Time and memory of planning a very large study, and time of reading its status.

    python -m benchmarks.study_scale [--systems 100] [--songs 1000] [--frames 1000000]

The inputs are small files with different content, which are all hashed. For the status, every frame is an empty file in
its folder, and there is no journal. Planning runs in a separate process, whose memory is measured.
"""

import argparse
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report.status import read_status

from ._study import load_text

PLAN_GOAL_S, PLAN_GOAL_MB, STATUS_GOAL_S = 60.0, 1000.0, 10.0


def main() -> int:
    """Print times and memory; return 0 if the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=100)
    parser.add_argument("--songs", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--plan", type=Path, help="only plan this study, and print time and memory")
    arguments = parser.parse_args()
    if arguments.plan:
        return _plan(arguments.plan)
    with tempfile.TemporaryDirectory() as folder:
        file = _write(Path(folder), arguments.systems, arguments.songs)
        command = [sys.executable, "-m", "benchmarks.study_scale", "--plan", str(file)]
        fine = subprocess.run(command, check=False).returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        return 0 if _status(Path(folder), arguments.frames) and fine else 1


def _write(folder: Path, systems: int, songs: int) -> Path:
    for system in range(systems):
        (folder / f"system{system}").mkdir()
        for song in range(songs):
            content = f"{system} {song} ".encode() * 200
            (folder / f"system{system}" / f"song{song}.npz").write_bytes(content)
    lines = ['name = "scale"']
    lines += [f'[[system]]\nname = "system{n}"\nfiles = "system{n}"' for n in range(systems)]
    lines += [f'[[song]]\nname = "song{n}"' for n in range(songs)]
    lines += ["[time]\nlength_s = 10", "[run]\nchunk_frames = 50"]
    (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "study.toml"


def _plan(file: Path) -> int:
    clock = time.perf_counter()
    study = load_study(file)
    planned = make_plan(study, StudyPaths(study.out), find_ffmpeg())
    seconds = time.perf_counter() - clock
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = StudyPaths(study.out).plan.stat().st_size / 1e6
    print(
        f"plan of {len(study.systems)} systems x {len(study.songs)} songs: {planned.jobs} jobs, "
        f"{planned.frames} frames, {size:.0f} MB, in {seconds:.1f} s (goal {PLAN_GOAL_S:.0f}) with "
        f"{megabytes:.0f} MB of memory (goal {PLAN_GOAL_MB:.0f}); {load_text()}"
    )
    return 0 if seconds < PLAN_GOAL_S and megabytes < PLAN_GOAL_MB else 1


def _status(folder: Path, frames: int) -> bool:
    clips = frames // 250
    file = _write(folder, clips // 100, 100)
    study = load_study(file)
    paths = StudyPaths(study.out)
    make_plan(study, paths, find_ffmpeg())
    for job in read_jobs(paths.plan):
        if job.kind == "encode":
            target = paths.frames(job.what["system"], job.song, job.what["segment"])
            target.mkdir(parents=True)
            for index in range(250):
                (target / f"{index:06d}.png").touch()
    clock = time.perf_counter()
    status = read_status(paths)
    seconds = time.perf_counter() - clock
    print(f"status of {status.frames[0]} frames in {seconds:.2f} s (goal {STATUS_GOAL_S:.0f}); {load_text()}")
    return seconds < STATUS_GOAL_S and status.frames == (frames, frames)


if __name__ == "__main__":
    raise SystemExit(main())
