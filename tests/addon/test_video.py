# SPDX-License-Identifier: GPL-3.0-or-later
"""The film, read back: its length, pictures, music, and the order of its boxes."""

from dataclasses import dataclass
from pathlib import Path
import struct
import wave

import numpy as np
import pytest

from dancepose_addon.core.skeleton.sequence import AudioWindow

from .test_frames import png

RATE = 44100
CLICK_S = 1.2345
COUNT, FPS = 30, 25.0


@dataclass
class Film:
    path: Path
    trouble: str | None
    work: Path


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    """Three seconds of silence with a single click."""
    samples = np.zeros(3 * RATE, "<i2")
    samples[round(CLICK_S * RATE) :][:40] = 30000
    path = tmp_path_factory.mktemp("song") / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def make_film(blender, tmp_path: Path):
    from dancepose_addon.blender.render import video
    from dancepose_addon.blender.render.rendering import frame_path

    def make(audio: AudioWindow | None) -> Film:
        frames = tmp_path / "frames"
        frames.mkdir()
        for index in range(COUNT):
            frame_path(frames, index).write_bytes(png(64, 48, grey=8 * index))
        out = tmp_path / "film.mp4"
        trouble = video.encode_video(
            out, frames=frames, count=COUNT, width=64, height=48, fps=FPS, audio=audio, work=tmp_path
        )
        return Film(out, trouble, tmp_path)

    return make


def boxes(data: bytes) -> list[bytes]:
    kinds, place = [], 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        kinds.append(kind)
        place += size
    return kinds


def test_film_has_the_frames_at_their_rate(blender, make_film):
    film = make_film(None)
    data = film.path.read_bytes()
    assert film.trouble is None
    assert boxes(data).index(b"moov") < boxes(data).index(b"mdat")
    assert b"avc1" in data
    assert b"mp4a" not in data
    clip = blender.data.movieclips.load(str(film.path))
    assert clip.frame_duration == COUNT
    assert clip.fps == pytest.approx(FPS)
    assert tuple(clip.size) == (64, 48)
    assert sorted(path.name for path in film.work.iterdir()) == ["film.mp4", "frames"]
    assert len(blender.data.scenes) == 1


def test_pictures_keep_their_colours_and_order(blender, make_film):
    film = make_film(None)
    scene = blender.context.scene
    editor = scene.sequence_editor_create()
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.render import rendering

    compat.strips_of(editor).new_movie("film", str(film.path), channel=1, frame_start=0)
    rendering.set_up_picture(scene, width=64, height=48, fps=FPS)
    scene.render.use_sequencer = True
    scene.view_settings.view_transform = "Standard"
    from dancepose_addon.blender.render.video import read_picture

    for index in (0, 11, 29):
        scene.frame_set(index)
        rendering.render_still(scene, film.work / "seen.png")
        assert read_picture(film.work / "seen.png")[..., :3].mean() * 255 == pytest.approx(8 * index, abs=4)


def test_music_begins_with_its_window(blender, make_film, song):
    if not blender.app.build_options.audaspace:
        pytest.skip("this bpy wheel is built without sound")
    import aud

    start_s = 1.0133
    film = make_film(AudioWindow(song, start_s, 5.0))
    assert film.trouble is None
    assert b"mp4a" in film.path.read_bytes()
    sound = aud.Sound.file(str(film.path))
    samples = np.abs(sound.data()).max(axis=1)
    assert len(samples) / sound.specs[0] == pytest.approx(COUNT / FPS, abs=0.05)
    heard_s = np.argmax(samples > 0.3 * samples.max()) / sound.specs[0]
    assert heard_s == pytest.approx(CLICK_S - start_s, abs=0.004)


def test_film_without_readable_music_says_so(make_film, tmp_path):
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"not music")
    film = make_film(AudioWindow(broken, 0.0, 1.0))
    assert film.trouble is not None
    assert film.trouble.startswith("The film has no music")
    assert film.path.is_file()


def test_contact_sheet_spreads_over_the_clip(blender, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    from dancepose_addon.blender.render.rendering import frame_path
    from dancepose_addon.blender.render.video import SHEET_GAP_PX, write_contact_sheet

    for index in range(23):
        frame_path(tmp_path, index).write_bytes(png(8, 6, grey=10 * index))
    write_contact_sheet(tmp_path / "sheet.png", frames=tmp_path, count=23, columns=4, rows=3)
    with pillow.open(tmp_path / "sheet.png") as picture:
        sheet = np.asarray(picture.convert("RGB"))
    middles = [
        sheet[SHEET_GAP_PX + 3 + row * (6 + SHEET_GAP_PX), SHEET_GAP_PX + 4 + column * (8 + SHEET_GAP_PX), 0]
        for row in range(3)
        for column in range(4)
    ]
    assert middles == [20 * index for index in range(12)]


@pytest.mark.parametrize("end", [0, 8, 100, -1])
def test_films_cut_short_are_noticed(make_film, end):
    from dancepose_addon.blender.render.mp4 import move_index_first

    film = make_film(None)
    data = film.path.read_bytes()
    film.path.write_bytes(data[:end])
    assert not move_index_first(film.path)
