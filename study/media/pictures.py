# SPDX-License-Identifier: Apache-2.0
"""Contact sheets, thumbnails, stills and labels, with Pillow."""

import math
from pathlib import Path
import shutil
from typing import Final

from dancepose.label_font import font_for
from dancepose_addon.core.atomic import replacing

SHEET_COLUMNS: Final = 5
SHEET_ROWS: Final = 2
SHEET_PX: Final = 2000
GAP_PX: Final = 4
GREY: Final = (32, 33, 36)
THUMBNAIL_PX: Final = 320


def frame_file(folder: Path, index: int) -> Path:
    """Return the path of frame ``index`` of a clip."""
    return folder / f"{index:06d}.png"


def spread_frames(count: int, most: int) -> list[int]:
    """Choose up to ``most`` of ``count`` frames, evenly spaced, including the first and the last."""
    number = min(most, count)
    return [round(n * (count - 1) / max(1, number - 1)) for n in range(number)]


def write_sheet(out: Path, *, frames: Path, count: int) -> None:
    """Draw frames, evenly spaced over a clip, on one PNG no wider than 2,000 pixels.

    Args:
        out: File to write.
        frames: Folder of the clip's frames.
        count: Number of frames in the clip.

    Raises:
        OutputError: The file cannot be written.
    """
    from PIL import Image

    chosen = spread_frames(count, SHEET_COLUMNS * SHEET_ROWS)
    columns = min(SHEET_COLUMNS, len(chosen))
    with Image.open(frame_file(frames, 0)) as first:
        scale = min(1.0, ((SHEET_PX - GAP_PX) / columns - GAP_PX) / first.width)
        width, height = max(1, round(first.width * scale)), max(1, round(first.height * scale))
    rows = math.ceil(len(chosen) / columns)
    sheet = Image.new("RGB", (columns * (width + GAP_PX) + GAP_PX, rows * (height + GAP_PX) + GAP_PX), GREY)
    for number, index in enumerate(chosen):
        row, column = divmod(number, columns)
        with Image.open(frame_file(frames, index)) as frame:
            small = frame.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (GAP_PX + column * (width + GAP_PX), GAP_PX + row * (height + GAP_PX)), small)
    with replacing(out) as temporary:
        sheet.save(temporary, optimize=True)


def write_thumbnail(out: Path, frame: Path) -> None:
    """Write a small JPEG of a frame.

    Raises:
        OutputError: The file cannot be written.
    """
    from PIL import Image

    with Image.open(frame) as picture:
        full = picture.convert("RGBA")
        plain = Image.new("RGB", full.size, GREY)
        plain.paste(full, (0, 0), full)
        plain.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    with replacing(out) as temporary:
        plain.save(temporary, quality=82)


def copy_still(out: Path, frame: Path) -> None:
    """Copy a frame unchanged.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(out) as temporary:
        shutil.copyfile(frame, temporary)


def write_labels(out: Path, labels: list[str], *, columns: int, cell: tuple[int, int]) -> None:
    """Draw the labels of a grid of clips on a transparent picture, each on a dark bar in the upper left corner.

    Args:
        out: PNG to write.
        labels: Label of each cell, row by row.
        columns: Cells per row.
        cell: (width, height) of a cell, pixels.

    Raises:
        OutputError: The file cannot be written.
    """
    from PIL import Image, ImageDraw

    width, height = cell
    rows = math.ceil(len(labels) / columns)
    picture = Image.new("RGBA", (width * columns, height * rows), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    pad = max(3, round(height * 0.012))
    for number, label in enumerate(labels):
        row, column = divmod(number, columns)
        font = font_for(label, max(10, round(height * 0.038)))
        text = _fitted(label, font, width - 4 * pad)
        left, top, right, bottom = font.getbbox(text)
        x, y = column * width + pad, row * height + pad
        box = (x, y, x + right - left + 2 * pad, y + bottom - top + 2 * pad)
        draw.rounded_rectangle(box, radius=pad, fill=(*GREY, 190))
        draw.text((x + pad - left, y + pad - top), text, font=font, fill=(255, 255, 255, 255))
    with replacing(out) as temporary:
        picture.save(temporary)


def _fitted(text: str, font: "object", width: int) -> str:
    """Shorten a text to ``width`` pixels, with an ellipsis."""
    measure = getattr(font, "getlength")  # noqa: B009  (Pillow has several classes of fonts)
    if measure(text) <= width:
        return text
    while text and measure(text + "...") > width:
        text = text[:-1]
    return text + "..."
