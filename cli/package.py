"""``dancepose package``: the zips that users install in Blender, and an index to subscribe to."""

from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
import typer

from .display import progress_bar


def package(
    out: Annotated[Path, typer.Option("--out", help="Folder for the zips and the index.")] = Path("dist"),
    only: Annotated[
        list[str] | None,
        typer.Option(help="Build this zip alone: linux-x64, windows-x64, macos-arm64 or slim. Repeatable."),
    ] = None,
    blender: Annotated[
        Path | None, typer.Option(help="A Blender program, whose extension tool to use instead of the bpy wheel's.")
    ] = None,
) -> None:
    """Build the Blender extension: a zip per platform with onnxruntime inside, a slim one without, and an index."""
    from export.packaging.blender_tool import find_tool
    from export.packaging.building import INDEX_FILES, VARIANTS, build_packages

    if unknown := sorted(set(only or ()) - set(VARIANTS)):
        raise typer.BadParameter(
            f"there is no {', '.join(unknown)}; choose of {', '.join(VARIANTS)}", param_hint="--only"
        )
    tool = find_tool(blender)
    with progress_bar() as display:
        built = build_packages(
            out,
            tool=tool,
            variants=[variant for variant in VARIANTS if variant in only] if only else VARIANTS,
            progress=display.progress,
        )
    table = Table("zip", "size, MB", "of it wheels, MB")
    for column in table.columns[1:]:
        column.justify = "right"
    for entry in built:
        table.add_row(str(entry.path), f"{entry.size_bytes / 1e6:.1f}", f"{entry.wheel_bytes / 1e6:.1f}")
    Console(width=100).print(table)
    for name in INDEX_FILES:
        if (out / name).is_file():
            typer.echo(f"{out / name}  ({(out / name).stat().st_size / 1e3:.1f} kB)")
