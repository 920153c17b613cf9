# SPDX-License-Identifier: Apache-2.0
"""Identity of the ffmpeg program of a study: chosen and probed once, when the study is planned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any, Final

from dancepose_addon.core.errors import EngineError, FormatError

from .jobs import PLAN_AGAIN, file_hash

VARIABLE: Final = "DANCEPOSE_FFMPEG"
PROBE_TIMEOUT_S: Final = 60.0


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
        digest = file_hash(Path(program))
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


def program_of(head: Mapping[str, Any]) -> FfmpegProgram:
    """Return the program that the head of a plan names, after checking that it is that file.

    A plan may have been edited, and its program is started. ``require_same`` compares hash and version with those of
    the program found on this machine; here the file at the path is compared with the hash.

    Args:
        head: First line of a plan, checked by ``plan_checks``.

    Returns:
        The program.

    Raises:
        EngineError: The file is missing, or is another one.
    """
    program = FfmpegProgram(**head["ffmpeg"])
    try:
        digest = file_hash(Path(program.program))
    except (OSError, ValueError, FormatError) as error:
        raise EngineError(f"The ffmpeg of the plan, {program}, cannot be read ({error}). {PLAN_AGAIN}") from error
    if digest != program.digest:
        raise EngineError(f"{program.program} is not the ffmpeg that the study was planned with. {PLAN_AGAIN}")
    return program


def require_same(planned: FfmpegProgram) -> None:
    """Check that the ffmpeg of a plan is still the program that would be chosen now.

    Raises:
        EngineError: The program is gone, was replaced, or another one is selected now.
    """
    found = find_ffmpeg()
    if found.as_key() != planned.as_key():
        raise EngineError(
            f"This study was planned with ffmpeg {planned}, and the ffmpeg found now is {found}. Select the former "
            f"with {VARIABLE}, or run `dancepose study run`, which plans again and encodes every film again."
        )
