"""``dancepose compare``: how far one motion is from another."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.evaluation.comparison import compare_motions

from .arguments import BodyOption
from .display import list_results, show_table


def compare(
    first: Annotated[Path, typer.Argument(metavar="A.npz", help="A motion.")],
    second: Annotated[Path, typer.Argument(metavar="B.npz", help="The motion that it is held against.")],
    out: Annotated[Path | None, typer.Option("--out", help="Also write the figures, .json.")] = None,
    body: BodyOption = None,
) -> None:
    """Compare two motions: positions, rotations, vertices, smoothness, feet."""
    model = load_body(body)
    table = compare_motions(BodyMotion.load(first), BodyMotion.load(second), model)
    for notice in table["notices"]:
        typer.echo(f"Notice: {notice}", err=True)
    rows = [(name, f"{value:g}") for name, value in table["between"].items()]
    for metric in table["each"]["A"]:
        rows.append((metric, f"{table['each']['A'][metric]:g} / {table['each']['B'][metric]:g}"))
    show_table(f"{table['frames']} frames of {first.name} / {second.name}", rows)
    if out is not None:
        with replacing(out) as temporary:
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    list_results({"figures": out})
