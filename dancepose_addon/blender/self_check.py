# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of this Blender: its version, its render engines and the folders it writes to."""

from pathlib import Path
import tempfile

import bpy

from ..core.checklist import BAD, NOTE, OK, Check
from .render.engines import PROBE_TIMEOUT_S, TITLES, probe


def check_blender(folders: dict[str, Path], *, timeout_s: float = PROBE_TIMEOUT_S) -> list[Check]:
    """Check Blender's version, its render engines and whether folders can be written.

    Each engine renders a test frame in a separate process.

    Args:
        folders: Folders to check, by name.
        timeout_s: Time limit for each engine, seconds.

    Returns:
        One check per line of the report.
    """
    kind = "program" if bpy.app.binary_path else "Python wheel"
    return [
        Check("Blender", OK, f"{bpy.app.version_string}, {kind}"),
        *(_engine(name, timeout_s) for name in TITLES),
        *(_writable(name, folder) for name, folder in folders.items()),
    ]


def _engine(name: str, timeout_s: float) -> Check:
    result = probe(name, timeout_s=timeout_s)
    if isinstance(result, str) and name == "eevee":
        return Check(
            name, NOTE, f"{TITLES[name]} {result}.", "It is for machines with a GPU; the others do not need one."
        )
    if isinstance(result, str):
        return Check(name, BAD, f"{TITLES[name]} {result}.", "The other engine is used instead.")
    denoised = ", denoised" if result.denoiser else ""
    found = f"{TITLES[name]} on {result.device}{denoised}"
    return Check(name, NOTE if result.notices else OK, found, " ".join(result.notices))


def _writable(name: str, folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(name, BAD, f"{folder} cannot be written ({error.strerror}).", "Choose another folder.")
    return Check(name, OK, f"{folder} can be written")
