# SPDX-License-Identifier: Apache-2.0
"""Music beside a dance: which file, and which part of it."""

from pathlib import Path

import pytest

from dancepose_addon.core.skeleton.readers.music_dance import AUDIO_SUFFIXES, _audio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.mp3", "Audio.MP3", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "audio.wav").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("window_s", "motion_s", "expected"),
    [(None, 7.0, (0.0, 7.0)), ((2.0, 5.0), 7.0, (2.0, 3.0)), ((2.0, 12.0), 7.0, (2.0, 7.0))],
)
def test_music_is_no_longer_than_the_dance_and_its_window(
    folder: Path, window_s: tuple[float, float] | None, motion_s: float, expected: tuple[float, float]
) -> None:
    notes: list[str] = []
    found = _audio(folder, window_s, motion_s, notes)
    assert found is not None
    assert found.path.name == "Audio.MP3"
    assert (found.start_s, found.duration_s) == expected
    assert notes == []


def test_without_a_file_called_audio_the_suffix_decides(folder: Path) -> None:
    (folder / "Audio.MP3").unlink()
    first = min((".wav", ".mp3"), key=AUDIO_SUFFIXES.index)
    found = _audio(folder, None, 1.0, [])
    assert found is not None
    assert found.path.suffix == first


def test_a_folder_without_music_is_silent(tmp_path: Path) -> None:
    notes: list[str] = []
    assert _audio(tmp_path, (0.0, 1.0), 1.0, notes) is None
    assert len(notes) == 1
    assert "so the dance is silent" in notes[0]
