# SPDX-License-Identifier: Apache-2.0
"""``dancepose doctor``: check what works on this machine."""

from pathlib import Path
import subprocess
from typing import Annotated

import typer

from dancepose.study.run.launching import blender_command
from dancepose_addon.core.checklist import BAD, NOTE, Check, report_of
from dancepose_addon.core.errors import EngineError
from dancepose_addon.inference import check_runtime, use_environment

from .arguments import BlenderOption, BodyOption

PATIENCE_S = 600.0
"""Time limit of the whole check, seconds."""


def doctor_command(
    body: BodyOption = None,
    regressors: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Check your own regressors in this folder too.")
    ] = None,
    environment: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Use the onnxruntime of this Python environment, for example one for a GPU."
        ),
    ] = None,
    blender: BlenderOption = None,
) -> None:
    """Check Blender and its engines, onnxruntime and its devices, body, regressors and folders.

    User names and home folders are masked, so that the report can be shared.
    """
    try:
        command = [*blender_command(blender), "doctor"]
    except EngineError as error:
        _without_blender(error, body, regressors, environment)
        return
    for name, value in (("--body", body), ("--regressors", regressors), ("--environment", environment)):
        command += [] if value is None else [name, str(value.absolute())]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"Blender did not answer within {PATIENCE_S:.0f} s. Try another with --blender.") from error
    if not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise EngineError(f"Blender ended with exit code {done.returncode}; its last output was: {last}")
    print(done.stdout.rstrip())
    if done.returncode:
        raise typer.Exit(1)


def _without_blender(error: EngineError, body: Path | None, regressors: Path | None, environment: Path | None) -> None:
    use_environment(environment)
    checks = [Check("Blender", NOTE, "none.", str(error)), *check_runtime(body, regressors)]
    print(report_of(checks))
    if any(check.state == BAD for check in checks):
        raise typer.Exit(1)
