# SPDX-License-Identifier: Apache-2.0
"""Names of the render engines, and Cycles' default samples per pixel: shared by the renderer and by studies."""

from typing import Final

FORMER_NAMES: Final = {"study": "cycles", "preview": "workbench"}
"""Names up to release 0.1, which stay readable in scripts, commands and study files."""
SAMPLES_GPU: Final = 64
SAMPLES_CPU_DENOISED: Final = 2
"""One sample loses mouth and eyes of a face (docs/study.md)."""
SAMPLES_CPU_PLAIN: Final = 16
SAMPLES_EEVEE: Final = 64
"""Enough for soft shadows without visible noise; a GPU draws them in a fraction of a second."""
SAMPLES_TRANSPARENT: Final = 16
"""The denoiser leaves alpha unchanged: fewer samples give jagged outlines, and specks outside the shadow."""
