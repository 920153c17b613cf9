# SPDX-License-Identifier: Apache-2.0
"""Processes that are started: an ffmpeg ends with its caller, and a Blender runs no scripts of files."""

import os
from pathlib import Path
import subprocess
import sys
import time

import pytest

from dancepose.study.media.bound_process import ending_with_caller
from dancepose.study.run.launching import blender_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")

CALLER = """
import subprocess, sys
from dancepose.study.media.bound_process import ending_with_caller
process = subprocess.Popen(ending_with_caller(["/bin/sleep", "60"]), start_new_session=True)
print(process.pid, flush=True)
process.wait()
"""


def is_running(number: int) -> bool:
    try:
        return ") Z " not in (Path("/proc") / str(number) / "stat").read_text()
    except OSError:
        return False


def test_a_killed_caller_leaves_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", CALLER], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        number = int(caller.stdout.readline())
        deadline = time.monotonic() + 20.0
        while b"sleep" not in (Path("/proc") / str(number) / "cmdline").read_bytes()[:12]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        caller.kill()
    while is_running(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(number)


def test_the_command_is_what_runs() -> None:
    done = subprocess.run(
        ending_with_caller(["/bin/sh", "-c", 'echo "$0 $1" $$; exit 7', "a b"]), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()[:2]) == (7, ["a", "b"])


def test_a_program_that_is_gone_is_said() -> None:
    done = subprocess.run(ending_with_caller(["/nowhere/ffmpeg", "-i"]), capture_output=True, text=True)
    assert done.returncode == 127
    assert done.stderr == "/nowhere/ffmpeg could not be run (No such file or directory)\n"


def test_a_caller_that_has_ended_meanwhile_starts_nothing() -> None:
    command = ending_with_caller(["/bin/echo", "started"])
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""


def test_a_blender_runs_no_scripts_of_files() -> None:
    command = blender_command(Path("/bin/true"))
    # With the bpy wheel installed, a program that is given still comes first.
    assert command.index("--disable-autoexec") < command.index("-P")
