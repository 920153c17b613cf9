# SPDX-License-Identifier: Apache-2.0
"""``dancepose render`` offers what ``render.py`` offers."""

from pathlib import Path
import re

from tests.conftest import RunPython

from .conftest import Dancepose

BETWEEN_PROGRAMS = {"--progress", "--help", "--export"}
OF_THE_COMMAND_LINE = {"--blender", "--help", "--audio"}


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub(r"\x1b\[[0-9;]*m", "", text)))


def test_every_option_of_the_launcher_can_be_given(
    dancepose: Dancepose, run_bpy: RunPython, root: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    launcher = run_bpy(root / "render.py", "--help", timeout=60)
    assert launcher.returncode == 0, launcher.stderr
    shown = dancepose("render", "--help")
    assert shown.code == 0
    usage = launcher.stdout[launcher.stdout.index("usage:") :]
    assert options_in(usage) - BETWEEN_PROGRAMS == options_in(shown.out) - OF_THE_COMMAND_LINE
