# SPDX-License-Identifier: Apache-2.0
"""What several tests share."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body

ROOT = Path(__file__).parents[1]

RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Recordings that cannot be part of the project: the folder of DANCEPOSE_DATA, or ../shared/data."""
    named = os.environ.get("DANCEPOSE_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no recordings: DANCEPOSE_DATA is {named!r} and {folder} is not a folder")
    return folder


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The body that the project ships."""
    return load_body()


@pytest.fixture
def foreground_signals() -> Iterator[None]:
    """Signals as a shell in the foreground leaves them, for this process and for those that it starts.

    A runner in the background, or under ``nohup``, ignores some, and processes inherit that.
    """
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    if hasattr(signal, "SIGHUP"):
        defaults[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """``run_python(*arguments, timeout=...)``: this Python in the checkout, as a process that cannot hang the suite."""

    def run(*arguments: str | Path, timeout: float = 120.0, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def run_bpy(run_python: RunPython) -> RunPython:
    """``run_python`` where there is the bpy wheel; skips elsewhere."""
    if find_spec("bpy") is None:
        pytest.skip("the bpy wheel is not installed")
    return run_python
