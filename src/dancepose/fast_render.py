# SPDX-License-Identifier: Apache-2.0
"""Films by the fast engine: from a fit to a video in this process, without Blender."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancepose.raster.film_poses import motion_at, posed_vertices
from dancepose.raster.picture_files import write_picture_sheet
from dancepose.raster.rasteriser import Rasteriser
from dancepose.study.media.ffmpeg import ONLY_AUDIO_FILES, SOUND_RATE_HZ, Ffmpeg
from dancepose.study.media.film_pipe import open_film
from dancepose.study.media.films import FilmFormat
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.body.looks import dressed
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import film_dance
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.sequence import AudioWindow

CRF = 18
SHEET_FRAMES = 12


@dataclass(frozen=True)
class FilmRequest:
    """What a film is made from.

    Attributes:
        body: The body.
        motion: Its motion.
        duration_s: Length of the film, seconds.
        size: (width, height), pixels, even numbers.
        fps: Frames per second of the film.
        audio: Music, or None for a silent film.
        picture: What the picture shows besides the motion.
    """

    body: BodyModel
    motion: BodyMotion
    duration_s: float
    size: tuple[int, int] = (640, 640)
    fps: float = 25.0
    audio: AudioWindow | None = None
    picture: PictureOptions = PictureOptions()

    @property
    def count(self) -> int:
        """Number of frames."""
        return max(1, round(self.duration_s * self.fps))


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


def is_fast_installed() -> bool:
    """Return whether the library of the fast engine is installed."""
    return find_spec("moderngl") is not None


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
    drawn = FilmFrames(request)
    chosen = set(np.linspace(0, request.count - 1, min(SHEET_FRAMES, request.count)).round().astype(int).tolist())
    kept: list[NDArray[np.uint8]] = []
    with _music(request, Ffmpeg(program)) as (sound, notices):
        with open_film(program, out, size=request.size, film=film, sound=sound) as pipe:
            for index, pixels in enumerate(drawn):
                progress(index / request.count, f"Frame {index + 1} of {request.count}")
                pipe.write(pixels)
                if sheet is not None and index in chosen:
                    kept.append(pixels)
        has_music = sound is not None
    if sheet is not None:
        write_picture_sheet(sheet, kept)
    progress(1.0, f"Wrote {out}")
    return FilmReport(drawn.renderer, request.count, has_music, notices, time.perf_counter() - clock)


class FilmFrames:
    """The frames of a film, one after the other.

    Args:
        request: What to render.
    """

    def __init__(self, request: FilmRequest) -> None:
        self._request = request
        self._body = dressed(request.body, request.picture.look, request.picture.material_colours)
        width, height = request.size
        self._camera = film_dance(
            [(self._body, request.motion)],
            aspect=width / height,
            fps=request.fps,
            frames=request.count,
            choice=request.picture.camera,
        )
        self._raster = Rasteriser(self._body, self._camera.shot, request.picture.stage(), size=request.size)
        self.renderer = self._raster.renderer

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        request, camera = self._request, self._camera
        motion = motion_at(request.motion, np.arange(request.count) / request.fps)
        for index, vertices in enumerate(posed_vertices(self._body, motion)):
            self._raster.set_camera(camera.position_m(index), camera.shot.rotmat)
            yield self._raster.draw([vertices])


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
        part = ["-ss", f"{audio.start_s:.6f}", "-t", f"{length_s:.6f}"]
        try:
            source = [*ONLY_AUDIO_FILES, *part, "-i", str(Path(audio.path).absolute()), "-map", "0:a:0"]
            ffmpeg.run([*source, "-ac", "2", "-ar", str(SOUND_RATE_HZ), str(wav)])
        except DancePoseError as error:
            yield None, (f"The film has no music: {audio.path} cannot be read ({error}).",)
            return
        yield wav, ()
