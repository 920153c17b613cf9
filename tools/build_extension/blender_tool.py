# SPDX-License-Identifier: Apache-2.0
"""Blender's own command-line tool for extensions, of the bpy wheel or of a Blender program."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
import subprocess
import sys
from typing import Final

from .packaging_errors import PackagingError

TIMEOUT_S: Final = 300.0


@dataclass(frozen=True)
class BlenderTool:
    """Blender's extension tool.

    Attributes:
        command: Words before a subcommand and its arguments.
        tags: Blender's list of valid tags, if found.
    """

    command: tuple[str, ...]
    tags: Path | None = None

    def build(self, folder: Path, archive: Path) -> None:
        """Build an archive of a folder with a manifest. Raises PackagingError if Blender refuses it."""
        self._run("build", "--source-dir", folder, "--output-filepath", archive, *self._tag_arguments())

    def validate(self, archive: Path) -> None:
        """Raise PackagingError if Blender would refuse the archive."""
        self._run("validate", *self._tag_arguments(), archive)

    def make_index(self, folder: Path) -> None:
        """Write index.json and index.html for the archives in a folder. Raises PackagingError if Blender cannot."""
        done = self._run("server-generate", "--repo-dir", folder, "--html")
        if "duplicate" in done:
            raise PackagingError(f"Blender's index of {folder} has entries that exclude each other: {done.strip()}")

    def _tag_arguments(self) -> tuple[str, ...]:
        return () if self.tags is None else (f"--valid-tags={self.tags}",)

    def _run(self, *arguments: str | Path) -> str:
        command = [*self.command, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PackagingError(f"Blender's extension tool does not run ({error}). Give --blender PATH.") from error
        output = done.stdout + done.stderr
        if done.returncode != 0:
            reasons = [line for line in output.splitlines() if line.strip()]
            raise PackagingError(f"Blender's `extension {arguments[0]}` failed: {' '.join(reasons[-3:])}")
        return output


def find_tool(blender: Path | None) -> BlenderTool:
    """Find the tool of a Blender program, or else of the installed bpy wheel.

    Args:
        blender: Blender executable, or None.

    Returns:
        The tool.

    Raises:
        PackagingError: There is none.
    """
    if blender is not None:
        return BlenderTool((str(blender), "--command", "extension"))
    spec = find_spec("bpy")
    if spec is not None and spec.origin is not None:
        # Blender's scripts are in a folder named after its version; bpy itself need not be loaded.
        for scripts in sorted(Path(spec.origin).parent.glob("*/scripts")):
            tool = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
            tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
            if tool.is_file():
                return BlenderTool((sys.executable, str(tool)), tags if tags.is_file() else None)
    raise PackagingError(
        "Blender's extension tool is not found: the bpy wheel is not installed. Install it with "
        "`pip install '.[render]'`, or give --blender PATH."
    )
