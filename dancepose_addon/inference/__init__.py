# SPDX-License-Identifier: Apache-2.0
"""Running a trained regressor: the only modules that import onnxruntime, lazily, with NumPy as fallback."""

from .device_check import check_runtime
from .onnxruntime_session import use_environment
from .regressors import open_for, open_regressor, shipped_layouts

__all__ = ["check_runtime", "open_for", "open_regressor", "shipped_layouts", "use_environment"]
