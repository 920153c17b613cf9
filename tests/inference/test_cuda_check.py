# SPDX-License-Identifier: Apache-2.0
"""The sentence on why CUDA does not run, for each cause."""

from pathlib import Path
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from dancepose_addon.inference import cuda_check
from dancepose_addon.inference.cuda_check import explain_no_cuda


def fake_onnxruntime(*providers: str, folder: Path | None = None) -> Any:
    module = ModuleType("onnxruntime")
    module.__file__ = str((folder or Path("nowhere")) / "__init__.py")
    module.__version__ = "1.99"  # type: ignore[attr-defined]
    module.get_available_providers = lambda: list(providers)  # type: ignore[attr-defined]
    return module


def test_onnxruntime_is_missing() -> None:
    assert explain_no_cuda(None).startswith("onnxruntime is not installed")


def test_a_build_without_cuda() -> None:
    sentence = explain_no_cuda(fake_onnxruntime("CPUExecutionProvider"))
    assert "onnxruntime 1.99 is built without CUDA" in sentence
    assert "onnxruntime-gpu" in sentence


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_check, "DRIVER", "libno-such-driver.so.1")
    sentence = explain_no_cuda(fake_onnxruntime("CUDAExecutionProvider"))
    assert "no NVIDIA driver (libno-such-driver.so.1" in sentence


@pytest.mark.skipif(sys.platform != "linux", reason="builds a shared library")
def test_a_library_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real shared library that needs another one, which is then removed."""
    monkeypatch.setattr(cuda_check, "DRIVER", "libc.so.6")
    capi = tmp_path / "capi"
    capi.mkdir()
    (tmp_path / "a.c").write_text("int needed(void) { return 1; }\n")
    (tmp_path / "b.c").write_text("int needed(void); int provider(void) { return needed(); }\n")
    needed, provider = tmp_path / "libcudnn.so.9", capi / cuda_check.PROVIDER_FILES[0]
    try:
        build = ["cc", "-shared", "-fPIC"]
        named = f"-Wl,-soname,{needed.name}"
        subprocess.run([*build, named, "-o", needed, tmp_path / "a.c"], check=True, capture_output=True)
        subprocess.run([*build, "-o", provider, tmp_path / "b.c", needed], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no C compiler: {error}")
    needed.unlink()
    sentence = explain_no_cuda(fake_onnxruntime("CUDAExecutionProvider", folder=tmp_path))
    assert sentence.startswith("the library libcudnn.so.9 is not found")


def test_everything_is_there_and_no_session_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_check, "_loads", lambda _library: True)
    assert "nvidia-smi" in explain_no_cuda(fake_onnxruntime("CUDAExecutionProvider"))


def test_each_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (None, fake_onnxruntime("CPUExecutionProvider"), fake_onnxruntime("CUDAExecutionProvider")):
        sentence = explain_no_cuda(module)
        assert "\n" not in sentence
        assert not sentence.endswith(".")
