"""Running a trained regressor: the only modules that import onnxruntime, lazily, with NumPy as fallback."""

from .regressors import open_regressor

__all__ = ["open_regressor"]
