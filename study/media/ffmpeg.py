"""The ffmpeg program: one per study, identified when the study is planned and the same for all of its films."""

from dataclasses import asdict, dataclass
import hashlib
from importlib.util import find_spec
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import threading
from typing import Any, Final

from dancepose_addon.core.atomic import output_error
from dancepose_addon.core.errors import Cancelled, DancePoseError, EngineError, InputError, OutputError

VARIABLE: Final = "DANCEPOSE_FFMPEG"
TIMEOUT_S: Final = 3600.0
PROBE_TIMEOUT_S: Final = 60.0
SOUND_RATE_HZ: Final = 48000
AUDIO_FORMATS: Final = ("wav", "w64", "mp3", "aac", "flac", "ogg", "mov", "m4a", "matroska", "aiff", "caf")
"""Demuxers (ffmpeg's names) that may open a song: containers of audio, no playlists, which would open other files."""
ONLY_AUDIO_FILES: Final = ("-format_whitelist", ",".join(AUDIO_FORMATS), "-protocol_whitelist", "file")


@dataclass(frozen=True)
class FfmpegProgram:
    """Identity of an ffmpeg program.

    Attributes:
        program: Path of the program.
        version: Version string that it prints.
        digest: Hash of the program file, 16 hex digits.
    """

    program: str
    version: str
    digest: str

    def as_key(self) -> list[str]:
        """Return what identifies the program in job keys; its location does not matter."""
        return [self.version, self.digest]

    def as_table(self) -> dict[str, str]:
        """Return the JSON form, for the head of a plan."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.version} ({self.program})"


def find_ffmpeg() -> FfmpegProgram:
    """Choose an ffmpeg and run it once to learn its version.

    The program is the one named by DANCEPOSE_FFMPEG, otherwise the one bundled with imageio-ffmpeg, otherwise the one
    on PATH. The choice depends on which files exist, not on whether a program starts: if the chosen program fails,
    that is an error, and no other program is tried.

    Returns:
        The program that was chosen.

    Raises:
        EngineError: No ffmpeg was found, or the chosen one does not run.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise EngineError(f"{VARIABLE} is {named!r}, which is not a program. Set it to an ffmpeg, or unset it.")
    else:
        found = _bundled_program() or shutil.which("ffmpeg")
    if found is None:
        raise EngineError(
            "No ffmpeg was found. Install the extra `study` of dancepose, or ffmpeg itself, or set "
            f"{VARIABLE} to a program."
        )
    return identify_ffmpeg(found)


def _bundled_program() -> str | None:
    """Return the binary inside the imageio-ffmpeg wheel.

    ``imageio_ffmpeg.get_ffmpeg_exe`` is not called because it falls back to PATH without notice when its own binary
    fails to start once.
    """
    spec = find_spec("imageio_ffmpeg")
    if spec is None or spec.origin is None:
        return None
    binaries = sorted((Path(spec.origin).parent / "binaries").glob("ffmpeg*"))
    return str(binaries[-1]) if binaries else None


def identify_ffmpeg(program: str) -> FfmpegProgram:
    """Run ``program -version`` and hash the program file.

    Raises:
        EngineError: The program does not run, or is not ffmpeg.
    """
    try:
        done = subprocess.run(
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PROBE_TIMEOUT_S,
        )
        with Path(program).open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            f"{program} could not be run ({error}). Fix that, or choose another ffmpeg with {VARIABLE}."
        ) from error
    found = re.match(r"ffmpeg version (\S+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise EngineError(
            f"`{program} -version` ended with exit code {done.returncode} and printed no version. "
            f"Choose another ffmpeg with {VARIABLE}."
        )
    return FfmpegProgram(program, found.group(1), digest)


def require_same(planned: FfmpegProgram) -> None:
    """Check that the ffmpeg of a plan is still the program that would be chosen now.

    Raises:
        EngineError: The program is gone, was replaced, or another one is selected now.
    """
    found = find_ffmpeg()
    if found.as_key() != planned.as_key():
        raise EngineError(
            f"This study was planned with ffmpeg {planned}, and the ffmpeg found now is {found}. Select the former with "
            f"{VARIABLE}, or run `dancepose study run`, which plans again and encodes every film again."
        )


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
        with self._lock:
            if self._stopped:
                raise Cancelled("ffmpeg was stopped.")
            # In its own session, so that Ctrl-C reaches it only through `stop`, after the run has been told to end.
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


def _raise_failure(said: str, code: int, output: str) -> None:
    lines = [line for line in said.splitlines() if line.strip()]
    if any("No space left on device" in line for line in lines):
        raise output_error(Path(output), OSError(28, "No space left on device"))
    refused = re.search(r"Format not on whitelist", said)
    if refused:
        raise DancePoseError("it is not an audio file: ffmpeg takes it for a playlist or another kind of file")
    raise DancePoseError(f"ffmpeg failed: {lines[-1] if lines else f'exit code {code}'}")
