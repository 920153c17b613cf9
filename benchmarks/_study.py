# SPDX-License-Identifier: Apache-2.0
"""Studies for the measurements of study renders, made from the bundled waltz."""

from collections.abc import Callable
import hashlib
import os
from pathlib import Path

import numpy as np

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.run.driver import Summary
from dancepose.study.run.job_runner import RunContext
from dancepose.study.run.running import RunOptions, run_plan
from dancepose_addon.core.skeleton.readers import read

WALTZ = Path(__file__).parents[1] / "examples" / "waltz"

STUDY = """
name = "benchmark"
{systems}
{songs}
[picture]
size = {size}
fps = 25
engine = "{engine}"
[time]
length_s = {length}
[run]
chunk_frames = {chunk}
retries = {retries}
"""


def write_study(
    folder: Path,
    *,
    systems: int = 2,
    songs: int = 1,
    size: tuple[int, int] = (64, 64),
    engine: str = "workbench",
    length_s: float = 1.0,
    chunk: int = 0,
    retries: int = 2,
) -> Path:
    """Write a study.toml and its sources: each system dances a part of the waltz, shifted a little, to its music."""
    sequence = read(WALTZ)
    count = round((length_s + 0.2) * sequence.fps)
    for system in range(systems):
        for song in range(songs):
            path = folder / f"system{system}" / f"song{song}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            points = sequence.keypoints_m[5 * system + 10 * song :][:count]
            np.savez(path, keypoints_m=points, fps=sequence.fps, layout="md23")
    file = folder / "study.toml"
    text = STUDY.format(
        systems="\n".join(f'[[system]]\nname = "system{n}"\nfiles = "system{n}"' for n in range(systems)),
        songs="\n".join(f'[[song]]\nname = "song{n}"\naudio = "{WALTZ / "audio.mp3"}"' for n in range(songs)),
        size=list(size),
        engine=engine,
        length=length_s,
        chunk=chunk,
        retries=retries,
    )
    file.write_text(text, encoding="utf-8")
    return file


def run_study(
    file: Path,
    *,
    executor: str = "local",
    workers: int = 2,
    threads: int = 1,
    on_message: Callable[[str], None] = print,
) -> Summary:
    """Plan and run a study; return what was done."""
    study = load_study(file)
    make_plan(study, StudyPaths(study.out), find_ffmpeg())
    options = RunOptions(executor, workers=workers, threads=threads)
    return run_plan(RunContext(study.root, study.out), options, on_message=on_message, on_progress=lambda _state: None)


def frame_hashes(file: Path) -> dict[str, str]:
    """Hash every frame, by its path; equal pixels are equal files."""
    folder = StudyPaths(load_study(file).out).out / "frames"
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        for path in sorted(folder.rglob("*.png"))
    }


def blenders_of(root: Path) -> list[int]:
    """Return the process ids of Blenders that work for studies below ``root``, found by their command lines."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"study-worker" in command and os.fsencode(root) in command:
                found.append(int(entry.name))
    return sorted(found)


def load_text() -> str:
    """Describe the load of the machine, to be printed with any time."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
