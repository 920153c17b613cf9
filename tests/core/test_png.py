# SPDX-License-Identifier: Apache-2.0
"""PNG by hand, against Pillow."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.png import is_whole_png, remove_frames, stamp, stamp_of

Image = pytest.importorskip("PIL.Image")
PngInfo = pytest.importorskip("PIL.PngImagePlugin").PngInfo


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture with a date in it, as Blender writes one."""
    info = PngInfo()
    info.add_text("Date", "2026/01/01 12:00:00")
    pixels = np.random.default_rng(0).integers(0, 255, (10, 20, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=info)
    return tmp_path / "a.png"


def test_a_stamp_is_found_again_and_changes_no_pixel(picture: Path, tmp_path: Path) -> None:
    stamped = tmp_path / "b.png"
    stamped.write_bytes(stamp(picture.read_bytes(), "abc123"))
    assert is_whole_png(stamped, width=20, height=10)
    assert stamp_of(stamped, width=20, height=10) == "abc123"
    with Image.open(picture) as before, Image.open(stamped) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert after.text == {"dancepose": "abc123"}


def test_stamping_again_replaces_the_stamp(picture: Path) -> None:
    data = picture.read_bytes()
    assert stamp(stamp(data, "one"), "two") == stamp(data, "two")


def test_pictures_without_a_stamp_are_told_from_damaged_ones(picture: Path) -> None:
    assert stamp_of(picture, width=20, height=10) == ""
    assert stamp_of(picture, width=10, height=20) is None
    picture.write_bytes(stamp(picture.read_bytes(), "abc")[:-3])
    assert stamp_of(picture, width=20, height=10) is None


def test_frames_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    remove_frames(folder)
    folder.mkdir()
    for name in ("000000.png", "000012.png", ".000003.77.part.png"):
        (folder / name).touch()
    remove_frames(folder)
    assert not folder.exists()
    folder.mkdir()
    for name in ("000000.png", "notes.txt", "cover.png"):
        (folder / name).touch()
    remove_frames(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["cover.png", "notes.txt"]
