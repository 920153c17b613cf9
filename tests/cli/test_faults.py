# SPDX-License-Identifier: Apache-2.0
"""Every second of the quick calls of ``python -m benchmarks.faults``: hostile files and clumsy use of all commands."""

from pathlib import Path
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("processes are forked and measured as on Linux", allow_module_level=True)

from benchmarks.faults.__main__ import run_quick


@pytest.mark.timeout(900)
def test_hostile_files_and_clumsy_calls(tmp_path: Path) -> None:
    assert run_quick(tmp_path, every=2) == []
