# SPDX-License-Identifier: Apache-2.0
"""Sheets, thumbnails and labels: sizes and places by hand."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from dancepose.study.media.pictures import (
    copy_still,
    frame_file,
    spread_frames,
    write_labels,
    write_sheet,
    write_thumbnail,
)

GREY = (32, 33, 36)


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(1, 10, [0]), (3, 10, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 4, [0, 33, 66, 99]), (5, 1, [0]), (0, 4, [])],
)
def test_spread_frames(count: int, most: int, expected: list[int]) -> None:
    assert spread_frames(count, most) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [((640, 320), (320, 160)), ((300, 900), (107, 320)), ((64, 32), (64, 32))]
)
def test_thumbnails_are_at_most_320_pixels(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    Image.new("RGBA", size, (0, 0, 0, 0)).save(tmp_path / "frame.png")
    write_thumbnail(tmp_path / "small.jpg", tmp_path / "frame.png")
    with Image.open(tmp_path / "small.jpg") as found:
        assert found.size == expected
        # Transparent pixels become grey; JPEG changes it by little.
        assert np.abs(np.asarray(found, int) - GREY).max() <= 2


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def frames(folder: Path, count: int, size: tuple[int, int]) -> None:
    for index in range(count):
        Image.new("RGBA", size, (10 * index, 200, 0, 255)).save(frame_file(folder, index))


def test_a_sheet_has_five_columns_and_two_rows(tmp_path: Path) -> None:
    """19 frames of 100 x 60: ten are shown, 4 pixels apart and from the edge."""
    frames(tmp_path, 19, (100, 60))
    write_sheet(tmp_path / "sheet.png", frames=tmp_path, count=19)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 64 + 4, 5 * 104 + 4, 3)
    for number in range(10):
        row, column = divmod(number, 5)
        top, left = 4 + 64 * row, 4 + 104 * column
        assert (sheet[top : top + 60, left : left + 100] == (20 * number, 200, 0)).all()
        assert (sheet[top - 1, left - 4 : left + 104] == GREY).all()
        assert (sheet[top : top + 60, left - 1] == GREY).all()
    assert (sheet[-4:] == GREY).all()
    assert (sheet[:, -4:] == GREY).all()


def test_a_sheet_of_few_frames_is_narrow(tmp_path: Path) -> None:
    frames(tmp_path, 2, (30, 20))
    write_sheet(tmp_path / "sheet.png", frames=tmp_path, count=2)
    assert size_of(tmp_path / "sheet.png") == (2 * 34 + 4, 24 + 4)


def test_a_sheet_of_large_frames_is_at_most_2000_pixels_wide(tmp_path: Path) -> None:
    frames(tmp_path, 2, (3000, 300))
    write_sheet(tmp_path / "sheet.png", frames=tmp_path, count=2)
    # Two frames of 994 pixels and three gaps of 4; a tenth of that is the height.
    assert size_of(tmp_path / "sheet.png") == (2000, 99 + 2 * 4)


def test_a_still_is_the_same_file(tmp_path: Path) -> None:
    frames(tmp_path, 1, (3, 3))
    copy_still(tmp_path / "still.png", frame_file(tmp_path, 0))
    assert (tmp_path / "still.png").read_bytes() == frame_file(tmp_path, 0).read_bytes()


def test_labels_are_at_the_upper_left_of_their_cells(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.png", ["a", "", "b"], columns=2, cell=(200, 100))
    found = np.asarray(Image.open(tmp_path / "labels.png"))[..., 3] > 0
    assert found.shape == (200, 400)
    cells = {
        (row, column): found[100 * row : 100 * row + 100, 200 * column : 200 * column + 200]
        for row in range(2)
        for column in range(2)
    }
    assert cells[0, 0].any()
    assert cells[1, 0].any()
    assert not cells[1, 1].any()
    for cell in (cells[0, 0], cells[1, 0]):
        rows, columns = np.nonzero(cell)
        assert rows.max() < 50
        assert columns.max() < 100


@pytest.mark.parametrize(("height", "pad"), [(100, 3), (1000, 12)])
def test_bars_of_labels_keep_a_margin(tmp_path: Path, height: int, pad: int) -> None:
    """1.2 percent of the cell's height, at least three pixels, from the corner and around the text."""
    write_labels(tmp_path / "labels.png", ["a name", "a" * 300], columns=1, cell=(400, height))
    with Image.open(tmp_path / "labels.png") as picture:
        assert picture.size == (400, 2 * height)
        alpha = np.asarray(picture)[..., 3]
    for row in range(2):
        cell = alpha[row * height : (row + 1) * height]
        rows, columns = np.flatnonzero(cell.any(axis=1)), np.flatnonzero(cell.any(axis=0))
        assert (rows[0], columns[0]) == (pad, pad)
        assert columns[-1] < 400 - pad
        bright = (cell > 195).nonzero()
        assert bright[0].min() >= 2 * pad
        assert bright[1].min() >= 2 * pad
        assert abs(rows[-1] - bright[0].max() - pad) <= 2
