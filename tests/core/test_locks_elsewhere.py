# SPDX-License-Identifier: Apache-2.0
"""Locks and processes on systems that these tests do not run on."""

import os
from pathlib import Path
import sys
import types

import pytest

from dancepose_addon.core.errors import OutputError
from dancepose_addon.core.file_locks import LOCK_NAME, locked
from tests.conftest import RunPython

HIDE = "import sys\nfor name in ('fcntl', 'pwd', 'grp', 'resource', 'termios'):\n    sys.modules[name] = None\n"


class FakeMsvcrt(types.ModuleType):
    """The part of msvcrt that locks use: one byte of a file, held by one process."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held_by_another = False
        self.calls: list[tuple[int, int]] = []

    def locking(self, _descriptor: int, mode: int, count: int) -> None:
        self.calls.append((mode, count))
        if self.held_by_another:
            raise PermissionError(13, "Permission denied")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the real one")
def test_locks_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeMsvcrt()
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    monkeypatch.setattr(sys, "platform", "win32")
    with locked(tmp_path, purpose="renders into"):
        assert (tmp_path / LOCK_NAME).is_file()
    assert fake.calls == [(FakeMsvcrt.LK_NBLCK, 1)]
    assert list(tmp_path.iterdir()) == []
    fake.held_by_another = True
    with pytest.raises(OutputError, match="Another process renders into"), locked(tmp_path, purpose="renders into"):
        pass


def test_every_command_is_imported_without_modules_of_posix(run_python: RunPython) -> None:
    done = run_python("-c", f"{HIDE}import dancepose.cli.commands, dancepose.study.run.running\nprint('imported')")
    assert done.stdout == "imported\n", done.stderr[-2000:]


@pytest.mark.skipif(sys.platform == "win32", reason="the parent is not watched there")
def test_a_launcher_whose_parent_is_gone_ends_while_it_imports(run_python: RunPython) -> None:
    gone = run_python("-c", "import os; print(os.getpid())").stdout.strip()
    code = f"import os, time\nos.environ['DANCEPOSE_PARENT'] = '{gone}'\n"
    code += "from dancepose_addon.launch import watch_parent\nwatch_parent()\ntime.sleep(60)\n"
    assert run_python("-c", code, timeout=50.0).returncode == 1
    alive = code.replace(f"'{gone}'", f"'{os.getpid()}'").replace("sleep(60)", "sleep(1)")
    assert run_python("-c", alive, timeout=50.0).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_a_lock_may_be_read_and_written_by_all_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with locked(tmp_path, purpose="renders into"):
            assert (tmp_path / LOCK_NAME).stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)
