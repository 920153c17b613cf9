# SPDX-License-Identifier: Apache-2.0
"""Whole runs of the launcher in separate processes: finished, killed, stopped, out of disk space."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import numpy as np
from PIL import Image
import pytest

COUNT = 12
SMALL = ("--engine", "cycles", "--size", "32x32")


@pytest.fixture
def command(write_dance, posed_model, tmp_path: Path, root: Path) -> list[str]:
    """The launcher on a dance of COUNT frames, small enough to render in seconds."""
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    film = tmp_path / "results" / "film.mp4"
    source = write_dance(frames=COUNT)
    words = [sys.executable, root / "render.py", source, "--out", film, "--regressor", posed_model, *SMALL]
    return [str(word) for word in words]


def run(command: list[str], *more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *map(str, more)], capture_output=True, text=True, timeout=150, check=False)


@contextmanager
def started(command: list[str], *more: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*command, *map(str, more)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def pictures(folder: Path) -> dict[str, int]:
    """Name and time of change of every frame under a folder."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("**/[0-9]*.png")}


def wait_for(condition: Callable[[], bool], worker: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert worker.poll() is None, worker.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_every_result_is_written(command, tmp_path):
    results = tmp_path / "results"
    outputs = {name: results / name for name in ("motion.npz", "scene.blend", "sheet.png", "report.json")}
    asked = zip(("--motion", "--blend", "--sheet", "--report"), outputs.values(), strict=True)
    done = run(command, *(word for pair in asked for word in pair), "--progress", "json", "--fps-out", "50")
    assert done.returncode == 0, done.stderr
    # Some builds of Blender print a line before Python runs.
    told = [line for line in done.stdout.splitlines() if line.startswith("@dancepose ")]
    lines = [json.loads(line.removeprefix("@dancepose ")) for line in told]
    fractions = [line["fraction"] for line in lines if "fraction" in line]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(path.name for path in results.iterdir()) == sorted(["film.mp4", *outputs])
    assert outputs["scene.blend"].read_bytes()[:4] == b"\x28\xb5\x2f\xfd"  # Zstandard: a seventh of the plain size
    report = json.loads(outputs["report.json"].read_text())
    assert report["frames"] == COUNT
    # 12 frames at 25 a second, filmed at 50.
    assert report["render"]["frames"] == report["render"]["frames_rendered"] == 24
    assert report["render"]["engine"] == "cycles"


@pytest.mark.slow
def test_a_still_is_the_frame_of_its_time(command, tmp_path):
    """The still at 0.2 s is frame 5 of the video at 25 frames per second."""
    still = tmp_path / "results" / "still.png"
    kept = run(command, "--keep-frames")
    assert kept.returncode == 0, kept.stderr
    (frame,) = (tmp_path / "results").glob("**/000005.png")
    alone = [word for word in command if word not in ("--out", str(tmp_path / "results" / "film.mp4"))]
    done = run(alone, "--still", still, "--at", "0.2")
    assert done.returncode == 0, done.stderr
    ours, theirs = (np.asarray(Image.open(path).convert("RGB")) for path in (still, frame))
    assert np.array_equal(ours, theirs)
    late = run(alone, "--still", tmp_path / "late.png", "--at", "0.6")
    assert (late.returncode, "0.6 s is outside the motion, which lasts 0.48 s" in late.stderr) == (1, True), late.stderr
    assert not (tmp_path / "late.png").exists()
    assert not list(still.parent.glob("still.work*"))


@pytest.mark.slow
def test_a_killed_run_goes_on(command, tmp_path):
    work = tmp_path / "work"
    with started(command, "--work", work) as worker:
        wait_for(lambda: len(pictures(work)) >= 3, worker)
        worker.kill()
        worker.wait()
    kept = pictures(work)
    assert not (tmp_path / "results" / "film.mp4").exists()
    # Two frames that are whole, but each in the other's place, are rendered again.
    first, second = sorted(work.glob("**/[0-9]*.png"))[:2]
    both = first.read_bytes(), second.read_bytes()
    first.write_bytes(both[1])
    second.write_bytes(both[0])
    del kept[first.name], kept[second.name]
    done = run(command, "--work", work, "--keep-frames", "--report", tmp_path / "report.json")
    assert done.returncode == 0, done.stderr
    after = pictures(work)
    assert len(after) == COUNT
    assert {name: after[name] for name in kept} == kept
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["render"]["frames_rendered"] == COUNT - len(kept)
    assert (tmp_path / "results" / "film.mp4").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_leaves_whole_frames(command, tmp_path, number):
    work = tmp_path / "work"
    with started(command, "--work", work) as worker:
        wait_for(lambda: len(pictures(work)) >= 1, worker)
        worker.send_signal(number)
        _, said = worker.communicate(timeout=60)
    assert worker.returncode == 128 + number
    assert said.startswith("dancepose: Stopped.")
    assert len(said.splitlines()) == 1
    left = [path for path in work.glob("**/*") if path.is_file()]
    assert {path.name for path in left} == set(pictures(work))


@pytest.mark.slow
def test_a_full_disk_keeps_what_is_finished(command, tmp_path):
    room = tmp_path / "room"
    room.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(room)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    try:
        ballast = room / "ballast"
        ballast.write_bytes(os.urandom((1 << 20) - 24 * 1024))
        done = run(command, "--work", room)
        assert done.returncode == 1
        assert done.stderr.startswith("dancepose: The disk is full")
        assert len(done.stderr.splitlines()) == 1
        kept = pictures(room)
        assert 0 < len(kept) < COUNT
        assert {path.name for path in room.glob("**/*") if path.is_file()} == {"ballast", *kept}
        ballast.unlink()
        done = run(command, "--work", room, "--keep-frames")
        assert done.returncode == 0, done.stderr
        after = pictures(room)
        assert {name: after[name] for name in kept} == kept
    finally:
        subprocess.run(["umount", str(room)], check=True)
