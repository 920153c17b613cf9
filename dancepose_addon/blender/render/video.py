# SPDX-License-Identifier: GPL-3.0-or-later
"""Encodes frames into a film with its music, and lays frames out on a contact sheet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import math
from pathlib import Path
from typing import Final, cast

import bpy
import numpy as np

from ...core.arrays import F32
from ...core.atomic import replacing
from ...core.skeleton.sequence import AudioWindow
from .. import compat
from ..narrowing import components, frame_rate_of, present, render_of, view_settings_of
from .mp4 import move_index_first
from .rendering import frame_path, set_rate, write_error

AUDIO_RATE: Final = 48000
MIX_FPS: Final = 1000
AUDIO_KBIT: Final = 192
SHEET_GAP_PX: Final = 6
SHEET_GREY: Final = 0.12
MUSIC_STRIP: Final = "DancePose music"


def encode_video(
    out: Path, *, frames: Path, count: int, width: int, height: int, fps: float, audio: AudioWindow | None, work: Path
) -> str | None:
    """Write the frames of a folder as H.264 in MP4, with music as AAC.

    The music is cut to its window, and to the length of the film.

    Args:
        out: Film to write.
        frames: Folder of the frames.
        count: Number of frames.
        width: Width in pixels, even.
        height: Height in pixels, even.
        fps: Frames per second.
        audio: Music, or None for a silent film.
        work: Folder for intermediate files.

    Returns:
        None, or a sentence on why a film that should have music has none.

    Raises:
        OutputError: If the film cannot be written; ``out`` is then unchanged.
    """
    with replacing(out) as temporary, _temporary_scene("DancePose film") as scene:
        _set_up_film(scene, width=width, height=height, fps=fps, count=count)
        editor = present(scene.sequence_editor_create())
        strips = compat.strips_of(editor)
        first = frame_path(frames, 0)
        pictures = strips.new_image("frames", str(first), channel=1, frame_start=0, fit_method="ORIGINAL")
        for index in range(1, count):
            pictures.elements.append(frame_path(frames, index).name)
        music = work / "music.wav"
        problem = None if audio is None else cut_music(audio, music, duration_s=count / fps)
        if audio is not None and problem is None:
            strips.new_sound("music", str(music), channel=2, frame_start=0)
        else:
            present(render_of(scene).ffmpeg).audio_codec = "NONE"
        render_of(scene).filepath = str(temporary.absolute())
        try:
            bpy.ops.render.render(animation=True, scene=scene.name)
        except RuntimeError as error:
            raise write_error(out, _last_line(error)) from error
        finally:
            music.unlink(missing_ok=True)
        if not move_index_first(temporary):
            raise write_error(out, "Blender wrote an incomplete film")
    return problem


def _set_up_film(scene: bpy.types.Scene, *, width: int, height: int, fps: float, count: int) -> None:
    render, view = render_of(scene), view_settings_of(scene)
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    set_rate(scene, fps)
    scene.frame_start, scene.frame_end = 0, count - 1
    view.view_transform = "Standard"
    view.look = "None"
    render.use_sequencer = True
    render.use_compositing = False
    render.use_file_extension = False
    render.dither_intensity = 0.0
    compat.choose_video(present(render.image_settings))
    film = present(render.ffmpeg)
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
        for image in set(bpy.data.images) - images:
            bpy.data.images.remove(image)
        for sound in set(bpy.data.sounds) - sounds:
            bpy.data.sounds.remove(sound)


def cut_music(audio: AudioWindow, wav: Path, *, duration_s: float) -> str | None:
    """Write the window of a song as WAV.

    The sequencer cuts at whole frames, which in the film's scene would shift the music by up to half a frame. So it is
    cut in a scene of 1000 frames per second. Some builds lack Python's own ``aud``.

    Args:
        audio: Song and window.
        wav: File to write.
        duration_s: Maximum length in seconds.

    Returns:
        None, or a sentence on why there is no music.
    """
    start, length = (round(seconds * MIX_FPS) for seconds in (audio.start_s, min(audio.duration_s, duration_s)))
    with _temporary_scene("DancePose music") as scene:
        set_rate(scene, MIX_FPS)
        scene.frame_start, scene.frame_end = 0, max(1, length) - 1
        film = present(render_of(scene).ffmpeg)
        film.audio_channels = "STEREO"
        film.audio_mixrate = AUDIO_RATE
        strips = compat.strips_of(present(scene.sequence_editor_create()))
        try:
            song = strips.new_sound("music", str(audio.path), channel=1, frame_start=-start)
        except RuntimeError as error:
            return f"The film has no music: {audio.path} cannot be read ({_last_line(error)})."
        if present(song.sound).samplerate == 0:
            return f"The film has no music: {audio.path} is not a sound file that this Blender can read."
        if compat.strip_end(song) <= 0:
            return f"The film has no music: {audio.path} ends before {audio.start_s:.2f} s, where the dance begins."
        with replacing(wav) as temporary, bpy.context.temp_override(scene=scene):
            try:
                bpy.ops.sound.mixdown(
                    filepath=str(temporary.absolute()), check_existing=False, container="WAV", codec="PCM", format="S16"
                )
            except RuntimeError as error:
                return f"The film has no music: {audio.path} cannot be mixed ({_last_line(error)})."
    return None


def add_music_strip(scene: bpy.types.Scene, audio: AudioWindow, *, first_frame: float) -> str | None:
    """Add music to a scene's sequencer, so that it plays with the animation.

    The strip starts with the dance and ends with the window or the scene, whichever is first. Blender cuts strips at
    whole frames, so the music may be up to half a frame early or late. A strip of the same name is replaced.

    Args:
        scene: Scene whose frame rate and frame range apply.
        audio: Song and window.
        first_frame: Scene frame of the first key of the dance.

    Returns:
        None, or a sentence on why there is no strip.
    """
    fps = frame_rate_of(scene)
    editor = scene.sequence_editor or present(scene.sequence_editor_create())
    strips = compat.strips_of(editor)
    former = strips.get(MUSIC_STRIP)
    if former is not None:
        strips.remove(former)
    try:
        strip = strips.new_sound(MUSIC_STRIP, str(audio.path), channel=1, frame_start=0)
    except RuntimeError as error:
        return f"The scene has no music: {audio.path} cannot be read ({_last_line(error)})."
    song_end = compat.strip_end(strip) - audio.start_s * fps + first_frame
    first = round(first_frame)
    end = min(round(first_frame + audio.duration_s * fps), scene.frame_end + 1, math.ceil(song_end))
    if present(strip.sound).samplerate == 0 or end <= first:
        strips.remove(strip)
        return f"The scene has no music: {audio.path} has no sound from {audio.start_s:.2f} s on."
    skipped = round(first - first_frame + audio.start_s * fps)  # Blender cuts off fractions of a frame
    compat.trim_strip(strip, content_start=first - skipped, first=first, end=end)
    scene.sync_mode = "AUDIO_SYNC"
    return None


def _last_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]


def write_contact_sheet(out: Path, *, frames: Path, count: int, columns: int = 4, rows: int = 3) -> None:
    """Write one PNG with frames that are evenly spread over the clip.

    Args:
        out: Picture to write.
        frames: Folder of the frames.
        count: Number of frames in the folder.
        columns: Frames per row.
        rows: Maximum number of rows.

    Raises:
        OutputError: If the picture cannot be written.
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


def read_picture(path: Path) -> F32:
    """Return the displayed pixels of an 8-bit picture, (H, W, 4) in [0, 1], top row first."""
    image = bpy.data.images.load(str(path.absolute()))
    try:
        width, height = (round(size) for size in components(image.size))
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(height, width, 4)[::-1]
    finally:
        bpy.data.images.remove(image)


def write_picture(path: Path, pixels: F32) -> None:
    """Write displayed colours as 8-bit PNG.

    Args:
        path: Picture to write.
        pixels: (H, W, 4) in [0, 1], top row first.

    Raises:
        OutputError: If the picture cannot be written.
    """
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("DancePose sheet", width, height, alpha=False)
    try:
        # The stubs declare a sequence; Blender also takes a buffer, without copying it number by number.
        image.pixels.foreach_set(cast("Sequence[float]", np.ascontiguousarray(pixels[::-1]).ravel()))
        image.filepath_raw = str(path.absolute())
        image.file_format = "PNG"
        try:
            image.save()
        except RuntimeError as error:
            raise write_error(path, _last_line(error)) from error
    finally:
        bpy.data.images.remove(image)
