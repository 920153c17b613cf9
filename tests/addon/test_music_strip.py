# SPDX-License-Identifier: GPL-3.0-or-later
"""Music in the sequencer of a saved scene: the sound itself is measured, by Blender's mixdown."""

from pathlib import Path
import wave

import numpy as np
import pytest

from dancepose_addon.core.skeleton.sequence import AudioWindow

RATE = 48000
CLICK_S = 2.5
"""Where the only click of the song is."""
SONG_S = 6.0


@pytest.fixture
def song(tmp_path) -> Path:
    """Silence with one short click."""
    samples = np.zeros(round(SONG_S * RATE), np.int16)
    start = round(CLICK_S * RATE)
    samples[start : start + 480] = 20000
    path = tmp_path / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


def heard(bpy, path: Path) -> np.ndarray:
    """What the scene plays over its frame range, as mono samples."""
    bpy.context.scene.render.ffmpeg.audio_mixrate = RATE
    bpy.ops.sound.mixdown(filepath=str(path), check_existing=False, container="WAV", codec="PCM", format="S16")
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples.reshape(-1, file.getnchannels())[:, 0]


@pytest.mark.parametrize(("fps", "base", "first"), [(25, 1.0, 0.0), (25, 1.0, 13.0), (30, 1.001, 1.0), (100, 1.0, 7.0)])
def test_the_music_starts_with_the_dance(blender, song, tmp_path, fps, base, first):
    from dancepose_addon.blender.render.video import add_music_strip

    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    scene.frame_start, scene.frame_end = 0, 200
    # The dance begins 1.3 s into the song, so its click is heard 1.2 s after the first key.
    assert add_music_strip(scene, AudioWindow(song, 1.3, 4.0), first_frame=first) is None
    samples = heard(blender, tmp_path / "mix.wav")
    click_s = np.flatnonzero(np.abs(samples.astype(int)) > 5000)[0] / RATE
    assert click_s == pytest.approx(first / (fps / base) + (CLICK_S - 1.3), abs=0.5 * base / fps + 0.002)


def test_it_ends_with_its_window_or_with_the_scene(blender, song):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.render.video import MUSIC_STRIP, add_music_strip

    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = 20, 1.0
    scene.frame_start, scene.frame_end = 0, 200

    def end() -> int:
        (strip,) = compat.strips_of(scene.sequence_editor)
        assert strip.name == MUSIC_STRIP
        return compat.strip_end(strip)

    assert add_music_strip(scene, AudioWindow(song, 1.0, 2.0), first_frame=10.0) is None
    assert end() == 10 + 40
    assert add_music_strip(scene, AudioWindow(song, 1.0, 60.0), first_frame=10.0) is None
    assert end() == 10 + 100  # five seconds of the song are left
    scene.frame_end = 49
    assert add_music_strip(scene, AudioWindow(song, 1.0, 2.0), first_frame=10.0) is None
    assert end() == 50


def test_no_music_is_one_sentence_and_no_strip(blender, song, tmp_path):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.render.video import add_music_strip

    scene = blender.context.scene
    text = tmp_path / "song.txt"
    text.write_text("no sound")
    for window in (
        AudioWindow(tmp_path / "none.wav", 0.0, 1.0),
        AudioWindow(text, 0.0, 1.0),
        AudioWindow(song, 9.0, 1.0),
    ):
        problem = add_music_strip(scene, window, first_frame=0.0)
        assert problem is not None
        assert problem.startswith("The scene has no music: ")
        assert str(window.path) in problem
        assert len(compat.strips_of(scene.sequence_editor)) == 0
