# SPDX-License-Identifier: Apache-2.0
"""Films from frames in memory: one ffmpeg that reads pictures from a pipe."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path
import subprocess
import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.atomic import output_error, replacing
from dancepose_addon.core.errors import OutputError

from ..plan.ffmpeg_program import FfmpegProgram
from .ffmpeg import NO_SPACE
from .films import TO_YUV, FilmFormat, aac_options, ffmpeg_rate, h264_options

PATIENCE_S: Final = 600.0
KEPT_LINES: Final = 20
GIF_COLOURS: Final = (
    "split[a][b];[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle"
)


class FilmPipe:
    """An encoder that takes one picture after the other.

    Args:
        process: ffmpeg, which reads raw RGBA pictures from its input.
        out: File that is being written, for messages.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path) -> None:
        self._process, self._out = process, out
        self._said: list[str] = []
        self._is_full = False
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._is_full |= NO_SPACE.encode() in line
            self._said.append(line.decode(errors="replace").rstrip())
            del self._said[:-KEPT_LINES]

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Add a picture, (H, W, 4), the top row first.

        Raises:
            OutputError: ffmpeg has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(pixels).data)
        except OSError:
            self.finish()
            raise

    def finish(self) -> None:
        """Wait until the file is complete.

        Raises:
            OutputError: ffmpeg failed.
        """
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        code = self._process.wait(PATIENCE_S)
        self.close()
        if code == 0:
            return
        if self._is_full:
            raise output_error(self._out, OSError(ENOSPC, NO_SPACE))
        last = next((line for line in reversed(self._said) if line.strip()), f"exit code {code}")
        raise OutputError(f"{self._out} could not be encoded (ffmpeg: {last}). Choose another --out.")

    def close(self) -> None:
        """Close the pipes of a program that has ended."""
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._reader.join(5.0)
        self._process.stderr.close()


@contextmanager
def open_film(
    ffmpeg: FfmpegProgram, out: Path, *, size: tuple[int, int], film: FilmFormat, sound: Path | None = None
) -> Iterator[FilmPipe]:
    """Encode pictures as they come; the file appears when the block ends without an error.

    Args:
        ffmpeg: The program.
        out: File to write: .mp4 (H.264 and AAC) or .gif.
        size: (width, height) of the pictures, pixels.
        film: Length and quality.
        sound: WAV file, or None for a silent film.

    Yields:
        What takes the pictures.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(out) as temporary:
        options = _gif_options(film) if out.suffix.lower() == ".gif" else _mp4_options(film, sound)
        pictures = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{size[0]}x{size[1]}", "-r", ffmpeg_rate(film.fps)]
        command = [ffmpeg.program, "-hide_banner", "-nostats", "-y", *pictures, "-i", "-", *options]
        # In its own session, so that Ctrl-C reaches it only when this process closes the pipe.
        process: subprocess.Popen[Any] = subprocess.Popen(
            [*command, str(temporary.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        pipe = FilmPipe(process, out)
        try:
            yield pipe
            pipe.finish()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            pipe.close()


def _mp4_options(film: FilmFormat, sound: Path | None) -> list[str]:
    music = [] if sound is None else ["-i", str(sound.absolute())]
    streams = ["-filter_complex", f"[0:v]{TO_YUV}[v]", "-map", "[v]", *([] if sound is None else ["-map", "1:a"])]
    return [*music, *streams, "-t", f"{film.duration_s:.6f}", *h264_options(film), *aac_options(), "-f", "mp4"]


def _gif_options(film: FilmFormat) -> list[str]:
    # Viewers round the time of a frame to hundredths of a second and slow down films above 50 frames per second.
    return ["-vf", f"fps={min(film.fps, 50.0):g},{GIF_COLOURS}", "-loop", "0", "-f", "gif"]
