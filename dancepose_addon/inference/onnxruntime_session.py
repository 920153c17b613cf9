# SPDX-License-Identifier: Apache-2.0
"""Running a regressor's graph with onnxruntime, on CUDA where it truly is."""

from collections.abc import Mapping
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
import logging
import os
from pathlib import Path
import sys
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.fit.regressor import INPUT_NAME, OUTPUT_NAME
from .onnx_file import with_constants

LOGGER: Final = logging.getLogger(__name__)
CUDA: Final = "CUDAExecutionProvider"
CPU: Final = "CPUExecutionProvider"
NO_TELEMETRY: Final = "ORT_DISABLE_TELEMETRY"
"""Since 1.29 the official wheels report to their maker unless this is set before they are loaded (Privacy.md there)."""

_environment: Path | None = None


def use_environment(path: Path | None) -> None:
    """Take onnxruntime from another Python environment of this Python's version, such as one with onnxruntime-gpu.

    It has no effect until the next start if onnxruntime was loaded already, since a process can load only one.

    Args:
        path: Of the environment or of its site-packages; None for the onnxruntime that is installed here.
    """
    global _environment
    _environment = path


def environment_in_use() -> Path | None:
    """Return the last argument of ``use_environment``."""
    return _environment


def import_onnxruntime() -> ModuleType | None:
    """Import onnxruntime, without its telemetry and without the identifier that it writes into the user's home.

    Returns:
        The module; None where it is not installed or does not load on this machine.
    """
    os.environ[NO_TELEMETRY] = "1"
    try:
        if _environment is None or "onnxruntime" in sys.modules:
            import onnxruntime
        else:
            onnxruntime = _import_from(_environment)
    except Exception as error:  # a broken install raises anything from ImportError to RuntimeError
        LOGGER.info("onnxruntime is not usable: %s", error)
        return None
    # Without a session an installed but unusable module (another NumPy, say) looks healthy.
    return onnxruntime if hasattr(onnxruntime, "InferenceSession") else None


def _import_from(environment: Path) -> ModuleType:
    """Import onnxruntime of another environment, without making the rest of that environment importable."""
    places = [environment, *environment.glob("lib/python*/site-packages"), environment / "Lib" / "site-packages"]
    spec = PathFinder.find_spec("onnxruntime", [str(place) for place in places])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no onnxruntime in {environment}")
    module = module_from_spec(spec)
    sys.modules["onnxruntime"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
            del sys.modules[name]
        raise
    return module


def offers_cuda(onnxruntime: ModuleType) -> bool:
    """Return whether this build has CUDA at all; whether CUDA starts is only known from a session."""
    if CUDA not in onnxruntime.get_available_providers():
        return False
    if hasattr(onnxruntime, "preload_dlls"):
        try:
            # "" looks for CUDA and cuDNN among the installed Python packages, as torch brings them.
            onnxruntime.preload_dlls(directory="")
        except Exception as error:
            LOGGER.info("CUDA libraries could not be loaded beforehand: %s", error)
    return True


class OnnxruntimeSession:
    """A graph loaded by onnxruntime.

    Args:
        onnxruntime: The module.
        data: The file.
        fixed: Inputs that are the same in each call.
        cuda: Whether to run on CUDA.

    Attributes:
        provider: "CUDA" or "CPU", what it runs on.
    """

    def __init__(
        self, onnxruntime: ModuleType, data: bytes, fixed: Mapping[str, NDArray[np.float32]], *, cuda: bool
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # Its threads would keep spinning after a call, and take the processor from NumPy, whose turn it is then.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # TF32 would round the products to ten bits, beyond what the devices may differ by.
        providers: list[Any] = [(CUDA, {"use_tf32": "0"}), CPU] if cuda else [CPU]
        self._session = onnxruntime.InferenceSession(with_constants(data, fixed), options, providers=providers)
        self.provider = "CUDA" if CUDA in self._session.get_providers() else "CPU"

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the graph on keypoints (T, K, 3), metres, and return rotations (T, 24, 3, 3)."""
        result: NDArray[np.float32] = self._session.run([OUTPUT_NAME], {INPUT_NAME: keypoints_m})[0]
        return result
