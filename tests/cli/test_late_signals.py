# SPDX-License-Identifier: Apache-2.0
"""A signal that arrives when everything has been printed changes nothing."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

IN_EXIT_HANDLERS = """
import atexit, os, signal
atexit.register(os.kill, os.getpid(), signal.{name})
"""
# Modules are cleared when Python has given up its own handlers.
WITH_MODULES = """
import os, signal, sys, types
class Late:
    def __init__(self): self.kill = os.kill, os.getpid(), signal.{name}
    def __del__(self): self.kill[0](*self.kill[1:])
sys.modules["late"] = types.ModuleType("late")
sys.modules["late"].late = Late()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("program", [IN_EXIT_HANDLERS, WITH_MODULES], ids=["exit handlers", "modules"])
def test_a_finished_command_is_not_stopped(program: str, name: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(program.format(name=name))
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "dancepose.cli.main", "--version"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dancepose ")
