# SPDX-License-Identifier: Apache-2.0
"""Films by the fast engine: from a fit to a video without Blender."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancepose.raster.gl_context import open_context
from dancepose.raster.picture_files import write_picture_sheet
from dancepose.study.media.ffmpeg import ONLY_AUDIO_FILES, SOUND_RATE_HZ, Ffmpeg
from dancepose.study.media.film_pipe import open_film
from dancepose.study.media.films import FilmFormat
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.errors import DancePoseError, EngineError
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.readers.music_dance import NOTED_END_S, wav_length_s

from .film_request import FilmRequest
from .shared_drawing import shared_frames

CRF = 18
SHEET_FRAMES = 12


@dataclass(frozen=True)
class FilmReport:
    """How a film was made.

    Attributes:
        renderer: Name of the OpenGL renderer.
        frames: Number of frames.
        has_music: Whether the film has music.
        notices: Sentences for the user.
        seconds: Time that drawing and encoding took.
    """

    renderer: str
    frames: int
    has_music: bool
    notices: tuple[str, ...]
    seconds: float

    def as_table(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "engine": "fast",
            "device": self.renderer,
            "frames": self.frames,
            "music": self.has_music,
            "notices": list(self.notices),
            "seconds": {"frames": round(self.seconds, 3)},
        }


def starts_here() -> bool:
    """Whether the fast engine can draw on this machine."""
    try:
        open_context().release()
    except EngineError:
        return False
    return True


def render_fast(
    request: FilmRequest, out: Path, *, sheet: Path | None = None, progress: Progress = silent
) -> FilmReport:
    """Render a film.

    Args:
        request: What to render.
        out: Film to write: .mp4 or .gif.
        sheet: Contact sheet to write, .png; None for none.
        progress: Called with the fraction done and the current step.

    Returns:
        How it was made.

    Raises:
        EngineError: OpenGL, moderngl or ffmpeg is missing.
        InputError: An option does not apply to the body.
        OutputError: A file cannot be written.
    """
    clock = time.perf_counter()
    program = find_ffmpeg()
    film = FilmFormat(request.count, request.fps, CRF)
    chosen = set(np.linspace(0, request.count - 1, min(SHEET_FRAMES, request.count)).round().astype(int).tolist())
    kept: list[NDArray[np.uint8]] = []
    with _music(request, Ffmpeg(program)) as (sound, notices), shared_frames(request) as (renderer, pictures):
        with open_film(program, out, size=request.whole_size, film=film, sound=sound) as pipe:
            for index, pixels in enumerate(pictures):
                progress(index / request.count, f"Frame {index + 1} of {request.count}")
                pipe.write(pixels)
                if sheet is not None and index in chosen:
                    kept.append(pixels)
        has_music = sound is not None
    if sheet is not None:
        write_picture_sheet(sheet, kept)
    progress(1.0, f"Wrote {out}")
    return FilmReport(renderer, request.count, has_music, notices, time.perf_counter() - clock)


@contextmanager
def _music(request: FilmRequest, ffmpeg: Ffmpeg) -> Iterator[tuple[Path | None, tuple[str, ...]]]:
    """Cut the music of a film to a temporary file; yield None and a sentence where it cannot be read."""
    audio = request.audio
    if audio is None:
        yield None, ()
        return
    with TemporaryDirectory() as folder:
        wav = Path(folder) / "music.wav"
        length_s = min(audio.duration_s, request.count / request.fps)
        length = ["-t", f"{length_s:.6f}"]  # of what is read and of what is written: a packet may last an hour
        part = ["-ss", f"{audio.start_s:.6f}", *length]
        try:
            source = [*ONLY_AUDIO_FILES, *part, "-i", str(Path(audio.path).absolute()), "-map", "0:a:0"]
            ffmpeg.run([*source, *length, "-ac", "2", "-ar", str(SOUND_RATE_HZ), str(wav)])
        except DancePoseError as error:
            yield None, (f"The film has no music: {audio.path} cannot be read ({error}).",)
            return
        lasts_s = wav_length_s(wav) or 0.0
        if lasts_s == 0.0:
            trouble = f"{audio.path} ends before {audio.start_s:.2f} s, where the dance begins."
            yield None, (f"The film has no music: {trouble}",)
            return
        late = f"{audio.path} ends {length_s - lasts_s:.2f} s before the film."
        yield wav, ((late,) if length_s - lasts_s > NOTED_END_S else ())
