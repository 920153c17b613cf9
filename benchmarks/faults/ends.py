# SPDX-License-Identifier: Apache-2.0
"""Commands that are ended: by signals, by kills at random moments, and by full disks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import hashlib
import os
from pathlib import Path
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import Final

from dancepose_addon.core.png import stamp

from .clumsy_calls import FEW, WALTZ, Sandbox, make_sandbox
from .table import FaultTable, Row

MAX_END_S: Final = 2.0
"""From a signal to the end of the command."""
FINISH_S: Final = 3600.0
"""Of an undisturbed command; other work may keep the machine busy."""
ORPHAN_S: Final = 4.0
"""From the end of a command that was killed to the end of everything that it started."""
COMMAND: Final = (sys.executable, "-m", "dancepose.cli.main")
TINY: Final = ("--size=64x64", "--engine=workbench")
DISK_BYTES: Final = 600_000


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            named = entry.name.isdigit() and os.fsencode(folder) in (entry / "cmdline").read_bytes()
            alive = named and b") Z " not in (entry / "stat").read_bytes()
        except OSError:
            continue
        if alive and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def leftovers(folder: Path) -> list[str]:
    """Temporary files below a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*.part*")]


@contextmanager
def running(argv: Sequence[object], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command as from a shell in the foreground, with what it prints in a file."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, *map(str, argv)], stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def commands_of(box: Sandbox, made: Path) -> dict[str, tuple[object, ...]]:
    """Commands that take a while. made: folder for what they write."""
    return {
        "inspect": ("inspect", box.clip, box.clip, box.points),
        "fit": ("fit", box.clip, "--out", made / "o.npz", "--device=numpy"),
        "convert": ("convert", box.clip, made / "o.bvh", "--device=numpy"),
        "render": ("render", box.clip, "--out", made / "v.mp4", *TINY),
        "study run": ("study", "run", box.study, "--workers=1"),
    }


def signals(folder: Path, count: int, table: FaultTable) -> list[str]:
    """SIGINT and SIGTERM at moments from the first tenth of a second on."""
    folder.mkdir()
    box, wrong = make_sandbox(_made(folder / "sandbox")), []
    # Until Python itself has started, no program can answer.
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    startup = 2.0 * (time.monotonic() - started)
    moments = [startup + after for after in (0.05, 0.2, 0.8, 2.0, 5.0)[: max(1, count)]]
    slowest, tried = 0.0, 0
    for name, argv in commands_of(box, _made(folder / "out")).items():
        for number in (signal.SIGINT, signal.SIGTERM):
            for moment in moments:
                seconds, faults = _signalled(argv, number, moment, folder)
                slowest, tried = max(slowest, seconds), tried + 1
                wrong += [f"WRONG {name}, {number.name} after {moment:.2f} s: {fault}" for fault in faults]
    table.add(Row("signals", tried, len(wrong), slowest))
    return wrong


def _signalled(argv: Sequence[object], number: signal.Signals, moment: float, folder: Path) -> tuple[float, list[str]]:
    """Send a signal after a time; the seconds to the end, and what was wrong."""
    printed = folder / "printed"
    with running(argv, printed) as process:
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        else:
            return 0.0, []  # It had finished.
        started = time.monotonic()
        try:
            code = process.wait(timeout=30.0)
        except subprocess.TimeoutExpired:
            return 30.0, ["it did not end within 30 s"]
        seconds = time.monotonic() - started
    said = printed.read_text(errors="replace").strip().splitlines()
    faults = []
    if seconds > MAX_END_S:
        faults.append(f"ended after {seconds:.1f} s")
    # A signal that arrives after the last line has been printed ends nothing: the command had finished.
    if code not in (128 + number, 0):
        faults.append(f"exit code {code}, expected {128 + number}, or 0 where it had finished")
    if any("Traceback" in line for line in said) or not said or (code and not said[-1].startswith("dancepose: ")):
        faults.append(f"it said {ascii(said[-3:])[:300]}")
    return seconds, faults + _remains(folder)


def _remains(folder: Path) -> list[str]:
    """Processes that are still there after a while, and temporary files."""
    deadline = time.monotonic() + ORPHAN_S
    while (orphans := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    named = [_command_line(orphan) for orphan in orphans]
    for orphan in orphans:
        with suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)
    return [f"orphan {name}" for name in named] + [f"left {name}" for name in leftovers(folder)]


def _command_line(number: int) -> str:
    """The last words of a process's command line."""
    try:
        words = (Path("/proc") / str(number) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "that has just ended"
    return os.fsdecode(b" ".join(words[:4]))[-200:]


def _last_words(folder: Path) -> str:
    """What the last command printed."""
    return ascii((folder / "printed").read_text(errors="replace").strip().splitlines()[-3:])[:600]


def kills(folder: Path, count: int, table: FaultTable, only: str = "") -> list[str]:
    """SIGKILL for the command or one of its processes at random moments; then the same command has to finish.

    The frames and films have to be those of a run that nothing happened to.
    """
    folder.mkdir()
    box, wrong = make_sandbox(_made(folder / "sandbox")), []
    chance = random.Random(1)
    render = ("render", box.clip, "--frames=0:30", *TINY, "--keep-frames")
    for name, argv, results in (
        ("render", (*render, "--out", folder / "killed" / "v.mp4"), folder / "killed"),
        ("study", ("study", "run", box.study, "--workers=1"), box.study.parent / "renders"),
    ):
        if only not in name:
            continue
        good = folder / f"good-{name}"
        if name == "render":
            failed = _finish((*render, "--out", good / "v.mp4"), folder)
        else:
            failed = _finish(argv, folder)
            shutil.copytree(results, good)
            shutil.rmtree(results)
        if failed or not _pictures(good):
            # On a busy machine the test frame of the engine may take too long; then there is nothing to compare with.
            wrong.append(f"WRONG {name}, undisturbed: exit code {failed}; it said {_last_words(folder)}")
            continue
        tried, before = 0, len(wrong)
        while tried < count:
            tried += _killed(argv, chance.uniform(0.3, 12.0), folder, chance)
            orphans = [line for line in _remains(folder) if line.startswith("orphan")]
            wrong += [f"WRONG {name}, killed: {line}" for line in orphans]
        code = _finish(argv, folder)
        lost = [path for path, digest in _pictures(good).items() if _pictures(results).get(path) != digest]
        films = [path for path in good.rglob("*.mp4") if not (results / path.relative_to(good)).is_file()]
        if code or lost or films:
            wrong.append(
                f"WRONG {name} after {count} kills: exit code {code}, {len(lost)} frames, {len(films)} films "
                f"differ; it said {_last_words(folder)}"
            )
        table.add(Row(f"{name}, killed", tried, len(wrong) - before))
    return wrong


def _killed(argv: Sequence[object], moment: float, folder: Path, chance: random.Random) -> int:
    """Run a command and kill one of its processes after a time; 1 where one was killed."""
    with running(argv, folder / "printed") as process:
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            os.kill(chance.choice(processes_of(folder) or [process.pid]), signal.SIGKILL)
            if process.poll() is None and chance.random() < 0.5:
                process.kill()
            try:
                process.wait(timeout=120.0)
            except subprocess.TimeoutExpired:
                process.kill()
            return 1
        # It was done before its turn came: begin again.
        for made in (folder / "killed", folder / "sandbox" / "study" / "renders"):
            shutil.rmtree(made, ignore_errors=True)
    return 0


def _finish(argv: Sequence[object], folder: Path) -> int:
    with running(argv, folder / "printed") as process:
        return process.wait(timeout=FINISH_S)


def _pictures(folder: Path) -> dict[str, str]:
    """Digests of the pixels of all frames; a frame also holds the time at which it was rendered."""
    return {
        str(path.relative_to(folder)).split("frames", 1)[-1]: hashlib.blake2b(stamp(path.read_bytes(), "")).hexdigest()
        for path in folder.rglob("*.png")
        if "frames" in str(path.relative_to(folder)) and not path.name.startswith(".")
    }


def full_disks(folder: Path, count: int, table: FaultTable) -> list[str]:
    """Commands on a disk that is full: one sentence, nothing half-written, and the same command afterwards finishes."""
    disk = _made(folder / "disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if not count or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        return ["Full disks were not tried: mounting a tmpfs needs root."] * bool(count)
    wrong = []
    try:
        (disk / "ballast").write_bytes(b"\1" * (DISK_BYTES - 60_000))
        calls = {
            "fit": ("fit", WALTZ, "--frames=0:300", "--out", disk / "o.npz", "--device=numpy"),
            "convert": ("convert", WALTZ, disk / "o.csv"),
            "render": ("render", WALTZ, FEW, "--size=512x512", "--engine=workbench", "--out", disk / "v.mp4"),
        }
        for name, argv in calls.items():
            with running(argv, folder / "printed") as process:
                code = process.wait(timeout=600.0)
            said = (folder / "printed").read_text(errors="replace").strip().splitlines()
            if code != 1 or "disk is full" not in said[-1] or "Traceback" in "".join(said):
                wrong.append(f"WRONG {name} on a full disk: exit code {code}, it said {ascii(said[-2:])[:400]}")
            wrong += [f"WRONG {name} on a full disk: left {left}" for left in leftovers(disk)]
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=80000000", str(disk)], check=True)
        for name, argv in calls.items():
            if _finish(argv, folder):
                wrong.append(f"WRONG {name}: did not finish when there was room")
        table.add(Row("full disks", 2 * len(calls), len(wrong)))
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    return wrong


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
