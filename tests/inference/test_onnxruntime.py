# SPDX-License-Identifier: Apache-2.0
"""What onnxruntime may not do on a user's machine."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

OPENING = """
import sys
from dancepose_addon.inference import open_regressor
print(open_regressor(None, layout="md23", device="cpu").provider)
"""


def test_running_a_regressor_writes_nothing_and_reports_to_nobody(root: Path, tmp_path: Path) -> None:
    """onnxruntime's telemetry begins with an identifier and a queue of events, both files in the user's folders.

    It is silent by itself where a machine says that it runs tests, so that is not said here.
    """
    pytest.importorskip("onnxruntime")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "ORT_", "GITHUB"))}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = str(root)
    told = subprocess.run(
        [sys.executable, "-c", OPENING],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout.split() == ["CPU"], told.stderr
    assert list(tmp_path.rglob("*")) == []
