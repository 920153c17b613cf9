# SPDX-License-Identifier: Apache-2.0
"""Runs the ffmpeg program of a study: encoding, and measurements of films and audio files."""

from contextlib import suppress
from errno import ENOSPC
import json
from pathlib import Path
import re
import subprocess
import threading
from typing import Any, Final

from dancepose_addon.core.atomic import output_error
from dancepose_addon.core.errors import Cancelled, DancePoseError, InputError, OutputError

from ..plan.ffmpeg_program import FfmpegProgram
from ..plan.study_sources import MAX_FILE_BYTES
from .bound_process import ending_with_caller

TIMEOUT_S: Final = 3600.0
NO_SPACE: Final = "No space left on device"
"""What ffmpeg prints where the disk is full, some twenty lines before its last one."""
SOUND_RATE_HZ: Final = 48000
AUDIO_FORMATS: Final = ("wav", "w64", "mp3", "aac", "flac", "ogg", "mov", "m4a", "matroska", "aiff", "caf")
"""Demuxers (ffmpeg's names) that may open a song: containers of audio, no playlists, which would open other files."""
FILM_FORMATS: Final = ("mov", "matroska")
ONLY_FILM_FILES: Final = ("-format_whitelist", ",".join(FILM_FORMATS), "-protocol_whitelist", "file")
ONLY_AUDIO_FILES: Final = ("-format_whitelist", ",".join(AUDIO_FORMATS), "-protocol_whitelist", "file")


class Ffmpeg:
    """Runs one ffmpeg program; ``stop`` ends whatever is running from another thread."""

    def __init__(self, program: FfmpegProgram) -> None:
        self.program = program
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, arguments: list[str], *, cwd: Path | None = None) -> str:
        """Run ffmpeg.

        Args:
            arguments: Its arguments; the last one is the output.
            cwd: Working directory.

        Returns:
            What ffmpeg printed on stderr.

        Raises:
            OutputError: The disk is full.
            Cancelled: ``stop`` was called.
            DancePoseError: ffmpeg failed; its last line is in the message.
        """
        return self._run(arguments, cwd)[1]

    def _run(self, arguments: list[str], cwd: Path | None = None) -> tuple[str, str]:
        command = [self.program.program, "-hide_banner", "-nostdin", "-nostats", "-y", *arguments]
        command = ending_with_caller(command)
        with self._lock:
            if self._stopped:
                raise Cancelled("ffmpeg was stopped.")
            # In its own session, so that Ctrl-C reaches it only through `stop`, after the run has begun to end.
            process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        try:
            printed, said = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise DancePoseError(f"ffmpeg did not finish within {TIMEOUT_S:g} s and was stopped.") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            raise Cancelled("ffmpeg was stopped.")
        if process.returncode != 0:
            _raise_failure(said, process.returncode, arguments[-1])
        return printed, said

    def stop(self) -> None:
        """End what is running and refuse further work."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    def measure_loudness(self, path: Path, *, start_s: float, duration_s: float) -> dict[str, float]:
        """Measure a part of an audio file after EBU R128.

        Args:
            path: Audio file.
            start_s: Start of the part, seconds.
            duration_s: Its length, seconds.

        Returns:
            ``integrated`` loudness (LUFS) and true ``peak`` (dBTP).

        Raises:
            InputError: The file cannot be read as audio, or ends before ``start_s``.
        """
        require_audio_size(path)
        arguments = [*ONLY_AUDIO_FILES, "-ss", f"{start_s:.6f}", "-t", f"{duration_s:.6f}", "-i", str(path.absolute())]
        try:
            said = self.run([*arguments, "-map", "0:a:0", "-af", "loudnorm=print_format=json", "-f", "null", "-"])
            table: dict[str, Any] = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
            return {"integrated": float(table["input_i"]), "peak": float(table["input_tp"])}
        except (OutputError, Cancelled):
            raise
        except (DancePoseError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} cannot be read as audio from {start_s:.2f} s on ({error}). Give another file as the song's "
                "audio, or correct its window."
            ) from error

    def count_frames(self, path: Path) -> int:
        """Count the pictures in a film by its packets.

        Raises:
            DancePoseError: It cannot be read.
        """
        # Streamcopied frames are not counted in the statistics of every version (7.0 prints none).
        printed, _ = self._run(["-i", str(path.absolute()), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"])
        return sum(bool(line) and not line.startswith("#") for line in printed.splitlines())

    def sound_length_s(self, path: Path) -> float:
        """Measure the length of the audio in a file, in seconds, by decoding it.

        Raises:
            InputError: The file cannot be read as audio.
        """
        require_audio_size(path)
        # The `time=` of the statistics is the time of the last packet in some versions and of the first in others.
        measure = f"aresample={SOUND_RATE_HZ},astats=measure_perchannel=none:measure_overall=all"
        arguments = ["-i", str(path.absolute()), "-map", "0:a:0", "-af", measure, "-f", "null", "-"]
        try:
            said = self.run([*ONLY_AUDIO_FILES, *arguments])
        except (OutputError, Cancelled):
            raise
        except DancePoseError as error:
            raise InputError(f"{path} cannot be read as audio ({error}). Give another file as the song's audio.") from (
                error
            )
        found = re.findall(r"Number of samples: ([\d.]+)", said)
        if not found:
            raise InputError(f"{path} holds no audio. Give another file as the song's audio.")
        return float(found[-1]) / SOUND_RATE_HZ


def require_audio_size(path: Path) -> None:
    """Refuse files that would be read for hours, such as sparse ones; ffmpeg says what else is wrong.

    Raises:
        InputError: It is larger than any song.
    """
    with suppress(OSError):
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"{path} has {size >> 30} GiB; songs have at most {MAX_FILE_BYTES >> 30} (limit).")


def _raise_failure(said: str, code: int, output: str) -> None:
    lines = [line for line in said.splitlines() if line.strip()]
    if NO_SPACE in said:
        raise output_error(Path(output), OSError(ENOSPC, NO_SPACE))
    refused = re.search(r"Format not on whitelist", said)
    if refused:
        raise DancePoseError("it is not an audio file: ffmpeg takes it for a playlist or another kind of file")
    raise DancePoseError(f"ffmpeg failed: {lines[-1] if lines else f'exit code {code}'}")
