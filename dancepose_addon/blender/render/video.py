"""From frames to a film with its music, and to a contact sheet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.atomic import replacing
from ...core.skeleton.sequence import AudioWindow
from .. import compat
from .mp4 import move_index_first
from .rendering import frame_path, set_rate, write_error

AUDIO_RATE: Final = 48000
MIX_FPS: Final = 1000
AUDIO_KBIT: Final = 192
SHEET_GAP_PX: Final = 6
SHEET_GREY: Final = 0.12


def encode(
    out: Path, *, frames: Path, count: int, width: int, height: int, fps: float, audio: AudioWindow | None, work: Path
) -> str | None:
    """Write the frames of a folder as H.264 in MP4, with the music of ``audio`` as AAC.

    Returns None, or a sentence on why a film that should have music has none.

    width, height: pixels, even; work: folder for what lies between. The music is cut to its window, and to the film.

    Raises:
        OutputError: the film cannot be written; ``out`` is not touched.
    """
    with replacing(out) as temporary, _temporary_scene("DancePose film") as scene:
        _set_up_film(scene, width=width, height=height, fps=fps, count=count)
        editor = scene.sequence_editor_create()
        strips = compat.strips_of(editor)
        first = frame_path(frames, 0)
        pictures = strips.new_image("frames", str(first), channel=1, frame_start=0, fit_method="ORIGINAL")
        for index in range(1, count):
            pictures.elements.append(frame_path(frames, index).name)
        music = work / "music.wav"
        trouble = None if audio is None else cut_music(audio, music, duration_s=count / fps)
        if audio is not None and trouble is None:
            strips.new_sound("music", str(music), channel=2, frame_start=0)
        else:
            scene.render.ffmpeg.audio_codec = "NONE"
        scene.render.filepath = str(temporary)
        try:
            bpy.ops.render.render(animation=True, scene=scene.name)
        except RuntimeError as error:
            raise write_error(out, _last_line(error)) from error
        finally:
            music.unlink(missing_ok=True)
        if not move_index_first(temporary):
            raise write_error(out, "Blender wrote an incomplete film")
    return trouble


def _set_up_film(scene: bpy.types.Scene, *, width: int, height: int, fps: float, count: int) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    set_rate(scene, fps)
    scene.frame_start, scene.frame_end = 0, count - 1
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    render.use_sequencer = True
    render.use_compositing = False
    render.use_file_extension = False
    render.dither_intensity = 0.0
    compat.choose_video(render.image_settings)
    film = render.ffmpeg
    film.format, film.codec = "MPEG4", "H264"
    film.constant_rate_factor, film.ffmpeg_preset = "HIGH", "GOOD"
    film.gopsize = max(1, round(fps))
    film.audio_codec, film.audio_bitrate = "AAC", AUDIO_KBIT
    film.audio_mixrate, film.audio_channels = AUDIO_RATE, "STEREO"


@contextmanager
def _temporary_scene(name: str) -> Iterator[bpy.types.Scene]:
    scene = bpy.data.scenes.new(name)
    images, sounds = set(bpy.data.images), set(bpy.data.sounds)
    try:
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        for block in set(bpy.data.images) - images:
            bpy.data.images.remove(block)
        for block in set(bpy.data.sounds) - sounds:
            bpy.data.sounds.remove(block)


def cut_music(audio: AudioWindow, wav: Path, *, duration_s: float) -> str | None:
    """Write the window of a song, at most ``duration_s`` of it, as WAV; or a sentence on why there can be none.

    The sequencer cuts at whole frames, which in the film's scene would put the music up to half a frame off: so it
    is cut in a scene of a thousand frames a second. Python's own ``aud`` is missing from some builds.
    """
    start, length = (round(seconds * MIX_FPS) for seconds in (audio.start_s, min(audio.duration_s, duration_s)))
    with _temporary_scene("DancePose music") as scene:
        set_rate(scene, MIX_FPS)
        scene.frame_start, scene.frame_end = 0, max(1, length) - 1
        scene.render.ffmpeg.audio_channels = "STEREO"
        scene.render.ffmpeg.audio_mixrate = AUDIO_RATE
        strips = compat.strips_of(scene.sequence_editor_create())
        try:
            song = strips.new_sound("music", str(audio.path), channel=1, frame_start=-start)
        except RuntimeError as error:
            return f"The film has no music: {audio.path} cannot be read ({_last_line(error)})."
        if song.sound.samplerate == 0:
            return f"The film has no music: {audio.path} is not sound that this Blender can read."
        if compat.end_of(song) <= 0:
            return f"The film has no music: {audio.path} ends before {audio.start_s:.2f} s, where the dance begins."
        with replacing(wav) as temporary, bpy.context.temp_override(scene=scene):
            try:
                bpy.ops.sound.mixdown(
                    filepath=str(temporary.absolute()), check_existing=False, container="WAV", codec="PCM", format="S16"
                )
            except RuntimeError as error:
                return f"The film has no music: {audio.path} cannot be mixed ({_last_line(error)})."
    return None


def _last_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]


def write_contact_sheet(out: Path, *, frames: Path, count: int, columns: int = 4, rows: int = 3) -> None:
    """Lay frames, evenly spread over the clip, on one PNG.

    Raises:
        OutputError: it cannot be written.
    """
    chosen = np.linspace(0, count - 1, min(columns * rows, count)).round().astype(int)
    pictures = [read_picture(frame_path(frames, int(index))) for index in chosen]
    height, width = pictures[0].shape[:2]
    step_y, step_x = height + SHEET_GAP_PX, width + SHEET_GAP_PX
    lines = -(-len(pictures) // columns)
    sheet = np.full((lines * step_y + SHEET_GAP_PX, columns * step_x + SHEET_GAP_PX, 4), SHEET_GREY, np.float32)
    sheet[..., 3] = 1.0
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * step_y + SHEET_GAP_PX, (number % columns) * step_x + SHEET_GAP_PX
        sheet[top : top + height, left : left + width] = picture
    with replacing(out) as temporary:
        write_picture(temporary, sheet)


def read_picture(path: Path) -> NDArray[np.float32]:
    """Pixels of an 8-bit file as they are shown, 0 to 1. -> (H, W, 4), first row on top."""
    image = bpy.data.images.load(str(path))
    try:
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(height, width, 4)[::-1]
    finally:
        bpy.data.images.remove(image)


def write_picture(path: Path, pixels: NDArray[np.float32]) -> None:
    """Write shown colours as 8-bit PNG. pixels: (H, W, 4), 0 to 1, first row on top."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("DancePose sheet", width, height, alpha=False)
    try:
        image.pixels.foreach_set(np.ascontiguousarray(pixels[::-1]).ravel())
        image.filepath_raw = str(path)
        image.file_format = "PNG"
        try:
            image.save()
        except RuntimeError as error:
            raise write_error(path, _last_line(error)) from error
    finally:
        bpy.data.images.remove(image)
