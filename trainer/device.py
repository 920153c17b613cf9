# SPDX-License-Identifier: Apache-2.0
"""Availability of torch and choice of its device. torch is imported inside functions only."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
import os
import sys
from typing import TYPE_CHECKING, Final

from dancepose_addon.core.errors import OptionError
from dancepose_addon.core.printable_text import quoted

from .training_errors import ConfigError, TrainerError

if TYPE_CHECKING:
    import torch


GLIBC_OPTIONS: Final = ((-1, 2**31 - 1), (-2, 2**28), (-3, 2**25))
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of malloc.h, bytes; the last at its maximum."""


def require_torch() -> None:
    """Raise TrainerError if torch or onnx is not installed."""
    missing = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if missing:
        raise TrainerError(
            f"Training and export need {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "installed. Install them with `pip install '.[train]'` in a checkout of DancePose."
        )


def multiplies_bfloat16(device: torch.device | str) -> bool:
    """Return whether the hardware multiplies in bfloat16; elsewhere such products are slower than in float32."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def choose_device(name: str, threads: int | None = None) -> torch.device:
    """Choose the device to compute on.

    Args:
        name: ``auto`` (a GPU if torch finds one), ``cpu`` or ``cuda``.
        threads: Number of CPU threads, or None for torch's default.

    Returns:
        The device.

    Raises:
        OptionError: There is no device of that name.
        ConfigError: It is not available.
    """
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise OptionError(f"There is no device {quoted(name)}; choose auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("torch finds no CUDA device. Choose device auto or cpu, or install a torch build with CUDA.")
    if threads is not None:
        torch.set_num_threads(threads)
    if name == "cpu" or not torch.cuda.is_available():
        keep_freed_memory()
        return torch.device("cpu")
    # Ten bits in the factors of a product are within the noise of a batch. Untested: no such device was available.
    torch.backends.cuda.matmul.allow_tf32 = True
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def keep_freed_memory() -> None:
    """Make glibc keep freed memory instead of returning it to the operating system.

    A step frees and allocates the same 100 MB again, and fetching them page by page takes a quarter of its time. Does
    nothing on other platforms.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in GLIBC_OPTIONS:
            library.mallopt(option, value)
