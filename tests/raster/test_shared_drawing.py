# SPDX-License-Identifier: Apache-2.0
"""Films that several processes draw."""

from dataclasses import replace
from pathlib import Path
import subprocess
import sys
import time

import numpy as np
import pytest

from dancepose import shared_drawing
from dancepose.film_request import Dancer, FilmRequest
from dancepose.shared_drawing import helper_count, shared_frames

LLVMPIPE = "llvmpipe (LLVM 15.0.6, 256 bits), 4.5"
HELD = """
import os, sys, time
import numpy as np
from dancepose.film_request import Dancer, FilmRequest
from dancepose.shared_drawing import shared_frames
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
pose = np.broadcast_to(np.eye(3, dtype=np.float32), (40, 24, 3, 3))
motion = BodyMotion(pose, np.zeros((40, 3), np.float32), np.zeros(10, np.float32), 1.0, 10.0)
with shared_frames(FilmRequest((Dancer(load_body(None), motion),), 4.0, (64, 64), 10.0), helpers=1) as (_, pictures):
    for picture in pictures:
        print(flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def request_of_film(body, standing) -> FilmRequest:
    """A film of 20 frames in which the body travels, with its skeleton beside it."""
    travel = np.linspace(0.0, 0.5, len(standing))[:, None] * np.array([1.0, 0.0, 0.0])
    moved = replace(standing, translation_m=(standing.translation_m + travel).astype(np.float32))
    return FilmRequest((Dancer(body, moved, "A"),), 1.0, (48, 64), 20.0, skeleton="beside")


@pytest.fixture(scope="module")
def alone(context, request_of_film) -> list[np.ndarray]:
    with shared_frames(request_of_film, helpers=0) as (_, pictures):
        return list(pictures)


@pytest.mark.parametrize("helpers", [1, 2])
def test_the_film_is_the_same_for_every_number_of_processes(alone, request_of_film, helpers) -> None:
    with shared_frames(request_of_film, helpers=helpers) as (_, pictures):
        found = list(pictures)
    assert len(found) == 20
    assert all((one == other).all() for one, other in zip(found, alone, strict=True))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize("lines", ["exit 3", "echo other; cat > /dev/null", '{python} "$@" | head -c 40000'])
def test_blocks_of_a_helper_that_fails_are_drawn_here(
    alone, request_of_film, monkeypatch, tmp_path: Path, lines: str
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\n" + lines.format(python=sys.executable) + "\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(shared_drawing.sys, "executable", str(script))
    with shared_frames(request_of_film, helpers=1) as (_, pictures):
        found = []
        for picture in pictures:
            time.sleep(0.3 if len(found) < 8 else 0.0)  # The helper has time to start.
            found.append(picture)
    assert all((one == other).all() for one, other in zip(found, alone, strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_helper_ends_with_a_process_that_is_killed(alone) -> None:
    with subprocess.Popen([sys.executable, "-c", HELD], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        process.kill()
    assert len(children) == 1
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and _is_running(children[0]):
        time.sleep(0.1)
    assert not _is_running(children[0])


def test_helpers_are_for_long_films_on_the_cpu(monkeypatch) -> None:
    monkeypatch.setattr(shared_drawing.os, "sched_getaffinity", lambda _: range(2), raising=False)
    monkeypatch.setattr(shared_drawing.os, "cpu_count", lambda: 2)
    assert helper_count(59, LLVMPIPE) == 0
    assert helper_count(60, LLVMPIPE) == 1
    assert helper_count(6000, LLVMPIPE) == 1
    assert helper_count(6000, "NVIDIA H200, 4.6") == 0
    monkeypatch.setattr(shared_drawing.os, "sched_getaffinity", lambda _: range(16), raising=False)
    monkeypatch.setattr(shared_drawing.os, "cpu_count", lambda: 16)
    assert [helper_count(frames, LLVMPIPE) for frames in (60, 90, 120, 6000)] == [1, 2, 3, 3]


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(") ")[1][0] != "Z"
    except OSError:
        return False
