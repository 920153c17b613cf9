"""The ffmpeg program: found, run, and made to say in a sentence what went wrong."""

from functools import cache
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any, Final

from dancepose_addon.core.atomic import output_error
from dancepose_addon.core.errors import DancePoseError, EngineError, InputError, OutputError

VARIABLE: Final = "DANCEPOSE_FFMPEG"
TIMEOUT_S: Final = 3600.0


@cache
def find_ffmpeg() -> str:
    """The program that DANCEPOSE_FFMPEG names, or that of imageio-ffmpeg, the same on all machines, or one on PATH.

    Raises:
        EngineError: there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise EngineError(f"{VARIABLE} is {named}, which is not a program. Set it to an ffmpeg, or not at all.")
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        found = shutil.which("ffmpeg")
    if found is None:
        raise EngineError(
            "There is no ffmpeg here. Install the extra `study` (pip install -e '.[study]'), or ffmpeg itself, or set "
            f"{VARIABLE}."
        )
    return found


@cache
def ffmpeg_version() -> str:
    """What ffmpeg calls itself."""
    said = subprocess.run([find_ffmpeg(), "-version"], capture_output=True, text=True, check=False, timeout=60).stdout
    found = re.match(r"ffmpeg version (\S+)", said)
    return found.group(1) if found else "unknown"


def run_ffmpeg(arguments: list[str], *, cwd: Path | None = None) -> str:
    """Run ffmpeg; returns what it said on stderr.

    Raises:
        OutputError: the disk is full. DancePoseError: it failed; its last line is in the message.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-y", *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise DancePoseError(f"ffmpeg did not end within {TIMEOUT_S:g} s and was stopped.") from None
    if done.returncode == 0:
        return done.stderr
    said = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No space left on device" in line for line in said):
        raise output_error(Path(arguments[-1]), OSError(28, "No space left on device"))
    raise DancePoseError(f"ffmpeg failed: {said[-1] if said else f'exit code {done.returncode}'}")


def measure_loudness(path: Path, *, start_s: float, duration_s: float) -> dict[str, float]:
    """Integrated loudness (LUFS) and true peak (dBTP) of a part of a file, after EBU R128.

    Raises:
        InputError: the file cannot be read as sound, or ends before ``start_s``.
    """
    arguments = ["-ss", f"{start_s:.6f}", "-t", f"{duration_s:.6f}", "-i", str(path.absolute())]
    try:
        said = run_ffmpeg([*arguments, "-map", "0:a:0", "-af", "loudnorm=print_format=json", "-f", "null", "-"])
        table: dict[str, Any] = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
        return {"integrated": float(table["input_i"]), "peak": float(table["input_tp"])}
    except OutputError:
        raise
    except (DancePoseError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} cannot be read as sound from {start_s:.2f} s on ({error}). Give another file as the song's audio, "
            "or mend its window."
        ) from error


def count_frames(path: Path) -> int:
    """Pictures in a film, as its packets tell.

    Raises:
        DancePoseError: it cannot be read.
    """
    said = run_ffmpeg(["-i", str(path.absolute()), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"])
    found = re.findall(r"frame=\s*(\d+)", said)
    return int(found[-1]) if found else 0


def sound_length_s(path: Path) -> float:
    """Seconds of sound in a file, as it is decoded.

    Raises:
        InputError: it cannot be read as sound.
    """
    try:
        said = run_ffmpeg(["-i", str(path.absolute()), "-map", "0:a:0", "-f", "null", "-"])
    except OutputError:
        raise
    except DancePoseError as error:
        raise InputError(f"{path} cannot be read as sound ({error}). Give another file as the song's audio.") from error
    found = re.findall(r"time=\s*(\d+):(\d+):([\d.]+)", said)
    if not found:
        raise InputError(f"{path} holds no sound. Give another file as the song's audio.")
    hours, minutes, seconds = found[-1]
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
