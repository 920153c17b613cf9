# SPDX-License-Identifier: Apache-2.0
"""Clips from frames, and several clips in one picture: H.264, yuv420p, AAC, index first, no metadata."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError

from .ffmpeg import SOUND_RATE_HZ, Ffmpeg

AUDIO_KBIT: Final = 192
THREADS: Final = 2
"""The output of x264 depends on its number of threads, so it is the same everywhere."""
WIDEST_PX: Final = 3840
"""Browsers and the common levels of H.264 play films up to this width."""
AAC_FRAME: Final = 1024
"""Samples of an AAC frame. Old versions of ffmpeg pad the audio of an MP4 to whole frames."""
TO_YUV: Final = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"


@dataclass(frozen=True)
class FilmFormat:
    """Length and quality of a film.

    Attributes:
        count: Number of pictures.
        fps: Pictures per second.
        crf: Constant rate factor of the encoder; smaller is finer and larger.
    """

    count: int
    fps: float
    crf: int

    @property
    def duration_s(self) -> float:
        """Length of pictures and sound, seconds."""
        return self.count / self.fps


@dataclass(frozen=True)
class Grid:
    """Arrangement of several clips in one picture.

    Attributes:
        columns: Clips per row.
        cell: (width, height) of each clip in the picture, pixels.
    """

    columns: int
    cell: tuple[int, int]


def ffmpeg_rate(fps: float) -> str:
    """Format a frame rate for ffmpeg: 29.97 as 30000/1001."""
    near = Fraction(float(fps)).limit_denominator(1001)
    return f"{near.numerator}/{near.denominator}"


def encode_clip(
    ffmpeg: Ffmpeg,
    out: Path,
    *,
    frames: Path,
    film: FilmFormat,
    sound: Path,
    size: tuple[int, int],
    backdrop: tuple[float, float, float] | None = None,
) -> None:
    """Encode a folder of frames with their sound as MP4.

    Args:
        ffmpeg: The program.
        out: File to write.
        frames: Folder of ``000000.png``, ``000001.png``, ...
        film: Length and quality.
        sound: WAV file, as long as the film.
        size: (width, height) of the frames, pixels.
        backdrop: Linear RGB colour behind transparent frames; None for opaque frames.

    Raises:
        OutputError: The disk is full.
        DancePoseError: ffmpeg failed, or the film has another length than it should.
    """
    # The pictures are bounded by `trim` and the file by `-t`. `-frames:v` would end the file at the last picture, and
    # ffmpeg 5 then drops the sound that it has not written yet.
    bound = f"trim=end_frame={film.count}"
    if backdrop is None:
        chain = f"[0:v]{bound},{TO_YUV}[v]"
    else:
        rate = ffmpeg_rate(film.fps)
        chain = f"color=c={_hex(backdrop)}:s={size[0]}x{size[1]}:r={rate},format=rgb24[b];[0:v]{bound}[f];"
        chain += f"[b][f]overlay=format=rgb:shortest=1,{TO_YUV}[v]"
    output = [
        "-filter_complex",
        chain,
        "-map",
        "[v]",
        "-map",
        "1:a",
        *_length(film),
        *h264_options(film),
        *aac_options(),
    ]
    with replacing(out) as temporary:
        ffmpeg.run([*_inputs(film, sound), *output, str(temporary.absolute())], cwd=frames)
        _require_length(ffmpeg, temporary, film, out)


def encode_transparent(ffmpeg: Ffmpeg, out: Path, *, frames: Path, film: FilmFormat, sound: Path) -> None:
    """Encode a folder of frames as VP9 with alpha and Opus in WebM; see ``encode_clip``."""
    video = ["-c:v", "libvpx-vp9", "-crf", str(film.crf), "-b:v", "0", "-pix_fmt", "yuva420p", "-threads", str(THREADS)]
    plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    chain = f"[0:v]trim=end_frame={film.count},format=yuva420p[v]"
    output = ["-filter_complex", chain, "-map", "[v]", "-map", "1:a", *_length(film), *video, "-c:a", "libopus", *plain]
    with replacing(out) as temporary:
        ffmpeg.run([*_inputs(film, sound), *output, str(temporary.absolute())], cwd=frames)
        _require_length(ffmpeg, temporary, film, out)


def combine_clips(
    ffmpeg: Ffmpeg, out: Path, clips: list[Path], *, grid: Grid, film: FilmFormat, sound: Path, overlay: Path | None
) -> None:
    """Encode several clips of one size side by side, in rows, with one sound.

    Args:
        ffmpeg: The program.
        out: File to write.
        clips: Films, row by row.
        grid: Their arrangement.
        film: Length and quality.
        sound: WAV file, as long as the film.
        overlay: PNG of the size of the whole picture, drawn on top.

    Raises:
        OutputError: The disk is full.
        DancePoseError: ffmpeg failed, or the film has another length than it should.
    """
    inputs = [argument for clip in clips for argument in ("-i", str(clip.absolute()))]
    inputs += ["-i", str(sound.absolute())]
    inputs += [] if overlay is None else ["-i", str(overlay.absolute())]
    width, height = grid.cell
    bound = f"trim=end_frame={film.count}"
    chain = "".join(f"[{n}:v]{bound},scale={width}:{height}:flags=lanczos[c{n}];" for n in range(len(clips)))
    corners = "|".join(f"{n % grid.columns * width}_{n // grid.columns * height}" for n in range(len(clips)))
    names = "".join(f"[c{n}]" for n in range(len(clips)))
    chain += f"{names}xstack=inputs={len(clips)}:layout={corners}:fill=0x202124[g];"
    chain += "[g]format=yuv420p[v]" if overlay is None else f"[g][{len(clips) + 1}:v]overlay=0:0,format=yuv420p[v]"
    streams = ["-filter_complex", chain, "-map", "[v]", "-map", f"{len(clips)}:a"]
    with replacing(out) as temporary:
        ffmpeg.run([*inputs, *streams, *_length(film), *h264_options(film), *aac_options(), str(temporary.absolute())])
        _require_length(ffmpeg, temporary, film, out)


def cell_size(size: tuple[int, int], columns: int) -> tuple[int, int]:
    """Choose the size of each of ``columns`` clips in a row.

    Returns:
        (width, height), even numbers no larger than ``size``, so that the row is at most WIDEST_PX wide.
    """
    scale = min(1.0, WIDEST_PX / (size[0] * columns))
    return max(2, int(size[0] * scale) // 2 * 2), max(2, int(size[1] * scale) // 2 * 2)


def _inputs(film: FilmFormat, sound: Path) -> list[str]:
    pictures = ["-framerate", ffmpeg_rate(film.fps), "-start_number", "0", "-i", "%06d.png"]
    return [*pictures, "-i", str(sound.absolute())]


def _length(film: FilmFormat) -> list[str]:
    return ["-t", f"{film.duration_s:.6f}"]


def h264_options(film: FilmFormat) -> list[str]:
    """Return ffmpeg's options of the pictures of a film."""
    return [
        *("-c:v", "libx264", "-preset", "medium", "-crf", str(film.crf), "-pix_fmt", "yuv420p"),
        *("-threads", str(THREADS), "-r", ffmpeg_rate(film.fps), "-g", str(max(1, round(film.fps)))),
        *("-profile:v", "high", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-color_range", "tv"),
    ]


def aac_options() -> list[str]:
    """Return ffmpeg's options of the sound of a film, and those that leave out metadata."""
    audio = ["-c:a", "aac", "-b:a", f"{AUDIO_KBIT}k"]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    return [*audio, *plain, "-flags:a", "+bitexact", "-movflags", "+faststart"]


def _require_length(ffmpeg: Ffmpeg, path: Path, film: FilmFormat, out: Path) -> None:
    """Check the number of pictures and the length of the sound: equal within one frame."""
    found = ffmpeg.count_frames(path)
    if found != film.count:
        raise DancePoseError(f"{out} was encoded with {found} frames instead of {film.count}.")
    sound_s = ffmpeg.sound_length_s(path)
    if abs(sound_s - film.duration_s) > max(1.0 / film.fps, AAC_FRAME / SOUND_RATE_HZ):
        raise DancePoseError(
            f"{out} was encoded with {sound_s:.2f} s of sound for {film.duration_s:.2f} s of pictures "
            f"(ffmpeg {ffmpeg.program}). Use another ffmpeg."
        )


def _hex(linear: tuple[float, float, float]) -> str:
    """Convert a linear colour to sRGB (IEC 61966-2-1), as ffmpeg writes it."""
    shown = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1.0 / 2.4) - 0.055 for c in linear)
    return "0x" + "".join(f"{round(255 * value):02x}" for value in shown)
