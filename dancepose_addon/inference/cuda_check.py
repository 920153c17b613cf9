# SPDX-License-Identifier: Apache-2.0
"""Why a regressor cannot run on CUDA here, in one sentence."""

import ctypes
from pathlib import Path
import re
import sys
from types import ModuleType
from typing import Final

from .onnxruntime_session import CUDA

DRIVER: Final = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""Library of the NVIDIA driver."""
PROVIDER_FILES: Final = ("libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll")
INSTALL: Final = (
    "install onnxruntime-gpu with its libraries (`pip install 'onnxruntime-gpu[cuda,cudnn]'`, or the extra `gpu` of a "
    "checkout)"
)


def explain_no_cuda(onnxruntime: ModuleType | None) -> str:
    """Say why CUDA does not run, from what is installed.

    Args:
        onnxruntime: The module, or None if it is not installed or does not load.

    Returns:
        A clause without a full stop: the cause, and what to do.
    """
    if onnxruntime is None:
        return f"onnxruntime is not installed or does not load; {INSTALL}"
    if CUDA not in onnxruntime.get_available_providers():
        return f"the installed onnxruntime {onnxruntime.__version__} is built without CUDA; uninstall it and {INSTALL}"
    if not _loads(DRIVER):
        return f"there is no NVIDIA driver ({DRIVER} is not found); CUDA needs an NVIDIA GPU and its driver"
    missing = _missing_library(onnxruntime)
    if missing:
        return f"the library {missing} is not found; {INSTALL}"
    return "onnxruntime could not start a CUDA session; update the NVIDIA driver, or check the GPU with `nvidia-smi`"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _missing_library(onnxruntime: ModuleType) -> str:
    """Return the first library that onnxruntime's CUDA part cannot find, or an empty text."""
    return _first_missing(_provider_in(Path(onnxruntime.__file__ or "").parent / "capi"))


def _first_missing(provider: Path | None) -> str:
    if provider is None:
        return ""
    try:
        ctypes.CDLL(str(provider))
    except OSError as error:
        # "libcudnn.so.9: cannot open shared object file: No such file or directory"
        found = re.match(r"(\S+\.so[.\d]*): cannot open", str(error))
        return found.group(1) if found and Path(found.group(1)).name != provider.name else ""
    return ""


def _provider_in(folder: Path) -> Path | None:
    return next((folder / name for name in PROVIDER_FILES if (folder / name).is_file()), None)
