# SPDX-License-Identifier: Apache-2.0
"""Runs the headless renderer for a command, with its progress on the terminal."""

from pathlib import Path

import typer

from dancepose.blender_process import ArgumentError, run_headless

from .display import Display


def run_renderer(arguments: list[str], *, blender: Path | None, display: Display) -> None:
    """Run the headless renderer to its end; see ``dancepose.blender_process.run_headless``.

    Args:
        arguments: Arguments of ``render.py``.
        blender: A Blender program, or None for the bpy wheel or a Blender on PATH.
        display: Shows progress and notices.

    Raises:
        DancePoseError: The renderer failed, see there.
        typer.BadParameter: The renderer refused an argument.
    """
    try:
        run_headless(arguments, blender=blender, progress=display.progress, on_notice=display.notice)
    except ArgumentError as error:
        raise typer.BadParameter(str(error)) from None
