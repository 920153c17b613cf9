# SPDX-License-Identifier: Apache-2.0
"""Pictures in memory as PNG files."""

from pathlib import Path
from typing import Final
import zlib

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.png import encode_png

SHEET_COLUMNS: Final = 4
GAP_PX: Final = 6
GREY: Final = 97


def write_png(path: Path, pixels: NDArray[np.uint8], *, name: str | None = None) -> None:
    """Write a picture.

    Args:
        path: File to write.
        pixels: (H, W, 3) or (H, W, 4), sRGB, the top row first.
        name: Name that the file carries (``core.png.stamp_of``), or None.

    Raises:
        OutputError: The file cannot be written.
    """
    # Differences of rows compress better than colours, and NumPy computes them at once (filter 2 of PNG).
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    filtered = np.empty((height, width * channels + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    data = encode_png(zlib.compress(filtered.tobytes(), 1), width=width, height=height, channels=channels, name=name)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_picture_sheet(path: Path, pictures: list[NDArray[np.uint8]]) -> None:
    """Write pictures of one size on one sheet, in rows of four.

    Args:
        path: File to write, .png.
        pictures: (H, W, 4) each, at least one.

    Raises:
        OutputError: The file cannot be written.
    """
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // SHEET_COLUMNS)
    shape = (rows * (height + GAP_PX) + GAP_PX, SHEET_COLUMNS * (width + GAP_PX) + GAP_PX, 3)
    sheet = np.full(shape, GREY, np.uint8)
    for number, picture in enumerate(pictures):
        top = GAP_PX + number // SHEET_COLUMNS * (height + GAP_PX)
        left = GAP_PX + number % SHEET_COLUMNS * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = picture[..., :3]
    write_png(path, sheet)
