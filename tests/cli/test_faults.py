# SPDX-License-Identifier: Apache-2.0
"""Every second of the quick calls of ``python -m benchmarks.faults``: hostile files and clumsy use of all commands."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("processes are forked and measured as on Linux", allow_module_level=True)

from tests.conftest import RunPython


@pytest.mark.timeout(900)
def test_hostile_files_and_clumsy_calls(run_python: RunPython) -> None:
    # In its own process: the memory of a forked call includes that of the process that forks it.
    done = run_python("-m", "benchmarks.faults", "--quick", "--every", "2", timeout=850.0)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
