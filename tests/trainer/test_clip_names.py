# SPDX-License-Identifier: Apache-2.0
"""Clips of one file name, and clips given twice."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.data.recordings import clip_names, dance_of, read_clips
from tests.support.samples import cut, points_of, waltz


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    points = points_of(cut(waltz(), 30), "md23")
    for name, size in (("ours", 1.0), ("theirs", 1.1)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "a.npz", keypoints=(size * points).astype(np.float32), fps=25.0)
    return tmp_path / "ours", tmp_path / "theirs"


def test_equal_file_names_are_told_apart_by_their_folders(folders: tuple[Path, Path]) -> None:
    clips = read_clips(folders, "md23")
    assert clip_names(clips) == ["ours/a.npz", "theirs/a.npz"]
    assert clip_names(clips[:1]) == ["a.npz"]
    assert dance_of("ours/DANCE_W_3") == dance_of("DANCE_W_3") == "W"


def test_a_clip_given_twice_counts_once(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "link.npz").symlink_to(folders[0] / "a.npz")
    given = (folders[0], folders[0] / ".." / "ours" / "a.npz", tmp_path / "link.npz", folders[1])
    assert clip_names(read_clips(given, "md23")) == ["ours/a.npz", "theirs/a.npz"]
