# SPDX-License-Identifier: Apache-2.0
"""Stopping ``dancepose render`` and going on: the worker process ends with its parent, and finished frames are kept."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("bpy", reason="the bpy wheel is not installed")

FRAMES = 24


@pytest.mark.slow
@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "kill", "hangup"])
def test_stopped_render_keeps_frames_and_goes_on(number: signal.Signals, root: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "v.mp4", tmp_path / "r.json"
    command = [sys.executable, "-m", "dancepose.cli.main", "render", str(root / "examples" / "waltz")]
    command += ["--frames", f"0:{FRAMES}", "--size", "96x96", "--engine", "cycles"]
    command += ["--out", str(out), "--report", str(report)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 90
        while len(frames_in(tmp_path)) < 3 and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.05)
        kept = len(frames_in(tmp_path))
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert 3 <= kept < FRAMES, said
    assert running.returncode == 128 + number, said
    assert said.strip().splitlines()[-1].startswith("dancepose: Stopped.")
    assert "Traceback" not in said
    assert not out.exists()
    assert not report.exists()
    assert worker_processes(tmp_path) == []

    again = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert out.stat().st_size > 1000
    assert json.loads(report.read_text())["render"]["frames_rendered"] <= FRAMES - kept


def frames_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.png") if not path.name.startswith(".")]


def worker_processes(folder: Path) -> list[str]:
    """Command lines of this user's processes that mention ``folder``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found
