"""Running a trained regressor: the only modules that import onnxruntime, lazily, with NumPy as fallback."""

from .regressors import open_for, open_regressor, shipped_layouts

__all__ = ["open_for", "open_regressor", "shipped_layouts"]
