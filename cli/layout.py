# SPDX-License-Identifier: Apache-2.0
"""``dancepose layout``: list, check and draw skeleton layouts, and write templates for new ones."""

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
import typer

from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError, LayoutError
from dancepose_addon.core.printable_text import escaped
from dancepose_addon.core.skeleton.layout_file import layout_template, table_of, write_layout
from dancepose_addon.core.skeleton.layout_names import sides_that_differ
from dancepose_addon.core.skeleton.layouts import LAYOUTS, Layout, get_layout
from dancepose_addon.core.skeleton.markers import layout_with, markers_for
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.recording import Hints, PointRecording
from dancepose_addon.core.skeleton.rigid_distances import rigid_tree
from dancepose_addon.inference import shipped_layouts

from .arguments import known_layout
from .display import list_results
from .output_checks import LAYOUT, PICTURE, check_files

layout_app = typer.Typer(
    help="List, check and draw skeleton layouts; write a template for a new one.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="LAYOUT", help="Name of a layout, or a .toml file.")]
PictureOption = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE", help="Draw the layout on the default body here, .png.")
]


@layout_app.command("list")
def list_layouts() -> None:
    """List the known layouts and those that have a bundled regressor."""
    shipped = shipped_layouts()
    for name, known in LAYOUTS.items():
        print(f"{name:<10} {known.title:<36} {'regressor bundled' if name in shipped else ''}".rstrip())


@layout_app.command("check")
def check_layout(name: NameArgument, picture: PictureOption = None) -> None:
    """Check a layout and print how its points are attached to the body."""
    check_files({"--picture": (picture, PICTURE)}, (name,))
    chosen = get_layout(known_layout(name))
    markers = markers_for(chosen)
    size = f"{counted(chosen.count, 'point')}, {counted(len(chosen.edges), 'edge')}"
    print(escaped(f"{name}: {chosen.title}, {size}"))
    names = chosen.keypoints
    for index, point in enumerate(markers.to_json()["points"]):
        # Shares below half a percent would print as 0 %.
        weights = {joint: share for joint, share in point["attached_to"].items() if share >= 0.005}
        attached = ", ".join(f"{joint} {share:.0%}" for joint, share in weights.items())
        offset = ", ".join(f"{100.0 * value:.1f}" for value in point["offset_m"])
        other = "" if chosen.mirrored[index] == index else f"  mirrors {names[chosen.mirrored[index]]}"
        print(escaped(f"{index:3d} {names[index]:<18} on {attached:<44} offset {offset} cm{other}"))
    for key in ("left", "right", "top", "bottom"):
        print(escaped(f"{key:<7} {', '.join(names[point] for point in getattr(chosen, key))}"))
    for warning in sides_that_differ(chosen):
        print(escaped(f"! {warning}"))
    _draw(chosen, picture)


@layout_app.command("template")
def write_template(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A layout to copy, or a motion file that names its points.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the layout here, .toml.")],
    picture: PictureOption = None,
) -> None:
    """Write a template for a new layout: a copy of a known one, or the points that a file names."""
    given = source if source in LAYOUTS else Path(source)
    check_files({"--out": (out, LAYOUT), "--picture": (picture, PICTURE)}, (given,))
    if out.exists():
        raise InputError(f"{out} exists, and layouts are edited by hand. Choose another name with --out, or remove it.")
    if source in LAYOUTS or source.endswith(".toml"):
        known = get_layout(source)
        table = table_of(layout_with(markers_for(known)))
    else:
        names, points = named_points_in(Path(source))
        table = layout_template(names, Path(source).stem, rigid_tree(points))
    write_layout(out, table)
    try:
        written = get_layout(str(out))
    except LayoutError as error:
        print(f"Complete the file by hand: {error}")
    else:
        _draw(written, picture)
    list_results({"layout": out, "picture": picture})


def named_points_in(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Read the points of a file under its own names.

    Args:
        path: The motion file.

    Returns:
        The names, and the points, (T, K, 3), in the file's unit and axes.

    Raises:
        InputError: The file names no points.
    """
    recording = open_recording(path, Hints(as_named=True))
    if not isinstance(recording, PointRecording) or not recording.names:
        raise InputError(f"{path} names no points (BVH, C3D, TRC and CSV files do). Start from a known layout instead.")
    return recording.names, recording.points


def _draw(chosen: Layout, picture: Path | None) -> None:
    if picture is None:
        return
    from dancepose.plots.skeleton_picture import draw_layout

    draw_layout(picture, chosen)
