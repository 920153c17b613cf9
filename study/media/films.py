"""Clips from frames, and several clips in one picture: H.264, yuv420p, AAC, the index first, no metadata."""

from fractions import Fraction
from pathlib import Path
from typing import Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import DancePoseError

from .ffmpeg import count_frames, run_ffmpeg

AUDIO_KBIT: Final = 192
THREADS: Final = 2
"""x264's result hangs on its number of threads, so that is the same everywhere."""
WIDEST: Final = 3840
"""Pixels that browsers and H.264's common levels still play."""


def rate(fps: float) -> str:
    """A frame rate as ffmpeg wants it, 29.97 as 30000/1001."""
    near = Fraction(fps).limit_denominator(1001)
    return f"{near.numerator}/{near.denominator}"


def _video(crf: int, fps: float) -> list[str]:
    return [
        *("-c:v", "libx264", "-preset", "medium", "-crf", str(crf), "-pix_fmt", "yuv420p", "-threads", str(THREADS)),
        *("-r", rate(fps), "-g", str(max(1, round(fps))), "-profile:v", "high"),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
    ]


def _tail() -> list[str]:
    audio = ["-c:a", "aac", "-b:a", f"{AUDIO_KBIT}k"]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    return [*audio, *plain, "-flags:a", "+bitexact", "-movflags", "+faststart"]


TO_YUV: Final = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"


def encode_clip(
    out: Path,
    *,
    frames: Path,
    count: int,
    size: tuple[int, int],
    fps: float,
    sound: Path,
    crf: int,
    backdrop: tuple[float, float, float] | None = None,
) -> None:
    """Write the frames of a folder with their sound. backdrop: linear colour behind transparent frames.

    Raises:
        OutputError: the disk is full. DancePoseError: ffmpeg failed, or the film is not what it should be.
    """
    pictures = ["-framerate", rate(fps), "-start_number", "0", "-i", "%06d.png", "-i", str(sound.absolute())]
    if backdrop is None:
        chain = f"[0:v]{TO_YUV}[v]"
    else:
        chain = f"color=c={_hex(backdrop)}:s={size[0]}x{size[1]}:r={rate(fps)},format=rgb24[b];"
        chain += f"[b][0:v]overlay=format=rgb:shortest=1,{TO_YUV}[v]"
    output = ["-filter_complex", chain, "-map", "[v]", "-map", "1:a", "-frames:v", str(count)]
    with replacing(out) as temporary:
        run_ffmpeg([*pictures, *output, *_video(crf, fps), *_tail(), str(temporary.absolute())], cwd=frames)
        _require_frames(temporary, count, out)


def encode_transparent(out: Path, *, frames: Path, count: int, fps: float, sound: Path, crf: int) -> None:
    """Write the frames of a folder as VP9 with alpha in WebM, with Opus; see ``encode_clip``."""
    pictures = ["-framerate", rate(fps), "-start_number", "0", "-i", "%06d.png", "-i", str(sound.absolute())]
    video = ["-c:v", "libvpx-vp9", "-crf", str(crf), "-b:v", "0", "-pix_fmt", "yuva420p", "-threads", str(THREADS)]
    plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    output = ["-map", "0:v", "-map", "1:a", "-frames:v", str(count), *video, "-c:a", "libopus", *plain]
    with replacing(out) as temporary:
        run_ffmpeg([*pictures, *output, str(temporary.absolute())], cwd=frames)
        _require_frames(temporary, count, out)


def combine_clips(
    out: Path,
    clips: list[Path],
    *,
    columns: int,
    cell: tuple[int, int],
    count: int,
    fps: float,
    sound: Path,
    crf: int,
    overlay: Path | None,
) -> None:
    """Lay clips of one size side by side in rows, with one sound. cell: size of each in the picture; overlay: a PNG
    of the whole picture's size, laid on top.

    Raises: see ``encode_clip``.
    """
    inputs = [argument for clip in clips for argument in ("-i", str(clip.absolute()))]
    inputs += ["-i", str(sound.absolute())]
    inputs += [] if overlay is None else ["-i", str(overlay.absolute())]
    width, height = cell
    chain = "".join(f"[{n}:v]scale={width}:{height}:flags=lanczos[c{n}];" for n in range(len(clips)))
    places = "|".join(f"{n % columns * width}_{n // columns * height}" for n in range(len(clips)))
    names = "".join(f"[c{n}]" for n in range(len(clips)))
    chain += f"{names}xstack=inputs={len(clips)}:layout={places}:fill=0x202124[g];"
    chain += "[g]format=yuv420p[v]" if overlay is None else f"[g][{len(clips) + 1}:v]overlay=0:0,format=yuv420p[v]"
    output = ["-filter_complex", chain, "-map", "[v]", "-map", f"{len(clips)}:a", "-frames:v", str(count)]
    with replacing(out) as temporary:
        run_ffmpeg([*inputs, *output, *_video(crf, fps), *_tail(), str(temporary.absolute())])
        _require_frames(temporary, count, out)


def cell_size(size: tuple[int, int], columns: int) -> tuple[int, int]:
    """Size of each of ``columns`` clips, even and no larger than ``size``, so that the row is not too wide."""
    scale = min(1.0, WIDEST / (size[0] * columns))
    return max(2, int(size[0] * scale) // 2 * 2), max(2, int(size[1] * scale) // 2 * 2)


def _require_frames(path: Path, count: int, out: Path) -> None:
    found = count_frames(path)
    if found != count:
        raise DancePoseError(f"{out} came out with {found} frames instead of {count}.")


def _hex(linear: tuple[float, float, float]) -> str:
    """A linear colour as it is shown (IEC 61966-2-1), for ffmpeg."""
    shown = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1.0 / 2.4) - 0.055 for c in linear)
    return "0x" + "".join(f"{round(255 * value):02x}" for value in shown)
