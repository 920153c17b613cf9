# SPDX-License-Identifier: Apache-2.0
"""A study on a real Slurm of one node. Opt-in, since it installs Slurm and needs root: ``make test-slurm``."""

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys
import time

import pytest

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Job, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.study_file import load_study
from dancepose.study.run.executors.slurm import split_into_groups
from dancepose.study.run.journal import Journal

from .test_runs import pictures, run

ROOT = Path(__file__).parents[2]


def test_jobs_are_shared_out_in_order_to_as_many_tasks_as_there_are_workers() -> None:
    jobs = [Job(f"j{n}", "render", "") for n in range(50)]
    groups = split_into_groups(jobs, 4)
    assert [job for group in groups for job in group] == jobs
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    assert len(groups) == 4
    assert len(split_into_groups(jobs[:2], 4)) == 2
    # More work than ten minutes a task becomes more tasks.
    assert len(split_into_groups(jobs * 20, 4)) == 50


@pytest.mark.slow
def test_a_study_runs_through_submitit_without_a_cluster(make_study) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    pytest.importorskip("submitit", reason="the extra `study-slurm` is not installed")
    file = make_study(folder="submitit")
    command = [sys.executable, "-m", "dancepose.cli.main", "study", "run", str(file), "--executor", "slurm"]
    command += ["--slurm", "cluster=local", "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    assert len(list((file.parent / "renders" / "clips").rglob("*.mp4"))) == 2


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Slurm that was started for this test."""
    if not os.environ.get("DANCEPOSE_SLURM"):
        pytest.skip("opt-in: make test-slurm (installs Slurm, needs root)")
    folder = tmp_path / "slurm"
    script = str(ROOT / "tools" / "slurm_node")
    subprocess.run([script, "start", str(folder)], check=True, timeout=300)
    try:
        yield {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    finally:
        subprocess.run([script, "stop", str(folder)], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_slurm_runs_arrays_and_a_requeued_task_loses_nothing(make_study, slurm: dict[str, str]) -> None:
    settings = {"songs": ("s1", "s2"), "time": "length_s = 1.6", "chunk": 8, "size": (320, 320)}
    file = make_study(folder="slurm-study", **settings)
    command = [
        sys.executable,
        "-m",
        "dancepose.cli.main",
        "study",
        "run",
        str(file),
        "--executor",
        "slurm",
        "--workers",
        "2",
    ]
    command += ["--slurm", "cpus_per_task=1", "--slurm", "mem_gb=2"]
    with subprocess.Popen(
        command, cwd=ROOT, env=slurm, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 200
        while len(pictures(file)) < 5 and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.2)
        ask = ["squeue", "-h", "-r", "-t", "R", "-o", "%A %i"]
        tasks = subprocess.run(ask, env=slurm, capture_output=True, text=True, check=True).stdout.split()
        assert len(tasks) == 4, tasks
        assert "_" in tasks[1]  # a task of an array
        subprocess.run(["scontrol", "requeue", tasks[0]], env=slurm, check=True)
        # Slurm would hold it back for two minutes.
        later = ["scontrol", "update", f"JobId={tasks[0]}", "StartTime=now"]
        state = ["squeue", "-h", "-j", tasks[0], "-o", "%T"]
        while running.poll() is None and time.monotonic() < deadline + 120:
            if "PENDING" in subprocess.run(state, env=slurm, capture_output=True, text=True).stdout:
                subprocess.run(later, env=slurm, check=True)
                break
            time.sleep(0.5)
        _, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    show = ["scontrol", "show", "job", tasks[0], "-o"]
    told = subprocess.run(show, env=slurm, capture_output=True, text=True).stdout
    assert "Restarts=1" in told, told
    paths = StudyPaths(load_study(file).out)
    journal = Journal.open(paths.journal)
    assert all(journal.finished(job) for job in read_jobs(paths.plan))
    local = make_study(folder="local-study", **settings)
    assert run(local).failed == {}
    assert pictures(file) == pictures(local)
    for clip in paths.out.joinpath("clips").rglob("*.mp4"):
        assert Ffmpeg(find_ffmpeg()).count_frames(clip) == 16
