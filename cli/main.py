"""``dancepose``: registers the verbs and turns expected failures into one sentence and exit code 1."""

import logging
import sys
from typing import Annotated

import typer

from dancepose.study.plan.program import program_version
from dancepose_addon.core.errors import DancePoseError

from .calibrate import calibrate
from .compare import compare
from .convert import convert
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .export import export
from .fit import fit
from .inspect import inspect
from .layout import layout
from .poses import poses
from .render import render
from .stats import stats
from .study import app as study_app
from .train import train

app = typer.Typer(
    help="Turn 3D skeleton motion into a rigged, posed SMPL avatar and a video with its music.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
VERBS = (
    demo, render, fit, inspect, convert, compare, poses, train, export, evaluate, calibrate, stats, doctor,
)  # fmt: skip
for verb in VERBS:
    app.command()(verb)
# The former name of `poses`.
app.command("prior", hidden=True)(poses)
app.add_typer(study_app, name="study")
app.add_typer(layout, name="layout")


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"dancepose {program_version()}")
        raise typer.Exit


@app.callback()
def configure(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, to stderr.")] = False,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options that come before the verb."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr
    )


def main() -> None:
    """Run the command line: exit code 0 fine, 1 expected failure, 2 usage; bugs keep their traceback."""
    try:
        app(prog_name="dancepose")
    except DancePoseError as error:
        typer.echo(f"dancepose: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
