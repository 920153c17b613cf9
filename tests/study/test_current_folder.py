# SPDX-License-Identifier: Apache-2.0
"""Python files in the current folder are not imported by the processes that a command starts."""

import os
import subprocess
import sys

import pytest

from dancepose.study.run.launching import blender_command, fast_command

HELPER = [sys.executable, "-P", "-c", "import dancepose.frame_helper"]


@pytest.mark.parametrize("command", [[*fast_command(), "--help"], HELPER, [*blender_command(None), "--help"]])
def test_modules_of_the_current_folder_are_not_imported(tmp_path, command) -> None:
    for name in ("numpy", "argparse", "pickle", "json", "dancepose"):
        (tmp_path / f"{name}.py").write_text(f"open({name!r}, 'w')\n", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=environment)
    assert {path.suffix for path in tmp_path.iterdir()} == {".py"}
