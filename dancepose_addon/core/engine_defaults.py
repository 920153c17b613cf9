"""Samples per pixel of Cycles, where the user chooses none: shared by the renderer and by the plans of studies."""

from typing import Final

SAMPLES_GPU: Final = 64
SAMPLES_CPU_DENOISED: Final = 2
"""One sample loses mouth and eyes of a face (docs/study.md)."""
SAMPLES_CPU_PLAIN: Final = 16
SAMPLES_TRANSPARENT: Final = 16
"""The denoiser leaves alpha unchanged: fewer samples give jagged outlines, and specks outside the shadow."""
