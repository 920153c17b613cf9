# SPDX-License-Identifier: Apache-2.0
"""The commands of ``dancepose``."""

from collections.abc import Callable
import logging
import sys
from typing import Annotated, Final
import warnings

import typer

from dancepose.study.plan.program import program_version

from .calibrate import calibrate_command
from .compare import compare_command
from .convert import convert_command
from .demo import demo_command
from .doctor import doctor_command
from .evaluate import evaluate_command
from .export import export_command
from .figure import figure_command
from .fit import fit_command
from .inspect import inspect_command
from .layout import layout_app
from .poses import poses_command
from .rate import rate_app
from .render import render_command
from .stats import stats_command
from .study import app as study_app
from .train import train_command
from .twist import twist_command
from .view import view_command

app = typer.Typer(
    help="Turn 3D skeleton motion into a rigged, posed SMPL avatar and a video with its music.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "demo": demo_command,
    "render": render_command,
    "figure": figure_command,
    "view": view_command,
    "fit": fit_command,
    "inspect": inspect_command,
    "convert": convert_command,
    "compare": compare_command,
    "poses": poses_command,
    "train": train_command,
    "twist": twist_command,
    "export": export_command,
    "evaluate": evaluate_command,
    "calibrate": calibrate_command,
    "stats": stats_command,
    "doctor": doctor_command,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
# The former name of `poses`.
app.command("prior", hidden=True)(poses_command)
app.add_typer(study_app, name="study")
app.add_typer(rate_app, name="rate")
app.add_typer(layout_app, name="layout")


def show_version(wanted: bool) -> None:
    """Print the version and exit, if ``wanted``."""
    if wanted:
        typer.echo(f"dancepose {program_version()}")
        raise typer.Exit


@app.callback()
def configure(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log details to stderr.")] = False,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Handle the options that come before the command."""
    if not verbose:
        # Warnings of libraries name lines of code; what a user has to know is a notice.
        warnings.simplefilter("ignore")
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr
    )
