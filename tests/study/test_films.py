# SPDX-License-Identifier: Apache-2.0
"""Sound and films: read back by ffmpeg, and by hand."""

import math
import os
from pathlib import Path
import re
import struct
import subprocess
import threading
import time
import wave

import numpy as np
import pytest

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.media.film_pipe import open_film
from dancepose.study.media.films import (
    FilmFormat,
    Grid,
    cell_size,
    combine_clips,
    encode_clip,
    encode_transparent,
    ffmpeg_rate,
)
from dancepose.study.media.pictures import spread_frames, write_labels, write_sheet, write_thumbnail
from dancepose.study.media.sounds import write_sound
from dancepose.study.plan.ffmpeg_program import find_ffmpeg, identify_ffmpeg, require_same
from dancepose_addon.core.errors import Cancelled, DancePoseError, EngineError, InputError, MissingFileError

from .conftest import write_tone

pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")
Image = pytest.importorskip("PIL.Image")

COUNT, FPS, SIZE = 12, 10.0, (64, 48)
FILM = FilmFormat(COUNT, FPS, 10)
FFMPEG = Ffmpeg(find_ffmpeg())


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Frames that grow brighter, the left half red."""
    folder = tmp_path / "100% frames"
    folder.mkdir()
    for index in range(COUNT):
        pixels = np.full((SIZE[1], SIZE[0], 3), 20 * index, np.uint8)
        pixels[:, :32] = (200, 40, 20)
        Image.fromarray(pixels).save(folder / f"{index:06d}.png")
    return folder


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    write_sound(FFMPEG, path, None, start_s=0.0, duration_s=COUNT / FPS, loudness_lufs=-23.0)
    return path


def samples_of(path: Path) -> np.ndarray:
    """(N, 2), -1 to 1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 48000, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32767.0


def boxes(path: Path) -> list[bytes]:
    data, kinds, place = path.read_bytes(), [], 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        kinds.append(kind)
        place += size
    return kinds


def pixels_of(path: Path, index: int, folder: Path) -> np.ndarray:
    out = folder / "seen.png"
    FFMPEG.run(["-i", str(path), "-vf", f"select=eq(n\\,{index})", "-frames:v", "1", str(out)])
    with Image.open(out) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("amplitude", [0.02, 0.9])
def test_sound_is_brought_to_one_loudness(tmp_path: Path, amplitude: float) -> None:
    write_tone(tmp_path / "tone.wav", seconds=5.0, amplitude=amplitude)
    before = write_sound(
        FFMPEG, tmp_path / "out.wav", tmp_path / "tone.wav", start_s=0.5, duration_s=4.0, loudness_lufs=-23.0
    )
    samples = samples_of(tmp_path / "out.wav")
    assert len(samples) == 4 * 48000
    # BS.1770 weighs a 997 Hz tone by nothing: two channels of amplitude A have 20 log10 A LUFS.
    assert before == pytest.approx(20 * math.log10(amplitude), abs=0.2)
    middle = samples[48000:-48000]
    assert 20 * math.log10(np.abs(middle).max()) == pytest.approx(-23.0, abs=0.2)


def test_sound_of_a_quiet_song_is_held_below_its_peaks(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0.0, 0.003, (48000 * 4, 2))
    noise[48000::9600] = 0.9
    with wave.open(str(tmp_path / "peaks.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(np.round(32767 * noise).astype("<i2").tobytes())
    write_sound(FFMPEG, tmp_path / "out.wav", tmp_path / "peaks.wav", start_s=0.0, duration_s=4.0, loudness_lufs=-10.0)
    assert np.abs(samples_of(tmp_path / "out.wav")).max() <= 10 ** (-0.9 / 20)


def test_sound_begins_where_its_window_does(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", seconds=3.0, amplitude=0.3)
    with wave.open(str(tmp_path / "tone.wav"), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").copy()
    data[: round(1.2 * 48000) * 2] = 0
    with wave.open(str(tmp_path / "late.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(data.tobytes())
    write_sound(FFMPEG, tmp_path / "out.wav", tmp_path / "late.wav", start_s=0.75, duration_s=1.5, loudness_lufs=-23.0)
    heard = np.argmax(np.abs(samples_of(tmp_path / "out.wav")).max(axis=1) > 0.01) / 48000
    assert heard == pytest.approx(1.2 - 0.75, abs=0.002)


def test_sound_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"no music at all")
    for path, error in ((tmp_path / "bad.mp3", InputError), (tmp_path / "none.mp3", MissingFileError)):
        with pytest.raises(error):
            write_sound(FFMPEG, tmp_path / "out.wav", path, start_s=0.0, duration_s=1.0, loudness_lufs=-23.0)
    assert not (tmp_path / "out.wav").exists()


def test_length_of_sound(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", seconds=2.5, amplitude=0.3)
    assert FFMPEG.sound_length_s(tmp_path / "tone.wav") == pytest.approx(2.5, abs=0.01)


def encode(out: Path, frames: Path, sound: Path, **more: object) -> None:
    encode_clip(FFMPEG, out, frames=frames, film=FILM, size=SIZE, sound=sound, **more)


def test_a_clip_is_what_browsers_play(frames: Path, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.mp4"
    encode(out, frames, sound)
    said = FFMPEG.run(["-i", str(out), "-f", "null", "-"])
    assert re.search(r"Video: h264 \(High\).*yuv420p\(tv, bt709.*64x48.* 10 fps", said)
    assert re.search(r"Audio: aac \(LC\).*48000 Hz, stereo", said)
    assert "Duration: 00:00:01.2" in said
    assert boxes(out).index(b"moov") < boxes(out).index(b"mdat")
    assert FFMPEG.count_frames(out) == COUNT
    assert b"Lavf" not in out.read_bytes()


def test_clips_keep_colours_and_order(frames: Path, sound: Path, tmp_path: Path) -> None:
    encode(tmp_path / "clip.mp4", frames, sound)
    for index in (0, 5, 11):
        seen = pixels_of(tmp_path / "clip.mp4", index, tmp_path)
        assert seen[:, 48:].mean(axis=(0, 1)) == pytest.approx([20 * index] * 3, abs=4)
        assert seen[:, :24].mean(axis=(0, 1)) == pytest.approx([200, 40, 20], abs=6)


def test_the_same_frames_give_the_same_file(frames: Path, sound: Path, tmp_path: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        encode(tmp_path / name, frames, sound)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_transparent_frames_lie_on_the_backdrop_or_keep_their_alpha(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    pixels = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    pixels[:, :32] = (250, 250, 250, 255)
    for index in range(COUNT):
        Image.fromarray(pixels).save(folder / f"{index:06d}.png")
    encode(tmp_path / "clip.mp4", folder, sound, backdrop=(0.2140, 0.0, 0.0))
    seen = pixels_of(tmp_path / "clip.mp4", 3, tmp_path)
    # 0.214 linear is half of what is shown (IEC 61966-2-1).
    assert seen[:, 48:].mean(axis=(0, 1)) == pytest.approx([127.5, 0, 0], abs=5)
    assert seen[:, :24].mean() == pytest.approx(250, abs=3)
    encode_transparent(FFMPEG, tmp_path / "clip.webm", frames=folder, film=FilmFormat(COUNT, FPS, 20), sound=sound)
    out = tmp_path / "alpha.png"
    FFMPEG.run(
        ["-c:v", "libvpx-vp9", "-i", str(tmp_path / "clip.webm"), "-frames:v", "1", "-pix_fmt", "rgba", str(out)]
    )
    with Image.open(out) as picture:
        alpha = np.asarray(picture)[..., 3]
    assert alpha[:, :24].min() > 245
    assert alpha[:, 48:].max() < 10


def test_clips_stand_side_by_side_in_order(sound: Path, tmp_path: Path) -> None:
    clips, greys = [], (40, 120, 200)
    for number, grey in enumerate(greys):
        folder = tmp_path / f"frames{number}"
        folder.mkdir()
        for index in range(COUNT):
            Image.new("RGB", SIZE, (grey, grey, grey)).save(folder / f"{index:06d}.png")
        clips.append(tmp_path / f"{number}.mp4")
        encode(clips[-1], folder, sound)
    labels = tmp_path / "labels.png"
    write_labels(labels, ["One", "A name that is far too long for its place", "Three"], columns=2, cell=SIZE)
    common = {"grid": Grid(2, SIZE), "film": FILM, "sound": sound}
    combine_clips(FFMPEG, tmp_path / "plain.mp4", clips, overlay=None, **common)
    combine_clips(FFMPEG, tmp_path / "labelled.mp4", clips, overlay=labels, **common)
    plain, labelled = (pixels_of(tmp_path / f"{name}.mp4", 5, tmp_path) for name in ("plain", "labelled"))
    assert plain.shape == (96, 128, 3)
    for number, grey in enumerate(greys):
        row, column = divmod(number, 2)
        cell = plain[row * 48 : row * 48 + 48, column * 64 : column * 64 + 64]
        assert cell.mean() == pytest.approx(grey, abs=4)
        changed = np.abs(labelled - plain)[row * 48 : row * 48 + 48, column * 64 : column * 64 + 64] > 30
        assert changed[:20].any()
        assert not changed[26:].any()


def test_rows_of_clips_stay_playable() -> None:
    assert cell_size((1280, 720), 2) == (1280, 720)
    width, height = cell_size((1280, 720), 10)
    assert width * 10 <= 3840
    assert (width % 2, height % 2) == (0, 0)
    assert width / height == pytest.approx(16 / 9, abs=0.02)


def test_broadcast_rates_are_exact() -> None:
    assert ffmpeg_rate(25.0) == "25/1"
    assert ffmpeg_rate(29.97) == "30000/1001" or ffmpeg_rate(29.97) == "2997/100"


def test_sheets_and_thumbnails_show_the_frames(frames: Path, tmp_path: Path) -> None:
    assert spread_frames(12, 10)[0] == 0
    assert spread_frames(12, 10)[-1] == 11
    assert spread_frames(3, 10) == [0, 1, 2]
    assert spread_frames(1, 10) == [0]
    write_sheet(tmp_path / "sheet.png", frames=frames, count=COUNT)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (5 * 68 + 4, 2 * 52 + 4)
        assert sheet.getpixel((4 + 48, 4 + 20))[0] == 0
        assert sheet.getpixel((4 + 4 * 68 + 48, 4 + 52 + 20))[0] == 220
    write_thumbnail(tmp_path / "t.jpg", frames / "000011.png")
    with Image.open(tmp_path / "t.jpg") as small:
        assert small.size == SIZE


PROGRAMS = {
    "chosen": FFMPEG.program.program,
    "system": "/usr/bin/ffmpeg",
    "another": os.environ.get("DANCEPOSE_TEST_FFMPEG", ""),
}
"""The system's one is version 5.1 in Debian 12, which dropped the end of the sound after `-frames:v`."""


def test_a_film_from_a_pipe_has_its_sound(sound: Path, tmp_path: Path) -> None:
    """Films of the fast engine have as much sound as pictures."""
    film = FilmFormat(COUNT, FPS, 18)
    for name, given in (("with.mp4", sound), ("without.mp4", None)):
        with open_film(find_ffmpeg(), tmp_path / name, size=(64, 48), film=film, sound=given) as pipe:
            for _ in range(film.count):
                pipe.write(np.full((48, 64, 4), 200, np.uint8))
    assert decoded_sound_s(tmp_path / "with.mp4") == pytest.approx(COUNT / FPS, abs=1.0 / FPS)
    assert b"mp4a" not in (tmp_path / "without.mp4").read_bytes()


@pytest.fixture(params=sorted(PROGRAMS))
def each_ffmpeg(request: pytest.FixtureRequest) -> Ffmpeg:
    program = PROGRAMS[request.param]
    if not Path(program).is_file():
        pytest.skip(f"no {program} (Debian: ffmpeg)" if program else "DANCEPOSE_TEST_FFMPEG is not set")
    return Ffmpeg(identify_ffmpeg(program))


def decoded_sound_s(path: Path) -> float:
    """Length of the sound, by decoding it to PCM with the newest program, apart from our own measurement."""
    command = [FFMPEG.program.program, "-v", "error", "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", "48000"]
    done = subprocess.run([*command, "-f", "s16le", "-"], capture_output=True, check=True)
    return len(done.stdout) / 2 / 48000


@pytest.mark.parametrize("seconds", [1.2, 4.0])
def test_sound_and_pictures_end_together_with_every_ffmpeg(each_ffmpeg: Ffmpeg, tmp_path: Path, seconds: float) -> None:
    folder, fps = tmp_path / "frames", 25.0
    folder.mkdir()
    count = round(seconds * fps)
    for index in range(count + 7):  # frames of an earlier, longer clip stay behind and must not be shown
        Image.new("RGBA", SIZE, (index, 90, 200, 200)).save(folder / f"{index:06d}.png")
    write_tone(tmp_path / "tone.wav", seconds=seconds + 1.0, amplitude=0.3)
    sound, film = tmp_path / "sound.wav", FilmFormat(count, fps, 20)
    write_sound(each_ffmpeg, sound, tmp_path / "tone.wav", start_s=0.2, duration_s=seconds, loudness_lufs=-23.0)
    clip, over, webm, both = (tmp_path / name for name in ("clip.mp4", "over.mp4", "clip.webm", "both.mp4"))
    encode_clip(each_ffmpeg, clip, frames=folder, film=film, size=SIZE, sound=sound)
    encode_clip(each_ffmpeg, over, frames=folder, film=film, size=SIZE, sound=sound, backdrop=(0.2, 0.2, 0.2))
    encode_transparent(each_ffmpeg, webm, frames=folder, film=film, sound=sound)
    combine_clips(each_ffmpeg, both, [clip, over], grid=Grid(2, SIZE), film=film, sound=sound, overlay=None)
    for out in (clip, over, webm, both):
        assert decoded_sound_s(out) == pytest.approx(seconds, abs=1 / fps), out
        assert each_ffmpeg.sound_length_s(out) == pytest.approx(seconds, abs=1 / fps), out
        assert each_ffmpeg.count_frames(out) == FFMPEG.count_frames(out) == count, out


def test_a_film_with_too_little_sound_is_refused(each_ffmpeg: Ffmpeg, frames: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    write_sound(each_ffmpeg, short, None, start_s=0.0, duration_s=COUNT / FPS - 0.3, loudness_lufs=-23.0)
    with pytest.raises(DancePoseError, match=r"0\.9. s of sound for 1\.20 s of pictures"):
        encode_clip(each_ffmpeg, tmp_path / "clip.mp4", frames=frames, film=FILM, size=SIZE, sound=short)
    assert not (tmp_path / "clip.mp4").exists()


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile tone.wav\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{tone}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
def test_playlists_named_as_music_are_refused(each_ffmpeg: Ffmpeg, tmp_path: Path, kind: str) -> None:
    write_tone(tmp_path / "tone.wav", seconds=2.0, amplitude=0.3)
    song, out = tmp_path / "song.mp3", tmp_path / "out.wav"
    song.write_text(PLAYLISTS[kind].format(tone=tmp_path / "tone.wav"))
    with pytest.raises(InputError, match=r"song\.mp3 cannot be read as audio"):
        write_sound(each_ffmpeg, out, song, start_s=0.0, duration_s=1.0, loudness_lufs=-23.0)
    with pytest.raises(InputError, match=r"song\.mp3 cannot be read as audio"):
        each_ffmpeg.sound_length_s(song)
    assert not out.exists()


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libvorbis")])
def test_audio_files_are_read_whatever_they_are_called(tmp_path: Path, suffix: str, codec: str) -> None:
    write_tone(tmp_path / "tone.wav", seconds=2.0, amplitude=0.3)
    FFMPEG.run(["-i", str(tmp_path / "tone.wav"), "-c:a", codec, str(tmp_path / f"song.{suffix}")])
    (tmp_path / f"song.{suffix}").rename(tmp_path / "song.mp3")
    assert FFMPEG.sound_length_s(tmp_path / "song.mp3") == pytest.approx(2.0, abs=0.1)


def fake_ffmpeg(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_chosen_ffmpeg_that_fails_is_an_error_and_no_other_is_taken(tmp_path: Path, monkeypatch) -> None:
    for script in ("exit 1", "echo nonsense", "kill -9 $$"):
        broken = fake_ffmpeg(tmp_path / "broken", script)
        monkeypatch.setattr("dancepose.study.plan.ffmpeg_program._bundled_program", lambda found=broken: str(found))
        with pytest.raises(EngineError, match="broken"):
            find_ffmpeg()
    monkeypatch.setenv("DANCEPOSE_FFMPEG", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="DANCEPOSE_FFMPEG"):
        find_ffmpeg()


def test_another_ffmpeg_than_planned_is_refused(tmp_path: Path, monkeypatch) -> None:
    planned = find_ffmpeg()
    require_same(planned)
    other = fake_ffmpeg(tmp_path / "other", f'exec "{planned.program}" "$@"')
    monkeypatch.setenv("DANCEPOSE_FFMPEG", str(other))
    with pytest.raises(EngineError, match=r"was planned with ffmpeg .* found now is .*other"):
        require_same(planned)


def test_a_stopped_ffmpeg_ends_at_once(tmp_path: Path) -> None:
    ffmpeg = Ffmpeg(FFMPEG.program)
    clock, ended = time.monotonic(), []

    def encode_forever() -> None:
        with pytest.raises(Cancelled):
            ffmpeg.run(["-f", "lavfi", "-i", "testsrc", "-f", "null", "-"])
        ended.append(time.monotonic() - clock)

    thread = threading.Thread(target=encode_forever)
    thread.start()
    time.sleep(0.5)
    ffmpeg.stop()
    thread.join(timeout=5)
    assert ended
    assert ended[0] < 2.0
    with pytest.raises(Cancelled):
        ffmpeg.run(["-version"])
