# SPDX-License-Identifier: Apache-2.0
"""onnxruntime from another environment, and what the check reports; in separate processes, as one loads once."""

from pathlib import Path

import pytest

FAKE = """
__version__ = "9.9"
class SessionOptions:
    log_severity_level = 0
    def add_session_config_entry(self, key, value):
        pass
class InferenceSession:
    def __init__(self, data, options, providers):
        raise RuntimeError("this one never starts")
def get_available_providers():
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]
"""


@pytest.fixture
def environment(tmp_path) -> Path:
    package = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "onnxruntime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FAKE, encoding="utf-8")
    return tmp_path / "env"


def test_it_is_taken_from_there_and_nothing_else_is(run_python, environment):
    code = (
        "import sys; from pathlib import Path; from dancepose_addon.inference import use_environment;"
        "from dancepose_addon.inference.onnxruntime_session import import_onnxruntime;"
        "before = list(sys.path);"
        f"use_environment(Path({str(environment)!r}));"
        "print(import_onnxruntime().__version__, sys.path == before)"
    )
    told = run_python("-c", code)
    assert told.stdout.split() == ["9.9", "True"], told.stderr


def test_a_gpu_that_does_not_start_is_told_and_numpy_takes_over(run_python, environment):
    code = (
        "from pathlib import Path; from dancepose_addon.inference import check_runtime, use_environment;"
        f"use_environment(Path({str(environment)!r}));"
        "[print(check.line()) for check in check_runtime()]"
    )
    told = run_python("-c", code)
    lines = {line[5:].partition("  ")[0].strip(): line for line in told.stdout.splitlines()}
    assert "9.9" in lines["onnxruntime"], told.stderr
    assert lines["on CUDA"].startswith("note")
    assert "does not run" in lines["on CUDA"]
    assert lines["on CPU"].startswith("note")
    assert "on NumPy instead" in lines["on CPU"]
    assert lines["on NumPy"].startswith("ok")


def test_an_environment_without_it_is_told(run_python, tmp_path):
    code = (
        "from pathlib import Path; from dancepose_addon.inference import check_runtime, use_environment;"
        f"use_environment(Path({str(tmp_path)!r}));"
        "[print(check.line()) for check in check_runtime()]"
    )
    told = run_python("-c", code)
    line = next(line for line in told.stdout.splitlines() if "onnxruntime" in line)
    assert line.startswith("note")
    assert "none that loads" in line
