# SPDX-License-Identifier: Apache-2.0
"""Whole studies through real Blenders, at the size of a stamp."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report.status import read_status
from dancepose.study.run.job_runner import RunContext, check_frames
from dancepose.study.run.running import RunOptions, run_plan
from dancepose_addon.core.errors import DancePoseError

pytest.importorskip("bpy", reason="the bpy wheel is not installed")
pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")

ROOT = Path(__file__).parents[2]
FFMPEG = Ffmpeg(find_ffmpeg())
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(
    file: Path,
    *,
    executor: str = "local",
    workers: int = 2,
    threads: int = 1,
    address: str | None = None,
    told: list[str] | None = None,
):
    """Plan and run in this process; the summary."""
    study = load_study(file)
    make_plan(study, StudyPaths(study.out), find_ffmpeg())
    return run_plan(
        RunContext(study.root, study.out),
        RunOptions(executor, workers=workers, threads=threads, address=address),
        on_message=(told if told is not None else []).append,
        on_progress=lambda _state: None,
    )


def pictures(file: Path) -> dict[str, bytes]:
    """Every frame by its place; what is being written has a name with a dot in front."""
    folder = file.parent / "renders" / "frames"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("[!.]*.png"))}


def test_a_study_from_the_command_line_with_bad_input_among_good(make_study, run_bpy) -> None:
    output = 'stills_s = [0.3]\ncompare = ["row", "pairs"]'
    file = make_study(songs=("s1", "s2", "s3"), output=output)
    root = file.parent
    good = (root / "far" / "s2.npz").read_bytes()
    (root / "far" / "s2.npz").write_bytes(good[:400])
    sound = (root / "s3.wav").read_bytes()
    (root / "s3.wav").unlink()
    done = run_bpy("-m", "dancepose.cli.main", "study", "run", file, "--workers", "2", timeout=400)
    assert done.returncode == 1, done.stderr
    assert "far/s2.npz is truncated" in done.stderr
    assert "s3.wav does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    paths = StudyPaths(root / "renders")
    made = {path.relative_to(paths.out / "clips").as_posix() for path in (paths.out / "clips").rglob("*.mp4")}
    assert made == {"near/s1.mp4", "far/s1.mp4", "near/s2.mp4"}
    status = read_status(paths)
    assert status.clips == (3, 6)
    assert "fit:far/s2" in status.failed
    assert "audio:s3/" in status.failed
    before = {name: data for name, data in pictures(file).items() if "s1" in name}

    (root / "far" / "s2.npz").write_bytes(good)
    (root / "s3.wav").write_bytes(sound)
    done = run_bpy("-m", "dancepose.cli.main", "study", "run", file, "--workers", "2", timeout=400)
    assert done.returncode == 0, done.stderr
    assert read_status(paths).clips == (6, 6)
    assert {name: data for name, data in pictures(file).items() if "s1" in name} == before
    for path in (paths.out / "clips").rglob("*.mp4"):
        assert FFMPEG.count_frames(path) == 10
    for style in ("labelled", "unlabelled"):
        names = {path.name for path in (paths.out / "comparisons" / style).iterdir()}
        assert {"s1.row.mp4", "s2.row.mp4", "s3.near-vs-far.mp4"} <= names
    assert (paths.stills("far", "s2", "") / "0.3s.png").is_file()
    assert (paths.report).read_text(encoding="utf-8").count("<video") == 6
    shown = run_bpy("-m", "dancepose.cli.main", "study", "status", file, timeout=60).stdout
    assert "6/6" in shown
    assert "60/60" in shown


def test_systems_share_a_camera_and_each_dances_its_own(make_study) -> None:
    Image = pytest.importorskip("PIL.Image")
    file = make_study(size=(96, 64))
    assert run(file).failed == {}
    table = json.loads(StudyPaths(file.parent / "renders").camera("s1").read_text())
    assert set(table["move_m"]) == {"near", "far"}
    seen = {}
    for system in ("near", "far"):
        with Image.open(StudyPaths(file.parent / "renders").frames(system, "s1", "") / "000003.png") as picture:
            pixels = np.asarray(picture.convert("L")).astype(float)
        # The dancer is darker or more saturated than the backdrop of its row.
        difference = np.abs(pixels - np.median(pixels, axis=1, keepdims=True))
        columns = np.flatnonzero((difference > 20).sum(axis=0) > 4)
        seen[system] = (columns.min() + columns.max()) / 2
    # SMPL's left is +x, which is the picture's right: the one moved by 0.7 m stands there.
    assert seen["far"] > seen["near"] + 5


@pytest.mark.parametrize("engine", ["workbench", "cycles"])
def test_transparent_clips_and_stills_of_beats(make_study, tmp_path: Path, engine: str) -> None:
    Image = pytest.importorskip("PIL.Image")
    file = make_study(engine=engine, size=(96, 96), output="still_beats = [0, 1, 2]")
    text = file.read_text().replace("[picture]", '[picture]\nbackground = "transparent"')
    file.write_text(text.replace("[[song]]", "[[song]]\nbpm = 120\nfirst_beat_s = 0.2"))
    assert run(file).failed == {}
    paths = StudyPaths(file.parent / "renders")
    stills = {path.name: path.read_bytes() for path in paths.stills("near", "s1", "").iterdir()}
    frames = paths.frames("near", "s1", "")
    # Beats at 0.2, 0.7 and 1.2 s; the clip has ten frames, one every 0.1 s.
    assert stills == {
        f"beat-{beat}.png": (frames / f"{frame:06d}.png").read_bytes() for beat, frame in ((0, 2), (1, 7))
    }
    with Image.open(frames / "000007.png") as picture:
        assert picture.mode == "RGBA"
        alpha = np.asarray(picture)[..., 3]
    clear, solid = (alpha == 0).mean(), (alpha == 255).mean()
    assert (alpha[:20] < 16).mean() > 0.9
    assert 0.03 < solid < 0.25  # the dancer
    shadow = 1.0 - clear - solid
    # Workbench draws no shadow on nothing; what it has between is the outline.
    assert 0.15 < shadow < 0.6 if engine == "cycles" else shadow < 0.08, shadow
    out = tmp_path / "seen.png"
    clip = paths.clip("near", "s1", "", ".webm")
    FFMPEG.run(["-c:v", "libvpx-vp9", "-i", str(clip), "-vf", "select=eq(n\\,7)", "-frames:v", "1", str(out)])
    with Image.open(out) as picture:
        played = np.asarray(picture.convert("RGBA"))[..., 3]
    assert np.abs(played.astype(int) - alpha).mean() < 6
    assert FFMPEG.count_frames(paths.clip("near", "s1", "")) == FFMPEG.count_frames(clip) == 10


@pytest.mark.parametrize("engine", ["workbench", "cycles"])
def test_chunks_and_executors_change_no_pixel(make_study, engine: str) -> None:
    pytest.importorskip("distributed")
    ways = {"whole": (100, "local", 1, 2), "three": (4, "local", 2, 1), "seven": (2, "dask", 2, 1)}
    found = {}
    for name, (chunk, executor, workers, threads) in ways.items():
        file = make_study(chunk=chunk, engine=engine, folder=name, time="length_s = 0.7", size=(48, 48))
        assert run(file, executor=executor, workers=workers, threads=threads).failed == {}
        found[name] = pictures(file)
    assert len(found["whole"]) == 14
    assert found["whole"] == found["three"] == found["seven"]


@contextmanager
def killing(root: Path, *, every_frames: int, times: int) -> Iterator[list[int]]:
    """Kill Blenders of a study, one at a time, with SIGKILL: by progress, so that a fast machine is hit as often."""
    killed: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while len(killed) < times and not stop.wait(0.02):
            frames = sum(1 for path in root.rglob("*.png") if not path.name.startswith("."))
            if frames < every_frames * (len(killed) + 1):
                continue
            for pid in blenders_of(root)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def blenders_of(root: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"study-worker" in command and str(root).encode() in command:
                found.append(int(entry.name))
    return sorted(found)


def test_killed_workers_lose_no_frame(make_study) -> None:
    file = make_study(songs=("s1", "s2"), chunk=3)
    told: list[str] = []
    with killing(file.parent, every_frames=6, times=3) as killed:
        summary = run(file, told=told)
    assert len(killed) == 3
    assert any("signal 9" in text for text in told)
    if summary.failed:
        assert run(file).failed == {}
    paths = StudyPaths(file.parent / "renders")
    for system in ("near", "far"):
        for song in ("s1", "s2"):
            assert check_frames(paths.frames(system, song, ""), 10, (64, 64))[1] == []
            assert FFMPEG.count_frames(paths.clip(system, song, "")) == 10


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and workers that are not restarted when they die."""
    note = folder / "scheduler.json"
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    common = ["--scheduler-file", str(note), "--no-dashboard"]
    with ExitStack() as stack:

        def start(program: str, *more: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.{program}", *common, *more]
            process = stack.enter_context(subprocess.Popen(command, **quiet))
            stack.callback(process.kill)
            return process

        start("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        deadline = time.monotonic() + 60
        while not note.is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(note.read_text())["address"]
        yield address, [start("dask_worker", "--no-nanny", "--nthreads", "1") for _ in range(workers)]


def test_dask_finishes_with_one_of_its_two_workers_killed(make_study, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    settings = {"songs": ("s1", "s2"), "engine": "cycles", "size": (96, 96)}
    whole = make_study(folder="whole", **settings)
    assert run(whole).failed == {}
    file = make_study(folder="killed", **settings)
    with dask_cluster(tmp_path, workers=2) as (address, workers):
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        killed: list[int] = []

        def kill_in_the_middle() -> None:
            while len(blenders_of(file.parent)) < 2 or len(pictures(file)) < 6:
                time.sleep(0.05)
            killed.append(len(pictures(file)))
            workers[0].kill()

        thread = threading.Thread(target=kill_in_the_middle, daemon=True)
        thread.start()
        summary = run(file, executor="dask", address=address)
        thread.join(timeout=1)
        assert summary.failed == {}
        assert workers[1].poll() is None
    assert killed
    assert 6 <= killed[0] < 40
    assert pictures(file) == pictures(whole)
    deadline = time.monotonic() + 20
    while blenders_of(file.parent) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert blenders_of(file.parent) == []


def test_a_damaged_frame_never_gets_into_a_film(make_study) -> None:
    file = make_study()
    assert run(file).failed == {}
    paths = StudyPaths(file.parent / "renders")
    before, film = pictures(file), paths.clip("near", "s1", "").read_bytes()
    frames = paths.frames("near", "s1", "")
    damaged = bytearray((frames / "000004.png").read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (frames / "000004.png").write_bytes(damaged)
    other = paths.frames("far", "s1", "") / "000005.png"
    (frames / "000007.png").write_bytes(other.read_bytes())  # whole, but of another clip
    (frames / "000009.png").unlink()
    paths.clip("near", "s1", "").unlink()
    told: list[str] = []
    assert run(file, told=told).failed == {}
    assert any("3 of 10 frames are missing or damaged" in text for text in told)
    assert pictures(file) == before
    assert paths.clip("near", "s1", "").read_bytes() == film


def test_frames_of_other_clips_and_settings_never_get_into_a_film(make_study) -> None:
    file = make_study(engine="fast")
    assert run(file).failed == {}
    paths = StudyPaths(file.parent / "renders")
    clips = [paths.clip(system, "s1", "") for system in ("near", "far")]
    films = [clip.read_bytes() for clip in clips]
    assert films[0] != films[1]
    # The frame folders of two systems exchanged, each whole.
    folders = [paths.frames(system, "s1", "") for system in ("near", "far")]
    aside = file.parent / "aside"
    folders[0].rename(aside)
    folders[1].rename(folders[0])
    aside.rename(folders[1])
    for clip in clips:
        clip.unlink()
    assert run(file).failed == {}
    assert [clip.read_bytes() for clip in clips] == films
    # The study of before and its journal, with the frames and films of other settings.
    text, journal = file.read_text(encoding="utf-8"), paths.journal.read_bytes()
    file.write_text(text.replace('engine = "fast"', 'engine = "fast"\ncolours = "top=ff0000"'), encoding="utf-8")
    assert run(file).failed == {}
    assert [clip.read_bytes() for clip in clips] != films
    file.write_text(text, encoding="utf-8")
    paths.journal.write_bytes(journal)
    assert run(file).failed == {}
    assert [clip.read_bytes() for clip in clips] == films


@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_their_run(make_study, tmp_path: Path, how: signal.Signals) -> None:
    file = make_study(songs=("s1", "s2", "s3"), engine="cycles", size=(96, 96))
    command = [sys.executable, "-m", "dancepose.cli.main", "study", "run", str(file), "--workers", "1"]
    log = tmp_path / "log"
    with log.open("wb") as said, subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said) as running:
        deadline = time.monotonic() + 90
        while len(pictures(file)) < 3 and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.1)
        assert blenders_of(file.parent)
        with pytest.raises(DancePoseError, match="Another run"):
            run(file)
        running.send_signal(how)
        clock = time.monotonic()
        running.wait(timeout=60)
        seconds = time.monotonic() - clock
    if how != signal.SIGKILL:
        assert running.returncode == 128 + how
        assert seconds < 5.0  # two on a machine that does nothing else
        assert log.read_text().count("Stopped. Finished work is kept") == 1
        assert blenders_of(file.parent) == []
        assert [path for path in (file.parent / "renders").rglob("*") if ".part" in path.name] == []
    assert "Traceback" not in log.read_text()
    kept = pictures(file)
    assert len(kept) >= 3
    deadline = time.monotonic() + 20
    while blenders_of(file.parent) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert blenders_of(file.parent) == []
    assert run(file).failed == {}
    after = pictures(file)
    assert len(after) == 60
    assert {name: after[name] for name in kept} == kept


def test_a_chunk_that_takes_too_long_is_ended_and_told(make_study) -> None:
    file = make_study(more="timeout_s = 1.0\nretries = 0", engine="cycles", size=(512, 512), chunk=10)
    summary = run(file, workers=1)
    assert {name.split(":")[0] for name in summary.failed} <= {"render", "fit"}
    assert any("longer than 1 s" in why for why in summary.failed.values())
    assert blenders_of(file.parent) == []
