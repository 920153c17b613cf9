# SPDX-License-Identifier: Apache-2.0
"""Choice of the device, and memory that is kept."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer import device
from dancepose.trainer.device import choose_device, keep_freed_memory, require_torch
from dancepose.trainer.training_errors import ConfigError, TrainerError
from dancepose_addon.core.errors import OptionError


@pytest.mark.parametrize(
    ("name", "found", "rank", "expected"),
    [
        ("auto", False, None, "cpu"),
        ("cpu", True, None, "cpu"),
        ("auto", True, None, "cuda:0"),
        ("cuda", True, "3", "cuda:3"),
    ],
)
def test_devices(monkeypatch: pytest.MonkeyPatch, name: str, rank: str | None, expected: str, *, found: bool) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    monkeypatch.setattr(device, "keep_freed_memory", lambda: kept.append(True))
    matmul = SimpleNamespace(allow_tf32=False)
    monkeypatch.setattr(torch.backends.cuda, "matmul", matmul)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert str(choose_device(name)) == expected
    assert matmul.allow_tf32 == (expected != "cpu")
    assert bool(kept) == (expected == "cpu")


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        choose_device("cuda")
    with pytest.raises(OptionError, match="choose auto, cpu or cuda"):
        choose_device("tpu")


def test_threads_are_set() -> None:
    before = torch.get_num_threads()
    try:
        choose_device("cpu", threads=before + 1)
        assert torch.get_num_threads() == before + 1
        choose_device("cpu")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_malloc_keeps_what_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """malloc.h: M_TRIM_THRESHOLD -1, M_TOP_PAD -2, M_MMAP_THRESHOLD -3, of which the last is at most 32 MiB."""
    calls: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda option, value: calls.append((option, value)))
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    monkeypatch.setattr(sys, "platform", "darwin")
    keep_freed_memory()
    assert calls == []
    monkeypatch.setattr(sys, "platform", "linux")
    keep_freed_memory()
    assert calls == [(-1, 2_147_483_647), (-2, 256 << 20), (-3, 32 << 20)]


@pytest.mark.parametrize(
    ("missing", "said"), [(("onnx",), "onnx, which is not"), (("torch", "onnx"), "torch and onnx, which are not")]
)
def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], said: str) -> None:
    require_torch()
    monkeypatch.setattr(device, "find_spec", lambda name: None if name in missing else name)
    with pytest.raises(TrainerError, match=said):
        require_torch()
