# SPDX-License-Identifier: Apache-2.0
"""How Blender is started: the bpy wheel of this Python, or a Blender program."""

from importlib.util import find_spec
from pathlib import Path
import shutil
import sys
from typing import Final

from dancepose_addon.core import errors
from dancepose_addon.core.errors import EngineError, MissingFileError

LAUNCHER: Final = Path(errors.__file__).resolve().parents[1] / "launch.py"


def fast_command() -> list[str]:
    """Return the command that runs the fast engine's study worker, to be followed by its arguments."""
    return [sys.executable, "-P", "-m", "dancepose.fast_worker"]  # -P: without modules of the current folder


def blender_command(blender: Path | None) -> list[str]:
    """Return the command that runs ``launch.py`` in Blender, to be followed by its arguments.

    Args:
        blender: A Blender program; None for the bpy wheel of this Python, or else a Blender on PATH.

    Raises:
        MissingFileError: ``blender`` or ``launch.py`` does not exist.
        EngineError: No Blender was found.
    """
    if not LAUNCHER.is_file():
        raise MissingFileError(f"{LAUNCHER} does not exist. Install dancepose again.")
    if blender is None and find_spec("bpy") is not None:
        return [sys.executable, str(LAUNCHER)]
    program = shutil.which("blender") if blender is None else shutil.which(str(blender))
    if program is None:
        if blender is not None:
            raise MissingFileError(f"{blender} is not a program. Give the path of a Blender 4.2 or later.")
        raise EngineError(
            "No Blender was found. Install the extra `render` of dancepose (Python 3.11 or 3.13), or give the path of "
            "a Blender 4.2 or later with --blender."
        )
    # A character's .blend may hold drivers with Python; the user's preferences may allow them.
    return [program, "-b", "--disable-autoexec", "--python-exit-code", "1", "-P", str(LAUNCHER), "--"]
