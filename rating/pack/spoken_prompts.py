# SPDX-License-Identifier: Apache-2.0
"""Prompts of attention checks as speech, by eSpeak NG."""

from pathlib import Path
import shutil
import subprocess
from typing import Final

from dancepose_addon.core.errors import EngineError

VOICES: Final = {"fr": "fr-fr", "zh": "cmn"}
TIMEOUT_S: Final = 60.0


def speak(text: str, language: str, out: Path) -> None:
    """Write a sentence as a WAV file.

    Args:
        text: The sentence.
        language: Its language.
        out: File to write.

    Raises:
        EngineError: There is no eSpeak NG, or it has no voice for the language.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise EngineError(
            "Spoken checks need espeak-ng, which was not found. Install it, or set `spoken = false` in rating.toml."
        )
    voice = VOICES.get(language, language)
    done = subprocess.run(
        [program, "-v", voice, "-s", "140", "-w", str(out), "--", text],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0 or not out.is_file() or out.stat().st_size <= 44:
        raise EngineError(
            f"espeak-ng could not speak {language!r} ({done.stderr.strip()[:200]}). Set `spoken = false`."
        )
