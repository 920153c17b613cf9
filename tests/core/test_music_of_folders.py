# SPDX-License-Identifier: Apache-2.0
"""Music beside a dance: which file, and which part of it."""

from pathlib import Path
import wave

import pytest

from dancepose_addon.core.skeleton.readers.music_dance import AUDIO_SUFFIXES, _audio, wav_length_s


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


@pytest.mark.parametrize(
    ("window_s", "said"),
    [
        ((0.0, 1.0), False),
        ((1.0, 2.05), False),
        ((1.5, 2.5), True),
        ((80.0, 84.0), True),
    ],
)
def test_music_that_ends_before_the_dance_is_noted(
    tmp_path: Path, window_s: tuple[float, float], *, said: bool
) -> None:
    with wave.open(str(tmp_path / "audio.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4 * 16_000))
    notes: list[str] = []
    found = _audio(tmp_path, window_s, 100.0, notes)
    assert found is not None
    assert (found.start_s, found.duration_s) == (window_s[0], window_s[1] - window_s[0])
    text = f"audio.wav lasts 2.00 s and the dance is from {window_s[0]:.2f} to {window_s[1]:.2f} s in it"
    assert [text in note for note in notes] == [True] * said


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVE", b"RIFF\x10\0\0\0WAVEdata\xff\xff\xff\x7f"])
def test_headers_that_cannot_be_read_say_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "audio.wav").write_bytes(data)
    notes: list[str] = []
    assert _audio(tmp_path, (0.0, 9.0), 9.0, notes) is not None
    assert notes == []
    assert wav_length_s(tmp_path / "audio.mp3") is None
